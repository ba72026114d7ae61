"""pika, without its decoder of properties: no message can end a connection of ours.

pika looks a class of properties up in the table `pika.spec.props`; ours stands there for the whole
process as soon as one connection is made here (docs/decisions/0015).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pika
from pika import spec
from pika.adapters.blocking_connection import BlockingConnection

from chassis.contracts.amqp_tables import PROPERTIES, read_properties


class Properties(pika.BasicProperties):  # type: ignore[misc]
    """Basic properties that take whatever bytes come."""

    def decode(self, encoded: bytes, offset: int = 0) -> "Properties":
        """pika's hook: read from a content header's bytes."""
        found = read_properties(encoded, offset)
        for name in PROPERTIES:
            setattr(self, name, found.get(name))
        return self


def parameters(amqp_url: str) -> pika.URLParameters:
    """What to connect by; with it, no message that comes can end the connection."""
    spec.props[Properties.INDEX] = Properties
    return pika.URLParameters(amqp_url)


@contextmanager
def connected(amqp_url: str) -> Iterator[BlockingConnection]:
    """A blocking connection that is closed at the end. Raises pika.exceptions.AMQPError."""
    with pika.BlockingConnection(parameters(amqp_url)) as connection:
        yield connection
