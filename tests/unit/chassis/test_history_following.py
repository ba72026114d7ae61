"""How a reader of the history lets the broker go on."""

from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from pika.exceptions import ConnectionClosedByBroker

from chassis.messaging import history

Delivery = tuple[Any, Any, Any]


class Channel:
    """Hands over one event, then is quiet for a while, again and again; minds the prefetch."""

    def __init__(self) -> None:
        self.acked = self.most = 0

    def basic_qos(self, prefetch_count: int) -> None:
        """Limit the unacknowledged messages."""
        self.most = prefetch_count

    def basic_ack(self, tag: int, multiple: bool) -> None:
        """All up to `tag`."""
        assert multiple
        self.acked = tag

    def consume(self, *_: Any, **__: Any) -> Iterator[Delivery]:
        """Ends where a real broker would hand over nothing any more."""
        tag = 0
        while tag - self.acked < self.most and tag < 3 * self.most:
            tag += 1
            properties = SimpleNamespace(headers={"x-stream-offset": tag - 1})
            yield SimpleNamespace(delivery_tag=tag), properties, b"{}"
            yield None, None, None


def test_a_slow_stream_is_followed_for_ever() -> None:
    """Quiet times between the events don't keep the reader from acknowledging them."""
    channel = Channel()
    connection = SimpleNamespace(channel=lambda: channel)
    read = [number for number, _, _ in history._deliveries(connection, "first", follow=True)]
    assert read == list(range(3 * history.PREFETCH))


def broken_broker(monkeypatch: pytest.MonkeyPatch, bad: set[int], count: int) -> None:
    """A stream of chunks of five, in which the broker fails at a chunk from a bad message on."""

    def deliveries(_: Any, offset: Any, __: bool) -> Iterator[Delivery]:
        for number in range(offset, count):
            chunk = range(number, number - number % 5 + 5)
            if bad & set(chunk):
                raise ConnectionClosedByBroker(history.INTERNAL_ERROR, "INTERNAL_ERROR")
            yield number, SimpleNamespace(headers={}, content_type=None), b"{}"

    monkeypatch.setattr(history, "_connected", lambda _: nullcontext())
    monkeypatch.setattr(history, "_deliveries", deliveries)
    monkeypatch.setattr(history, "last_offset", lambda _: count - 1)


def test_what_the_broker_can_not_hand_over_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message has its place; those that can't be had come as the error."""
    broken_broker(monkeypatch, {7, 19}, 20)
    found = dict(history.read("amqp://", "first"))
    assert list(found) == list(range(20))
    unread = [number for number, error in found.items() if "hand it over" in str(error)]
    assert unread == [5, 6, 7, 15, 16, 17, 18, 19]


def test_a_broker_that_hands_over_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this case the messages are not the cause."""
    monkeypatch.setattr(history, "MOST_SKIPPED", 10)
    broken_broker(monkeypatch, set(range(20)), 20)
    with pytest.raises(ConnectionClosedByBroker):
        list(history.read("amqp://", "first"))
