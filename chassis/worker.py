"""The worker role: events into use cases, what time causes, and jobs, under nameko.

One nameko service a subscription and a timer, so that each has its own connection and none waits
for another. MongoDB or RabbitMQ being away is waited for; neither turns events into dead letters.
"""

import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

import eventlet
import structlog
from amqp.exceptions import MessageNacked  # type: ignore[import-untyped]
from eventlet.event import Event as Signal
from kombu import Connection
from nameko.runners import ServiceRunner
from pika.exceptions import AMQPError
from pymongo.errors import PyMongoError

from chassis import (
    amqp_kombu,
    cloudevents,
    ids,
    metrics,
    ops,
    resending,
    returning,
    topology,
    waiting,
)
from chassis.apply import Delivery, Kind, StoreAway, Verdict, apply
from chassis.batch import batch
from chassis.jobs import Jobs
from chassis.jobs.runner import Runner as JobRunner
from chassis.pulse import answering
from chassis.settings import Settings
from chassis.store import Database
from chassis.subscriptions import Subscription, Timer
from chassis.timers import Ticker

# Of a message that tells neither; kombu wants both.
UNTOLD = {"content_type": "application/octet-stream", "content_encoding": "utf-8"}
LOOK = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
CONFIRM_TIMEOUT = 30.0
GOODBYE = 5.0

log = structlog.get_logger()


def serve(
    settings: Settings,
    service: str,
    database: Database[Any],
    subscriptions: Sequence[Subscription[Any]],
    timers: Sequence[Timer[Any]],
    jobs: Sequence[Jobs[Any]] = (),
) -> None:
    """Work until SIGTERM or SIGINT; then finish the batches at hand, within `settings.drain`."""
    worker = Worker(settings, database, subscriptions, timers, jobs)
    watched = ops.serve(settings.ops_address, worker.ready)
    # Even where it refuses a declaration: what is mended there needs no new start here.
    topology.declare_when_there(settings.amqp_url, subscriptions, (OSError, AMQPError))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: eventlet.spawn_n(worker.stop))
    log.info(
        "working",
        service=service,
        subscriptions=[each.name for each in subscriptions],
        ops_port=watched.port,
    )
    worker.run()
    watched.close()
    log.info("stopped")


class Worker:
    """One worker process: a nameko service for each subscription and timer."""

    def __init__(
        self,
        settings: Settings,
        database: Database[Any],
        subscriptions: Sequence[Subscription[Any]],
        timers: Sequence[Timer[Any]],
        jobs: Sequence[Jobs[Any]] = (),
    ) -> None:
        self._settings, self._database = settings, database
        self._started, self._drained = Signal(), Signal()
        self._jobs = [JobRunner(database, each) for each in jobs]
        holder = f"{socket.gethostname()}:{ids.new_id()}"
        self._subscribers = [Subscriber(settings, database, each) for each in subscriptions]
        self._tickers = [Ticker(database, timer, holder) for timer in timers]
        self._runner = ServiceRunner({"AMQP_URI": settings.amqp_url, "HEARTBEAT": 30})
        for service in (
            *(subscriber.service() for subscriber in self._subscribers),
            *(ticker.service() for ticker in self._tickers),
        ):
            self._runner.add_service(service)

    def run(self) -> None:
        """Work until `stop`."""
        eventlet.spawn_n(_count_dead_letters, self._settings.amqp_url, self._queues())
        eventlet.spawn_n(_count_waiting, self._database, self._queues())
        self._runner.start()
        for jobs in self._jobs:
            jobs.start()
        self._started.send()
        self._runner.wait()
        self._drained.wait()
        for ticker in self._tickers:
            ticker.release()

    def stop(self) -> None:
        """Finish the batches at hand; what takes longer than `settings.drain` comes again."""
        log.info("draining", seconds=self._settings.drain.total_seconds())
        for subscriber in self._subscribers:
            subscriber.stop()
        for jobs in self._jobs:
            jobs.stop()
        with eventlet.Timeout(self._settings.drain.total_seconds(), False):
            self._started.wait()  # nameko can't stop what is still starting
            self._runner.stop()
            for jobs in self._jobs:
                jobs.join()
            self._end()
            return
        log.warning("what is not done by now comes again elsewhere")
        with eventlet.Timeout(GOODBYE, False):
            self._runner.kill()
            # Killed in its start, `run` would go on to wait for that.
            if self._started.ready():
                self._end()
                return
        os._exit(1)

    def _end(self) -> None:
        """Let `run` return."""
        if not self._drained.ready():
            self._drained.send()

    def ready(self) -> dict[str, bool]:
        """What /ready tells."""
        consumers = [
            extension
            for container in self._runner.containers
            for extension in container.shared_extensions.values()
        ]
        return {
            "mongodb": answering(self._database.client),
            "rabbitmq": all(getattr(consumer, "connected", True) for consumer in consumers),
        }

    def _queues(self) -> list[str]:
        return [subscriber.queue for subscriber in self._subscribers]


class Subscriber:
    """Applies one subscription's batches, and does what the verdicts say."""

    def __init__(
        self, settings: Settings, database: Database[Any], subscription: Subscription[Any]
    ) -> None:
        self.queue = subscription.name
        self._wait_limit = settings.wait_limit.total_seconds()
        self._database, self._subscription = database, subscription
        self._connection = amqp_kombu.connection(
            settings.amqp_url, transport_options={"confirm_publish": True}
        )
        self._away = (StoreAway, MessageNacked, *self._connection.recoverable_connection_errors)
        self._stopped = Signal()
        _tell_zero(subscription)

    def service(self) -> type:
        """The nameko service: one method, one entrypoint."""

        def apply_batch(_: Any, messages: list[Any]) -> None:
            self.work(messages)

        methods = {"name": self.queue.replace(".", "_"), "apply": batch(self.queue)(apply_batch)}
        return type("Subscription", (), methods)

    def stop(self) -> None:
        """Wait for no server any more."""
        if not self._stopped.ready():
            self._stopped.send()

    def work(self, messages: Sequence[Any]) -> None:
        """Apply raw messages, for as long as it takes: until all are done or we are to stop.

        Raises what is not about a server being away; then, or when stopping, the messages come
        again.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                return self._once(messages)
            except Exception as error:
                self._connection.collapse()
                if self._stopped.ready() or not isinstance(error, self._away):
                    raise
                log.warning("a batch waits", queue=self.queue, why=repr(error)[:200])
            with eventlet.Timeout(pause, False):
                self._stopped.wait()
            pause = min(pause * 2, LONGEST_PAUSE)

    def _once(self, messages: Sequence[Any]) -> None:
        now = time.time()
        deliveries = [self._delivery(message, now) for message in messages]
        verdicts = apply(self._database, self._subscription, deliveries, self.queue)
        for message, verdict in zip(messages, verdicts, strict=True):
            if verdict.kind not in (Kind.APPLIED, Kind.REPEAT):
                self._send_away(message, verdict, now)
        headers = [delivery.headers for delivery in deliveries]
        mongo, name = self._database.mongo, self._subscription.name
        waiting.follow(mongo, name, headers, verdicts, now, self._wait_limit)

    def _delivery(self, message: Any, now: float) -> Delivery:
        headers = message.headers or {}
        last = returning.is_last(headers, now, self._wait_limit)
        return Delivery(_bytes(message.body), headers, last, message.content_type)

    def _send_away(self, message: Any, verdict: Verdict, now: float) -> None:
        """To the next delay, or to the dead letters; confirmed before the original is let go."""
        given = message.headers or {}
        way = returning.way(given, verdict, self._subscription.name, now, self._wait_limit)
        log.warning(
            verdict.kind.value if way.delay else "dead letter",
            queue=self.queue,
            event_id=str(cloudevents.raw(given).get("id"))[:100],
            attempts=returning.attempts(way.headers),
            why=verdict.reason[:300],
        )
        self._publish(message, way.headers, way.delay)

    def _publish(self, message: Any, headers: Mapping[str, Any], delay: str) -> None:
        """Raises a channel error when no queue takes it (py-amqp, where nothing is to be told)."""
        kept = {**UNTOLD, **resending.properties(message.properties)}
        self._connection.ensure_connection(max_retries=3)
        with self._connection.Producer(auto_declare=False) as producer:
            producer.publish(
                _bytes(message.body),
                exchange=delay,
                routing_key=self.queue if delay else topology.dead(self.queue),
                headers=headers,
                delivery_mode=2,
                mandatory=True,
                confirm_timeout=CONFIRM_TIMEOUT,
                **kept,
            )


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


def _tell_zero(subscription: Subscription[Any]) -> None:
    """Zero is a figure, too: of a counter that begins with more, Prometheus sees no increase."""
    metrics.BATCH_SIZE.labels(subscription.name)
    metrics.WAITING.labels(subscription.name)
    metrics.WAITING_OLDEST.labels(subscription.name)
    metrics.HANDLER_SECONDS.labels(subscription.name)
    for kind in Kind:
        metrics.VERDICTS.labels(subscription.name, kind.value)
    for event in subscription.routing_keys:
        metrics.EVENT_LAG.labels(event, subscription.name)


def _count_dead_letters(amqp_url: str, queues: Sequence[str]) -> None:
    """Tell the number of dead letters of each queue, again and again."""
    while True:
        try:
            with Connection(amqp_url) as connection:
                channel = connection.channel()
                while True:
                    for queue in queues:
                        found = channel.queue_declare(topology.dead(queue), passive=True)
                        metrics.DEAD_LETTERS.labels(queue).set(found.message_count)
                    eventlet.sleep(LOOK)
        except Exception as error:
            log.info("can't count the dead letters now", why=repr(error)[:200])
        eventlet.sleep(LOOK)


def _count_waiting(database: Database[Any], subscriptions: Sequence[str]) -> None:
    """Tell how many events wait for another's news, again and again."""
    while True:
        try:
            waiting.tell(database.mongo, subscriptions)
        except PyMongoError as error:
            log.info("can't count what waits now", why=str(error)[:200])
        eventlet.sleep(LOOK)
