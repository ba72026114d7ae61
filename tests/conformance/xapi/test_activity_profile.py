"""Activity Profile Resource (xAPI 1.0.3, part 3, section 2.7; IEEE 9274.1.1, section 4.1.6.6)."""

from typing import Any

import pytest

from tests.conformance.xapi.resources import ACTIVITY_PROFILE, STATE, Resources, about, many

DOCUMENT = {"level": "easy", "parts": 3}

REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("XAPI-00295", "GET", {"since": "yesterday", "profileId": None}),
    ("XAPI-00296", "GET", {"activityId": None}),
    ("XAPI-00297", "DELETE", {"activityId": None}),
    ("XAPI-00298", "POST", {"activityId": None}),
    ("XAPI-00299", "PUT", {"activityId": None}),
    ("XAPI-00300", "DELETE", {"profileId": None}),
    ("XAPI-00301", "POST", {"profileId": None}),
    ("XAPI-00302", "PUT", {"profileId": None}),
    ("XAPI-00304", "GET", {"agent": "not JSON"}),
    ("XAPI-00305", "DELETE", {"profileId": ""}),
    ("XAPI-00306", "POST", {"profileId": ""}),
    ("XAPI-00307", "PUT", {"profileId": ""}),
]


@pytest.mark.parametrize(("number", "method", "more"), REFUSED)
def test_faulty_parameters_are_refused(
    documents: Resources, number: str, method: str, more: dict[str, Any]
) -> None:
    """A parameter that is missing or faulty is answered 400."""
    named = about(ACTIVITY_PROFILE, **more)
    assert documents.status(method, ACTIVITY_PROFILE, named, DOCUMENT) == 400


def test_ids(documents: Resources) -> None:
    """XAPI-00289: GET without profileId returns the ids of the activity's profiles, no states."""
    named = about(ACTIVITY_PROFILE)
    for name in ("b", "a"):
        documents.call("PUT", ACTIVITY_PROFILE, {**named, "profileId": name}, DOCUMENT)
    documents.call("PUT", ACTIVITY_PROFILE, about(ACTIVITY_PROFILE), DOCUMENT)
    documents.call("PUT", STATE, about(STATE, activityId=named["activityId"]), DOCUMENT)
    assert documents.read(ACTIVITY_PROFILE, many(named)) == ["a", "b"]
