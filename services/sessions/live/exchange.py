"""The exchange of the live channel, by which replicas tell each other at once what is new.

It stands beside the events: no outbox, no history, nothing that lasts. Each replica has a queue of
its own that ends with it, bound for the classes that it has members of. What is lost here is read
from the database (rooms.py), so nobody waits for a confirm.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from typing import Any

import pika
import structlog
from pika.adapters.asyncio_connection import AsyncioConnection

from chassis.messaging import amqp_pika
from services.sessions import metrics

EXCHANGE = "tandem.live"
QUEUE = f"{EXCHANGE}."
# The oldest messages leave a queue that its replica doesn't empty.
LIMITS = {"x-max-length": 10_000, "x-max-length-bytes": 64 * 1024 * 1024}
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
# Bytes that wait to be written; above it nothing more is sent.
MOST_WAITING = 16 * 1024 * 1024

Heard = Callable[[str, str, str, bytes], object]
"""Called with the session, the kind of a message, the replica that sent it, and the body."""

log = structlog.get_logger()


class Exchange:
    """A connection to the exchange that is made again whenever it breaks."""

    def __init__(self, amqp_url: str, hear: Heard) -> None:
        self.replica = uuid.uuid4().hex
        self._url, self._hear = amqp_url, hear
        self._bound: set[str] = set()
        self._channel: Any = None
        self._connection: Any = None
        self._broken = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether the broker is there."""
        return self._channel is not None

    def bind(self, session_id: str) -> None:
        """Hear of a class from now on."""
        self._bound.add(session_id)
        if self._channel:
            self._channel.queue_bind(self._queue, EXCHANGE, session_id)

    def unbind(self, session_id: str) -> None:
        """Hear of a class no more."""
        self._bound.discard(session_id)
        if self._channel:
            self._channel.queue_unbind(self._queue, EXCHANGE, session_id)

    def publish(self, session_id: str, kind: str, body: bytes) -> None:
        """Tell the other replicas. Without a broker, or if it takes nothing, they are not told."""
        if self._channel is None or self._is_full():
            return
        properties = pika.BasicProperties(app_id=self.replica, type=kind, delivery_mode=1)
        self._channel.basic_publish(EXCHANGE, session_id, body, properties)

    async def run(self) -> None:
        """Stay connected until this is cancelled."""
        pause = FIRST_PAUSE
        while True:
            self._broken.clear()
            self._connect()
            await self._broken.wait()
            pause = FIRST_PAUSE if self._channel else min(pause * 2, LONGEST_PAUSE)
            self._channel = None
            metrics.LIVE_EXCHANGE.set(0)
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Close the connection."""
        self._channel = None
        if self._connection is not None and self._connection.is_open:
            self._broken.clear()
            self._connection.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_PAUSE):
                    await self._broken.wait()

    @property
    def _queue(self) -> str:
        return QUEUE + self.replica

    def _is_full(self) -> bool:
        transport = self._connection._transport
        return bool(transport) and transport.get_write_buffer_size() > MOST_WAITING

    def _connect(self) -> None:
        self._connection = AsyncioConnection(
            amqp_pika.parameters(self._url),
            on_open_callback=lambda link: link.channel(on_open_callback=self._declare),
            on_open_error_callback=self._lose,
            on_close_callback=self._lose,
            custom_ioloop=asyncio.get_running_loop(),
        )

    def _declare(self, channel: Any) -> None:
        channel.add_on_close_callback(lambda _, why: self._lose_channel(why))
        channel.exchange_declare(EXCHANGE, "topic", durable=True)
        channel.queue_declare(
            self._queue,
            exclusive=True,
            auto_delete=True,
            arguments=LIMITS,
            callback=lambda _: self._consume(channel),
        )

    def _consume(self, channel: Any) -> None:
        for session_id in self._bound:
            channel.queue_bind(self._queue, EXCHANGE, session_id)
        channel.basic_consume(self._queue, self._on_message, auto_ack=True, exclusive=True)
        self._channel = channel
        metrics.LIVE_EXCHANGE.set(1)
        log.info("connected to the exchange of the live channel", classes=len(self._bound))

    def _on_message(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        if properties.app_id != self.replica:
            sender = str(properties.app_id)
            self._hear(method.routing_key, str(properties.type), sender, body)

    def _lose_channel(self, why: Any) -> None:
        if self._connection.is_open:
            self._connection.close()
        else:
            self._lose(self._connection, why)

    def _lose(self, _: Any, why: Any) -> None:
        if not self._broken.is_set():
            log.warning("the exchange of the live channel is away", why=str(why)[:200])
        self._broken.set()
