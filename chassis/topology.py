"""What stands in the broker: the exchange, the history, the queues and their delay tiers.

Right for RabbitMQ 3.10 to 4.x: quorum queues and a stream, nothing transient. Declaring is
idempotent; a queue that exists with other arguments makes the broker refuse, which is an error.

A binding that a subscription no longer wants stays until it is removed by hand, on the management
page or by its API (DELETE /api/bindings/<vhost>/e/tandem.events/q/<queue>/<key>): a declaration
can't tell it from one that a newer version of the service has made.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError

from chassis.subscriptions import Subscription

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
# Looking at a dead letter is a delivery too, and RabbitMQ 4 has a limit of 20 where none is given;
# it would then throw the letter away.
LOOKS = 2**31 - 1
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

DEAD_ARGUMENTS: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": LOOKS}

log = structlog.get_logger()


def declare(amqp_url: str, subscriptions: Sequence[Subscription[Any]]) -> None:
    """Declare the exchange, the history, and the queues of `subscriptions`.

    Raises pika.exceptions.AMQPError when the broker is away, or has something else by a name.
    """
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        declare_exchange(channel)
        for subscription in subscriptions:
            declare_queue(channel, subscription.name, subscription.routing_keys)
        _declare_delays(channel)


def declare_when_there(
    amqp_url: str,
    subscriptions: Sequence[Subscription[Any]],
    waits_out: tuple[type[Exception], ...] = (OSError, AMQPConnectionError),
) -> None:
    """`declare`, as soon as the broker is there and lets us in: users and hosts may come late.

    Raises AMQPChannelError where it refuses a declaration, unless that is waited out too.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            return declare(amqp_url, subscriptions)
        except waits_out as error:
            log.warning("waiting for RabbitMQ", why=repr(error)[:200], seconds=pause)
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def declare_exchange(channel: BlockingChannel) -> None:
    """The exchange, and the stream that keeps everything."""
    channel.exchange_declare(EXCHANGE, "topic", durable=True)
    channel.queue_declare(HISTORY, durable=True, arguments=HISTORY_ARGUMENTS)
    channel.queue_bind(HISTORY, EXCHANGE, "#")


def declare_queue(channel: BlockingChannel, name: str, routing_keys: Iterable[str]) -> None:
    """A subscription's queue with its dead letters, bound by `routing_keys`."""
    channel.queue_declare(dead(name), durable=True, arguments=DEAD_ARGUMENTS)
    channel.queue_declare(name, durable=True, arguments=queue_arguments(name))
    for key in routing_keys:
        channel.queue_bind(name, EXCHANGE, key)


def queue_arguments(name: str) -> dict[str, Any]:
    """What a subscription's queue is declared with.

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
