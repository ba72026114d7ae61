"""A resync of notify's copies: rosters are whole again, and nobody is told anything twice."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.sessions.v1 import resources_pb2

from chassis.contracts import events
from chassis.messaging import inbox_processor
from chassis.messaging.inbox_processor import Delivery, Kind
from services.notify.worker import subscriptions
from tests.integration.notify.script import Script, playing
from tests.integration.notify.test_notify_sending import server_at
from tests.integration.notify.world import HOUR, LEADS, TEXTS, World, person

DAY = 24 * HOUR
QUEUES = {each.name: each for each in subscriptions(TEXTS, LEADS)}


def resync(world: World, queue: str, *state: Message, sequence: int = 0) -> Sequence[str]:
    """Apply events of a resync as the worker does; return what became of each."""
    sent = [replace(world.event(each, sequence), resync="resync-1") for each in state]
    deliveries = [Delivery(events.body_of(e.data), events.headers_of(e)) for e in sent]
    done = inbox_processor.apply(world.database, QUEUES[queue], deliveries)
    return [each.kind.value for each in done]


def tell_all(world: World) -> list[dict[str, Any]]:
    """Let every timer run; return all messages."""
    world.remind()
    world.broadcast()
    world.release()
    return world.rows("messages", {})


def test_nobody_is_told_again_and_nobody_is_new(world: World) -> None:
    """After a class was moved, its learners, and one whose enrolment notify had not heard of, come
    by a resync: no message is added, and the next news reaches all of them.
    """
    world.people("ada", "bob", "grace")
    world.run("ada")
    unheard = world.enrolled("bob")
    world.schedule(2 * DAY)
    world.clock.forward(hours=1)
    world.tell(world.moved(2 * DAY, 3 * DAY))
    before = tell_all(world)
    assert {each["person_id"] for each in before} == {"ada", "grace"}
    for name in ("people", "runs", "enrolments"):
        world.database.mongo[name].delete_many({})
    people = [person(each) for each in ("ada", "bob", "grace")]
    groups = catalog.GroupMemberChanged(enrolment_id="r1-bob", run_id="r1", learner_id="bob")
    groups.changed_at.FromDatetime(world.clock.now())
    enrolments = [world.enrolled("ada"), unheard, groups]
    assert set(resync(world, "notify.people", *people)) == {"applied"}
    run = catalog.RunUpdated(run_id="r1", run=catalog.RunFacts(run_id="r1", title="Physics"))
    assert set(resync(world, "notify.rosters", run, *enrolments)) == {"applied"}
    assert tell_all(world) == before
    world.tell(world.cancelled(3 * DAY))
    known = {each["_id"] for each in before}
    news = [each["person_id"] for each in tell_all(world) if each["_id"] not in known]
    assert {"ada", "bob"} <= set(news) <= {"ada", "bob", "grace"}


def test_what_tells_people_takes_no_resync(world: World) -> None:
    """State that would tell people becomes a dead letter, and no message."""
    world.people("ada", "grace")
    world.run("ada")
    world.schedule(2 * DAY)
    assert resync(world, "notify.triggers", world.cancelled(2 * DAY)) == [Kind.DEAD_LETTER.value]
    assert tell_all(world) == []


def planned(world: World, starts_in: timedelta, **state: Any) -> Any:
    """A class in the lab as a resync tells it."""
    told: Any = world.scheduled(starts_in)
    told.MergeFrom(sessions.SessionScheduled(room="Lab", **state))
    return told


def test_what_was_told_of_a_class_stands_after_a_resync(world: World) -> None:
    """Its queued mails are sent, and a reminder that is due by then comes; each once."""
    world.people("ada", "grace")
    world.run("ada")
    world.schedule(3 * DAY)
    world.tell(world.moved(3 * DAY, 2 * DAY))
    world.broadcast()
    state = planned(world, 2 * DAY, state=resources_pb2.SESSION_STATE_SCHEDULED)
    assert resync(world, "notify.triggers", state, sequence=9) == ["applied"]
    with playing(Script()) as script:
        world.send(server_at(script.url))
        assert len(script.texts) == 2
    before = tell_all(world)
    world.clock.forward(hours=24)
    assert resync(world, "notify.triggers", state, sequence=10) == ["applied"]
    told = tell_all(world)
    assert {each["kind"] for each in told if each not in before} == {"reminder"}
    assert resync(world, "notify.triggers", state, sequence=11) == ["applied"]
    assert tell_all(world) == told


def test_a_class_that_was_lost_has_its_reminders_by_a_resync(world: World) -> None:
    """Those that are to come. Who was told of a move that was lost with it is reminded at the new
    time, and older news that comes after it changes nothing.
    """
    world.people("ada", "grace")
    world.run("ada")
    state = planned(world, 2 * DAY)
    old = world.event(world.scheduled(1 * DAY), 3)
    world.clock.forward(hours=30)
    assert resync(world, "notify.triggers", state, sequence=9) == ["applied"]
    world.hear("notify.triggers", old)
    assert tell_all(world) == []
    world.clock.forward(hours=17)
    assert {each["kind"] for each in tell_all(world)} == {"reminder"}


def test_a_class_that_is_not_to_come_loses_its_reminders_by_a_resync(world: World) -> None:
    """It was cancelled, has begun or is over, and the news of that was lost: nobody is reminded,
    and nobody is told. A class that is over has its real end.
    """
    world.people("ada", "grace")
    world.run("ada")
    for state in ("CANCELLED", "LIVE", "ENDED"):
        world.schedule(2 * DAY)
        value = resources_pb2.SessionState.Value(f"SESSION_STATE_{state}")
        told = planned(world, 2 * DAY, state=value)
        assert resync(world, "notify.triggers", told) == ["applied"]
        (copy,) = world.rows("sessions", {})
        assert (copy["standing"], copy["cancelled"]) == (False, state == "CANCELLED")
        assert world.rows("reminders", {}) == []
        world.database.mongo["sessions"].delete_many({})
    told = planned(world, 2 * DAY, state=resources_pb2.SESSION_STATE_ENDED)
    ended = sessions.SessionEnded(session_id="s1", run_id="r1")
    at = world.clock.now() + 2 * DAY + timedelta(minutes=20)
    ended.ended_at.FromDatetime(at)
    for sequence in (20, 20, 21):
        done = resync(world, "notify.triggers", told, ended, sequence=sequence)
        assert done == ["applied", "applied"]
        (copy,) = world.rows("sessions", {})
        assert copy["end_time"] == at
    assert tell_all(world) == []


def test_news_that_a_resync_overtakes_is_told(world: World) -> None:
    """A move and a cancellation wait in the outbox while the state after them is told: people hear
    of each once. Older news than what people were told of stays old.
    """
    world.people("ada", "grace")
    world.run("ada")
    world.schedule(3 * DAY)
    for sequence, news, value in (
        (2, world.moved(3 * DAY, 2 * DAY), resources_pb2.SESSION_STATE_SCHEDULED),
        (4, world.cancelled(2 * DAY), resources_pb2.SESSION_STATE_CANCELLED),
    ):
        before = tell_all(world)
        state = planned(world, 2 * DAY, state=value)
        assert resync(world, "notify.triggers", state, sequence=sequence + 1) == ["applied"]
        assert tell_all(world) == before
        overtaken = [world.event(news, sequence), world.event(news, sequence)]
        for event in overtaken:
            world.hear("notify.triggers", event)
        told = [each for each in tell_all(world) if each not in before]
        assert sorted(each["person_id"] for each in told) == ["ada", "grace"]
        assert {each["event_id"] for each in told} == {overtaken[0].id}
    late = world.event(world.moved(3 * DAY, 1 * DAY), 3)
    before = tell_all(world)
    world.hear("notify.triggers", late)
    assert tell_all(world) == before


def test_a_copy_of_an_older_version_is_completed(world: World) -> None:
    """It did not store that a class was cancelled, which had its last event by then."""
    world.people("ada", "grace")
    world.run("ada")
    world.schedule(2 * DAY)
    world.tell(world.cancelled(2 * DAY))
    before = tell_all(world)
    copies = world.database.mongo["sessions"]
    copies.update_one({}, {"$unset": {"cancelled": ""}})
    (copy,) = world.rows("sessions", {})
    state = planned(world, 2 * DAY, state=resources_pb2.SESSION_STATE_CANCELLED)
    assert resync(world, "notify.triggers", state, sequence=copy["sequence"]) == ["applied"]
    (copy,) = world.rows("sessions", {})
    assert copy["cancelled"]
    assert tell_all(world) == before
