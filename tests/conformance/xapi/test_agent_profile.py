"""Agent Profile Resource (xAPI 1.0.3, part 3, section 2.6; IEEE 9274.1.1, section 4.1.6.5)."""

from typing import Any

import pytest

from tests.conformance.xapi.resources import AGENT_PROFILE, STATE, Lrs, about, covers, many
from tests.conftest import FakeClock

DOCUMENT = {"theme": "dark", "size": 3}
NO_AGENT = {"agent": {"name": "has no identifier"}}

REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("XAPI-00255", "DELETE", NO_AGENT),
    ("XAPI-00256", "POST", NO_AGENT),
    ("XAPI-00257", "PUT", NO_AGENT),
    ("XAPI-00258", "GET", NO_AGENT),
    ("XAPI-00260", "GET", {"since": "yesterday", "profileId": None}),
    ("XAPI-00261", "GET", {"agent": None}),
    ("XAPI-00262", "DELETE", {"agent": None}),
    ("XAPI-00263", "POST", {"agent": None}),
    ("XAPI-00264", "PUT", {"agent": None}),
    ("XAPI-00265", "DELETE", {"profileId": None}),
    ("XAPI-00266", "POST", {"profileId": None}),
    ("XAPI-00267", "PUT", {"profileId": None}),
    ("XAPI-00276", "POST", {"profileId": ""}),
    ("XAPI-00277", "PUT", {"profileId": ""}),
]


@pytest.mark.parametrize(("number", "method", "more"), REFUSED)
def test_faulty_parameters_are_refused(
    documents: Lrs, number: str, method: str, more: dict[str, Any]
) -> None:
    """A parameter that is missing or faulty is answered 400."""
    named = about(AGENT_PROFILE, **more)
    assert documents.status(method, AGENT_PROFILE, named, DOCUMENT) == 400


@covers("XAPI-00259", "XAPI-00269", "XAPI-00274", "XAPI-00282")
def test_get(documents: Lrs, number: str) -> None:
    """GET with agent and profileId returns the document as it came."""
    named = about(AGENT_PROFILE)
    documents.call("PUT", AGENT_PROFILE, named, b" raw ", content_type="text/x")
    answer = documents.call("GET", AGENT_PROFILE, named)
    assert (answer.status, answer.body, answer.media_type) == (200, b" raw ", "text/x")


@pytest.mark.parametrize(
    ("number", "method"),
    [
        ("XAPI-00272 XAPI-00280 XAPI-00283", "POST"),
        ("XAPI-00273", "PUT"),
    ],
)
def test_store(documents: Lrs, number: str, method: str) -> None:
    """PUT and POST of a new document store it, and are answered 204."""
    named = about(AGENT_PROFILE)
    assert documents.status(method, AGENT_PROFILE, named, DOCUMENT) == 204
    assert documents.read(AGENT_PROFILE, named) == DOCUMENT


@pytest.mark.parametrize(
    ("number", "body", "kind", "status"),
    [
        ("XAPI-00278", "{}", "text/plain", 400),
        ("XAPI-00279", '{"size": 4}', "application/json", 204),
        ("XAPI-00281", "[]", "application/json", 400),
        ("XAPI-00284", "{", "application/json", 400),
    ],
)
def test_merge(documents: Lrs, number: str, body: str, kind: str, status: int) -> None:
    """POST on a document merges JSON objects, and is answered 400 where there is none."""
    named = about(AGENT_PROFILE)
    documents.call("PUT", AGENT_PROFILE, named, DOCUMENT)
    assert documents.status("POST", AGENT_PROFILE, named, body, content_type=kind) == status
    after = {**DOCUMENT, "size": 4} if status == 204 else DOCUMENT
    assert documents.read(AGENT_PROFILE, named) == after


def test_ids(documents: Lrs) -> None:
    """XAPI-00270: GET without profileId returns the ids of the agent's profiles, and no states."""
    named = about(AGENT_PROFILE)
    for name in ("b", "a"):
        documents.call("PUT", AGENT_PROFILE, {**named, "profileId": name}, DOCUMENT)
    documents.call("PUT", AGENT_PROFILE, about(AGENT_PROFILE), DOCUMENT)
    documents.call("PUT", STATE, about(STATE, agent=named["agent"]), DOCUMENT)
    assert documents.read(AGENT_PROFILE, many(named)) == ["a", "b"]


@covers("XAPI-00268", "XAPI-00275")
def test_since(documents: Lrs, xapi_clock: FakeClock, number: str) -> None:
    """GET with since returns the ids of what was stored or changed after it."""
    named = about(AGENT_PROFILE)
    documents.call("PUT", AGENT_PROFILE, {**named, "profileId": "old"}, DOCUMENT)
    since = xapi_clock.now().isoformat()
    xapi_clock.forward(seconds=1)
    documents.call("PUT", AGENT_PROFILE, {**named, "profileId": "new"}, DOCUMENT)
    assert documents.read(AGENT_PROFILE, many({**named, "since": since})) == ["new"]


def test_delete(documents: Lrs) -> None:
    """XAPI-00271: DELETE deletes the profile, and is answered 204."""
    named = about(AGENT_PROFILE)
    documents.call("PUT", AGENT_PROFILE, named, DOCUMENT)
    assert documents.status("DELETE", AGENT_PROFILE, named) == 204
    assert documents.status("GET", AGENT_PROFILE, named) == 404
