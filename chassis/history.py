"""Reading the history: the RabbitMQ stream that every event also flows into."""

from collections.abc import Iterator
from datetime import datetime

import pika
from google.protobuf.message import Message

from chassis import events, topology
from chassis.events import Event, UndecodableError

PREFETCH = 500
# Nothing for so long means that the end is reached.
QUIET = 1.0

Offset = str | int | datetime


def read(
    amqp_url: str, offset: Offset, follow: bool = False
) -> Iterator[tuple[int, Event[Message] | UndecodableError]]:
    """Every event from `offset` on ("first", "next", a number, or an instant), with its offset.

    A stream hands over whole chunks, so what is older than an instant is passed over here. Ends
    where the stream does, unless told to `follow`. What can't be decoded comes as the error.
    """
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=PREFETCH)
        deliveries = channel.consume(
            topology.HISTORY, arguments={"x-stream-offset": offset}, inactivity_timeout=QUIET
        )
        for method, properties, body in deliveries:
            if method is None:
                if follow:
                    continue
                return
            channel.basic_ack(method.delivery_tag)
            event = _event(properties.headers, body)
            if not _is_older(event, offset):
                yield int(properties.headers.get("x-stream-offset", -1)), event


def _event(headers: dict[str, object], body: bytes) -> Event[Message] | UndecodableError:
    try:
        return events.read(headers, body)
    except UndecodableError as error:
        return error


def _is_older(event: Event[Message] | UndecodableError, offset: Offset) -> bool:
    return isinstance(event, Event) and isinstance(offset, datetime) and event.time < offset
