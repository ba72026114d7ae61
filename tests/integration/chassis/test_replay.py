"""Events of the history once more into the queues of a real broker."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pika.exceptions import UnroutableError

from chassis import ids
from chassis.contracts.events import Event
from chassis.messaging.replay import replay
from tests.integration.chassis.bus import Bus, an_event, channel_of, eventually
from tests.integration.chassis.bus_service import QUEUE, subscription
from tests.integration.chassis.test_history import publish

LATER = timedelta(hours=1)


def made_at(event: Event[Any]) -> datetime:
    """The instant in its id."""
    return datetime.fromtimestamp(ids.made_at(event.id), UTC)


def everything(bus: Bus) -> int:
    """Replay all that there is; answers how many events the queue was sent."""
    now = datetime.now(UTC)
    return replay(bus.amqp_url, [subscription()], now - LATER, now + LATER)[QUEUE]


def test_what_was_made_in_between_is_sent_once_more(bus: Bus) -> None:
    """From the first instant on, and before the second; with all that it had."""
    bus.declare()
    sent: list[Event[Any]] = []
    for name in ("before", "first", "second", "after"):
        time.sleep(0.002)  # ids tell milliseconds
        sent += publish(bus, name)
    originals = bus.messages(QUEUE, 4)[1:3]
    replay(bus.amqp_url, [subscription()], made_at(sent[1]), made_at(sent[3]))
    for (_, was, body), (_, now, again) in zip(originals, bus.messages(QUEUE, 2), strict=True):
        assert (now.headers, again) == (was.headers, body)


def test_what_was_applied_is_a_repeat_and_what_is_missing_is_applied(bus: Bus) -> None:
    """A database as it was before an event's effect gets it; the rest stays as it is."""
    bus.declare()
    with bus.running("worker"):
        publish(bus, "e1", "e2", "e3")
        eventually("all are applied", lambda: len(bus.effects()) == 3)
        mongo = bus.database.mongo
        mongo["effects"].delete_one({"_id": "e2"})
        (lost,) = [row["_id"] for row in mongo["inbox"].find().sort("_id")][1:2]
        mongo["inbox"].delete_one({"_id": lost})
        assert everything(bus) == 3
        eventually("what was missing is applied", lambda: "e2" in bus.effects())
        bus.send(an_event("last"))
        eventually("the queue is worked off", lambda: "last" in bus.effects())
        assert bus.effects() == {"e1": 1, "e2": 1, "e3": 1, "last": 1}


def test_a_missing_queue_is_told(bus: Bus) -> None:
    """Nothing is passed over unseen where a queue was not declared."""
    bus.declare()
    publish(bus, "e1")
    with channel_of(bus.amqp_url) as channel:
        channel.queue_delete(QUEUE)
    with pytest.raises(UnroutableError):
        everything(bus)
