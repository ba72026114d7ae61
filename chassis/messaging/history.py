"""Reading the history: the RabbitMQ stream that contains every event."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import pika
from google.protobuf.message import Message
from pika.exceptions import AMQPError, ConnectionClosedByBroker

from chassis import ids
from chassis.contracts import events
from chassis.contracts.events import Event, UndecodableError
from chassis.messaging import amqp_pika, topology

PREFETCH = 500
# AMQP's greatest prefetch: a stream delivers whole chunks.
WHOLE_CHUNK = 65_535
# Seconds. If a stream has messages, it delivers them within milliseconds.
QUIET = 5.0
# AMQP's reply code for an internal error of the broker.
INTERNAL_ERROR = 541
# More messages than a chunk has.
MOST_SKIPPED = 5_000

Offset = str | int | datetime
Read = Event[Message] | UndecodableError


def read(amqp_url: str, offset: Offset, follow: bool = False) -> Iterator[tuple[int, Read]]:
    """Yield every event from `offset` on ("first", "next", a number, or an instant), with its
    offset.

    An instant is of the system's clock: events made before it are skipped. Ends with the last event
    that exists at the start, unless `follow` is set. A message that can't be decoded yields the
    error. Raises pika.exceptions.AMQPError if there is no broker or no history.
    """
    end = None if follow else _end(amqp_url)
    if not follow and _is_beyond(offset, end):
        return
    for number, event in _unstopped(amqp_url, offset, follow):
        if not _is_older(event, offset):
            yield number, event
        if end is not None and number >= end:
            return


def _unstopped(amqp_url: str, offset: Offset, follow: bool) -> Iterator[tuple[int, Read]]:
    """Read on, with a new connection, if the broker fails to deliver a stored message.

    RabbitMQ 3.10 stores messages that it can't deliver, such as one with two headers `CC` of which
    one is no list, and ends the connection without saying which message it was. We skip them one by
    one, and yield an error for each, until the broker delivers the next message.
    """
    place: Offset = 0 if offset == "first" else offset
    skipped = 0
    while True:
        before = place
        try:
            with _connected(amqp_url) as connection:
                for number, properties, body in _deliveries(connection, place, follow):
                    place = number + 1
                    yield number, _event(properties, body)
            return
        except ConnectionClosedByBroker as error:
            skipped = skipped + 1 if place == before else 0
            if error.reply_code != INTERNAL_ERROR or not isinstance(place, int):
                raise
            if skipped > MOST_SKIPPED:
                raise  # the cause is not the messages
            if skipped:
                yield place, UndecodableError("the broker can't hand it over")
                place += 1


@contextmanager
def _connected(amqp_url: str) -> Iterator[Any]:
    """Yield a connection, and ignore errors when it is closed.

    pika returns undelivered messages, which a stream refuses (540).
    """
    connection = pika.BlockingConnection(amqp_pika.parameters(amqp_url))
    try:
        yield connection
    finally:
        with suppress(AMQPError):
            connection.close()


def _end(amqp_url: str) -> float | None:
    """Return the last offset; None if there is none, infinity if no message says it.

    The broker's count of a stream lags behind (3.10), but it delivers the last chunk as a whole.
    """
    seen: list[float] = []
    try:
        _see_last_chunk(amqp_url, seen)
    except ConnectionClosedByBroker as error:
        if error.reply_code != INTERNAL_ERROR:
            raise
        return math.inf
    told = [number for number in seen if number < math.inf]
    return max(told or seen, default=None)


def _see_last_chunk(amqp_url: str, seen: list[float]) -> None:
    with _connected(amqp_url) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=WHOLE_CHUNK)
        channel.basic_consume(
            topology.HISTORY,
            lambda *delivery: seen.append(_number(delivery[2], math.inf)),
            arguments={"x-stream-offset": "last"},
        )
        connection.process_data_events(time_limit=QUIET)
        channel.basic_qos(prefetch_count=WHOLE_CHUNK)  # answered after the chunk on its way
        connection.process_data_events(time_limit=0)


def _is_beyond(offset: Offset, end: float | None) -> bool:
    return end is None or offset == "next" or (isinstance(offset, int) and offset > end)


def _deliveries(connection: Any, offset: Offset, follow: bool) -> Iterator[tuple[int, Any, bytes]]:
    channel = connection.channel()
    channel.basic_qos(prefetch_count=PREFETCH)
    found = channel.consume(
        topology.HISTORY, arguments={"x-stream-offset": offset}, inactivity_timeout=QUIET
    )
    number = offset - 1 if isinstance(offset, int) else -1
    for method, properties, body in found:
        if method is not None:
            if method.delivery_tag % (PREFETCH // 5) == 0:
                channel.basic_ack(method.delivery_tag, multiple=True)
            number = int(_number(properties, number + 1))
            yield number, properties, body
        elif not follow:
            return  # nothing was published since that instant


def _number(properties: Any, otherwise: float) -> float:
    """Return a delivery's offset, set by the broker; `otherwise` if the publisher wrote one,
    too.
    """
    number = (properties.headers or {}).get("x-stream-offset")
    return number if isinstance(number, int) else otherwise


def _event(properties: Any, body: bytes) -> Read:
    try:
        return events.read(properties.headers, body, properties.content_type)
    except UndecodableError as error:
        return error


def _is_older(event: Read, offset: Offset) -> bool:
    """Return whether an event is older than the wanted instant: the first chunk comes as a whole.

    It compares ids, because `Event.time` may be of a steered clock.
    """
    if isinstance(event, UndecodableError) or not isinstance(offset, datetime):
        return False
    return ids.made_at(event.id) < offset.timestamp()
