"""Activity Profile Resource (xAPI 1.0.3, part 3, section 2.7; IEEE 9274.1.1, section 4.1.6.6)."""

from typing import Any

import pytest

from tests.conformance.xapi.resources import ACTIVITY_PROFILE, STATE, Lrs, about, covers, many
from tests.conftest import FakeClock

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
    documents: Lrs, number: str, method: str, more: dict[str, Any]
) -> None:
    """A parameter that is missing or faulty is answered 400."""
    named = about(ACTIVITY_PROFILE, **more)
    assert documents.status(method, ACTIVITY_PROFILE, named, DOCUMENT) == 400


@covers("XAPI-00288", "XAPI-00290", "XAPI-00311")
def test_get(documents: Lrs, number: str) -> None:
    """GET with activityId and profileId returns the document as it came."""
    named = about(ACTIVITY_PROFILE)
    documents.call("PUT", ACTIVITY_PROFILE, named, b" raw ", content_type="text/x")
    answer = documents.call("GET", ACTIVITY_PROFILE, named)
    assert (answer.status, answer.body, answer.media_type) == (200, b" raw ", "text/x")


@pytest.mark.parametrize(
    ("number", "method"),
    [
        ("XAPI-00286 XAPI-00292 XAPI-00310 XAPI-00312", "POST"),
        ("XAPI-00287 XAPI-00293", "PUT"),
    ],
)
def test_store(documents: Lrs, number: str, method: str) -> None:
    """PUT and POST of a new document store it, and are answered 204."""
    named = about(ACTIVITY_PROFILE)
    assert documents.status(method, ACTIVITY_PROFILE, named, DOCUMENT) == 204
    assert documents.read(ACTIVITY_PROFILE, named) == DOCUMENT


@pytest.mark.parametrize(
    ("number", "body", "kind", "status"),
    [
        ("XAPI-00308", '{"parts": 4}', "application/json", 204),
        ("XAPI-00309", "{}", "text/plain", 400),
        ("XAPI-00313", "[]", "application/json", 400),
        ("XAPI-00314", "{", "application/json", 400),
    ],
)
def test_merge(documents: Lrs, number: str, body: str, kind: str, status: int) -> None:
    """POST on a document merges JSON objects, and is answered 400 where there is none."""
    named = about(ACTIVITY_PROFILE)
    documents.call("PUT", ACTIVITY_PROFILE, named, DOCUMENT)
    assert documents.status("POST", ACTIVITY_PROFILE, named, body, content_type=kind) == status
    after = {**DOCUMENT, "parts": 4} if status == 204 else DOCUMENT
    assert documents.read(ACTIVITY_PROFILE, named) == after


def test_ids(documents: Lrs) -> None:
    """XAPI-00289: GET without profileId returns the ids of the activity's profiles, no states."""
    named = about(ACTIVITY_PROFILE)
    for name in ("b", "a"):
        documents.call("PUT", ACTIVITY_PROFILE, {**named, "profileId": name}, DOCUMENT)
    documents.call("PUT", ACTIVITY_PROFILE, about(ACTIVITY_PROFILE), DOCUMENT)
    documents.call("PUT", STATE, about(STATE, activityId=named["activityId"]), DOCUMENT)
    assert documents.read(ACTIVITY_PROFILE, many(named)) == ["a", "b"]


@covers("XAPI-00294", "XAPI-00303")
def test_since(documents: Lrs, xapi_clock: FakeClock, number: str) -> None:
    """GET with since returns the ids of what was stored or changed after it."""
    named = about(ACTIVITY_PROFILE)
    documents.call("PUT", ACTIVITY_PROFILE, {**named, "profileId": "old"}, DOCUMENT)
    since = xapi_clock.now().isoformat()
    xapi_clock.forward(seconds=1)
    documents.call("PUT", ACTIVITY_PROFILE, {**named, "profileId": "new"}, DOCUMENT)
    assert documents.read(ACTIVITY_PROFILE, many({**named, "since": since})) == ["new"]


@covers("XAPI-00285", "XAPI-00291")
def test_delete(documents: Lrs, number: str) -> None:
    """DELETE deletes the profile, and is answered 204."""
    named = about(ACTIVITY_PROFILE)
    documents.call("PUT", ACTIVITY_PROFILE, named, DOCUMENT)
    assert documents.status("DELETE", ACTIVITY_PROFILE, named) == 204
    assert documents.status("GET", ACTIVITY_PROFILE, named) == 404
