"""Rules of documents: entity tags, preconditions, merging, room, parameters, rights."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import AlreadyExists, Invalid, PermissionDenied
from services.progress.domain.xapi.clients import Client, Scope
from services.progress.domain.xapi.document_parameters import LONGEST, asked
from services.progress.domain.xapi.document_rights import account_of, check_reach, run_of
from services.progress.domain.xapi.documents import (
    JSON,
    Content,
    Context,
    Kind,
    Limits,
    Room,
    TooLarge,
    change,
    check_put,
    check_room,
    listing,
    merged,
)
from services.progress.domain.xapi.etags import PreconditionFailed, Preconditions, etag_of
from services.progress.domain.xapi.identities import agent_key
from services.progress.domain.xapi.versions import Version

BASE = "https://progress.uni.example/xapi"
V1, V2 = Version.V1_0_3, Version.V2_0_0
TAG, OTHER = etag_of(b"a"), etag_of(b"b")
ANA = account_of(BASE, "ana")
PARAMETERS = {"activityId": "https://uni.example/a", "agent": json.dumps(ANA), "stateId": "s"}


def _holds(conditions: Preconditions, etag: str | None) -> bool:
    try:
        conditions.check(etag)
    except PreconditionFailed:
        return False
    return True


@pytest.mark.parametrize(
    ("if_match", "now", "holds"),
    [
        (TAG, TAG, True),
        (f"{OTHER}, {TAG}", TAG, True),
        (f'"a,b",{TAG}', TAG, True),
        ("*", TAG, True),
        (" * ", TAG, True),
        (OTHER, TAG, False),
        (f"W/{TAG}", TAG, False),
        (TAG.strip('"'), TAG, False),
        ("*", None, False),
        (TAG, None, False),
    ],
)
def test_if_match(if_match: str, now: str | None, holds: bool) -> None:
    """If-Match holds where it names what is there, strongly compared (RFC 9110, 13.1.1)."""
    assert _holds(Preconditions(if_match=if_match), now) is holds


@pytest.mark.parametrize(
    ("if_none_match", "now", "holds"),
    [
        ("*", None, True),
        ("*", TAG, False),
        (TAG, TAG, False),
        (f"W/{TAG}", TAG, False),
        (OTHER, TAG, True),
        (TAG, None, True),
    ],
)
def test_if_none_match(if_none_match: str, now: str | None, holds: bool) -> None:
    """If-None-Match holds where it does not name what is there (RFC 9110, 13.1.2)."""
    assert _holds(Preconditions(if_none_match=if_none_match), now) is holds


@given(st.text(max_size=40), st.sampled_from([TAG, None]))
def test_any_header_is_compared(header: str, now: str | None) -> None:
    """Whatever the header, it holds or not; what names no tag does not match."""
    held = _holds(Preconditions(if_match=header), now)
    assert held is (not header or (now is not None and (header.strip() == "*" or TAG in header)))


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("kind", Kind)
def test_put_over_a_document(kind: Kind, version: Version) -> None:
    """PUT without a precondition overwrites states in 1.0.3 alone; with one, or of a new document,
    it always may store.
    """
    before = Content(b"a", "text/plain")
    check_put(None, Preconditions(), kind, version)
    check_put(before, Preconditions(if_match=TAG), kind, version)
    if kind is Kind.STATE and version is V1:
        check_put(before, Preconditions(), kind, version)
    else:
        with pytest.raises(AlreadyExists, match="If-Match"):
            check_put(before, Preconditions(), kind, version)


_VALUES = st.none() | st.integers() | st.text() | st.lists(st.floats(0, 1))
_OBJECTS = st.dictionaries(st.text(max_size=4), _VALUES, max_size=4)


@given(_OBJECTS, _OBJECTS)
def test_a_merge_is_the_union(before: dict[str, Any], posted: dict[str, Any]) -> None:
    """A merge has the properties of both, and those of the posted one where both have them."""
    contents = [Content(json.dumps(each).encode(), JSON) for each in (before, posted)]
    after = merged(*contents)
    assert json.loads(after.body) == {**before, **posted}
    assert after.media_type == JSON


def test_a_merge_tells_all_faults() -> None:
    """Where neither document is a JSON object, both are told."""
    with pytest.raises(Invalid) as refused:
        merged(Content(b"[]", JSON), Content(b"{}", "text/plain"))
    assert [each.field for each in refused.value.violations] == ["stored_document", "body"]


@pytest.mark.parametrize(
    ("before", "after", "taken", "fits"),
    [
        (None, b"12345", Room(1, 5), True),
        (None, b"12345", Room(2, 5), False),
        (None, b"12345", Room(1, 6), False),
        (None, b"123456", Room(), False),
        (b"1", b"12345", Room(2, 7), False),
        # Limits that were lowered block nothing that takes no more than before.
        (b"12345", b"1234", Room(9, 99), True),
        (b"12345", b"54321", Room(9, 99), True),
    ],
)
def test_room(before: bytes | None, after: bytes, taken: Room, fits: bool) -> None:
    """A document is stored if it is small enough, and its owner has room for what it takes more."""
    limits = Limits(largest=5, of_owner=Room(2, 10))
    content = Content(after, "")
    more = change(Content(before, "") if before else None, content)
    if fits:
        check_room(content, more, taken, limits)
    else:
        with pytest.raises(TooLarge):
            check_room(content, more, taken, limits)


def test_a_list_has_each_id_once() -> None:
    """An id that several registrations have stands once in a list, which is in order."""
    assert listing(["b", "ä", "b", "a"]) == b'["a", "b", "\\u00e4"]'
    assert listing([]) == b"[]"


def test_all_faults_of_a_request_at_once() -> None:
    """Each parameter that is missing or wrong is told, with its name."""
    wrong = {"agent": '{"mbox": "a", "x": 1}', "registration": "1", "since": "x", "stateId": ""}
    with pytest.raises(Invalid) as refused:
        asked(Kind.STATE, "PUT", wrong, V2)
    fields = {each.field for each in refused.value.violations}
    assert fields == {"activityId", "agent.mbox", "agent.x", "registration", "stateId", "since"}


@pytest.mark.parametrize("name", ["activityId", "stateId", "agent"])
def test_what_is_too_long_for_a_key(name: str) -> None:
    """A part of a document's key has a bounded length."""
    long = "x" * LONGEST
    values = {
        "activityId": f"urn:{long}",
        "stateId": f"x{long}",
        "agent": json.dumps(account_of(BASE, long)),
    }
    with pytest.raises(Invalid, match=f"{LONGEST:,} characters"):
        asked(Kind.STATE, "GET", {**PARAMETERS, name: values[name]}, V1)


def test_what_a_request_names() -> None:
    """A request names the context by the agent's key and the registration in small letters."""
    registration = "7C8A1B5E-0A52-4C5B-8A5E-4F1F3F1A9A10"
    found = asked(Kind.STATE, "GET", {**PARAMETERS, "registration": registration}, V1)
    expected = Context(Kind.STATE, "https://uni.example/a", agent_key(ANA), registration.lower())
    assert (found.context, found.id, found.since) == (expected, "s", None)


@pytest.mark.parametrize(
    ("activity_id", "run"),
    [
        (f"{BASE}/runs/r1", "r1"),
        (f"{BASE}/runs/r1/activities/a", "r1"),
        (f"{BASE}/runs/r1x", "r1x"),
        (f"{BASE}/runs/", ""),
        (f"{BASE}/items/r1", ""),
        (f"{BASE}x/runs/r1", ""),
        ("https://uni.example/runs/r1", ""),
    ],
)
def test_run_of_an_activity(activity_id: str, run: str) -> None:
    """The run of an activity is told by its IRI, if it is one of Tandem's."""
    assert run_of(BASE, activity_id) == run


def _may(client: Client, context: Context) -> bool:
    try:
        check_reach(client, BASE, context)
    except PermissionDenied:
        return False
    return True


def test_documents_of_a_learner() -> None:
    """A learner uses the documents of the own account, and neither those of others nor profiles of
    activities.
    """
    learner = Client("ana", ANA, {Scope.STATE}, learner_id="ana")
    own, bob = agent_key(ANA), agent_key(account_of(BASE, "bob"))
    elsewhere = agent_key(account_of("https://other.example", "ana"))
    activity = "https://uni.example/a"
    assert _may(learner, Context(Kind.STATE, activity, own))
    assert _may(learner, Context(Kind.AGENT_PROFILE, agent=own))
    assert not _may(learner, Context(Kind.STATE, activity, bob))
    assert not _may(learner, Context(Kind.AGENT_PROFILE, agent=elsewhere))
    assert not _may(learner, Context(Kind.ACTIVITY_PROFILE, activity))


def test_documents_of_a_client_of_runs() -> None:
    """A client of some runs uses the documents of their activities, and no profiles of agents."""
    client = Client("c", ANA, {Scope.ALL}, run_ids={"r1"})
    agent = agent_key(ANA)
    assert _may(client, Context(Kind.STATE, f"{BASE}/runs/r1/activities/a", agent))
    assert _may(client, Context(Kind.ACTIVITY_PROFILE, f"{BASE}/runs/r1"))
    assert not _may(client, Context(Kind.STATE, f"{BASE}/runs/r2", agent))
    assert not _may(client, Context(Kind.STATE, "https://uni.example/a", agent))
    assert not _may(client, Context(Kind.AGENT_PROFILE, agent=agent))
    nothing = Client("d", ANA, {Scope.ALL}, run_ids=set())
    assert not _may(nothing, Context(Kind.STATE, f"{BASE}/runs/", agent))
