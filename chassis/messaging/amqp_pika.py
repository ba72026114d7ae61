"""pika with a decoder of properties of our own, so that no message can end a connection.

pika looks the class of properties up in the table `pika.spec.props`; as soon as one connection is
made here, our class is in it for the whole process (docs/decisions/0015).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pika
from pika import spec
from pika.adapters.blocking_connection import BlockingConnection

from chassis.contracts.amqp_tables import PROPERTIES, read_properties


class Properties(pika.BasicProperties):  # type: ignore[misc]
    """Basic properties that can be decoded from any bytes."""

    def decode(self, encoded: bytes, offset: int = 0) -> "Properties":
        """Decode a content header's bytes (a hook of pika)."""
        found = read_properties(encoded, offset)
        for name in PROPERTIES:
            setattr(self, name, found.get(name))
        return self


def parameters(amqp_url: str) -> pika.URLParameters:
    """Return connection parameters with which no received message can end the connection."""
    spec.props[Properties.INDEX] = Properties
    return pika.URLParameters(amqp_url)


@contextmanager
def connected(amqp_url: str) -> Iterator[BlockingConnection]:
    """Yield a blocking connection, and close it at the end. Raises pika.exceptions.AMQPError."""
    with pika.BlockingConnection(parameters(amqp_url)) as connection:
        yield connection
