"""Actors (xAPI 1.0.3, part 2, section 2.4.2)."""

from tests.conformance.xapi.cases import AGENT, Case, Json, cases, each_case
from tests.conformance.xapi.conftest import Lrs

ACCOUNT = {"homePage": "https://uni.example", "name": "p-1"}
SHA1 = "cd9b00a5611f94eaa7b1661edab976068e364975"
IDENTIFIERS: list[Json] = [
    {"mbox": "mailto:ana@uni.example"},
    {"mbox_sha1sum": SHA1},
    {"openid": "https://ana.example/"},
    {"account": ACCOUNT},
]
PAIRS = [one | other for one in IDENTIFIERS for other in IDENTIFIERS if one != other]
NO_STRING: list[Json] = [12345, {"key": "x"}, True]
TABLE = [
    *cases(
        "XAPI-00031",
        "actor",
        refused=[
            {"objectType": kind, "mbox": "mailto:ana@uni.example"}
            for kind in ("Activity", "Person", "", "StatementRef")
        ],
    ),
    *cases(
        "XAPI-00032",
        "actor",
        refused=[{"objectType": kind, **IDENTIFIERS[0]} for kind in NO_STRING],
    ),
    *cases(
        "XAPI-00033",
        "agent",
        taken=[{"name": "", **IDENTIFIERS[0]}],
        refused=[{"name": name, **IDENTIFIERS[0]} for name in NO_STRING],
    ),
    *cases("XAPI-00033", "group", refused=[{"name": name, **IDENTIFIERS[0]} for name in NO_STRING]),
    *cases("XAPI-00034", "agent", taken=IDENTIFIERS, refused=[{"name": "Ana"}, *PAIRS]),
    *cases("XAPI-00035", "agent", refused=[{**AGENT, "member": [AGENT]}]),
    *cases("XAPI-00035", "verb", refused=[{"id": "https://uni.example/v", "member": [AGENT]}]),
    *cases("XAPI-00035", "activity", refused=[{"id": "https://uni.example/a", "member": [AGENT]}]),
    *cases(
        "XAPI-00036",
        "group",
        taken=[{"member": [AGENT]}, {"member": IDENTIFIERS}],
        refused=[
            {"member": "x"},
            {"member": AGENT},
            {"member": ["x"]},
            {"member": [{"name": "nobody"}]},
            {"member": [{"objectType": "Group", "member": [AGENT]}]},
            {"member": [AGENT, {"mbox": "ana"}], "openid": "https://g.example"},
        ],
    ),
    *cases(
        "XAPI-00037",
        "group",
        taken=[*IDENTIFIERS, *({"member": [AGENT], **each} for each in IDENTIFIERS)],
        refused=[{}, {"name": "Team"}, {"member": []}, *PAIRS],
    ),
    *cases(
        "XAPI-00038",
        "agent",
        taken=[{"mbox": "mailto:a.b+c@uni.example"}, {"mbox": "mailto:übung@uni.example"}],
        refused=[
            {"mbox": mbox}
            for mbox in (
                *("ana@uni.example", "mailto:ana", "mailto:", "mailto:@uni.example", 12345, {}),
                *("mailto:ana@", "http://ana@uni.example", "mailto:a b@uni.example"),
            )
        ],
    ),
    *cases(
        "XAPI-00039",
        "agent",
        taken=[{"mbox_sha1sum": SHA1.upper()}],
        refused=[{"mbox_sha1sum": sha} for sha in (12345, {}, "x", SHA1[1:], SHA1 + "0")],
    ),
    *cases(
        "XAPI-00040",
        "agent",
        taken=[{"openid": "http://ana.example/a?b#c"}],
        refused=[{"openid": uri} for uri in (12345, {}, "ana", "ab=c://x", "https://a b")],
    ),
    *cases("XAPI-00041", "agent", refused=[{"account": x} for x in ("x", 7, [], {}, [ACCOUNT])]),
    *cases("XAPI-00041", "group", refused=[{"account": x} for x in ("x", 7, [], {}, [ACCOUNT])]),
    *cases(
        "XAPI-00042",
        "agent",
        refused=[
            {"account": {"name": "p-1"}},
            *({"account": {**ACCOUNT, "homePage": page}} for page in (7, {}, "x", "ab=c://x", "")),
        ],
    ),
    *cases(
        "XAPI-00043",
        "agent",
        refused=[
            {"account": {"homePage": "https://uni.example"}},
            *({"account": {**ACCOUNT, "name": name}} for name in NO_STRING),
        ],
    ),
]


@each_case(TABLE)
def test_actors(lrs: Lrs, case: Case) -> None:
    """Agents and groups have one identifier or members, each in its form."""
    assert lrs.takes(case.statement, case.version) is case.taken
