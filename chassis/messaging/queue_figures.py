"""The broker's figures of a queue: how many messages are ready, and how many consumers it has."""

import time
from collections.abc import Callable
from typing import NamedTuple

from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import AMQPError, ChannelClosedByBroker

NOT_FOUND = 404
# A quorum queue has 250 ms to report its figures; if it is late, the broker answers with zeros
# (rabbit_quorum_queue:stat/2). So zeros that took this many seconds may be no answer.
LATE = 0.24
TRIES = 8


class Figures(NamedTuple):
    """The figures of a queue."""

    ready: int
    """Messages that are not delivered to a consumer."""
    consumers: int


class Unanswered(AMQPError):  # type: ignore[misc]
    """The queue did not report its figures, as on a busy broker."""

    def __str__(self) -> str:
        return f"queue {self.args[0]!r} does not report its figures; the broker is busy: try again"

    __repr__ = __str__


def exists(connection: BlockingConnection, queue: str) -> bool:
    """Return whether the queue exists. This needs no permission for it."""
    return _asked(connection, queue, _told) is not None


def figures(connection: BlockingConnection, queue: str) -> Figures | None:
    """Return the figures of a queue; None if there is no such queue. Raises Unanswered."""
    return _asked(connection, queue, _answered)


def _asked(
    connection: BlockingConnection, queue: str, ask: Callable[[BlockingChannel, str], Figures]
) -> Figures | None:
    channel = connection.channel()
    try:
        found = ask(channel, queue)
    except ChannelClosedByBroker as error:  # the broker closes the channel if the queue is missing
        if error.reply_code != NOT_FOUND:
            raise
        return None
    channel.close()
    return found


def _answered(channel: BlockingChannel, queue: str) -> Figures:
    for _ in range(TRIES):
        began = time.monotonic()
        found = _told(channel, queue)
        if any(found) or time.monotonic() - began < LATE:
            return found
    raise Unanswered(queue)


def _told(channel: BlockingChannel, queue: str) -> Figures:
    told = channel.queue_declare(queue, passive=True).method
    return Figures(int(told.message_count), int(told.consumer_count))
