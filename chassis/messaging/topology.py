"""What stands in the broker: the exchange, the history, the queues and their delay tiers.

Right for RabbitMQ 3.10 to 4.x: quorum queues and a stream, nothing transient. Declaring is
idempotent; a queue that exists with other arguments makes the broker refuse, which is an error.

A partitioned subscription has a consistent-hash exchange with a queue for each partition (see
`partitions`). Its plain queue is bound to nothing; where an earlier version bound it, the exchange
is bound first, so that an event in between is in both, and the inbox drops the repeat.

A binding that a subscription no longer wants stays until it is removed by hand, on the management
page or by its API (DELETE /api/bindings/<vhost>/e/tandem.events/q/<queue>/<key>): a declaration
can't tell it from one that a newer version of the service has made.
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
HISTORY = "tandem.history"
HISTORY_ARGUMENTS: dict[str, Any] = {
    "x-queue-type": "stream",
    "x-max-age": "30D",
    "x-max-length-bytes": 50 * 1024**3,
    "x-stream-max-segment-size-bytes": 50 * 1024**2,
}
# How long a `Retry` waits, by attempt; after the last one the event is a dead letter.
DELAYS: tuple[timedelta, ...] = (
    timedelta(seconds=1),
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=10),
)
# A delivery that brings its worker down comes back this often before the broker gives it up.
DELIVERY_LIMIT = 20
# Seconds between two tries to declare.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# Seconds from the last event that may be routed to a queue to its being in it, by far.
DRAIN_WAIT = 10.0
# Looking at a dead letter is a delivery too, and RabbitMQ 4 has a limit of 20 where none is given;
# it would then throw the letter away.
UNLIMITED_DELIVERIES = 2**31 - 1
# The delivery mode of a message that is still there after the broker has started again.
PERSISTENT = 2
# Headers that the broker adds on the way. A message that is published again must not bear them: of
# one that expires in a delay on its way to a queue that x-death names, RabbitMQ believes that it
# goes in circles, and drops it (rabbit_dead_letter:detect_cycles).
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

    The history comes last: a relay waits for it, and publishes nothing before the queues are there.

    `count` is the number of partitions. Those of an earlier, greater number get no more events;
    such as are drained by then are removed.

    Raises pika.exceptions.AMQPError when the broker is away, or has something else by a name.
    """
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        declare_exchange(channel)
        for subscription in subscriptions:
            if subscription.partitioned:
                _declare_partitions(channel, subscription, count)
            else:
                declare_queue(channel, subscription.name, subscription.routing_keys)
        _declare_delays(channel)
        declare_history(channel)
        _shrink(connection, [each.name for each in subscriptions if each.partitioned], count)


def declare_when_there(
    amqp_url: str, subscriptions: Sequence[Subscription[Any]], count: int = PARTITIONS
) -> None:
    """`declare`, as soon as the broker is there and lets us in: users and hosts may come late.

    Raises AMQPChannelError where it refuses a declaration.
    """
    for pause in _pauses():
        try:
            declare(amqp_url, subscriptions, count)
            return
        except (OSError, AMQPConnectionError) as error:
            log.warning("waiting for RabbitMQ", why=repr(error)[:200], seconds=pause)
        time.sleep(pause)


def wait_until_declared(amqp_url: str, subscriptions: Sequence[Subscription[Any]]) -> None:
    """Wait until every queue is there that a worker of `subscriptions` needs; declares nothing.

    It waits for a broker that is away, and for one that does not let us in.
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
    """The queues that a worker of `subscriptions` needs and that are not there.

    Of partitions one at least: how many there are is the declare role's to say.
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
    """The exchange, on which nothing is published before there is a history."""
    channel.exchange_declare(EXCHANGE, "topic", durable=True)


def declare_history(channel: BlockingChannel) -> None:
    """The stream that keeps everything."""
    channel.queue_declare(HISTORY, durable=True, arguments=HISTORY_ARGUMENTS)
    channel.queue_bind(HISTORY, EXCHANGE, "#")


def declare_queue(channel: BlockingChannel, name: str, routing_keys: Iterable[str]) -> None:
    """A queue with its dead letters, bound by `routing_keys`."""
    channel.queue_declare(dead(name), durable=True, arguments=DEAD_ARGUMENTS)
    channel.queue_declare(name, durable=True, arguments=queue_arguments(name))
    for key in routing_keys:
        channel.queue_bind(name, EXCHANGE, key)


def _declare_partitions(channel: BlockingChannel, of: Subscription[Any], count: int) -> None:
    """Its queues, by way of its exchange, to which no event comes before it has a partition."""
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


def _shrink(connection: pika.BlockingConnection, subscriptions: Sequence[str], count: int) -> None:
    """Let the partitions beyond `count` get no more events; remove what is drained of them."""
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
    """Remove queues from the highest number down, as far as they are drained."""
    for queue in reversed(queues):
        if not partitions.is_drained(connection, queue):
            log.warning("partitions to be drained first; declare again then", up_to=queue)
            return
        connection.channel().queue_delete(queue)
        log.info("removed a partition", queue=queue)


def queue_arguments(name: str) -> dict[str, Any]:
    """What the queues of the subscription `name` are declared with.

    at-least-once dead-lettering wants reject-publish, so that the broker never drops the head.
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
    """The name of a queue's dead letters."""
    return f"{queue}.dead"


def delay_name(attempt: int) -> str | None:
    """The exchange for the pause before attempt `attempt` + 1; None when there is none left."""
    if attempt > len(DELAYS):
        return None
    return f"tandem.delay.{int(DELAYS[attempt - 1].total_seconds())}s"


def delays() -> list[str]:
    """The queues of all tiers."""
    return [str(delay_name(attempt)) for attempt in range(1, len(DELAYS) + 1)]


def _declare_delays(channel: BlockingChannel) -> None:
    """For each tier an exchange, and a queue that sends what expires back to its routing key."""
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
