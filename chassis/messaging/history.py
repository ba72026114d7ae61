"""Reading the history: the RabbitMQ stream that contains every event."""

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pika
from google.protobuf.message import Message as Body
from pika.exceptions import AMQPError, ConnectionClosedByBroker

from chassis import ids
from chassis.contracts import cloudevents, events
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
PIKA_LOG = logging.getLogger("pika.adapters.blocking_connection")

# The header of a message that is no event, and makes the history's segments full (`filling`).
FILLER = "x-tandem-filler"

Offset = str | int | datetime
Read = Event[Body] | UndecodableError


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the history as its publisher wrote it."""

    offset: int
    headers: Mapping[str, Any]
    body: bytes
    content_type: str | None
    error: str = ""
    """Why the message itself can't be had; its other fields are empty then."""

    @property
    def is_filler(self) -> bool:
        """Whether it is no event, and is to be skipped."""
        return FILLER in self.headers

    @property
    def event(self) -> Read:
        """Return the event, or why there is none."""
        if self.error:
            return UndecodableError(self.error)
        try:
            return events.read(self.headers, self.body, self.content_type)
        except UndecodableError as error:
            return error

    @property
    def made_at(self) -> float:
        """Return when its event was made, in Unix seconds of the system's clock; now if it does not
        say.
        """
        return ids.made_at(str(cloudevents.raw(self.headers).get("id", "")))


def read(amqp_url: str, offset: Offset, follow: bool = False) -> Iterator[tuple[int, Read]]:
    """Yield every event from `offset` on ("first", "next", a number, or an instant), with its
    offset.

    An instant is of the system's clock: events made before it are skipped. Ends with the last event
    that exists at the start, unless `follow` is set. A message that can't be decoded yields the
    error. Raises pika.exceptions.AMQPError if there is no broker or no history.
    """
    end = math.inf if follow else last_offset(amqp_url)
    for each in messages(amqp_url, offset, end, follow):
        event = each.event
        if not each.is_filler and not is_older(event, offset):
            yield each.offset, event


def messages(
    amqp_url: str, offset: Offset, end: float | None, follow: bool = False
) -> Iterator[Message]:
    """Yield every message from `offset` to the offset `end` (see `last_offset`) as it was
    published; with `follow` also those after it, for ever.

    The first ones may be older than an instant: the broker delivers whole chunks. An offset that is
    missing was removed from the history. Raises as `read` does.
    """
    if not follow and _is_beyond(offset, end):
        return
    for each in _unstopped(amqp_url, offset, follow):
        yield each
        if not follow and end is not None and each.offset >= end:
            return


def has(amqp_url: str, offset: int) -> bool:
    """Return whether the history has a message at `offset`: it was not deleted yet."""
    first = next(messages(amqp_url, offset, last_offset(amqp_url)), None)
    return first is not None and first.offset == offset


def _unstopped(amqp_url: str, offset: Offset, follow: bool) -> Iterator[Message]:
    """Read on, with a new connection, if the broker fails to deliver a stored message.

    RabbitMQ 3.10 stores messages that it can't deliver, such as one with two headers `CC` of which
    one is no list, and ends the connection without saying which message it was. We skip them one by
    one, and yield an error for each, until the broker delivers the next message. If it fails at an
    instant, we begin at the beginning.
    """
    place: Offset = 0 if offset == "first" else offset
    skipped = 0
    while True:
        before = place
        try:
            with _connected(amqp_url) as connection:
                for number, properties, body in _deliveries(connection, place, follow):
                    place = number + 1
                    yield Message(number, properties.headers or {}, body, properties.content_type)
            return
        except ConnectionClosedByBroker as error:
            if isinstance(place, datetime) and error.reply_code == INTERNAL_ERROR:
                place = 0  # at an instant there is no next message to try
                continue
            skipped = skipped + 1 if place == before else 0
            if error.reply_code != INTERNAL_ERROR or not isinstance(place, int):
                raise
            if skipped > MOST_SKIPPED:
                raise  # the cause is not the messages
            if skipped:
                yield Message(place, {}, b"", None, "the broker can't hand it over")
                place += 1


@contextmanager
def _connected(amqp_url: str) -> Iterator[Any]:
    """Yield a connection, and ignore errors when it is closed.

    pika returns undelivered messages, which a stream refuses (540); pika then logs an error.
    """
    connection = pika.BlockingConnection(amqp_pika.parameters(amqp_url))
    try:
        yield connection
    finally:
        PIKA_LOG.disabled = True
        with suppress(AMQPError):
            connection.close()
        PIKA_LOG.disabled = False


def last_offset(amqp_url: str) -> float | None:
    """Return the history's last offset; None if it is empty, infinity if no message says it.

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


def is_older(event: Read, offset: Offset) -> bool:
    """Return whether an event is older than the wanted instant: the first chunk comes as a whole.

    It compares ids, because `Event.time` may be of a steered clock.
    """
    if isinstance(event, UndecodableError) or not isinstance(offset, datetime):
        return False
    return ids.made_at(event.id) < offset.timestamp()
