"""Dead letters in a real broker: looked at, sent back, thrown away."""

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from chassis.contracts import events
from chassis.messaging import deadletters, topology
from chassis.messaging.deadletters import UnknownQueue
from tests.integration.chassis.bus import Bus, an_event, channel_of, eventually
from tests.integration.chassis.bus_service import QUEUE

DEAD = topology.dead(QUEUE)


def die(bus: Bus, count: int) -> list[str]:
    """Give up some events, as a worker does; answers their ids."""
    bus.declare()
    some = [an_event(f"e{number}") for number in range(count)]
    for event in some:
        headers = {
            **events.headers_of(event),
            "x-tandem-reason": "ValueError: no",
            "x-tandem-attempts": 5,
            "x-tandem-died-at": "2026-03-02T08:00:00Z",
            "x-tandem-queue": QUEUE,
        }
        bus.send_raw((headers, events.body_of(event.data)), queue=DEAD)
    eventually("the dead letters", lambda: bus.count(DEAD) == count)
    return [event.id for event in some]


def test_they_are_counted_for_each_queue(bus: Bus) -> None:
    """Every queue with its number; one that is not there is left out."""
    die(bus, 3)
    assert deadletters.count(bus.amqp_url, ["no.such", QUEUE]) == {QUEUE: 3}


def test_looking_takes_nothing_away(bus: Bus) -> None:
    """Dead letters can be listed repeatedly: the same ones remain, the oldest first."""
    ids = die(bus, 3)
    for _ in range(30):
        assert [letter.id for letter in deadletters.show(bus.amqp_url, QUEUE, 2)] == ids[:2]
    [first, *_] = deadletters.show(bus.amqp_url, QUEUE)
    assert (first.reason, first.attempts, first.died_at) == (
        "ValueError: no",
        5,
        "2026-03-02T08:00:00Z",
    )
    assert '"e0"' in first.body
    eventually("all three", lambda: bus.count(DEAD) == 3)


def test_what_has_no_id_or_strange_headers_is_shown_too(bus: Bus) -> None:
    """A letter that is no event has an id by its bytes, by which it can be thrown away."""
    bus.declare()
    bus.send_raw((None, b"\xff\x00"), ({"x-tandem-attempts": "many"}, b"other"), queue=DEAD)
    eventually("the dead letters", lambda: bus.count(DEAD) == 2)
    one, other = deadletters.show(bus.amqp_url, QUEUE)
    assert one.body == "\\xff\x00"
    assert other.attempts == 0
    assert deadletters.discard(bus.amqp_url, QUEUE, [one.id]) == 1
    eventually("the other to be back", lambda: bus.count(DEAD) == 1)
    assert [letter.id for letter in deadletters.show(bus.amqp_url, QUEUE)] == [other.id]


def test_replay_sends_back_what_is_named(bus: Bus) -> None:
    """The named events return to their queue without the marks of their death; others stay."""
    ids = die(bus, 4)
    assert deadletters.replay(bus.amqp_url, QUEUE, [ids[1], ids[3], "unknown"]) == 2
    back = bus.messages(QUEUE, 2)
    assert [properties.headers["cloudEvents_id"] for _, properties, _ in back] == [ids[1], ids[3]]
    assert all(properties.delivery_mode == 2 for _, properties, _ in back)
    assert not any(key.startswith("x-") for _, properties, _ in back for key in properties.headers)
    eventually("the others to be back", lambda: bus.count(DEAD) == 2)
    assert [letter.id for letter in deadletters.show(bus.amqp_url, QUEUE)] == [ids[0], ids[2]]


def test_replay_of_all_ends(bus: Bus) -> None:
    """All that are there at the start are sent back, once."""
    die(bus, 50)
    assert deadletters.replay(bus.amqp_url, QUEUE) == 50
    assert len(bus.messages(QUEUE, 50)) == 50
    eventually("no dead letter", lambda: bus.count(DEAD) == 0)


def test_a_crash_in_a_replay_loses_nothing(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between sending back and taking off, an event is in both places."""
    die(bus, 2)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(BlockingChannel, "basic_ack", crash)
        with pytest.raises(KeyboardInterrupt):
            deadletters.replay(bus.amqp_url, QUEUE)
    eventually("both dead letters", lambda: bus.count(DEAD) == 2)
    assert bus.count() == 1


def test_a_queue_that_is_gone_keeps_its_dead_letters(bus: Bus) -> None:
    """A dead letter whose queue is missing can't be sent back, and is kept."""
    die(bus, 2)
    with channel_of(bus.amqp_url) as channel:
        channel.queue_delete(QUEUE)
    with pytest.raises(UnknownQueue, match=QUEUE):
        deadletters.replay(bus.amqp_url, QUEUE)
    assert eventually("both", lambda: bus.count(DEAD) == 2)


def test_discard_throws_away(bus: Bus) -> None:
    """The named letters are gone, then all."""
    ids = die(bus, 3)
    assert deadletters.discard(bus.amqp_url, QUEUE, [ids[0]]) == 1
    eventually("the others to be back", lambda: bus.count(DEAD) == 2)
    assert deadletters.discard(bus.amqp_url, QUEUE) == 2
    assert deadletters.show(bus.amqp_url, QUEUE) == []
    assert bus.count() == 0


def test_an_unknown_queue_is_said_to_be(bus: Bus) -> None:
    """A queue without dead letters of its own is named."""
    with pytest.raises(UnknownQueue, match=r"no\.such\.dead"):
        deadletters.show(bus.amqp_url, "no.such")
