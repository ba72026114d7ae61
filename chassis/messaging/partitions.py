"""The queues of a partitioned subscription: their names, their arguments, and which are there.

Its events pass a consistent-hash exchange of the subscription's name, which sends all events of one
partition key to the same of its queues `<subscription>.0`, `<subscription>.1`, ... The plain queue
of the subscription's name takes what comes back from the delays and the dead letters, whatever the
number of partitions is by then.

Partitions are made from the lowest number up and removed from the highest down, so those that exist
have no gap between them: who wants to know them asks for one after the other.
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
    """The queue of one partition."""
    return f"{subscription}.{number}"


def names(subscription: str, count: int) -> list[str]:
    """The queues of the first `count` partitions."""
    return [name(subscription, number) for number in range(count)]


def queues(subscription: Subscription[Any], count: int) -> list[str]:
    """Every queue that brings the subscription's events, where it has `count` partitions."""
    return [
        subscription.name,
        *(names(subscription.name, count) if subscription.partitioned else ()),
    ]


def existing(connection: BlockingConnection, subscription: Subscription[Any]) -> list[str]:
    """The queues of the subscription that exist."""
    name, *numbered = queues(subscription, settings.MOST_PARTITIONS)
    plain = [name] if exists(connection, name) else []
    return plain + list(takewhile(partial(exists, connection), numbered))


def ready(connection: BlockingConnection, subscription: Subscription[Any]) -> dict[str, int]:
    """How many messages are ready in each queue of the subscription that exists.

    Raises Unanswered.
    """
    found = {each: ready_in(connection, each) for each in existing(connection, subscription)}
    return {queue: count for queue, count in found.items() if count is not None}


def ready_in(connection: BlockingConnection, queue: str) -> int | None:
    """How many messages are ready in a queue; None where there is no such queue.

    Raises Unanswered.
    """
    found = figures(connection, queue)
    return None if found is None else found.ready


def is_drained(connection: BlockingConnection, queue: str) -> bool:
    """Whether a queue has nothing ready, and nobody who could have something of it in hand.

    A worker lets go of a queue by closing the channel that consumed it, so that the broker has back
    what was not acknowledged. One that does not tell its figures may have events.
    """
    with suppress(Unanswered):
        return figures(connection, queue) == Figures(ready=0, consumers=0)
    return False


def surplus(connection: BlockingConnection, subscription: str, count: int) -> list[str]:
    """The partitions' queues beyond the first `count`, which an earlier number left."""
    beyond = names(subscription, settings.MOST_PARTITIONS)[count:]
    return list(takewhile(partial(exists, connection), beyond))
