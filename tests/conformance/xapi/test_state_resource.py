"""State Resource (xAPI 1.0.3, part 3, section 2.3; IEEE 9274.1.1, section 4.1.6.2)."""

from typing import Any

import pytest

from services.progress.domain.xapi.versions import Version
from tests.conformance.xapi.resources import (
    AGENT_PROFILE,
    REGISTRATION,
    STATE,
    Resources,
    about,
    many,
)
from tests.conftest import FakeClock

DOCUMENT = {"car": "MKX", "page": 7}
OTHER_REGISTRATION = "0f5ce4a0-6a55-4f67-9a45-6a8b1b3bb001"


def _ids(cases: list[tuple[Any, ...]]) -> list[str]:
    return [f"{number}-{method}-{next(iter(more))}" for number, method, more, *_ in cases]


REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("XAPI-00196", "DELETE", {"agent": "not JSON"}),
    ("XAPI-00197", "GET", {"agent": "not JSON"}),
    ("XAPI-00198", "POST", {"agent": "not JSON"}),
    ("XAPI-00199", "PUT", {"agent": "not JSON"}),
    ("XAPI-00200", "DELETE", {"registration": "not a UUID"}),
    ("XAPI-00201", "GET", {"registration": "not a UUID"}),
    ("XAPI-00202", "POST", {"registration": "not a UUID"}),
    ("XAPI-00203", "PUT", {"registration": "not a UUID"}),
    ("XAPI-00204", "GET", {"since": "yesterday", "stateId": None}),
    ("XAPI-00205", "DELETE", {"since": "yesterday", "stateId": None}),
    ("XAPI-00206", "PUT", {"stateId": None}),
    ("XAPI-00207", "DELETE", {"activityId": None}),
    ("XAPI-00208", "GET", {"activityId": None}),
    ("XAPI-00209", "POST", {"activityId": None}),
    ("XAPI-00210", "PUT", {"activityId": None}),
    ("XAPI-00211", "POST", {"stateId": None}),
    ("XAPI-00212", "DELETE", {"agent": None}),
    ("XAPI-00213", "GET", {"agent": None}),
    ("XAPI-00214", "POST", {"agent": None}),
    ("XAPI-00215", "PUT", {"agent": None}),
    # What comes in a URL is always a string; these are the strings that name nothing.
    ("XAPI-00224", "DELETE", {"stateId": ""}),
    ("XAPI-00225", "GET", {"stateId": ""}),
    ("XAPI-00226", "POST", {"stateId": ""}),
    ("XAPI-00228", "PUT", {"stateId": ""}),
]


@pytest.mark.parametrize(("number", "method", "more"), REFUSED, ids=_ids(REFUSED))
def test_faulty_parameters_are_refused(
    documents: Resources, number: str, method: str, more: dict[str, Any]
) -> None:
    """A parameter that is missing or faulty is answered 400."""
    assert documents.status(method, STATE, about(STATE, **more), DOCUMENT) == 400


@pytest.mark.parametrize("method", ["PUT", "POST", "GET", "DELETE"])
def test_a_group_is_no_agent(documents: Resources, method: str) -> None:
    """XAPI-00196 to 00199: a group, two identifiers and a relative activity id are refused."""
    group = {"objectType": "Group", "mbox": "mailto:team@uni.example"}
    two = {"mbox": "mailto:a@uni.example", "openid": "https://a.uni.example"}
    faulty: list[dict[str, Any]] = [
        {"agent": group},
        {"agent": two},
        {"agent": {}},
        {"activityId": "no/scheme"},
    ]
    for wrong in faulty:
        assert documents.status(method, STATE, about(STATE, **wrong), DOCUMENT) == 400


@pytest.mark.parametrize(
    ("number", "registration"),
    [("XAPI-00187 XAPI-00191 XAPI-00216", None), ("XAPI-00219", REGISTRATION)],
)
def test_delete(documents: Resources, number: str, registration: str | None) -> None:
    """DELETE with stateId deletes that document, and is answered 204."""
    named = about(STATE, registration=registration)
    documents.call("PUT", STATE, named, DOCUMENT)
    documents.call("PUT", STATE, {**named, "stateId": "other"}, DOCUMENT)
    assert documents.status("DELETE", STATE, named) == 204
    assert documents.status("GET", STATE, named) == 404
    assert documents.read(STATE, {**named, "stateId": "other"}) == DOCUMENT


def test_ids(documents: Resources) -> None:
    """XAPI-00193: GET without stateId returns the ids of the context's documents."""
    named = about(STATE)
    for name in ("b", "a"):
        documents.call("PUT", STATE, {**named, "stateId": name}, DOCUMENT)
    documents.call("PUT", STATE, about(STATE, stateId="of others"), DOCUMENT)
    documents.call("PUT", AGENT_PROFILE, about(AGENT_PROFILE, agent=named["agent"]), DOCUMENT)
    answer = documents.call("GET", STATE, many(named))
    assert (answer.status, answer.body, answer.media_type) == (
        200,
        b'["a", "b"]',
        "application/json",
    )
    assert documents.read(STATE, many(about(STATE))) == []


def test_delete_all(documents: Resources) -> None:
    """XAPI-00194: DELETE without stateId deletes the context's documents, and no others."""
    named, other = about(STATE), about(STATE)
    for each in (named, {**named, "stateId": "second"}, other):
        documents.call("PUT", STATE, each, DOCUMENT)
    assert documents.status("DELETE", STATE, many(named)) == 204
    assert documents.read(STATE, many(named)) == []
    assert documents.read(STATE, many(other)) == ["bookmark"]
    assert documents.status("DELETE", STATE, many(named)) == 204


def test_delete_since(documents: Resources, xapi_clock: FakeClock) -> None:
    """XAPI-00223: DELETE with since deletes what was stored or changed after it."""
    named = about(STATE)
    documents.call("PUT", STATE, {**named, "stateId": "old"}, DOCUMENT)
    since = xapi_clock.now()
    xapi_clock.forward(seconds=1)
    documents.call("PUT", STATE, {**named, "stateId": "new"}, DOCUMENT)
    assert documents.status("DELETE", STATE, many({**named, "since": since.isoformat()})) == 204
    assert documents.read(STATE, many(named)) == ["old"]


def test_since_beside_a_state_id(documents: Resources) -> None:
    """XAPI-00192: since beside stateId has no effect in 1.0.3, and is refused in 2.0.0 (section
    4.1.6.2: not allowed).
    """
    named = about(STATE)
    documents.call("PUT", STATE, named, DOCUMENT)
    expected = 200 if documents.version is Version.V1_0_3 else 400
    both = {**named, "since": "2100-01-01T00:00:00Z"}
    assert documents.status("GET", STATE, both) == expected


@pytest.mark.parametrize(
    ("number", "method"),
    [("XAPI-00218", "PUT"), ("XAPI-00220", "GET"), ("XAPI-00227", "POST")],
)
def test_registration(documents: Resources, number: str, method: str) -> None:
    """A registration has documents of its own; case does not tell two registrations apart."""
    named = about(STATE)
    storing = "POST" if method == "POST" else "PUT"
    for registration in (None, REGISTRATION, OTHER_REGISTRATION):
        of_it = {"registration": registration} if registration else {}
        document = {"of": registration}
        assert documents.status(storing, STATE, {**named, **of_it}, document) == 204
    assert documents.read(STATE, named) == {"of": None}
    upper = {**named, "registration": REGISTRATION.upper()}
    assert documents.read(STATE, upper) == {"of": REGISTRATION}


def test_many_of_a_registration(documents: Resources) -> None:
    """XAPI-00219, XAPI-00220: with a registration, many are those of it; without, those of all."""
    named = about(STATE)
    of_it = {**named, "registration": REGISTRATION}
    documents.call("PUT", STATE, {**of_it, "stateId": "in it"}, DOCUMENT)
    documents.call("PUT", STATE, {**of_it, "stateId": "both"}, DOCUMENT)
    documents.call("PUT", STATE, {**named, "stateId": "both"}, DOCUMENT)
    assert documents.read(STATE, many(of_it)) == ["both", "in it"]
    assert documents.read(STATE, many(named)) == ["both", "in it"]
    assert documents.status("DELETE", STATE, many(of_it)) == 204
    assert documents.read(STATE, many(named)) == ["both"]
    documents.call("PUT", STATE, of_it, DOCUMENT)
    assert documents.status("DELETE", STATE, many(named)) == 204
    assert documents.read(STATE, many(of_it)) == []
