"""The batch entrypoint: a nameko extension that hands a service method many raw messages at once.

nameko's own consumer takes one message a worker, acknowledges what its handler raised on, and gives
up bodies that it can't decode. This one collects up to `SIZE` raw messages, or what comes within
`LINGER` seconds, runs one worker for them, and acknowledges them together after it returned.
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import eventlet
import structlog
from eventlet.event import Event as Signal
from eventlet.support.greenlets import GreenletExit
from kombu import Connection, Consumer, Queue
from nameko.constants import HEARTBEAT_CONFIG_KEY
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint, ProviderCollector
from nameko.messaging import QueueConsumer

from chassis import amqp_kombu

SIZE = 500
LINGER = 0.002
# Enough for the broker to send the next batch while one is applied.
PREFETCH = 2 * SIZE
# How often the consuming loop looks whether it is to stop.
TICK = 0.2
# What the method failed on comes back at once; a bug must not become a busy loop.
PAUSE = 1.0

log = structlog.get_logger()


class BatchConsumer(QueueConsumer):  # type: ignore[misc]
    """The connection of one subscription: raw bodies, its own prefetch, its own channel."""

    connected = False

    @property
    def connection(self) -> Connection:
        """What kombu connects by: nameko's way, but no message can end it."""
        heartbeat = self.container.config[HEARTBEAT_CONFIG_KEY]
        return amqp_kombu.connection(self.amqp_uri, heartbeat=heartbeat)

    def get_consumers(self, _: Any, channel: Any) -> Any:
        """Called after every (re)connection."""
        for provider in self._providers:
            self._consumers[provider] = Consumer(
                channel,
                queues=[Queue(provider.queue, no_declare=True)],
                on_message=provider.take,
                prefetch_count=PREFETCH,
                auto_declare=False,
            )
        return self._consumers.values()

    def on_consume_ready(self, *args: Any, **kwargs: Any) -> None:
        """The broker has accepted the consumers, which it does not where a queue is missing."""
        self.connected = True
        super().on_consume_ready(*args, **kwargs)

    def consume(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """kombu's loop over one connection, which looks at us every TICK.

        What an earlier connection delivered is void. A new one waits for the batch at hand, which
        may be long while MongoDB is away: the broker takes back what nobody acknowledges within its
        `consumer_timeout` (30 minutes) and counts a delivery each time, and at the queue's limit
        good events would become dead letters.
        """
        self.connected = False
        for provider in self._providers:
            provider.forget()
            provider.wait_until_idle()
        yield from super().consume(*args, **{**kwargs, "safety_interval": TICK})

    def unregister_provider(self, provider: Any) -> None:
        """nameko has the consuming thread do it; while the broker is away, that waits forever."""
        if not self.connected and self._gt is not None:
            self._consumers.pop(provider, None)
            self._gt.kill()
            ProviderCollector.unregister_provider(self, provider)
        else:
            super().unregister_provider(provider)

    def stop(self) -> None:
        """Wait for the consuming thread's end, however it ended."""
        with contextlib.suppress(GreenletExit):
            super().stop()

    def on_connection_error(self, exc: Any, interval: Any) -> None:
        """The broker is away; kombu tries again."""
        self.connected = False
        log.warning("the broker is away", why=repr(exc)[:200], seconds=interval)


class BatchEntrypoint(Entrypoint):  # type: ignore[misc]
    """Calls the method with a list of kombu messages, one list at a time."""

    consumer = BatchConsumer()

    def __init__(self, queue: str, **kwargs: Any) -> None:
        self.queue = queue
        self._pending: list[Any] = []
        self._busy: Signal | None = None
        self._stopping = False
        self._timer: Any = None
        super().__init__(**kwargs)

    def setup(self) -> None:
        """Join the connection before it starts."""
        self.consumer.register_provider(self)

    def stop(self) -> None:
        """Take no more, and wait until the batch at hand is applied and acknowledged.

        Only then may the connection end; what is left goes back to the queue with it.
        """
        self._stopping = True
        self.forget()
        self.wait_until_idle()
        self.consumer.unregister_provider(self)

    def forget(self) -> None:
        """Drop what a lost connection had delivered: it comes again."""
        self._cancel_timer()
        self._pending.clear()

    def wait_until_idle(self) -> None:
        """Wait for the end of the batch at hand, where there is one."""
        if self._busy is not None:
            self._busy.wait()

    def take(self, message: Any) -> None:
        """A message came."""
        if self._stopping:
            return
        self._pending.append(message)
        if self._busy is not None:
            return
        if len(self._pending) >= SIZE:
            self._flush()
        elif self._timer is None:
            self._timer = eventlet.spawn_after(LINGER, self._flush)

    def _flush(self) -> None:
        self._cancel_timer()
        if self._busy is not None or not self._pending:
            return
        batch, self._pending = self._pending[:SIZE], self._pending[SIZE:]
        self._busy = Signal()
        try:
            self.container.spawn_worker(
                self, (batch,), {}, handle_result=partial(self._done, batch)
            )
        except ContainerBeingKilled:
            self._idle()

    def _done(self, batch: list[Any], _: Any, result: Any = None, exc_info: Any = None) -> Any:
        """The method returned, or raised: then none of the batch may count as acknowledged later.

        The broker counts the deliveries; what can never be handled is a dead letter in the end.
        """
        if exc_info is None:
            self._settle(lambda: batch[-1].ack(multiple=True), batch)
        elif not self._stopping:
            eventlet.sleep(PAUSE)
            self._settle(lambda: [message.requeue() for message in batch], batch)
        self._idle()
        self._flush()
        return result, exc_info

    def _settle(self, action: Callable[[], object], batch: list[Any]) -> None:
        """Acknowledge all up to the batch's end (batches follow each other), or give it back.

        On a connection that is gone there is nothing to say: the messages come again.
        """
        channel = batch[-1].channel
        if channel is None or channel.connection is None:
            return
        try:
            action()
        except self.consumer.connection_errors + self.consumer.channel_errors as error:
            log.info("a batch comes again", queue=self.queue, why=repr(error)[:200])

    def _idle(self) -> None:
        busy, self._busy = self._busy, None
        if busy is not None:
            busy.send()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


batch: Callable[[str], Callable[[Any], Any]] = BatchEntrypoint.decorator
