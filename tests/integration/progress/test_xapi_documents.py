"""Documents of the LRS on a real MongoDB: races, room, indexes, and any request at all."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymongo
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.data.store import CLIENT, Database
from services.progress.domain.xapi.documents import Limits, Room
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from services.progress.xapi.documents import DocumentResource
from services.progress.xapi.routes import routes
from tests.conformance.xapi.resources import (
    ACTIVITIES,
    ACTIVITY_PROFILE,
    AGENT_PROFILE,
    AGENTS,
    BASE,
    STATE,
    about,
    many,
    person,
)
from tests.deep import DEEP, deep
from tests.integration.progress.xapi_resources import DirectResources
from tests.mongo import Commands

AT_ONCE = 6
RESOURCES = [STATE, AGENT_PROFILE, ACTIVITY_PROFILE]


@pytest.fixture
def lrs(progress_database: Database[ProgressStore]) -> DirectResources:
    """The resources in version 2.0.0."""
    return DirectResources(progress_database, Version.V2_0_0)


@pytest.fixture
def others(lrs: DirectResources, stack: dict[str, str]) -> Iterator[DirectResources]:
    """The same in another process, which shares no locks with the first."""
    with pymongo.MongoClient[dict[str, Any]](stack["TANDEM_MONGO_URL"], **CLIENT) as client:
        database = Database(client, lrs.database.mongo.name, ProgressStore, lrs.database.clock)
        yield DirectResources(database, lrs.version)


def _at_once(acts: list[Callable[[], int]]) -> Counter[int]:
    """The results of acts that begin at the same moment."""
    ready = threading.Barrier(len(acts))

    def act(number: int) -> int:
        ready.wait()
        return acts[number]()

    with ThreadPoolExecutor(len(acts)) as pool:
        return Counter(pool.map(act, range(len(acts))))


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_of_writers_with_one_etag_one_wins(
    lrs: DirectResources, others: DirectResources, resource: str, method: str
) -> None:
    """Of many who change a document with the same ETag, in two processes, exactly one does; the
    others are answered 412.
    """
    named = about(resource)
    lrs.call("PUT", resource, named, {"at": "first"})
    etag = lrs.etag(resource, named)

    def write(number: int) -> Callable[[], int]:
        where = (lrs, others)[number % 2]
        return lambda: where.status(method, resource, named, {"by": number}, if_match=etag)

    assert _at_once([write(number) for number in range(AT_ONCE)]) == {204: 1, 412: AT_ONCE - 1}


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_of_writers_of_a_new_document_one_wins(
    lrs: DirectResources, others: DirectResources, method: str
) -> None:
    """Of many who store a document unless it exists, in two processes, exactly one does."""
    named = about(STATE)

    def write(number: int) -> Callable[[], int]:
        where = (lrs, others)[number % 2]
        return lambda: where.status(method, STATE, named, {"by": number}, if_none_match="*")

    assert _at_once([write(number) for number in range(AT_ONCE)]) == {204: 1, 412: AT_ONCE - 1}


def test_no_merge_is_lost(lrs: DirectResources, others: DirectResources) -> None:
    """Of many who merge into one document at once, in two processes, each has its effect."""
    named = about(STATE)

    def write(number: int) -> Callable[[], int]:
        where = (lrs, others)[number % 2]
        return lambda: where.status("POST", STATE, named, {f"{number}": number})

    assert _at_once([write(number) for number in range(AT_ONCE)]) == {204: AT_ONCE}
    assert lrs.read(STATE, named) == {f"{number}": number for number in range(AT_ONCE)}


def test_many_at_once_do_not_exceed_the_room(lrs: DirectResources, others: DirectResources) -> None:
    """Of many who store new documents of one agent at once, as many succeed as have room."""
    limits = Limits(of_owner=Room(3, 1_000_000))
    agent = person("ana")

    def write(number: int) -> Callable[[], int]:
        where = (lrs, others)[number % 2].limited(limits)
        return lambda: where.status("PUT", STATE, about(STATE, agent=agent), {"by": number})

    assert _at_once([write(number) for number in range(AT_ONCE)]) == {204: 3, 413: AT_ONCE - 3}
    assert _room(lrs, "agent") == Room(3, 3 * len('{"by": 0}'))


def test_room_of_an_agent(lrs: DirectResources) -> None:
    """An agent's states and profiles share its room; what is deleted or made smaller frees it."""
    limited = lrs.limited(Limits(largest=50, of_owner=Room(3, 100)))
    agent, raw = person("ana"), "application/x"

    def put(resource: str, size: int) -> str:
        named = about(resource, agent=agent)
        answer = limited.call("PUT", resource, named, b"x" * size, content_type=raw)
        return json.loads(answer.body)["detail"] if answer.status == 413 else ""

    assert put(STATE, 51) == "the document would have 51 bytes; it may have 50"
    first = about(STATE, agent=agent)
    assert limited.status("PUT", STATE, first, b"x" * 50, content_type=raw) == 204
    assert put(AGENT_PROFILE, 50) == ""
    assert put(STATE, 1) == "the documents would have 101 bytes together; they may have 100"
    assert limited.status("PUT", STATE, first, b"x", content_type=raw, if_match="*") == 204
    assert put(STATE, 1) == ""
    assert put(STATE, 1) == "there are 3 documents; no more may be added"
    assert limited.status("DELETE", STATE, first) == 204
    assert put(STATE, 1) == ""
    assert _room(lrs, "agent") == Room(3, 52)


def test_room_of_an_activity(lrs: DirectResources) -> None:
    """An activity's profiles have a room of their own, whoever stores them."""
    limited = lrs.limited(Limits(of_owner=Room(1, 100)))
    named = about(ACTIVITY_PROFILE)
    assert limited.status("PUT", ACTIVITY_PROFILE, named, {}) == 204
    assert limited.status("PUT", ACTIVITY_PROFILE, {**named, "profileId": "b"}, {}) == 413
    state = about(STATE, activityId=named["activityId"])
    assert limited.status("PUT", STATE, state, {}) == 204
    assert _room(lrs, "activity") == Room(1, 2)


def test_a_merge_takes_room(lrs: DirectResources) -> None:
    """A document that would become too large by POST is answered 413, and stays as it was."""
    limited = lrs.limited(Limits(largest=30, of_owner=Room(9, 100)))
    named = about(STATE)
    limited.call("PUT", STATE, named, {"a": "x" * 10})
    assert limited.status("POST", STATE, named, {"b": "x" * 10}) == 413
    assert lrs.read(STATE, named) == {"a": "x" * 10}


def test_room_after_deleting_many(lrs: DirectResources) -> None:
    """DELETE of all states frees all that they took."""
    named = about(STATE)
    for number in range(4):
        lrs.call("PUT", STATE, {**named, "stateId": f"{number}"}, "12345")
    assert _room(lrs, "agent") == Room(4, 20)
    lrs.call("DELETE", STATE, many(named))
    assert _room(lrs, "agent") == Room()


def test_limits_are_set_for_each_resource(lrs: DirectResources) -> None:
    """The limits that the LRS is given hold for all three resources of documents."""
    limits = Limits(1, Room(2, 3))
    given = [each.resource for each in routes(lrs.database, BASE, limits)]
    found = [each.limits for each in given if isinstance(each, DocumentResource)]
    assert found == [limits] * 3


def _room(lrs: DirectResources, kind: str) -> Room:
    (row,) = lrs.database.mongo["xapi_rooms"].find({"_id.kind": kind})
    return Room(row["documents"], row["size"])


def test_lists_read_the_index_alone(lrs: DirectResources, stack: dict[str, str]) -> None:
    """Each list of documents is answered from one range of the index, and reads no content."""
    named = about(STATE, registration="7c8a1b5e-0a52-4c5b-8a5e-4f1f3f1a9a10")
    agent, activity = named["agent"], named["activityId"]
    profiles = {
        AGENT_PROFILE: about(AGENT_PROFILE, agent=agent),
        ACTIVITY_PROFILE: about(ACTIVITY_PROFILE, activityId=activity),
    }
    for resource, parameters in ((STATE, named), *profiles.items()):
        lrs.call("PUT", resource, parameters, {})
        for _ in range(20):
            lrs.call("PUT", resource, about(resource), {})
    commands = Commands()
    with pymongo.MongoClient[dict[str, Any]](
        stack["TANDEM_MONGO_URL"], event_listeners=[commands], **CLIENT
    ) as client:
        database = Database(client, lrs.database.mongo.name, ProgressStore, lrs.database.clock)
        watched = DirectResources(database, lrs.version)
        since = {"since": "2000-01-01T00:00:00Z"}
        for resource, parameters in ((STATE, named), *profiles.items()):
            assert len(watched.read(resource, many(parameters))) == 1
            assert len(watched.read(resource, many({**parameters, **since}))) == 1
        asked = commands.take("find")
    assert len(asked) == 6
    for each in asked:
        command = {name: each[name] for name in ("find", "filter", "projection")}
        told = lrs.database.mongo.command("explain", command, verbosity="executionStats")
        assert told["executionStats"]["totalDocsExamined"] == 0
        assert told["executionStats"]["totalKeysExamined"] <= 2


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
_SENSIBLE = {
    "agent": st.sampled_from([person("ana"), {"mbox": "mailto:a@uni.example"}]),
    "activityId": st.sampled_from(["https://uni.example/a", "urn:x:b"]),
    "registration": st.just("7c8a1b5e-0a52-4c5b-8a5e-4f1f3f1a9a10"),
    "stateId": st.sampled_from(["a", "$where", "a.b", "\x00"]),
    "profileId": st.sampled_from(["\ud800", "b"]),
    "since": st.sampled_from(["2026-03-02T08:00:00Z", "0001-01-01T00:00:00+14:00"]),
}
_PARAMETERS = st.fixed_dictionaries(
    {}, optional={name: each | _JSON | st.text() for name, each in _SENSIBLE.items()}
)
_TAGS = st.sampled_from(["*", "", '"', 'W/"a"', '"a","b"']) | st.text(max_size=9)


@deep
@settings(
    max_examples=1_000 if DEEP else 40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE"]),
    resource=st.sampled_from([*RESOURCES, AGENTS, ACTIVITIES]),
    version=st.sampled_from(Version),
    parameters=_PARAMETERS,
    body=st.binary(max_size=20) | _JSON,
    kind=st.sampled_from(["application/json", "text/plain", "", "ä;=,"]),
    tags=st.fixed_dictionaries({}, optional={"if_match": _TAGS, "if_none_match": _TAGS}),
)
def test_any_request_has_an_answer(
    lrs: DirectResources,
    method: str,
    resource: str,
    version: Version,
    parameters: dict[str, Any],
    body: Any,
    kind: str,
    tags: dict[str, str],
) -> None:
    """Whatever is asked is done or refused: no request ends in an error of ours."""
    asked = DirectResources(lrs.database, version)
    sent = "GET" if resource in (AGENTS, ACTIVITIES) else method
    status = asked.status(sent, resource, parameters, body, content_type=kind, **tags)
    assert status in (200, 204, 304, 400, 404, 409, 412)
