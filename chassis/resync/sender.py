"""Sends the events of a resync to one subscription, with pipelined confirms.

One connection, for the worker role (eventlet). Measured here: one by one 1,100 to 1,500 events a
second, with 500 unconfirmed ones about 10,000 (chassis/messaging/publisher.py).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from amqp.exceptions import NotFound  # type: ignore[import-untyped]

from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.messaging import amqp_kombu, partitions, topology

CONFIRM_TIMEOUT = 30.0
"""Seconds for which the broker may say nothing."""


class Refused(Exception):
    """The broker refused events, as it does if a queue is full."""


@dataclass(frozen=True)
class Outcome:
    """What became of events, by type."""

    sent: Counter[str] = field(default_factory=Counter)
    not_taken: set[str] = field(default_factory=set)
    """Types that no queue of the subscription takes."""


class Sender:
    """A connection to the broker."""

    def __init__(self, connection: Any) -> None:
        """`connection`: kombu's, open."""
        self._connection = connection
        self._channel: Any = connection.channel()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self._tag = 0
        self._unconfirmed: dict[int, str] = {}
        self._outcome = Outcome()
        self._refused = 0

    def waiting(self, subscription: str) -> int:
        """Return how many events wait in the queue of a subscription that has the most."""
        queues = (partitions.name(subscription, number) for number in count())
        depths = [self._ready(subscription) or 0]
        for queue in queues:
            if (ready := self._ready(queue)) is None:
                return max(depths)
            depths.append(ready)
        raise AssertionError

    def send(self, subscription: str, sent: Sequence[Event[Any]]) -> Outcome:
        """Send events to a subscription; return when the broker has confirmed or returned each.

        Raises Refused, and the connection's errors; then send all of them again.
        """
        self._outcome, self._refused = Outcome(), 0
        for event in sent:
            self._publish(subscription, event)
        while self._unconfirmed:
            self._connection.drain_events(timeout=CONFIRM_TIMEOUT)
        if self._refused:
            raise Refused(f"the broker refused {self._refused} events for {subscription}")
        return self._outcome

    def _publish(self, subscription: str, event: Event[Any]) -> None:
        message = self._channel.prepare_message(
            events.body_of(event.data),
            content_type=events.CONTENT_TYPE,
            headers=events.headers_of(event),
            properties={
                "delivery_mode": topology.PERSISTENT,
                "message_id": event.id,
                "type": event.type,
            },
        )
        self._tag += 1
        self._unconfirmed[self._tag] = event.type
        key = topology.resync_key(subscription, event.type)
        self._channel.basic_publish(message, topology.RESYNC, key, mandatory=True)

    def _ready(self, queue: str) -> int | None:
        channel = self._connection.channel()
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except NotFound:  # the broker has closed the channel
            return None
        finally:
            if channel.is_open:
                channel.close()

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._outcome.sent.update(self._settled(tag, multiple))

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._refused += len(self._settled(tag, multiple))

    def _settled(self, tag: int, multiple: bool) -> list[str]:
        tags = [each for each in self._unconfirmed if each <= tag] if multiple else [tag]
        return [self._unconfirmed.pop(each) for each in tags if each in self._unconfirmed]

    def _on_return(self, _: Any, __: Any, ___: Any, message: Any) -> None:
        """Note a type that was returned; the broker's confirm of the message comes after it."""
        self._outcome.not_taken.add(message.properties["type"])


@contextmanager
def connected(amqp_url: str) -> Iterator[Sender]:
    """Yield a sender, and close its connection at the end. Raises the connection's errors."""
    connection = amqp_kombu.connection(amqp_url)
    try:
        connection.ensure_connection(max_retries=1)
        yield Sender(connection)
    finally:
        with suppress(*connection.recoverable_connection_errors):
            connection.release()
