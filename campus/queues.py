"""The queues that the services' workers declare."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pika

from chassis.messaging import partitions, topology
from chassis.messaging.subscriptions import Subscription


def subscriptions() -> Mapping[str, Sequence[Subscription[Any]]]:
    """Return the subscriptions of each service that has any."""
    # Imported here, because only this function needs the services' code.
    from services.catalog import worker as catalog
    from services.library import worker as library
    from services.notify import worker as notify
    from services.notify.texts import Texts
    from services.progress import worker as progress
    from services.sessions import worker as sessions

    return {
        "catalog": catalog.subscriptions(),
        "library": library.subscriptions(),
        "sessions": sessions.subscriptions(),
        "progress": progress.subscriptions(),
        "notify": notify.subscriptions(Texts(), ()),
    }


def names() -> list[str]:
    """Return the names of all subscriptions, which are also the names for their dead letters."""
    return sorted(each.name for each in _all())


def waiting(amqp_url: str, of: Iterable[str]) -> int:
    """Return how many events wait for a worker in all queues of some subscriptions.

    Events that a worker holds are not counted. Raises pika.exceptions.AMQPError if there is no
    broker.
    """
    wanted = set(of)
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        found = [partitions.ready(connection, each) for each in _all() if each.name in wanted]
        return sum(sum(queues.values()) for queues in found)


def delayed(amqp_url: str) -> int:
    """Return how many events wait for a retry. Raises the same errors as `waiting`."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        return sum(partitions.ready_in(connection, each) or 0 for each in topology.delays())


def _all() -> list[Subscription[Any]]:
    return [each for declared in subscriptions().values() for each in declared]
