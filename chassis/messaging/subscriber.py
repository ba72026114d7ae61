"""The subscriber: applies a subscription's batches of raw messages, and carries out dispositions.

While MongoDB or RabbitMQ is away it waits; no event becomes a dead letter because of that.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import eventlet
import structlog
from amqp.exceptions import MessageNacked  # type: ignore[import-untyped]
from eventlet.event import Event as Signal

from chassis.contracts import cloudevents
from chassis.data.store import Database
from chassis.messaging import amqp_kombu, redelivery, resending, topology, waiting
from chassis.messaging.batch import Source, batch
from chassis.messaging.batch_limit import BatchLimit
from chassis.messaging.inbox_processor import Delivery, Disposition, Kind, StoreAway, apply
from chassis.messaging.subscriptions import Subscription
from chassis.operations import metrics
from chassis.operations.settings import Settings

# For a message that has neither; kombu needs both.
UNTOLD = {"content_type": "application/octet-stream", "content_encoding": "utf-8"}
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
CONFIRM_TIMEOUT = 30.0

log = structlog.get_logger()


class Subscriber:
    """Applies one subscription's batches, and carries out the dispositions."""

    def __init__(
        self,
        settings: Settings,
        database: Database[Any],
        subscription: Subscription[Any],
        source: Source,
        memory: int,
    ) -> None:
        """`memory`: bytes of bodies that may be in flight."""
        self._memory = memory
        self.queue = subscription.name
        self._wait_limit = settings.wait_limit.total_seconds()
        self._database, self._subscription, self._source = database, subscription, source
        self._connection = amqp_kombu.connection(
            settings.amqp_url, transport_options={"confirm_publish": True}
        )
        self._away = (StoreAway, MessageNacked, *self._connection.recoverable_connection_errors)
        self._stopped = Signal()
        self._batch_limit = BatchLimit()
        _init_labels(subscription)

    def service(self) -> type:
        """Return the nameko service: one method, one entrypoint."""

        def apply_batch(_: Any, messages: list[Any], queue: str) -> None:
            self.work(messages, queue)

        entrypoint = batch(self.queue, self._source, self._memory)
        methods = {"name": self.queue.replace(".", "_"), "apply": entrypoint(apply_batch)}
        return type("Subscription", (), methods)

    def stop(self) -> None:
        """Stop waiting for servers."""
        if not self._stopped.ready():
            self._stopped.send()

    def work(self, messages: Sequence[Any], queue: str) -> None:
        """Apply raw messages, and retry while a server is away, until all are done or we stop.

        `queue` is one that they came from: nobody else consumes a partition that we consume.

        Raises any error except a server being away; then, or when stopping, the messages are
        redelivered.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                return self._once(messages, queue)
            except Exception as error:
                self._connection.collapse()
                if self._stopped.ready() or not isinstance(error, self._away):
                    raise
                log.warning("a batch waits", queue=self.queue, why=repr(error)[:200])
            with eventlet.Timeout(pause, False):
                self._stopped.wait()
            pause = min(pause * 2, LONGEST_PAUSE)

    def _once(self, messages: Sequence[Any], queue: str) -> None:
        now = time.time()
        deliveries = [self._delivery(message, now) for message in messages]
        dispositions = apply(
            self._database, self._subscription, deliveries, queue, self._batch_limit
        )
        for message, disposition in zip(messages, dispositions, strict=True):
            if disposition.kind not in (Kind.APPLIED, Kind.REPEAT):
                self._send_away(message, disposition, now)
        headers = [delivery.headers for delivery in deliveries]
        mongo, name = self._database.mongo, self._subscription.name
        waiting.follow(mongo, name, headers, dispositions, now, self._wait_limit)

    def _delivery(self, message: Any, now: float) -> Delivery:
        headers = message.headers or {}
        last = redelivery.is_last(headers, now, self._wait_limit)
        return Delivery(_bytes(message.body), headers, last, message.content_type)

    def _send_away(self, message: Any, disposition: Disposition, now: float) -> None:
        """Send a message to the next delay, or to the dead letters; wait for the broker's
        confirm.
        """
        given = message.headers or {}
        route = redelivery.route(given, disposition, self._subscription.name, now, self._wait_limit)
        log.warning(
            disposition.kind.value if route.delay else "dead letter",
            queue=self.queue,
            event_id=str(cloudevents.raw(given).get("id"))[:100],
            attempts=redelivery.attempts(route.headers),
            why=disposition.reason[:300],
        )
        self._publish(message, route.headers, route.delay)

    def _publish(self, message: Any, headers: Mapping[str, Any], delay: str) -> None:
        """Publish a message. py-amqp raises a channel error if no queue takes it."""
        kept = {**UNTOLD, **resending.properties(message.properties)}
        self._connection.ensure_connection(max_retries=3)
        with self._connection.Producer(auto_declare=False) as producer:
            producer.publish(
                _bytes(message.body),
                exchange=delay,
                routing_key=self.queue if delay else topology.dead(self.queue),
                headers=headers,
                delivery_mode=topology.PERSISTENT,
                mandatory=True,
                confirm_timeout=CONFIRM_TIMEOUT,
                **kept,
            )


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


def _init_labels(subscription: Subscription[Any]) -> None:
    """Create label series with zero: Prometheus sees no increase of a counter that begins above
    it.
    """
    metrics.BATCH_SIZE.labels(subscription.name)
    metrics.WAITING.labels(subscription.name)
    metrics.WAITING_OLDEST.labels(subscription.name)
    metrics.HANDLER_SECONDS.labels(subscription.name)
    for kind in Kind:
        metrics.DISPOSITIONS.labels(subscription.name, kind.value)
    for event in subscription.routing_keys:
        metrics.EVENT_LAG.labels(event, subscription.name)
