"""The queues that the services' workers declare, for who looks into the broker."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pika

from chassis import topology
from chassis.subscriptions import Subscription


def subscriptions() -> Mapping[str, Sequence[Subscription[Any]]]:
    """Every service's subscriptions, of those that have any."""
    # Imported late: only this needs the services' code.
    from services.library import worker as library
    from services.notify import worker as notify
    from services.notify.texts import Texts
    from services.progress import worker as progress
    from services.sessions import worker as sessions

    return {
        "library": library.subscriptions(),
        "sessions": sessions.subscriptions(),
        "progress": progress.subscriptions(),
        "notify": notify.subscriptions(Texts(), ()),
    }


def names() -> list[str]:
    """Every subscription's queue."""
    return sorted(each.name for declared in subscriptions().values() for each in declared)


def delays() -> list[str]:
    """The queues in which events wait for a next try."""
    return [str(topology.delay_name(attempt)) for attempt in range(1, len(topology.DELAYS) + 1)]


def waiting(amqp_url: str, queues: Iterable[str]) -> int:
    """How many messages wait in some queues; what a worker has in hand is not counted.

    Raises pika.exceptions.AMQPError where there is no broker, or a queue is missing.
    """
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        return sum(
            channel.queue_declare(queue, passive=True).method.message_count for queue in queues
        )
