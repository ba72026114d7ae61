"""Locks of commands: an exclusive queue, which the broker removes when its connection ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import ChannelClosedByBroker

from campus.consumers.errors import Busy
from chassis.messaging import amqp_pika

# AMQP 0-9-1, section 1.2: resource-locked.
LOCKED = 405


@contextmanager
def locked(amqp_url: str, lock: str) -> Iterator[BlockingConnection]:
    """Yield a connection that holds a lock until it ends, however it ends.

    Raises Busy if another one holds it, and pika.exceptions.AMQPError.
    """
    with amqp_pika.connected(amqp_url) as connection:
        try:
            arguments = {"x-queue-type": "classic"}
            connection.channel().queue_declare(lock, exclusive=True, arguments=arguments)
        except ChannelClosedByBroker as error:
            if error.reply_code != LOCKED:
                raise
            raise Busy(f"another command holds {lock}; try again when it has ended") from None
        yield connection
