"""The broker's topology: the exchange, the history, the queues and their delay tiers.

It works for RabbitMQ 3.10 to 4.x: quorum queues and a stream, nothing transient. Declaring is
idempotent; the broker refuses to declare a queue that exists with other arguments, which is an
error.

A partitioned subscription has a consistent-hash exchange with a queue for each partition (see
`partitions`). Its plain queue is bound to nothing. If an earlier version bound it, the exchange is
bound first, so that an event in between is in both, and the inbox drops the repeat.

A binding that moved to another subscription (`Subscription.former`) is removed after all queues are
bound, so that an event in between is in both. Another binding that a subscription no longer needs
stays until a person removes it, on the management page or by its API
(DELETE /api/bindings/<vhost>/e/tandem.events/q/<queue>/<key>): a declaration can't distinguish it
from a binding of a newer version of the service.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError, AMQPError

from chassis.messaging import partitions
from chassis.messaging.queue_figures import exists
from chassis.messaging.subscriptions import Subscription
from chassis.operations.settings import PARTITIONS

EXCHANGE = "tandem.events"
# Takes the events of resyncs. Each subscription that takes them is bound by keys of its own, so
# that a resync reaches one subscription, and an unroutable event says that it takes none.
RESYNC = "tandem.resync"
HISTORY = "tandem.history"
# Bytes of a segment, the unit in which a stream deletes.
SEGMENT = 50 * 1024**2
HISTORY_ARGUMENTS: dict[str, Any] = {
    "x-queue-type": "stream",
    # So that no event stays for more than 30 days (chassis.messaging.filling).
    "x-max-age": "27D",
    "x-max-length-bytes": 50 * 1024**3,
    "x-stream-max-segment-size-bytes": SEGMENT,
}
# How long a `Retry` waits, by attempt; after the last one the event becomes a dead letter.
DELAYS: tuple[timedelta, ...] = (
    timedelta(seconds=1),
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=10),
)
# A message that crashes its worker is delivered this often before the broker gives it up.
DELIVERY_LIMIT = 20
# Seconds between two attempts to declare.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# Seconds, with a wide margin, until an event that is being routed to a queue has arrived in it.
DRAIN_WAIT = 10.0
# Listing a dead letter is a delivery too, and RabbitMQ 4 has a default limit of 20; it would then
# delete the dead letter.
UNLIMITED_DELIVERIES = 2**31 - 1
# The delivery mode of a message that survives a restart of the broker.
PERSISTENT = 2
# Headers that the broker adds. A message that is published again must not have them: if it expires
# in a delay on its way to a queue that x-death names, RabbitMQ assumes a cycle, and drops it
# (rabbit_dead_letter:detect_cycles).
BROKERS = (
    "x-death",
    "x-delivery-count",
    "x-first-death-exchange",
    "x-first-death-queue",
    "x-first-death-reason",
)

DEAD_ARGUMENTS: dict[str, Any] = {
    "x-queue-type": "quorum",
    "x-delivery-limit": UNLIMITED_DELIVERIES,
}

log = structlog.get_logger()


def declare(
    amqp_url: str, subscriptions: Sequence[Subscription[Any]], count: int = PARTITIONS
) -> None:
    """Declare the exchange, the queues of `subscriptions`, and the history.

    The history comes last: a relay waits for it, and publishes nothing before the queues exist.

    `count` is the number of partitions. Partitions beyond it, from an earlier setting, get no more
    events; those that are drained are removed.

    Raises pika.exceptions.AMQPError if the broker is away, or has something else under a name.
    """
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        declare_exchange(channel)
        for subscription in subscriptions:
            if subscription.partitioned:
                _declare_partitions(channel, subscription, count)
            else:
                declare_queue(channel, subscription.name, subscription.routing_keys)
            _bind_resyncs(channel, subscription)
        for subscription in subscriptions:
            _unbind_former(channel, subscription)
        _declare_delays(channel)
        declare_history(channel)
        _shrink(connection, [each.name for each in subscriptions if each.partitioned], count)


def declare_when_there(
    amqp_url: str, subscriptions: Sequence[Subscription[Any]], count: int = PARTITIONS
) -> None:
    """Call `declare` as soon as the broker answers and accepts our user.

    Raises AMQPChannelError if it refuses a declaration.
    """
    for pause in _pauses():
        try:
            declare(amqp_url, subscriptions, count)
            return
        except (OSError, AMQPConnectionError) as error:
            log.warning("waiting for RabbitMQ", why=repr(error)[:200], seconds=pause)
        time.sleep(pause)


def wait_until_declared(amqp_url: str, subscriptions: Sequence[Subscription[Any]]) -> None:
    """Wait until every queue exists that a worker of `subscriptions` needs; declare nothing.

    It also waits while the broker is away, or does not accept our user.
    """
    for pause in _pauses():
        try:
            absent = missing(amqp_url, subscriptions)
            if not absent:
                return
            log.warning("waiting for the declare role", queues=absent, seconds=pause)
        except (OSError, AMQPError) as error:
            log.warning("waiting for RabbitMQ", why=repr(error)[:200], seconds=pause)
        time.sleep(pause)


def missing(amqp_url: str, subscriptions: Sequence[Subscription[Any]]) -> list[str]:
    """Return the queues that a worker of `subscriptions` needs and that don't exist.

    It needs at least one partition: the declare role decides how many there are.
    """
    wanted = [queue for each in subscriptions for queue in partitions.queues(each, 1)]
    wanted += [dead(each.name) for each in subscriptions]
    wanted += delays() if subscriptions else []
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        return [queue for queue in wanted if not exists(connection, queue)]


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)


def declare_exchange(channel: BlockingChannel) -> None:
    """Declare the exchange; relays publish nothing before the history exists."""
    channel.exchange_declare(EXCHANGE, "topic", durable=True)


def resync_key(subscription: str, event_type: str) -> str:
    """Return the routing key of an event of a resync; its type comes first, for rights by topic."""
    return f"{event_type}.{subscription}"


def _bind_resyncs(channel: BlockingChannel, subscription: Subscription[Any]) -> None:
    channel.exchange_declare(RESYNC, "topic", durable=True)
    for key in (resync_key(subscription.name, each) for each in subscription.resync_keys):
        if subscription.partitioned:
            channel.exchange_bind(subscription.name, RESYNC, key)
        else:
            channel.queue_bind(subscription.name, RESYNC, key)


def declare_history(channel: BlockingChannel) -> None:
    """Declare the history, the stream that stores every event.

    One that exists keeps its arguments, which nobody can change: earlier versions declared another
    age, which a policy lowers (docs/operators.md).
    """
    if not exists(channel.connection, HISTORY):
        channel.queue_declare(HISTORY, durable=True, arguments=HISTORY_ARGUMENTS)
    channel.queue_bind(HISTORY, EXCHANGE, "#")


def declare_queue(channel: BlockingChannel, name: str, routing_keys: Iterable[str]) -> None:
    """Declare a queue with its dead letters, bound by `routing_keys`."""
    channel.queue_declare(dead(name), durable=True, arguments=DEAD_ARGUMENTS)
    channel.queue_declare(name, durable=True, arguments=queue_arguments(name))
    for key in routing_keys:
        channel.queue_bind(name, EXCHANGE, key)


def _declare_partitions(channel: BlockingChannel, of: Subscription[Any], count: int) -> None:
    """Declare its exchange and its queues; the exchange is bound after it has a partition."""
    declare_queue(channel, of.name, ())
    channel.exchange_declare(
        of.name, partitions.KIND, durable=True, arguments=partitions.EXCHANGE_ARGUMENTS
    )
    arguments = queue_arguments(of.name) | partitions.QUEUE_ARGUMENTS
    for queue in partitions.names(of.name, count):
        channel.queue_declare(queue, durable=True, arguments=arguments)
        channel.queue_bind(queue, of.name, partitions.WEIGHT)
    for key in of.routing_keys:
        channel.exchange_bind(of.name, EXCHANGE, key)
        channel.queue_unbind(of.name, EXCHANGE, key)


def _unbind_former(channel: BlockingChannel, of: Subscription[Any]) -> None:
    """Remove the bindings that moved to another subscription."""
    for key in of.former_keys:
        if of.partitioned:
            channel.exchange_unbind(of.name, EXCHANGE, key)
        else:
            channel.queue_unbind(of.name, EXCHANGE, key)


def _shrink(connection: pika.BlockingConnection, subscriptions: Sequence[str], count: int) -> None:
    """Stop routing events to the partitions beyond `count`; remove those that are drained."""
    found = {each: partitions.surplus(connection, each, count) for each in subscriptions}
    channel = connection.channel()
    for subscription, queues in found.items():
        for queue in queues:
            channel.queue_unbind(queue, subscription, partitions.WEIGHT)
    if any(found.values()):
        connection.sleep(DRAIN_WAIT)
    for queues in found.values():
        _remove_drained(connection, queues)


def _remove_drained(connection: pika.BlockingConnection, queues: Sequence[str]) -> None:
    """Remove queues from the highest number down, as long as they are drained."""
    for queue in reversed(queues):
        if not partitions.is_drained(connection, queue):
            log.warning("partitions are not drained yet; declare again later", up_to=queue)
            return
        connection.channel().queue_delete(queue)
        log.info("removed a partition", queue=queue)


def queue_arguments(name: str) -> dict[str, Any]:
    """Return the arguments of the queues of the subscription `name`.

    at-least-once dead-lettering needs reject-publish, so that the broker never drops the head.
    """
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead(name),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def dead(queue: str) -> str:
    """Return the name of a queue's dead-letter queue."""
    return f"{queue}.dead"


def delay_name(attempt: int) -> str | None:
    """Return the exchange for the delay before attempt `attempt` + 1; None if none is left."""
    if attempt > len(DELAYS):
        return None
    return f"tandem.delay.{int(DELAYS[attempt - 1].total_seconds())}s"


def delays() -> list[str]:
    """Return the queues of all delay tiers."""
    return [str(delay_name(attempt)) for attempt in range(1, len(DELAYS) + 1)]


def _declare_delays(channel: BlockingChannel) -> None:
    """Declare for each tier an exchange, and a queue that sends expired messages back to their
    queue.
    """
    for attempt, delay in enumerate(DELAYS, start=1):
        name = str(delay_name(attempt))
        channel.exchange_declare(name, "fanout", durable=True)
        channel.queue_declare(
            name,
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-message-ttl": int(delay.total_seconds() * 1000),
                "x-dead-letter-exchange": "",
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            },
        )
        channel.queue_bind(name, name)
