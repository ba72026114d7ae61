"""Publishing outbox rows with pipelined confirms, over one asynchronous connection.

Measured here: one by one 1,100 to 1,500 events a second, with 500 unconfirmed ones about 10,000.
"""

import asyncio
import time
from collections.abc import AsyncIterable, Iterable, Sequence
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection

from chassis import ids
from chassis.messaging import amqp_pika, message_spans, topology
from chassis.messaging.amqp_frames import Publications
from chassis.messaging.unconfirmed import Outcome, Row, UnconfirmedPublishes
from chassis.operations import metrics
from chassis.operations.tracing import Span

# Bytes that are buffered before they are written.
CORK = 32 * 1024


class ConnectionLost(Exception):
    """The broker is away. Unconfirmed events stay in the outbox."""


class Publisher:
    """One connection and channel in confirm mode. Make a new publisher when it is lost."""

    def __init__(self, service: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._seconds = metrics.RELAY_CONFIRM_SECONDS.labels(service)
        self._connection: Any = None
        self._channel: Any = None
        self._unconfirmed: UnconfirmedPublishes[tuple[float, Span | None]] = UnconfirmedPublishes()
        self._changed = asyncio.Event()
        self._lost = ""

    async def open(self, amqp_url: str) -> None:
        """Connect, and check that the exchange and the history exist: another role declares them.

        Raises ConnectionLost, also if one of them is missing: without the history the broker would
        return an event that no queue wants.
        """
        self._connection = _Corked(
            amqp_pika.parameters(amqp_url),
            on_open_callback=lambda link: link.channel(on_open_callback=self._on_channel),
            on_open_error_callback=lambda _, error: self._lose(error),
            on_close_callback=lambda _, error: self._lose(error),
            custom_ioloop=self._loop,
        )
        await self._opened

    @property
    def is_open(self) -> bool:
        """Whether it can publish."""
        return self._opened.done() and not self._lost

    async def publish(self, chunks: AsyncIterable[Sequence[Row]]) -> None:
        """Publish rows in their order; return when the broker has confirmed or refused each.

        After a row was refused or returned, no later one of its aggregate is sent until the
        aggregate is unblocked. Raises ConnectionLost. `take_outcome` says what happened to rows,
        then too.
        """
        async for rows in chunks:
            for row in rows:
                while not self._unconfirmed.has_room(row):
                    await self._wait()
                if self._unconfirmed.is_blocked(row):
                    self._unconfirmed.keep(row)
                else:
                    self._send(row)
        while not self._unconfirmed.is_empty:
            await self._wait()

    def take_outcome(self) -> Outcome:
        """Return what happened to rows since the last call; callable while `publish` runs."""
        return self._unconfirmed.take_outcome()

    def unblock(self, keys: Iterable[str]) -> None:
        """Allow rows of these aggregates to be sent again."""
        self._unconfirmed.unblock(keys)

    async def close(self) -> None:
        """Close the connection; it may be lost already."""
        if self._connection is not None and not self._lost:
            self._end()
            while not self._lost:
                self._changed.clear()
                await self._changed.wait()

    def see_open(self) -> None:
        """Raises ConnectionLost where it is: who has nothing to send would not notice else."""
        if self._lost:
            raise ConnectionLost(self._lost)

    def _send(self, row: Row) -> None:
        self.see_open()
        headers, span = message_spans.sending(row)
        self._unconfirmed.send(row, (time.perf_counter(), span))
        made_at = int(ids.made_at(row["_id"]))
        body = bytes(row["body"])
        self._connection.write(
            self._publications.write(row["type"], row["_id"], made_at, headers, body)
        )

    async def _wait(self) -> None:
        if not self._lost:
            self._changed.clear()
            await self._changed.wait()
        self.see_open()

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(lambda _, error: self._lose(error))
        channel.add_on_return_callback(self._on_return)
        channel.exchange_declare(topology.EXCHANGE, passive=True, callback=self._look_for_history)

    def _look_for_history(self, _: Any) -> None:
        self._channel.queue_declare(topology.HISTORY, passive=True, callback=self._confirm_mode)

    def _confirm_mode(self, _: Any) -> None:
        self._channel.confirm_delivery(self._on_confirm, callback=self._on_open)

    def _on_open(self, _: Any) -> None:
        self._publications = Publications(
            self._channel.channel_number, topology.EXCHANGE, self._connection.largest_body
        )
        if not self._opened.done():
            self._opened.set_result(None)

    def _on_return(self, _: Any, __: Any, properties: Any, ___: Any) -> None:
        self._unconfirmed.come_back(properties.message_id)

    def _on_confirm(self, frame: Any) -> None:
        method, now = frame.method, time.perf_counter()
        acked = isinstance(method, pika.spec.Basic.Ack)
        for sent_at, span in self._unconfirmed.settle(method.delivery_tag, method.multiple, acked):
            self._seconds.observe(now - sent_at)
            if span:
                span.end("" if acked else "the broker refused it")
        self._changed.set()

    def _lose(self, error: Any) -> None:
        """Handle the loss of the connection or of the channel; without its channel we close both.

        The channel alone is closed if the broker has something else under one of our names.
        """
        self._lost = self._lost or str(error) or type(error).__name__
        if not self._opened.done():
            self._opened.set_exception(ConnectionLost(self._lost))
        self._end()
        self._changed.set()

    def _end(self) -> None:
        if not (self._connection.is_closing or self._connection.is_closed):
            self._connection.close()


class _Corked(AsyncioConnection):  # type: ignore[misc]
    """Writes all bytes of one loop iteration with one system call, not with three for each message.

    That saves a quarter of the work of publishing. `_adapter_emit_data` is pika's hook for
    adapters.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._corked: list[bytes] = []
        self._corked_size = 0
        super().__init__(*args, **kwargs)

    @property
    def largest_body(self) -> int:
        """Bytes of a body that one frame may hold, as negotiated with the broker."""
        return int(self._body_max_length)

    def write(self, frames: bytes) -> None:
        """Send encoded frames."""
        self._output_marshaled_frames([frames])

    def _adapter_emit_data(self, data: bytes) -> None:
        if not self._corked:
            self.ioloop.call_soon(self._uncork)
        self._corked.append(data)
        self._corked_size += len(data)
        if self._corked_size >= CORK:
            self._uncork()

    def _uncork(self) -> None:
        data, self._corked, self._corked_size = b"".join(self._corked), [], 0
        if data and self._transport is not None:
            super()._adapter_emit_data(data)
