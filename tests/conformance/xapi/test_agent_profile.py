"""Agent Profile Resource (xAPI 1.0.3, part 3, section 2.6; IEEE 9274.1.1, section 4.1.6.5)."""

from typing import Any

import pytest

from tests.conformance.xapi.resources import AGENT_PROFILE, STATE, Resources, about, many

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
    documents: Resources, number: str, method: str, more: dict[str, Any]
) -> None:
    """A parameter that is missing or faulty is answered 400."""
    named = about(AGENT_PROFILE, **more)
    assert documents.status(method, AGENT_PROFILE, named, DOCUMENT) == 400


def test_ids(documents: Resources) -> None:
    """XAPI-00270: GET without profileId returns the ids of the agent's profiles, and no states."""
    named = about(AGENT_PROFILE)
    for name in ("b", "a"):
        documents.call("PUT", AGENT_PROFILE, {**named, "profileId": name}, DOCUMENT)
    documents.call("PUT", AGENT_PROFILE, about(AGENT_PROFILE), DOCUMENT)
    documents.call("PUT", STATE, about(STATE, agent=named["agent"]), DOCUMENT)
    assert documents.read(AGENT_PROFILE, many(named)) == ["a", "b"]
