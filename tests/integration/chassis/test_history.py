"""The history stream in a real broker."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from chassis import ids
from chassis.contracts import events
from chassis.contracts.events import Event, UndecodableError
from chassis.messaging import history, topology
from tests.integration.chassis.bus import Bus, an_event, channel_of, nothing_to_read


def publish(bus: Bus, *names: str) -> list[Event[Any]]:
    """Publish events to the exchange, one after the other confirmed."""
    some = [an_event(name) for name in names]
    with channel_of(bus.amqp_url) as channel:
        channel.confirm_delivery()
        for event in some:
            properties = pika.BasicProperties(headers=events.headers_of(event))
            channel.basic_publish(
                topology.EXCHANGE, event.type, events.body_of(event.data), properties
            )
    return some


def read(bus: Bus, offset: history.Offset) -> list[tuple[int, str]]:
    """Offsets and subjects from an offset to the end."""
    return [
        (number, event.subject if isinstance(event, Event) else str(event))
        for number, event in history.read(bus.amqp_url, offset)
    ]


def test_everything_can_be_read_again(bus: Bus) -> None:
    """From the first to the last event, each with its offset, as often as one likes."""
    bus.declare()
    names = [f"e{number}" for number in range(1_300)]
    publish(bus, *names)
    for _ in range(2):
        assert read(bus, "first") == list(enumerate(names))


def test_reading_begins_where_it_is_told(bus: Bus) -> None:
    """At an offset; beyond the end, and from now on, there is nothing yet."""
    bus.declare()
    publish(bus, "e0", "e1", "e2")
    assert read(bus, 1) == [(1, "e1"), (2, "e2")]
    assert read(bus, 3) == read(bus, 10**9) == read(bus, "next") == []


def test_reading_since_an_instant(bus: Bus) -> None:
    """Earlier messages are left out, even those in the same chunk."""
    bus.declare()
    made = publish(bus, "old")
    time.sleep(0.01)  # ids tell milliseconds
    made += publish(bus, "new")
    since = datetime.fromtimestamp(ids.made_at(made[1].id), UTC)
    assert since > datetime.fromtimestamp(ids.made_at(made[0].id), UTC)
    assert read(bus, since) == [(1, "new")]
    assert read(bus, since - timedelta(hours=1)) == [(0, "old"), (1, "new")]
    with nothing_to_read():
        assert read(bus, datetime.now(UTC) + timedelta(hours=1)) == []


def test_an_empty_history_is_empty(bus: Bus) -> None:
    """A history without messages gives no messages."""
    bus.declare()
    with nothing_to_read():
        assert read(bus, "first") == []


def test_no_history_is_an_error(bus: Bus) -> None:
    """A broker without Tandem's topology has no history."""
    with pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"):
        read(bus, "first")


def test_what_can_not_be_decoded_comes_as_the_error(bus: Bus) -> None:
    """A stranger's message hides none of those after it."""
    bus.declare()
    with channel_of(bus.amqp_url) as channel:
        channel.confirm_delivery()
        channel.basic_publish(topology.EXCHANGE, "strange", b"\xff")
    publish(bus, "e")
    (_, strange), (_, event) = history.read(bus.amqp_url, "first")
    assert isinstance(strange, UndecodableError)
    assert isinstance(event, Event)


def test_following_goes_on(bus: Bus) -> None:
    """A reader that follows sees what is published after it began."""
    bus.declare()
    publish(bus, "before")
    following = history.read(bus.amqp_url, "first", follow=True)
    assert next(following)[0] == 0
    later = threading.Timer(0.5, publish, (bus, "after"))
    later.start()
    number, event = next(following)
    assert isinstance(event, Event)
    assert (number, event.subject) == (1, "after")
    later.join()
    following.close()  # type: ignore[attr-defined]
