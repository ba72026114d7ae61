"""Replaying events of the history into subscriptions' queues, as after a restore of a backup."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pika

from chassis import ids
from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.messaging import amqp_pika, history, topology
from chassis.messaging.subscriptions import Subscription


def replay(
    amqp_url: str,
    subscriptions: Sequence[Subscription[Any]],
    since: datetime,
    until: datetime,
) -> Counter[str]:
    """Send events made in [since, until) to the plain queue of each subscription that takes them.

    Return how many events each queue was sent. An event that was applied before is a repeat, as
    long as the inbox remembers it. Instants are of the system's clock. Raises
    pika.exceptions.UnroutableError if a queue is missing, and another AMQPError if there is no
    broker or no history; repeating it is harmless.
    """
    queues = _queues_by_type(subscriptions)
    sent: Counter[str] = Counter()
    with pika.BlockingConnection(amqp_pika.parameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for event in _wanted(amqp_url, since, until, queues):
            body, properties = events.body_of(event.data), _properties(event)
            for queue in queues[event.type]:
                channel.basic_publish("", queue, body, properties, mandatory=True)
                sent[queue] += 1
    return sent


def _wanted(
    amqp_url: str, since: datetime, until: datetime, types: Container[str]
) -> Iterator[Event[Any]]:
    """Yield the events of these types that were made in [since, until).

    Undecodable messages are skipped: no subscription applied them before, either.
    """
    end = until.timestamp()
    for _, event in history.read(amqp_url, since):
        if isinstance(event, Event) and event.type in types and ids.made_at(event.id) < end:
            yield event


def _queues_by_type(subscriptions: Sequence[Subscription[Any]]) -> Mapping[str, list[str]]:
    types = {key for each in subscriptions for key in each.routing_keys}
    return {
        kind: [each.name for each in subscriptions if kind in each.routing_keys] for kind in types
    }


def _properties(event: Event[Any]) -> pika.BasicProperties:
    return pika.BasicProperties(
        delivery_mode=topology.PERSISTENT,
        content_type=events.CONTENT_TYPE,
        message_id=event.id,
        type=event.type,
        headers=events.headers_of(event),
    )
