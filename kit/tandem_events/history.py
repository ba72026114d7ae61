"""The history: the stream tandem.history, which has every event of the last 30 days."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, time
from typing import Any

import pika
from pika.exceptions import AMQPError, ConsumerCancelled

from tandem_events.event import PREFIX, Event, UnreadableError, read
from tandem_events.inbox import Gap
from tandem_events.refilling import Wanted

STREAM = "tandem.history"
PREFETCH = 500
# AMQP's greatest prefetch: a stream delivers whole chunks.
WHOLE_CHUNK = 65_535
# Seconds. A stream that has messages delivers them within milliseconds.
QUIET = 5.0
PIKA_LOG = logging.getLogger("pika.adapters.blocking_connection")


class History:
    """The history of a broker. The account needs the right to read tandem.history: every event."""

    def __init__(self, url: str) -> None:
        """`url`: of the broker."""
        self._parameters = pika.URLParameters(url)

    def events(self, gaps: Sequence[Gap]) -> Iterator[Event]:
        """Yield the events of these gaps that the history has now, in order.

        It is read from the day before the first gap. Raises pika.exceptions.AMQPError.
        """
        wanted = Wanted(gaps)
        with _connected(self._parameters) as connection:
            end = _last_offset(connection)
            if end is not None:
                yield from _found(connection, wanted, end)


@contextmanager
def _connected(parameters: Any) -> Iterator[Any]:
    """Yield a connection, and ignore errors when it is closed.

    pika gives back what is on its way, which a stream refuses (540); pika then logs an error.
    """
    connection = pika.BlockingConnection(parameters)
    try:
        yield connection
    finally:
        PIKA_LOG.disabled = True
        with suppress(AMQPError):
            connection.close()
        PIKA_LOG.disabled = False


def _found(connection: Any, wanted: Wanted, end: int) -> Iterator[Event]:
    channel = connection.channel()
    channel.basic_qos(prefetch_count=PREFETCH)
    arguments = {"x-stream-offset": _start(wanted)}
    for method, properties, body in channel.consume(
        STREAM, arguments=arguments, inactivity_timeout=QUIET
    ):
        if method is None:
            return  # nothing was published since the start
        if method.delivery_tag % (PREFETCH // 5) == 0:
            channel.basic_ack(method.delivery_tag, multiple=True)
        event = _event(wanted, properties.headers or {}, body)
        if event is not None:
            yield event
        if _offset(properties) >= end:
            return
    raise ConsumerCancelled(f"the broker cancelled the consumer of {STREAM}")


def _event(wanted: Wanted, headers: dict[str, Any], body: bytes) -> Event | None:
    """Return the event of a message if it is wanted; most bodies need not be read."""
    if not wanted.has_key(headers.get(f"{PREFIX}source"), headers.get(f"{PREFIX}partitionkey")):
        return None
    try:
        event = read(headers, body)
    except UnreadableError:
        return None
    return event if wanted.has(event.source, event.partition_key, event.sequence) else None


def _start(wanted: Wanted) -> datetime | str:
    """Return where reading begins, as an argument of the consumer."""
    days = wanted.days()
    return datetime.combine(days[0], time(), UTC) if days else "first"


def _last_offset(connection: Any) -> int | None:
    """Return the last offset of the history; None if it is empty.

    The broker's count of a stream lags behind, but its last chunk is delivered as a whole.
    """
    seen: list[int] = []
    channel = connection.channel()
    channel.basic_qos(prefetch_count=WHOLE_CHUNK)
    channel.basic_consume(
        STREAM,
        lambda *delivery: seen.append(_offset(delivery[2])),
        arguments={"x-stream-offset": "last"},
    )
    connection.process_data_events(time_limit=QUIET)
    channel.basic_qos(prefetch_count=WHOLE_CHUNK)  # answered after the chunk on its way
    connection.process_data_events(time_limit=0)
    channel.close()
    return max(seen, default=None)


def _offset(properties: Any) -> int:
    """Return a delivery's offset, which the broker adds; -1 if the publisher wrote one, too."""
    found = (properties.headers or {}).get("x-stream-offset")
    return found if isinstance(found, int) else -1
