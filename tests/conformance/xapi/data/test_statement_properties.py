"""Properties of statements: lifecycle, id, stored, authority, version (xAPI 1.0.3, part 2, sections
2.3 and 2.4)."""

import json
import re

import pytest

from services.progress.domain.xapi.timestamps import instant_of
from services.progress.domain.xapi.versions import Version
from tests.conformance.xapi.data.cases import (
    AGENT,
    BOTH,
    GROUP,
    LEAST,
    NESTED,
    UUID,
    V1,
    V2,
    WHOLE,
    Case,
    Cases,
    each_requirement,
    requires,
    values,
)
from tests.conformance.xapi.data.conftest import Lrs

VOIDED = {"id": "http://adlnet.gov/expapi/verbs/voided"}
REF = {"objectType": "StatementRef", "id": UUID}
NEITHER = values("x", 12345, [], {}, {"key": "x"})
NO_UUID = [
    12345,
    {"key": "x"},
    "AA97B177-9383-4934-8543-0F91A7A028368",
    "MA97B177-9383-4934-8543-0F91A7A02836",
    "{39e24cc4-69af-4b01-a824-1fdc6ea8a3af}",
    "urn:uuid:39e24cc4-69af-4b01-a824-1fdc6ea8a3af",
]
OTHERS = [
    Case(
        "XAPI-00017",
        "object",
        f"voiding of {kind}",
        {**LEAST, "verb": VOIDED, "object": what},
        False,
        version,
    )
    for kind, what in (
        ("an activity", LEAST["object"]),
        ("an agent", AGENT),
        ("a group", GROUP),
        ("a sub-statement", NESTED["object"]),
    )
    for version in BOTH
]
VOIDING = [
    Case(
        number,
        "object",
        "voiding of a statement",
        {**LEAST, "verb": VOIDED, "object": REF},
        True,
        version,
    )
    for number in ("XAPI-00019", "XAPI-00020")
    for version in BOTH
]
PROPERTIES = [
    *requires("XAPI-00022", "any timestamp", refused=["should fail", "01/011/2015", 7, {}]),
    *requires(
        "XAPI-00024",
        "authority",
        taken=[AGENT, {"objectType": "Group", "member": GROUP["member"]}],
        refused=[*NEITHER, {"objectType": "Activity", "id": "https://uni.example/a"}],
    ),
    *requires(
        "XAPI-00025",
        "attachments",
        taken=[[]],
        refused=["x", 12345, {}, WHOLE["attachments"][0], [7], ["x"]],
    ),
    *requires("XAPI-00027", "uuid", taken=[UUID, UUID.upper()], refused=NO_UUID[2:4]),
    *requires("XAPI-00028", "uuid", refused=NO_UUID[:2]),
    *requires("XAPI-00029", "uuid", refused=NO_UUID[4:]),
    *requires("XAPI-00030", "uuid", refused=[UUID[:-1], UUID + "0", UUID.replace("-", "_")]),
    *requires(
        "XAPI-00098",
        "authority",
        refused=[
            {"objectType": "Group", "member": []},
            {"objectType": "Group", "member": GROUP["member"][:1]},
            {"objectType": "Group", "member": GROUP["member"], "openid": "https://g.example"},
            {"objectType": "Group", "openid": "https://g.example"},
        ],
    ),
    *requires(
        "XAPI-00100",
        "authority",
        refused=[{"objectType": "Group", "member": [AGENT, *GROUP["member"]]}],
    ),
    *requires(
        "XAPI-00101",
        "version",
        taken=["1.0", "1.0.0", "1.0.9"],
        refused=["", "0.9.9", "1.1.0", "should fail", "1.0.x", "3.0.0"],
    ),
    *requires("XAPI-00101", "version", refused=["2.0.0"], versions=[V1]),
    *requires("IEEE-4.2.4.3", "version", taken=["2.0.0", "2.0.1"], versions=[V2]),
]


@each_requirement([*OTHERS, *VOIDING])
def test_voiding(lrs: Lrs, cases: Cases) -> None:
    """A statement voids another one by a reference, and nothing else."""
    assert cases.contradicted_by(lrs) == []


@each_requirement(PROPERTIES)
def test_properties(lrs: Lrs, cases: Cases) -> None:
    """Timestamps, authority, attachments, UUIDs and version have their form."""
    assert cases.contradicted_by(lrs) == []


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("once", "twice"),
    [
        ('{"actor":', '{"actor": {}, "actor":'),
        ('"mbox":', '"mbox": "mailto:eva@uni.example", "mbox":'),
        ('"en-US":', '"en-US": "x", "en-US":'),
    ],
)
def test_xapi_00021_a_key_stands_once(lrs: Lrs, once: str, twice: str, version: Version) -> None:
    """XAPI-00021: a key that an object has twice is refused."""
    text = json.dumps(LEAST)
    assert once in text
    assert lrs.takes_bytes(text.encode(), version)
    assert not lrs.takes_bytes(text.replace(once, twice, 1).encode(), version)


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("number", ["XAPI-00023", "XAPI-00097"])
def test_the_lrs_sets_stored(lrs: Lrs, number: str, version: Version) -> None:
    """XAPI-00023, XAPI-00097: stored is a timestamp of the LRS, also if the sender has set one."""
    given = {**LEAST, "stored": "1999-01-01T00:00:00Z"}
    stored = [lrs.returned(each, version)["stored"] for each in (LEAST, given)]
    assert all(instant_of(each) for each in stored)
    assert "1999-01-01T00:00:00Z" not in stored


@pytest.mark.parametrize("version", BOTH)
def test_xapi_00026_the_lrs_makes_a_missing_id(lrs: Lrs, version: Version) -> None:
    """XAPI-00026: a statement without id gets one of its own."""
    ids = {lrs.returned(LEAST, version)["id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each) for each in ids)


@pytest.mark.parametrize("version", BOTH)
def test_xapi_00099_the_lrs_sets_authority(lrs: Lrs, version: Version) -> None:
    """XAPI-00099: a statement without authority gets one that is valid."""
    told = lrs.returned(LEAST, version)
    assert lrs.takes({**LEAST, "authority": told["authority"]}, version)


@pytest.mark.parametrize(("version", "told"), [(V1, "1.0.0"), (V2, "2.0.0")])
def test_version_is_set_where_it_is_missing(lrs: Lrs, version: Version, told: str) -> None:
    """IEEE-4.2.4.3, and part 2, section 2.4.10: the version is set where missing, and kept."""
    assert lrs.returned(LEAST, version)["version"] == told
    assert lrs.returned({**LEAST, "version": "1.0.9"}, version)["version"] == "1.0.9"
