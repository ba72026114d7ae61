"""The batch entrypoint: a nameko extension that hands a service method many raw messages at once.

nameko's own consumer takes one message a worker, acknowledges what its handler raised on, and gives
up bodies that it can't decode. This one collects up to `SIZE` raw messages, or what comes within
`LINGER` seconds, runs one worker for them, and acknowledges them together after it returned.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import eventlet
from kombu import Consumer, Queue
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint
from nameko.messaging import QueueConsumer

SIZE = 500
LINGER = 0.008
# Enough for the broker to send the next batch while one is applied.
PREFETCH = 2 * SIZE
# How often the consuming loop looks whether it is to stop.
TICK = 0.2


class BatchConsumer(QueueConsumer):  # type: ignore[misc]
    """The connection of one subscription: raw bodies, its own prefetch, its own channel."""

    connected = False

    def get_consumers(self, _: Any, channel: Any) -> Any:
        """Called after every (re)connection: what was delivered before is void."""
        self.connected = True
        for provider in self._providers:
            provider.forget()
            self._consumers[provider] = Consumer(
                channel,
                queues=[Queue(provider.queue, no_declare=True)],
                on_message=provider.take,
                prefetch_count=PREFETCH,
                auto_declare=False,
            )
        return self._consumers.values()

    def consume(self, *args: Any, **kwargs: Any) -> Any:
        """kombu's loop, which looks at us every TICK."""
        return super().consume(*args, **{**kwargs, "safety_interval": TICK})

    def on_connection_error(self, exc: Any, interval: Any) -> None:
        """The broker is away; kombu tries again."""
        self.connected = False
        super().on_connection_error(exc, interval)


class BatchEntrypoint(Entrypoint):  # type: ignore[misc]
    """Calls the method with a list of kombu messages, one list at a time."""

    consumer = BatchConsumer()

    def __init__(self, queue: str, **kwargs: Any) -> None:
        self.queue = queue
        self._pending: list[Any] = []
        self._busy = False
        self._timer: Any = None
        super().__init__(**kwargs)

    def setup(self) -> None:
        """Join the connection before it starts."""
        self.consumer.register_provider(self)

    def stop(self) -> None:
        """Take no more; the batch at hand goes on, the rest goes back to the queue."""
        self._cancel_timer()
        self.consumer.unregister_provider(self)
        self._pending.clear()

    def forget(self) -> None:
        """Drop what a lost connection had delivered: it comes again."""
        self._pending.clear()

    def take(self, message: Any) -> None:
        """A message came."""
        self._pending.append(message)
        if self._busy:
            return
        if len(self._pending) >= SIZE:
            self._flush()
        elif self._timer is None:
            self._timer = eventlet.spawn_after(LINGER, self._flush)

    def _flush(self) -> None:
        self._cancel_timer()
        if self._busy or not self._pending:
            return
        batch, self._pending = self._pending[:SIZE], self._pending[SIZE:]
        self._busy = True
        try:
            self.container.spawn_worker(
                self, (batch,), {}, handle_result=partial(self._done, batch)
            )
        except ContainerBeingKilled:
            self._busy = False

    def _done(self, batch: list[Any], _: Any, result: Any = None, exc_info: Any = None) -> Any:
        if exc_info is None:
            self._acknowledge(batch[-1])
        self._busy = False
        if exc_info is None:
            self._flush()
        return result, exc_info

    def _acknowledge(self, last: Any) -> None:
        """All up to `last`: batches are applied one after the other, in the order of delivery."""
        if last.channel is None or last.channel.connection is None:
            return  # a new connection delivers them again, and the inbox drops them
        try:
            last.ack(multiple=True)
        except self.consumer.connection_errors:
            return

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


batch: Callable[[str], Callable[[Any], Any]] = BatchEntrypoint.decorator
