"""Results and scores (xAPI 1.0.3, part 2, section 2.4.5)."""

from tests.conformance.xapi.data.cases import Cases, Json, each_requirement, requires, values
from tests.conformance.xapi.data.conftest import Lrs

NO_NUMBER: list[Json] = ["1", "x", True, [], {}]
NO_BOOLEAN: list[Json] = ["true", "x", 0, 1, [], {}]
NO_STRING: list[Json] = [12345, {"key": "x"}, True, ["a"]]
RESULTS = [
    *requires(
        "XAPI-00074",
        "result",
        taken=[{"success": True}, {"success": False}],
        refused=[{"success": wrong} for wrong in NO_BOOLEAN],
    ),
    *requires(
        "XAPI-00075",
        "result",
        taken=[{"completion": True}, {"completion": False}],
        refused=[{"completion": wrong} for wrong in NO_BOOLEAN],
    ),
    *requires(
        "XAPI-00076",
        "result",
        taken=[{"response": ""}, {"response": "x" * 10_000}],
        refused=[{"response": wrong} for wrong in NO_STRING],
    ),
    *requires(
        "XAPI-00077",
        "result",
        taken=[{"duration": each} for each in ("PT1H0M0.1S", "P3Y1M29DT4H35M59.14S", "P4W")],
        refused=[{"duration": each} for each in values(7, {}, "x", "PA1H0M0S", "P4W1D", "P", "PT")],
    ),
    *requires(
        "XAPI-00078",
        "result",
        taken=[{"extensions": {}}],
        refused=[{"extensions": wrong} for wrong in values("x", 7, [], {"x": 1})],
    ),
    *requires(
        "XAPI-00079",
        "result",
        taken=[{"score": {"scaled": 1}}, {"score": {"raw": -7.25}}],
        refused=[{"score": wrong} for wrong in ("x", 7, [], [1], True, {"other": 1})],
    ),
]
SCORES = [
    *requires(
        "XAPI-00080",
        "score",
        taken=[{"max": 100.6767676}, {"max": -1, "min": -2}],
        refused=[{"max": 1, "min": 2}, {"max": 1, "min": 1}, *({"max": x} for x in NO_NUMBER)],
    ),
    *requires(
        "XAPI-00081",
        "score",
        taken=[{"min": 0.6767676}, {"min": 0, "max": 0.0001}],
        refused=[{"min": 5, "max": 4.9999, "raw": 5}, *({"min": x} for x in NO_NUMBER)],
    ),
    *requires(
        "XAPI-00082",
        "score",
        taken=[
            {"raw": 1e9},
            {"raw": 0, "min": 0},
            {"raw": 10, "max": 10},
            {"raw": 5, "min": 0, "max": 10},
        ],
        refused=[
            {"raw": 11, "max": 10},
            {"raw": -1, "min": 0},
            {"raw": 10.0001, "min": 0, "max": 10},
            *({"raw": x} for x in NO_NUMBER),
        ],
    ),
    *requires(
        "XAPI-00083",
        "score",
        taken=[{"scaled": x} for x in (1, 1.0, -1, -1.0, 0, 0.6767676)],
        refused=[{"scaled": x} for x in (1.01, -1.00001, 2, 100, *NO_NUMBER)],
    ),
]


@each_requirement(RESULTS)
def test_results(lrs: Lrs, cases: Cases) -> None:
    """A result's properties have their types."""
    assert cases.contradicted_by(lrs) == []


@each_requirement(SCORES)
def test_scores(lrs: Lrs, cases: Cases) -> None:
    """A score's numbers fit together."""
    assert cases.contradicted_by(lrs) == []
