"""Actors (xAPI 1.0.3, part 2, section 2.4.2)."""

from tests.conformance.xapi.data.cases import AGENT, Cases, Json, each_requirement, requires, values
from tests.conformance.xapi.data.conftest import Lrs

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
    *requires(
        "XAPI-00031",
        "actor",
        refused=[
            {"objectType": kind, "mbox": "mailto:ana@uni.example"}
            for kind in ("Activity", "Person", "", "StatementRef")
        ],
    ),
    *requires(
        "XAPI-00032",
        "actor",
        refused=[{"objectType": kind, **IDENTIFIERS[0]} for kind in NO_STRING],
    ),
    *requires(
        "XAPI-00033",
        "agent",
        taken=[{"name": "", **IDENTIFIERS[0]}],
        refused=[{"name": name, **IDENTIFIERS[0]} for name in NO_STRING],
    ),
    *requires(
        "XAPI-00033", "group", refused=[{"name": name, **IDENTIFIERS[0]} for name in NO_STRING]
    ),
    *requires("XAPI-00034", "agent", taken=IDENTIFIERS, refused=[{"name": "Ana"}, *PAIRS]),
    *requires("XAPI-00035", "agent", refused=[{**AGENT, "member": [AGENT]}]),
    *requires("XAPI-00035", "verb", refused=[{"id": "https://uni.example/v", "member": [AGENT]}]),
    *requires(
        "XAPI-00035", "activity", refused=[{"id": "https://uni.example/a", "member": [AGENT]}]
    ),
    *requires(
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
    *requires(
        "XAPI-00037",
        "group",
        taken=[*IDENTIFIERS, *({"member": [AGENT], **each} for each in IDENTIFIERS)],
        refused=[{}, {"name": "Team"}, {"member": []}, *PAIRS],
    ),
    *requires(
        "XAPI-00038",
        "agent",
        taken=[{"mbox": "mailto:a.b+c@uni.example"}, {"mbox": "mailto:übung@uni.example"}],
        refused=[
            {"mbox": mbox}
            for mbox in values(
                *("ana@uni.example", "mailto:ana", "mailto:", "mailto:@uni.example"),
                *("mailto:ana@", "http://ana@uni.example", "mailto:a b@uni.example"),
                12345,
                {},
            )
        ],
    ),
    *requires(
        "XAPI-00039",
        "agent",
        taken=[{"mbox_sha1sum": SHA1.upper()}],
        refused=[{"mbox_sha1sum": sha} for sha in values(12345, {}, "x", SHA1[1:], SHA1 + "0")],
    ),
    *requires(
        "XAPI-00040",
        "agent",
        taken=[{"openid": "http://ana.example/a?b#c"}],
        refused=[{"openid": uri} for uri in values(12345, {}, "ana", "ab=c://x", "https://a b")],
    ),
    *requires(
        "XAPI-00041", "agent", refused=[{"account": x} for x in values("x", 7, [], {}, [ACCOUNT])]
    ),
    *requires(
        "XAPI-00041", "group", refused=[{"account": x} for x in values("x", 7, [], {}, [ACCOUNT])]
    ),
    *requires(
        "XAPI-00042",
        "agent",
        refused=[
            {"account": {"name": "p-1"}},
            *(
                {"account": {**ACCOUNT, "homePage": page}}
                for page in values(7, {}, "x", "ab=c://x", "")
            ),
        ],
    ),
    *requires(
        "XAPI-00043",
        "agent",
        refused=[
            {"account": {"homePage": "https://uni.example"}},
            *({"account": {**ACCOUNT, "name": name}} for name in NO_STRING),
        ],
    ),
]


@each_requirement(TABLE)
def test_actors(lrs: Lrs, cases: Cases) -> None:
    """Agents and groups have one identifier or members, each in its form."""
    assert cases.contradicted_by(lrs) == []
