"""Special data types: extensions, language maps, timestamps, durations (xAPI 1.0.3, part 2, section
4; IEEE 9274.1.1, section 4.2.7)."""

import pytest

from services.progress.domain.xapi.timestamps import instant_of
from services.progress.domain.xapi.versions import Version
from tests.conformance.xapi.data.cases import (
    BOTH,
    LEAST,
    V1,
    V2,
    Cases,
    each_requirement,
    requires,
    values,
)
from tests.conformance.xapi.data.conftest import Lrs

E = "https://uni.example/e"
EIGHT = "2026-03-02T08:00:00"
TABLE = [
    *requires(
        "XAPI-00118",
        "extensions",
        taken=[{E: True}, {"tag:uni.example,2026:e": 1}, {"urn:x:e": 1, f"{E}/é": 2}],
        refused=[{key: True} for key in ("should fail", "", "e", "$where", "a.b", "ab=c://x")],
    ),
    *requires(
        "XAPI-00119",
        "extensions",
        taken=[
            {},
            *(
                {E: value}
                for value in values(None, "", {}, [], 0, 12345, 1.5, True, "x", [None, [{}]])
            ),
            {E: {"$where": {"a.b": "\x00"}, "": None}},
        ],
    ),
    *requires("XAPI-00120", "extensions", refused=["x", 12345, True, [], [E], [{E: 1}]]),
    *requires(
        "XAPI-00121",
        "language map",
        taken=[{"en": ""}, {"de": "x", "de-AT": "y", "sgn-BE-FR": "z"}],
        refused=[
            {},
            "x",
            12345,
            [],
            ["en"],
            {"a12345": "x"},
            {"en": 1},
            {"en": {}},
            {"en": "x", "-": "y"},
        ],
    ),
    *requires(
        "XAPI-00123",
        "any timestamp",
        taken=[f"{EIGHT}Z", f"{EIGHT}.804Z", f"{EIGHT}+00:00", f"{EIGHT}.123456789-05:30"],
        refused=[
            *("should fail", "01/011/2015", "2026-02-30T08:00:00Z", "2026-13-01T08:00:00Z"),
            *(f"{EIGHT}.601{offset}" for offset in ("-00", "-0000", "-00:00", "+25:00", "x")),
        ],
    ),
    *requires(
        "XAPI-00123",
        "any timestamp",
        taken=["20260302T080000Z", EIGHT, "2026-03-02", "2026-W10-1T08:00Z", f"{EIGHT}+01"],
        versions=[V1],
    ),
    *requires(
        "IEEE-4.2.7",
        "any timestamp",
        taken=["2026-03-02 08:00:00.601+00:00", "2026-03-02t08:00:00z"],
        refused=["20260302T080000Z", EIGHT, "2026-03-02", f"{EIGHT}+01", "2026-W10-1T08:00:00Z"],
        versions=[V2],
    ),
    *requires(
        "XAPI-00124",
        "duration",
        taken=[
            *("PT4H35M59.14S", "PT16559.14S", "P3Y1M29DT4H35M59.14S", "P3Y", "P4W", "PT0S"),
            *("P1M", "PT1M", "PT0,5S", "PT1.123456S", "P0.5D"),
        ],
        refused=[
            *(12345, {"key": "x"}, "should fail", "PA1H0M0S", "P4W1D", "P1DT", "PT", "P", "1H"),
            *("P0003-06-04T12:30:05", "-PT1H", "PT1H ", "P1S", "PT1.5H2M", "P16559.14S"),
        ],
    ),
]


@each_requirement(TABLE)
def test_data_types(lrs: Lrs, cases: Cases) -> None:
    """Values of these types are taken in their form alone."""
    assert cases.contradicted_by(lrs) == []


@pytest.mark.parametrize("version", BOTH)
def test_xapi_00122_timestamps_keep_milliseconds(lrs: Lrs, version: Version) -> None:
    """XAPI-00122: a timestamp comes back with its milliseconds at least."""
    sent = "2026-03-02T08:00:00.123456Z"
    told = instant_of(lrs.returned({**LEAST, "timestamp": sent}, version)["timestamp"])
    assert told
    assert told.isoformat(timespec="milliseconds") == "2026-03-02T08:00:00.123+00:00"
