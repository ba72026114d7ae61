"""The batch entrypoint: a nameko extension that passes many raw messages at once to a method.

nameko's own consumer passes one message at a time, acknowledges a message whose handler raised, and
drops bodies that it can't decode. This entrypoint collects up to `SIZE` raw messages, or those that
arrive within `LINGER` seconds, runs the method for them, and acknowledges them together after it
has returned.

An entrypoint consumes one queue or several, and these may change while it runs. They share its
connection, with a channel each, and its batches. It applies one batch at a time.
"""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

import eventlet
import structlog
from eventlet.event import Event as Signal
from eventlet.support.greenlets import GreenletExit
from kombu import Connection, Consumer, Queue
from nameko.constants import HEARTBEAT_CONFIG_KEY
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint, ProviderCollector
from nameko.messaging import QueueConsumer

from chassis.messaging import amqp_kombu
from chassis.messaging.prefetch import MEMORY, Prefetch

SIZE = 500
LINGER = 0.002
# Enough for the broker to send the next batch while one is applied. The consumed queues share it;
# each gets the minimum at least, because maybe only one of them has events.
PREFETCH, LEAST_PREFETCH = 2 * SIZE, SIZE // 2
# How often the consuming loop checks whether it should stop, and which queues it should consume.
TICK = 0.2
# The consuming loop takes so many messages before it yields to the batch at hand, which meanwhile
# waits for MongoDB.
YIELD_EVERY = 16
# Messages on which the method failed come back at once; a bug must not become a busy loop.
PAUSE = 1.0

log = structlog.get_logger()


class Source(Protocol):
    """Says which queues an entrypoint should consume."""

    @property
    def wanted(self) -> frozenset[str]:
        """The queues to consume now; the same object if they are the same as before."""

    consumed: Mapping[str, "Unsettled"]
    """Set by the entrypoint: the queues that it consumes, or whose messages are in the batch at
    hand."""


class Unsettled(Protocol):
    """A queue that is consumed."""

    unsettled: int
    """How many of its messages were delivered, and neither acknowledged nor returned."""


class Fixed:
    """One queue, always."""

    def __init__(self, queue: str) -> None:
        self.wanted = frozenset({queue})
        self.consumed: Mapping[str, Unsettled] = {}

    def seen(self, _: object) -> None:
        """Do nothing: the queue never changes."""


class BatchConsumer(QueueConsumer):  # type: ignore[misc]
    """The connection of one subscription: raw bodies, its own prefetch, a channel for each
    queue."""

    connected = False
    _amqp: Any = None
    _iterations = 0

    @property
    def connection(self) -> Connection:
        """A kombu connection with nameko's settings that no received message can end."""
        heartbeat = self.container.config[HEARTBEAT_CONFIG_KEY]
        return amqp_kombu.connection(self.amqp_uri, heartbeat=heartbeat)

    def get_consumers(self, *_: Any) -> Any:
        """Return no consumers after a (re)connection: the providers open their queues one by
        one.
        """
        self._consumers = {provider: provider for provider in self._providers}
        return ()

    def on_consume_ready(self, connection: Any, *args: Any, **kwargs: Any) -> None:
        """Store the new connection."""
        self._amqp = connection
        super().on_consume_ready(connection, *args, **kwargs)

    def on_iteration(self) -> None:
        """Update what is consumed. Only then we count as connected: a missing queue is an error."""
        super().on_iteration()
        for provider in self._providers:
            provider.consume_what_is_wanted(self._amqp)
        self.connected = True
        self._iterations += 1
        if self._iterations % YIELD_EVERY == 0:
            eventlet.sleep()

    def consume(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Run kombu's loop over one connection, which checks our state every TICK.

        Messages that an earlier connection delivered are void. A new connection waits for the end
        of the batch at hand, which may take long while MongoDB is away: the broker takes back
        messages that are not acknowledged within its `consumer_timeout` (30 minutes) and counts a
        delivery each time, and at the queue's limit good events would become dead letters.
        """
        self.connected = False
        for provider in self._providers:
            provider.forget()
            provider.wait_until_idle()
            provider.let_all_go()
        yield from super().consume(*args, **{**kwargs, "safety_interval": TICK})

    def unregister_provider(self, provider: Any) -> None:
        """Unregister at once while the broker is away: nameko would wait for the consuming
        thread.
        """
        if not self.connected and self._gt is not None:
            self._consumers.pop(provider, None)
            self._gt.kill()
            ProviderCollector.unregister_provider(self, provider)
        else:
            super().unregister_provider(provider)

    def stop(self) -> None:
        """Wait until the consuming thread has ended."""
        with contextlib.suppress(GreenletExit):
            super().stop()

    def on_connection_error(self, exc: Any, interval: Any) -> None:
        """Log that the broker is away; kombu tries again."""
        self.connected = False
        log.warning("the broker is away", why=repr(exc)[:200], seconds=interval)


class OpenQueue:
    """A consumed queue, with its own channel."""

    def __init__(self, name: str, connection: Any, take: Callable[..., None], prefetch: Prefetch):
        self.name, self.prefetch = name, prefetch
        self.leaving = False
        self.unsettled = 0
        self._channel = connection.channel()
        self._consumer = Consumer(
            self._channel,
            queues=[Queue(name, no_declare=True)],
            on_message=partial(take, self),
            prefetch_count=prefetch.count,
            auto_declare=False,
        )
        self._consumer.consume()

    def ask_for_more(self) -> None:
        """Raise the prefetch to as many messages as fit, by their known sizes."""
        self._consumer.cancel()
        self._consumer.qos(prefetch_count=self.prefetch.grow())
        self._consumer.consume()

    def leave(self) -> None:
        """Stop consuming; delivered messages can still be acknowledged."""
        self.leaving = True
        self._consumer.cancel()

    def close(self) -> None:
        """Close the channel, which returns the unacknowledged messages to the queue."""
        self._channel.close()


class Taken(NamedTuple):
    """A message, and the queue that it came from."""

    message: Any
    queue: OpenQueue


class BatchEntrypoint(Entrypoint):  # type: ignore[misc]
    """Calls the method with a list of kombu messages and one of their queues, one list at a time.

    `source` says which queues to consume; it is asked again and again.
    """

    consumer = BatchConsumer()

    def __init__(self, name: str, source: Source, memory: int = MEMORY, **kwargs: Any) -> None:
        """`memory`: bytes of bodies that may be in flight, over all queues."""
        self.name, self._source, self._memory = name, source, memory
        self._prefetches: defaultdict[str, Prefetch] = defaultdict(Prefetch)
        self._consumed: frozenset[str] | None = None
        self._open: dict[str, OpenQueue] = {}
        self._pending: list[Taken] = []
        self._at_hand: list[Taken] = []
        self._busy: Signal | None = None
        self._stopping = False
        self._timer: Any = None
        super().__init__(**kwargs)

    def setup(self) -> None:
        """Register with the connection before it starts."""
        self._source.consumed = self._open
        self.consumer.register_provider(self)

    def stop(self) -> None:
        """Take no more messages, and wait until the batch at hand is applied and acknowledged.

        Only then may the connection end; other messages return to the queue with it.
        """
        self._stopping = True
        self.forget()
        self.wait_until_idle()
        self.consumer.unregister_provider(self)

    def cancel(self) -> None:
        """Stop taking messages (nameko calls this from the consuming thread)."""
        self._stopping = True

    def consume_what_is_wanted(self, connection: Any) -> None:
        """Start and stop consuming queues as the source says; the consuming thread calls this
        often.
        """
        wanted = self._source.wanted
        if self._stopping or wanted is self._consumed:
            return
        for queue in list(self._open.values()):
            if queue.leaving or queue.name not in wanted or queue.prefetch.is_too_large:
                self._let_go(queue)
            elif queue.prefetch.should_grow:
                queue.ask_for_more()
        for name in sorted(wanted - self._open.keys()):
            prefetch = self._prefetch(name, len(wanted))
            self._open[name] = OpenQueue(name, connection, self.take, prefetch)
        if not any(queue.leaving for queue in self._open.values()):
            self._consumed = wanted

    def _prefetch(self, name: str, queues: int) -> Prefetch:
        """Return the prefetch of one of `queues` queues, for consuming it anew."""
        prefetch = self._prefetches[name]
        prefetch.begin(self._memory // queues, max(LEAST_PREFETCH, PREFETCH // queues))
        return prefetch

    def let_all_go(self) -> None:
        """Forget the queues: the connection is gone, and its channels with it."""
        self._open.clear()
        self._consumed = None

    def forget(self) -> None:
        """Drop the messages of a lost connection: they are redelivered."""
        self._cancel_timer()
        self._pending.clear()

    def wait_until_idle(self) -> None:
        """Wait until no batch is at hand."""
        if self._busy is not None:
            self._busy.wait()

    def take(self, queue: OpenQueue, message: Any) -> None:
        """Take a message that was delivered."""
        if self._stopping or queue.leaving:
            return
        queue.unsettled += 1
        self._pending.append(Taken(message, queue))
        queue.prefetch.took(len(message.body))
        if queue.prefetch.should_grow or queue.prefetch.is_too_large:
            self._consumed = None  # the consuming thread looks at all queues
        if self._busy is not None:
            return
        if len(self._pending) >= SIZE:
            self._flush()
        elif self._timer is None:
            self._timer = eventlet.spawn_after(LINGER, self._flush)

    def _let_go(self, queue: OpenQueue) -> None:
        """Stop consuming a queue; close it when none of its messages is in the batch at hand."""
        if not queue.leaving:
            queue.leave()
            self._pending = [each for each in self._pending if each.queue is not queue]
        if all(each.queue is not queue for each in self._at_hand):
            queue.close()
            del self._open[queue.name]

    def _flush(self) -> None:
        self._cancel_timer()
        if self._busy is not None or not self._pending:
            return
        self._at_hand, self._pending = self._pending[:SIZE], self._pending[SIZE:]
        self._busy = Signal()
        batch = [each.message for each in self._at_hand]
        arguments = (batch, self._at_hand[0].queue.name)
        try:
            self.container.spawn_worker(
                self, arguments, {}, handle_result=partial(self._done, batch)
            )
        except ContainerBeingKilled:
            self._idle()

    def _done(self, batch: list[Any], _: Any, result: Any = None, exc_info: Any = None) -> Any:
        """Acknowledge the batch if the method returned; return all its messages if it raised.

        The broker counts the deliveries; a message that can never be handled becomes a dead letter.
        """
        if exc_info is None:
            last = {message.channel: message for message in batch}
            for message in last.values():
                self._settle(partial(message.ack, multiple=True), message)
        elif not self._stopping:
            eventlet.sleep(PAUSE)
            for message in batch:
                self._settle(message.requeue, message)
        for taken in self._at_hand:
            taken.queue.unsettled -= 1
        self._take_in()
        self._idle()
        self._flush()
        return result, exc_info

    def _take_in(self) -> None:
        """Take what the socket holds, up to a whole batch: small batches cost more for each
        event.
        """
        before = -1
        while before < len(self._pending) < SIZE and not self._stopping:
            before = len(self._pending)
            eventlet.sleep()

    def _settle(self, action: Callable[[], object], message: Any) -> None:
        """Acknowledge all messages of a channel up to this one, or return this one.

        If the connection is gone, do nothing: the messages are redelivered.
        """
        if message.channel is None or message.channel.connection is None:
            return
        try:
            action()
        except self.consumer.connection_errors + self.consumer.channel_errors as error:
            log.info("messages are redelivered", subscription=self.name, why=repr(error)[:200])

    def _idle(self) -> None:
        for message, queue in self._at_hand:
            queue.prefetch.let_go(len(message.body))
        self._at_hand = []
        busy, self._busy = self._busy, None
        if busy is not None:
            busy.send()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


batch: Callable[[str, Source, int], Callable[[Any], Any]] = BatchEntrypoint.decorator
