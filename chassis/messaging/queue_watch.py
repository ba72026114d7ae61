"""Polls a worker's queues: how many dead letters there are, and which partitions exist."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import eventlet
import pika
import structlog
from pika.adapters.blocking_connection import BlockingConnection

from chassis.messaging import partitions, topology
from chassis.messaging.queue_figures import Unanswered
from chassis.messaging.subscriptions import Subscription
from chassis.operations import metrics

# Seconds between two polls of known queues, and between two searches for more partitions: the
# broker logs an error when it is asked for a queue that does not exist.
POLL_INTERVAL, DISCOVERY_INTERVAL = 5.0, 60.0

Ready = Mapping[str, int]
"""How many messages are ready in each existing queue of a subscription."""
Seen = Callable[[Ready], None]

log = structlog.get_logger()


def watch(amqp_url: str, probes: Sequence["QueueProbe"]) -> None:
    """Poll every `POLL_INTERVAL` seconds, for ever; while the broker is away, wait for it."""
    while True:
        try:
            with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
                while True:
                    for probe in probes:
                        probe(connection)
                    connection.sleep(POLL_INTERVAL)
        except Exception as error:
            log.info("can't poll the queues now", why=repr(error)[:200])
        eventlet.sleep(POLL_INTERVAL)


class QueueProbe:
    """Polls one subscription's queues."""

    def __init__(self, subscription: Subscription[Any], seen: Seen) -> None:
        self._subscription, self._seen = subscription, seen
        self._ready: Ready = {}
        self._queues: Sequence[str] = ()
        self._known: dict[str, int | None] = {}
        self._discover_at = 0.0

    def __call__(self, connection: BlockingConnection) -> None:
        """Poll once, and report to the metrics and to the worker."""
        dead = self._count(connection, topology.dead(self._subscription.name))
        metrics.DEAD_LETTERS.labels(self._subscription.name).set(dead or 0)
        if self._subscription.partitioned:
            self._probe(connection)
        self._seen(self._ready)

    def _probe(self, connection: BlockingConnection) -> None:
        if time.monotonic() >= self._discover_at:
            self._discover_at = time.monotonic() + DISCOVERY_INTERVAL
            self._queues = partitions.existing(connection, self._subscription)
        counts = {queue: self._count(connection, queue) for queue in self._queues}
        self._ready = {queue: count for queue, count in counts.items() if count is not None}
        self._queues = list(self._ready)

    def _count(self, connection: BlockingConnection, queue: str) -> int | None:
        """Return how many messages are ready in a queue, as last known; None if it does not
        exist.
        """
        try:
            self._known[queue] = partitions.ready_in(connection, queue)
        except Unanswered as error:
            log.info("can't count a queue now", why=str(error))
        return self._known.get(queue, 0)
