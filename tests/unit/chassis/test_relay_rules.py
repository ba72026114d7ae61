"""The publisher without a broker: what it does with each of a broker's answers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pika
import pytest
from pika.frame import decode_frame

from chassis import ids
from chassis.messaging.publisher import ConnectionLost, Publisher
from chassis.messaging.unconfirmed import SIZE, Outcome, UnconfirmedPublishes

Driven = Callable[["Broker"], Coroutine[Any, Any, None]]


def row(event_id: str, key: str = "", kind: str = "x.v1") -> dict[str, Any]:
    """An outbox row; without a key, an aggregate of its own."""
    return {"_id": event_id, "key": key or event_id, "type": kind, "body": b"{}", "headers": {}}


class Broker:
    """A publisher on a channel that remembers what was published, and a broker's answers."""

    def __init__(self) -> None:
        self.publisher = Publisher("tests")
        self.sent: list[tuple[str, Any, bool]] = []
        self.publisher._channel = SimpleNamespace(channel_number=1)
        self.publisher._connection = SimpleNamespace(
            is_closing=False,
            is_closed=False,
            close=lambda: None,
            largest_body=100_000,
            write=self._write,
        )
        self.publisher._on_open(None)

    def _write(self, frames: bytes) -> None:
        """Called by the publisher."""
        size, publish = decode_frame(frames)
        _, header = decode_frame(frames[size:])
        method = publish.method
        self.sent.append((method.routing_key, header.properties, method.mandatory))

    @property
    def ids(self) -> list[str]:
        """The ids of the published events."""
        return [properties.message_id for _, properties, _ in self.sent]

    async def publish(self, *rows: dict[str, Any]) -> "asyncio.Task[None]":
        """Start to publish; continue as far as possible without an answer."""

        async def chunks() -> AsyncIterator[list[dict[str, Any]]]:
            yield list(rows)

        task = asyncio.create_task(self.publisher.publish(chunks()))
        await self.settle_down()
        return task

    async def confirm(self, tag: int, multiple: bool = False, method: Any = None) -> None:
        """The broker's ack (or `method`) of publication `tag`, or of all up to it."""
        kind = method or pika.spec.Basic.Ack
        self.publisher._on_confirm(SimpleNamespace(method=kind(tag, multiple)))
        await self.settle_down()

    def come_back(self, event_id: str) -> None:
        """The broker's return of an event."""
        self.publisher._on_return(None, None, SimpleNamespace(message_id=event_id), b"")

    async def settle_down(self) -> None:
        """Let the publisher do what it can."""
        for _ in range(5):
            await asyncio.sleep(0)


def drive(test: Driven) -> None:
    """Run a test against a publisher."""

    async def run() -> None:
        await test(Broker())

    asyncio.run(run())


def test_what_is_published_is_persistent_and_mandatory() -> None:
    """Each row goes out under its type, with its id, to stay, or to come back."""

    async def test(broker: Broker) -> None:
        task = await broker.publish(row(ids.new_id()))
        [(routing_key, properties, mandatory)] = broker.sent
        assert (routing_key, properties.delivery_mode, mandatory) == ("x.v1", 2, True)
        assert properties.content_type == "application/json"
        task.cancel()

    drive(test)


def test_nothing_is_confirmed_before_the_broker_says_so() -> None:
    """A row in flight has no outcome; its confirm gives it one, once."""

    async def test(broker: Broker) -> None:
        task = await broker.publish(row("a"), row("b"))
        assert not broker.publisher.take_outcome()
        await broker.confirm(2)
        assert broker.publisher.take_outcome() == Outcome(["b"])
        assert not task.done()
        await broker.confirm(1)
        await task
        assert broker.publisher.take_outcome() == Outcome(["a"])
        assert not broker.publisher.take_outcome()

    drive(test)


def test_one_confirm_may_speak_of_many() -> None:
    """`multiple` confirms all unconfirmed ones up to its tag, and none after it."""

    async def test(broker: Broker) -> None:
        task = await broker.publish(*(row(name) for name in "abcd"))
        await broker.confirm(2)
        await broker.confirm(3, multiple=True)
        assert broker.publisher.take_outcome().confirmed == ["b", "a", "c"]
        assert not task.done()
        await broker.confirm(4, multiple=True)
        await task

    drive(test)


def test_no_more_than_a_window_is_in_flight() -> None:
    """The row after a full window waits for a confirm."""

    async def test(broker: Broker) -> None:
        task = await broker.publish(*(row(str(number)) for number in range(SIZE + 2)))
        assert len(broker.sent) == SIZE
        await broker.confirm(1)
        assert len(broker.sent) == SIZE + 1
        task.cancel()

    drive(test)


@pytest.mark.parametrize("proven", [False, True])
def test_a_refused_row_holds_its_aggregate_back(proven: bool) -> None:
    """After a nack no later row of the aggregate is sent; other aggregates go on."""

    async def test(broker: Broker) -> None:
        first = [row("p")] if proven else []
        fill = [row(f"f{number}") for number in range(SIZE)]
        task = await broker.publish(*first, row("a1", "a"), *fill, row("a2", "a"), row("z"))
        if proven:
            await broker.confirm(1)
        await broker.confirm(len(first) + 1, method=pika.spec.Basic.Nack)
        await broker.confirm(len(broker.sent), multiple=True)
        await broker.confirm(len(broker.sent), multiple=True)
        await task
        assert broker.ids[-1] == "z"
        assert "a2" not in broker.ids
        assert broker.publisher.take_outcome().refused == ["a1"]

    drive(test)


def test_a_returned_row_holds_its_aggregate_back() -> None:
    """A return and then an ack is a return: the row is not confirmed, the next one not sent."""

    async def test(broker: Broker) -> None:
        task = await broker.publish(row("a1", "a", "nobody.v1"), row("a2", "a"), row("b"))
        assert broker.ids == ["a1"]  # a2 waits for the word on its type
        broker.come_back("a1")
        await broker.confirm(1)
        await broker.confirm(2)
        await task
        assert broker.ids == ["a1", "b"]
        assert broker.publisher.take_outcome() == Outcome(["b"], [], ["a1"], ["a2"])

    drive(test)


def test_what_is_read_anew_is_sent_anew() -> None:
    """A held aggregate goes again with the next publication."""

    async def test(broker: Broker) -> None:
        task = await broker.publish(row("a1", "a"))
        await broker.confirm(1, method=pika.spec.Basic.Nack)
        await task
        broker.publisher.unblock(["a"])
        task = await broker.publish(row("a1", "a"))
        await broker.confirm(2)
        await task
        assert broker.publisher.take_outcome() == Outcome(["a1"], ["a1"])

    drive(test)


def test_a_lost_connection_ends_the_publication() -> None:
    """Earlier confirms count; the rest has no outcome, and nothing more can be sent."""

    async def test(broker: Broker) -> None:
        task = await broker.publish(row("a"), row("b"))
        await broker.confirm(1)
        broker.publisher._lose(ConnectionResetError("gone"))
        with pytest.raises(ConnectionLost, match="gone"):
            await task
        assert not broker.publisher.is_open
        assert broker.publisher.take_outcome() == Outcome(["a"])
        with pytest.raises(ConnectionLost):
            await (await broker.publish(row("c")))
        assert broker.ids == ["a", "b"]

    drive(test)


def test_an_event_that_came_back_twice_is_never_confirmed() -> None:
    """Two copies in flight, both returned, one ack for both: the event must stay in the outbox."""
    unconfirmed = UnconfirmedPublishes[int]()
    unconfirmed.send(row("proof"), 0)
    unconfirmed.settle(1, multiple=False, acked=True)
    unconfirmed.take_outcome()
    for _ in range(2):  # the second by a pass that began anew, when MongoDB had failed in the first
        assert unconfirmed.has_room(row("a1"))
        unconfirmed.send(row("a1"), 0)
        unconfirmed.come_back("a1")
    unconfirmed.settle(3, multiple=True, acked=True)
    assert unconfirmed.take_outcome() == Outcome([], [], ["a1", "a1"])
    assert unconfirmed.is_empty
