"""The queues of a partitioned subscription: their names, their arguments, and which exist.

A consistent-hash exchange with the subscription's name sends all events of one partition key to the
same of its queues `<subscription>.0`, `<subscription>.1`, ... The plain queue with the
subscription's name takes events that come back from the delays or the dead letters, whatever the
number of partitions is by then.

Partitions are created from the lowest number up and removed from the highest down, so the existing
ones have no gap: to find them, ask for one after the other.
"""

from contextlib import suppress
from functools import partial
from itertools import takewhile
from typing import Any

from pika.adapters.blocking_connection import BlockingConnection

from chassis.messaging.queue_figures import Figures, Unanswered, exists, figures
from chassis.messaging.subscriptions import Subscription
from chassis.operations import settings

# RabbitMQ's rabbitmq_consistent_hash_exchange; its bindings' routing key is a weight.
KIND, WEIGHT = "x-consistent-hash", "1"
EXCHANGE_ARGUMENTS = {"hash-header": "cloudEvents_partitionkey"}
# Workers share partitions by lease. This is a second fence: the broker lets one consume at a time.
QUEUE_ARGUMENTS = {"x-single-active-consumer": True}


def name(subscription: str, number: int) -> str:
    """Return the queue of one partition."""
    return f"{subscription}.{number}"


def names(subscription: str, count: int) -> list[str]:
    """Return the queues of the first `count` partitions."""
    return [name(subscription, number) for number in range(count)]


def queues(subscription: Subscription[Any], count: int) -> list[str]:
    """Return every queue that delivers the subscription's events, if it has `count` partitions."""
    return [
        subscription.name,
        *(names(subscription.name, count) if subscription.partitioned else ()),
    ]


def existing(connection: BlockingConnection, subscription: Subscription[Any]) -> list[str]:
    """Return the queues of the subscription that exist."""
    name, *numbered = queues(subscription, settings.MOST_PARTITIONS)
    plain = [name] if exists(connection, name) else []
    return plain + list(takewhile(partial(exists, connection), numbered))


def ready(connection: BlockingConnection, subscription: Subscription[Any]) -> dict[str, int]:
    """Return how many messages are ready in each existing queue of the subscription.

    Raises Unanswered.
    """
    found = {each: ready_in(connection, each) for each in existing(connection, subscription)}
    return {queue: count for queue, count in found.items() if count is not None}


def ready_in(connection: BlockingConnection, queue: str) -> int | None:
    """Return how many messages are ready in a queue; None if there is no such queue.

    Raises Unanswered.
    """
    found = figures(connection, queue)
    return None if found is None else found.ready


def is_drained(connection: BlockingConnection, queue: str) -> bool:
    """Return whether a queue has no ready message and no consumer.

    A worker leaves a queue by closing the channel that consumed it, so that the broker gets back
    what was not acknowledged. A queue that does not report its figures may have events.
    """
    with suppress(Unanswered):
        return figures(connection, queue) == Figures(ready=0, consumers=0)
    return False


def surplus(connection: BlockingConnection, subscription: str, count: int) -> list[str]:
    """Return the partitions' queues beyond the first `count`, which a greater setting left."""
    beyond = names(subscription, settings.MOST_PARTITIONS)[count:]
    return list(takewhile(partial(exists, connection), beyond))
