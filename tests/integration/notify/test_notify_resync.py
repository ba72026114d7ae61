"""A resync of notify's copies: rosters are whole again, and nobody is told anything twice."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog

from chassis.contracts import events
from chassis.messaging import inbox_processor
from chassis.messaging.inbox_processor import Delivery, Kind
from services.notify.worker import subscriptions
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
    world.broadcast()
    world.remind()
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


def test_triggers_take_no_resync(world: World) -> None:
    """State that reaches the queue of news becomes a dead letter, and no message."""
    world.people("ada", "grace")
    world.run("ada")
    world.schedule(2 * DAY)
    assert resync(world, "notify.triggers", world.cancelled(2 * DAY)) == [Kind.DEAD_LETTER.value]
    assert tell_all(world) == []
