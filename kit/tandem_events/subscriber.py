"""A subscription to Tandem's events: its queues, and the loop that handles what is in them.

A subscription `records` has, all of its own, and all durable:

    records            the queue, bound to tandem.events by patterns of types
    records.again      the exchange through which events return to it, wait, or end
    records.wait.<s>   a queue in which an event waits for s seconds until its next try
    records.dead       the dead letters

So its account needs the rights to configure, read and write what begins with its name, and to read
tandem.events.

An account of `tandem consumers add` may only read its queue and its dead letters, which are there
and bound already. Its subscription declares nothing, tries again in place, and rejects what goes to
the dead letters.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import pika
from pika.exceptions import ConsumerCancelled

from tandem_events.attempt import DELAYS, DELIVERY_LIMIT, NotHandled, attempt, delay_after
from tandem_events.event import Event
from tandem_events.inbox import Inbox

T = TypeVar("T")

EXCHANGE = "tandem.events"
TRIES, REASON = "x-tandem-tries", "x-tandem-reason"
# RabbitMQ 4 would delete a dead letter after 20 looks at it.
UNLIMITED = 2**31 - 1
# Headers that the broker adds. It would take a message with them for one that goes in circles.
BROKERS = frozenset(
    {
        "x-death",
        "x-delivery-count",
        "x-first-death-exchange",
        "x-first-death-queue",
        "x-first-death-reason",
    }
)
# With more, an event that ends the process would become a dead letter together with those that were
# fetched behind it.
PREFETCH = 1
# Seconds until `run` looks whether it is to stop.
PAUSE = 0.5

log = logging.getLogger("tandem_events")


class Subscriber(Generic[T]):
    """Handles the events of one queue, one after the other, each once."""

    def __init__(
        self,
        url: str,
        name: str,
        patterns: Sequence[str],
        inbox: Inbox[T],
        delays: Sequence[int] = DELAYS,
        declares: bool = True,
    ) -> None:
        """`url`: of the broker; `name`: of the subscription; `patterns`: of types, such as
        tandem.catalog.enrolment.# or a whole type; `delays`: in seconds, see DELAYS; `declares`:
        False for an account that may only read its queue, which has its patterns already.

        Raises ValueError if `patterns` would be bound by nobody.
        """
        if patterns and not declares:
            raise ValueError(f"{name} declares nothing, so it binds no patterns: give ()")
        self.name, self.dead, self.again = name, f"{name}.dead", f"{name}.again"
        self._parameters = pika.URLParameters(url)
        self._patterns, self._inbox, self._delays = patterns, inbox, delays
        self._declares = declares
        self._stopped = False

    def declare(self) -> None:
        """Declare the queues, and bind them, unless others do. `run` does so, too; repeating it is
        harmless.

        A pattern that is no longer wanted stays bound until somebody removes it. Raises
        pika.exceptions.AMQPError.
        """
        with self._channel() as channel:
            self._declare(channel)

    def run(self, handler: Callable[[Event, T], None]) -> None:
        """Handle events until `stop` is called.

        An event is acknowledged once its transaction is stored. If the handler raises, the event is
        tried again after each of the delays, while later events go on (if others declare the queue,
        they wait); then it is a dead letter. An event that can't be read is a dead letter at once.
        Raises pika.exceptions.AMQPError if the
        broker or the queue is away, and the inbox's error if its database is: start the program
        again, and nothing is lost.
        """
        with self._channel() as channel:
            self._declare(channel)
            channel.basic_qos(prefetch_count=PREFETCH)
            for method, properties, body in channel.consume(self.name, inactivity_timeout=PAUSE):
                if method is not None:
                    take = self._take if self._declares else self._take_in_place
                    take(channel, method.delivery_tag, properties, body, handler)
                if self._stopped:
                    return
        raise ConsumerCancelled(f"the broker cancelled the consumer of {self.name}")

    def stop(self) -> None:
        """Let `run` return after the event that it handles; a signal handler may call this."""
        self._stopped = True

    def retry_dead(self) -> int:
        """Put the dead letters back into the queue, to be tried as often as new events; return how
        many there were. Raises pika.exceptions.AMQPError, also if the account may only read: then
        Tandem's operators do this.
        """
        with self._channel() as channel:
            count = channel.queue_declare(self.dead, passive=True).method.message_count
            for done in range(count):
                method, properties, body = channel.basic_get(self.dead)
                if method is None:
                    return done
                self._publish(channel, "again", _headers(properties, {}), properties, body)
                channel.basic_ack(method.delivery_tag)
            return int(count)

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        with pika.BlockingConnection(self._parameters) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            yield channel

    def _declare(self, channel: Any) -> None:
        if not self._declares:
            return
        channel.exchange_declare(self.again, "direct", durable=True)
        self._queue(channel, self.dead, "dead", {"x-delivery-limit": UNLIMITED})
        for delay in self._delays:
            back = self._dead_lettering("again") | {"x-message-ttl": delay * 1_000}
            self._queue(channel, f"{self.name}.wait.{delay}", f"wait.{delay}", back)
        limit = self._dead_lettering("dead") | {"x-delivery-limit": DELIVERY_LIMIT}
        self._queue(channel, self.name, "again", limit)
        for pattern in self._patterns:
            channel.queue_bind(self.name, EXCHANGE, pattern)

    def _queue(self, channel: Any, name: str, key: str, arguments: Mapping[str, Any]) -> None:
        whole = {"x-queue-type": "quorum", **arguments}
        channel.queue_declare(name, durable=True, arguments=whole)
        channel.queue_bind(name, self.again, key)

    def _dead_lettering(self, key: str) -> dict[str, Any]:
        """Return the arguments of a queue whose messages go on, and are kept until they arrived."""
        return {
            "x-dead-letter-exchange": self.again,
            "x-dead-letter-routing-key": key,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }

    def _take(
        self,
        channel: Any,
        tag: int,
        properties: Any,
        body: bytes,
        handler: Callable[[Event, T], None],
    ) -> None:
        """Handle a message, or send it where it has to go."""
        tries = _tries(properties)
        if failed := self._failed(properties, body, handler, tries):
            more = {TRIES: tries + 1, REASON: failed.reason[:1_000]}
            key = "dead" if failed.wait is None else f"wait.{failed.wait}"
            self._publish(channel, key, _headers(properties, more), properties, body)
        channel.basic_ack(tag)

    def _take_in_place(
        self,
        channel: Any,
        tag: int,
        properties: Any,
        body: bytes,
        handler: Callable[[Event, T], None],
    ) -> None:
        """Handle a message until it succeeds, or reject it. One that `stop` ends comes again."""
        tries = 0
        while failed := self._failed(properties, body, handler, tries):
            if failed.wait is None:
                channel.basic_reject(tag, requeue=False)
                return
            until = time.monotonic() + failed.wait
            while time.monotonic() < until:
                if self._stopped:
                    return
                channel.connection.sleep(PAUSE)  # answers heartbeats
            tries += 1
        channel.basic_ack(tag)

    def _failed(
        self, properties: Any, body: bytes, handler: Callable[[Event, T], None], tries: int
    ) -> NotHandled | None:
        """Handle a message that was tried so often before."""
        delay = delay_after(tries, self._delays)
        failed = attempt(properties.headers, body, self._inbox, handler, delay)
        if failed:
            wait = failed.wait
            goes = "to the dead letters" if wait is None else f"to wait for {wait} s"
            log.warning("%s: an event goes %s: %s", self.name, goes, failed.reason)
        return failed

    def _publish(
        self, channel: Any, key: str, headers: dict[str, Any], properties: Any, body: bytes
    ) -> None:
        kept = pika.BasicProperties(
            delivery_mode=2,
            content_type=properties.content_type,
            message_id=properties.message_id,
            type=properties.type,
            headers=headers,
        )
        channel.basic_publish(self.again, key, body, kept, mandatory=True)


def _headers(properties: Any, more: dict[str, Any]) -> dict[str, Any]:
    """Return a message's own headers, with ours of now."""
    given = properties.headers or {}
    return {
        name: each for name, each in given.items() if name not in BROKERS | {TRIES, REASON}
    } | more


def _tries(properties: Any) -> int:
    """Return how often a message was tried before."""
    found = (properties.headers or {}).get(TRIES)
    return found if isinstance(found, int) and found >= 0 else 0
