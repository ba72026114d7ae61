"""The API through the real edge."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc, resources_pb2
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2 as sessions

from chassis.edge.grpc import following
from chassis.testing import ChannelFor
from services.notify.domain.enums import Channel
from services.notify.store import NotifyStore
from tests.integration.notify.world import World, names

Stub = notify_pb2_grpc.NotifyServiceStub
IN_APP, EMAIL = resources_pb2.CHANNEL_IN_APP, resources_pb2.CHANNEL_EMAIL
CATCH_UP, SESSION = resources_pb2.CATEGORY_CATCH_UP, resources_pb2.CATEGORY_SESSION


@pytest.fixture
def ada(channel_for: ChannelFor) -> Any:
    """The API as ada, a learner, sees it."""
    return Stub(channel_for("ada", "learner"))


def preference(category: Any, *channels: Any) -> resources_pb2.CategoryPreference:
    """A choice."""
    return resources_pb2.CategoryPreference(category=category, channels=channels)


def choose(stub: Any, *categories: resources_pb2.CategoryPreference) -> Any:
    """Set ada's preferences."""
    request = notify_pb2.SetPreferencesRequest(person_id="ada", categories=categories)
    return stub.SetPreferences(request)


def inbox(stub: Any, **more: Any) -> Any:
    """A page of ada's inbox."""
    return stub.ListMessages(notify_pb2.ListMessagesRequest(person_id="ada", **more))


def assign(world: World, *titles: str) -> None:
    """Tell ada of catch-ups with these titles."""
    for title in titles:
        world.tell(world.assigned("ada", title))


def channels_told(world: World) -> list[Channel]:
    """The channels of a notification."""
    return sorted(one.channel for one in world.deliveries())


def test_an_inbox_in_pages(world: World, ada: Any) -> None:
    """The inbox is listed newest first, each message once, however small the pages."""
    world.people("ada", "bob")
    assign(world, *"abcde")
    world.tell(world.assigned("bob", "of another"))
    pages, token = [], ""
    for _ in range(3):
        page = inbox(ada, page_size=2, page_token=token)
        pages.append([one.title[-1] for one in page.messages])
        token = page.next_page_token
        assert page.unread == 5
    assert pages == [["e", "d"], ["c", "b"], ["a"]]
    assert token == ""


def test_reading(world: World, ada: Any) -> None:
    """Read messages are no longer listed as unread, and reading them again changes nothing."""
    world.people("ada")
    assign(world, *"abc")
    first = inbox(ada).messages[0]
    request = notify_pb2.MarkReadRequest(person_id="ada", message_ids=[first.id, first.id])
    assert ada.MarkRead(request).unread == 2
    read_at = inbox(ada).messages[0].read_at
    world.clock.forward(hours=1)
    assert ada.MarkRead(request).unread == 2
    assert inbox(ada).messages[0].read_at == read_at
    assert [one.title[-1] for one in inbox(ada, unread_only=True).messages] == ["b", "a"]


@pytest.mark.parametrize("foreign", ["of bob", "no such", "mail only"])
def test_what_is_not_in_the_inbox_cannot_be_read(world: World, ada: Any, foreign: str) -> None:
    """An id that isn't in the person's inbox is NOT_FOUND, and nothing is marked."""
    world.people("ada", "bob")
    assign(world, "mine")
    world.tell(world.assigned("bob"))
    choose(ada, preference(CATCH_UP, EMAIL))
    assign(world, "mail only")
    rows = world.rows("messages", {})
    ids = {
        "of bob": next(row["_id"] for row in rows if row["person_id"] == "bob"),
        "no such": "0",
        "mail only": next(row["_id"] for row in rows if row["number"] is None),
    }
    mine = inbox(ada).messages[0].id
    with pytest.raises(grpc.RpcError) as caught:
        ada.MarkRead(notify_pb2.MarkReadRequest(person_id="ada", message_ids=[mine, ids[foreign]]))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert inbox(ada).unread == 1


@pytest.mark.parametrize(
    ("method", "request_of"),
    [
        ("SetPreferences", notify_pb2.SetPreferencesRequest),
        ("GetPreferences", notify_pb2.GetPreferencesRequest),
        ("ListMessages", notify_pb2.ListMessagesRequest),
        ("StreamMessages", notify_pb2.StreamMessagesRequest),
        ("MarkRead", notify_pb2.MarkReadRequest),
        ("ListDeliveries", notify_pb2.ListDeliveriesRequest),
    ],
)
def test_nobody_reads_anothers_messages(
    channel_for: ChannelFor, method: str, request_of: Any
) -> None:
    """A learner or instructor who asks for another person is denied."""
    for role in ("learner", "instructor"):
        call = getattr(Stub(channel_for("eve", role)), method)
        with pytest.raises(grpc.RpcError) as caught:
            list(call(request_of(person_id="ada")))
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_the_delivery_log(world: World, ada: Any, channel_for: ChannelFor) -> None:
    """An operator sees everyone's deliveries or one event's, a person only their own."""
    world.people("ada", "bob")
    assign(world, "a")
    (event,) = world.tell(world.assigned("bob"))
    operator = Stub(channel_for("olga", "operator"))
    whole = operator.ListDeliveries(notify_pb2.ListDeliveriesRequest(page_size=3))
    assert len(whole.deliveries) == 3
    rest = operator.ListDeliveries(
        notify_pb2.ListDeliveriesRequest(page_size=3, page_token=whole.next_page_token)
    )
    assert len({one.id for one in (*whole.deliveries, *rest.deliveries)}) == 4
    of_event = operator.ListDeliveries(notify_pb2.ListDeliveriesRequest(event_id=event.id))
    assert {one.person_id for one in of_event.deliveries} == {"bob"}
    own = ada.ListDeliveries(notify_pb2.ListDeliveriesRequest(person_id="ada"))
    assert {(one.person_id, one.channel, one.state) for one in own.deliveries} == {
        ("ada", IN_APP, resources_pb2.DELIVERY_STATE_DELIVERED),
        ("ada", EMAIL, resources_pb2.DELIVERY_STATE_QUEUED),
    }
    with pytest.raises(grpc.RpcError):
        ada.ListDeliveries(notify_pb2.ListDeliveriesRequest())


def test_a_stream_tells_what_comes(world: World, ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream begins after the caller's last message, and continues with new messages."""
    monkeypatch.setattr(following, "PAUSE", 0.05)
    world.people("ada", "bob")
    assign(world, *"abc")
    last = inbox(ada).messages[2].id
    request = notify_pb2.StreamMessagesRequest(person_id="ada", after_message_id=last)
    stream = ada.StreamMessages(request)
    assert [one.title[-1] for one in itertools.islice(stream, 2)] == ["b", "c"]
    world.tell(world.assigned("bob"))
    assign(world, "d")
    assert next(stream).title[-1] == "d"
    stream.cancel()


def test_a_stream_from_now_on(world: World, ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a last message, a stream contains only new messages."""
    monkeypatch.setattr(following, "PAUSE", 0.05)
    world.people("ada")
    assign(world, "a")
    stream = ada.StreamMessages(notify_pb2.StreamMessagesRequest(person_id="ada"))
    stream.initial_metadata()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(next, stream)
        titles = map(str, itertools.count())
        while not first.done():  # the stream begins at an unknown time
            assign(world, next(titles))
    assert "a" not in first.result().title.removeprefix("To catch up on")
    stream.cancel()


def test_a_stream_after_many(world: World, ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With any number of messages, a stream contains each once and in order."""
    monkeypatch.setattr(following, "CHUNK", 7)
    monkeypatch.setattr(following, "PAUSE", 0.05)
    world.people("ada")
    titles = names(30, "t")
    assign(world, *titles)
    first = world.database.reader().inbox_after("ada", 0, 1)[0].id
    request = notify_pb2.StreamMessagesRequest(person_id="ada", after_message_id=first)
    stream = ada.StreamMessages(request)
    received = [one.title.rpartition(" ")[2] for one in itertools.islice(stream, 29)]
    assert received == titles[1:]
    stream.cancel()


def test_a_stream_after_a_message_that_is_not_there(ada: Any) -> None:
    """A stream can't begin after a message that isn't in the inbox."""
    request = notify_pb2.StreamMessagesRequest(person_id="ada", after_message_id="no such")
    with pytest.raises(grpc.RpcError) as caught:
        next(ada.StreamMessages(request))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def told(stub: Any) -> dict[str, bool]:
    """Whether newer news has overtaken ada's messages, by the first words of their titles."""
    return {one.title.partition(":")[0]: one.overtaken for one in inbox(stub).messages}


def test_an_inbox_tells_what_a_newer_move_has_overtaken(world: World, ada: Any) -> None:
    """A reminder and a move are overtaken when the class moves again, and the newer move when it is
    cancelled; the newest news never is, however often older news comes.
    """
    world.people("ada", "grace")
    world.run("ada")
    world.schedule(timedelta(hours=2))
    world.clock.forward(hours=1)
    world.remind()
    world.broadcast()
    assert told(ada) == {"Reminder": False}
    hour, day = timedelta(hours=1), timedelta(days=1)
    news = [world.moved(hour, day), world.moved(day, 2 * day), world.cancelled(2 * day)]
    events = [world.event(one) for one in news]
    for count, event in enumerate(events, start=1):
        for each in (event, *events[:count]):
            world.hear("notify.triggers", each)
            world.broadcast()
        newest_first = [one.overtaken for one in inbox(ada).messages]
        assert newest_first == [False] + [True] * count


@pytest.mark.parametrize("ending", ["CatchUpCompleted", "CatchUpMissed", "CatchUpWithdrawn"])
@pytest.mark.parametrize("in_order", [True, False])
def test_an_inbox_tells_what_has_become_of_a_catch_up(
    world: World, ada: Any, ending: str, in_order: bool
) -> None:
    """An assigned catch-up is overtaken when it has ended; one that is assigned again is not."""
    world.people("ada")
    world.tell(world.assigned("ada"))
    assert told(ada) == {"To catch up on": False}
    events = [
        world.event(world.ended(getattr(progress, ending), "ada")),
        world.event(world.assigned("ada")),
    ]
    for event in events if in_order else reversed(events):
        world.hear("notify.triggers", event)
    by_event = {one.event_id: one.overtaken for one in inbox(ada).messages}
    assert by_event.pop(events[1].id) is False
    assert set(by_event.values()) == {True}
    assert inbox(ada, unread_only=True).unread == len(by_event) + 1


def test_a_class_that_takes_place_overtakes_nothing(world: World, ada: Any) -> None:
    """A reminder of a class that has begun, and news of a move to it, were right."""
    world.people("ada", "grace")
    world.run("ada")
    world.schedule(timedelta(days=1))
    world.tell(world.moved(timedelta(days=1), timedelta(hours=2)))
    world.broadcast()
    world.clock.forward(hours=1)
    world.remind()
    world.broadcast()
    for cls in (sessions.SessionStarted, sessions.SessionEnded):
        world.tell(cls(session_id="s1", run_id="r1"))
    world.clock.forward(hours=2)
    assert told(ada) == {"Moved": False, "Reminder": False}


def test_messages_of_the_version_before(world: World, ada: Any) -> None:
    """They don't say what they are about, and are listed all the same."""
    world.people("ada")
    assign(world, "a")
    world.database.mongo["messages"].update_many({}, {"$unset": {"about": "", "run_id": ""}})
    world.tell(world.ended(progress.CatchUpWithdrawn, "ada"))
    assert told(ada) == {"To catch up on": False}


def test_a_page_costs_a_few_queries(
    world: World, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has overtaken the messages of a page is looked up once, however many they are."""
    world.people("ada")
    assign(world, *names(30, "t"))
    asked: list[str] = []
    find = NotifyStore.find_by_ids

    def count(self: NotifyStore, name: str, ids: Any, **more: Any) -> Any:
        asked.extend([name] if ids else [])  # without ids there is no query
        return find(self, name, ids, **more)

    monkeypatch.setattr(NotifyStore, "find_by_ids", count)
    assert len(inbox(ada).messages) == 30
    assert len(asked) <= 3


def test_a_stream_tells_what_has_been_overtaken(world: World, ada: Any) -> None:
    """A message that was overtaken before it is streamed says so."""
    world.people("ada")
    first = assign_and_name(world)
    world.tell(world.assigned("ada"), world.ended(progress.CatchUpMissed, "ada"))
    request = notify_pb2.StreamMessagesRequest(person_id="ada", after_message_id=first)
    stream = ada.StreamMessages(request)
    assert [one.overtaken for one in itertools.islice(stream, 2)] == [True, False]
    stream.cancel()


def assign_and_name(world: World) -> str:
    """Tell ada of a catch-up; return the message's id."""
    assign(world, "first")
    return world.database.reader().inbox_after("ada", 0, 1)[0].id


def test_the_log_says_until_when_mail_waits(world: World, ada: Any) -> None:
    """A delivery that waits for a digest has its id, and the instant at which it is sent."""
    world.people("ada")
    daily = resources_pb2.ChannelFrequency(channel=EMAIL, frequency=resources_pb2.FREQUENCY_DAILY)
    choose(ada, resources_pb2.CategoryPreference(category=CATCH_UP, frequencies=[daily]))
    assign(world, "Waves")
    log = ada.ListDeliveries(notify_pb2.ListDeliveriesRequest(person_id="ada"))
    (waiting,) = log.deliveries
    assert waiting.state == resources_pb2.DELIVERY_STATE_WAITING
    assert waiting.digest_id
    assert waiting.send_at.ToDatetime(UTC) == datetime(2026, 3, 3, 7, tzinfo=UTC)
