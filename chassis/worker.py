"""The worker role: events into use cases, and what time causes, under nameko.

One nameko service a subscription and a timer, so that each has its own connection and none waits
for another. MongoDB or RabbitMQ being away is waited for; neither turns events into dead letters.
"""

import signal
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import eventlet
import structlog
from kombu import Connection
from nameko.runners import ServiceRunner
from nameko.timer import timer as nameko_timer
from pika.exceptions import AMQPError
from pymongo.errors import PyMongoError

from chassis import ids, lease, metrics, ops, topology
from chassis.apply import Delivery, Kind, StoreAway, Verdict, apply
from chassis.batch import batch
from chassis.settings import Settings
from chassis.store import Database
from chassis.subscriptions import Subscription, Timer

ATTEMPTS = "x-tandem-attempts"
REASON = "x-tandem-reason"
DIED_AT = "x-tandem-died-at"
QUEUE = "x-tandem-queue"
LEASE = timedelta(seconds=15)
LOOK = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0

log = structlog.get_logger()


def serve(
    settings: Settings,
    service: str,
    database: Database[Any],
    subscriptions: Sequence[Subscription[Any]],
    timers: Sequence[Timer[Any]],
) -> None:
    """Work until SIGTERM or SIGINT; then finish the batches at hand, within `settings.drain`."""
    _declare(settings.amqp_url, subscriptions)
    runner = ServiceRunner({"AMQP_URI": settings.amqp_url, "HEARTBEAT": 30})
    holder = f"{socket.gethostname()}:{ids.new_id()}"
    subscribers = [Subscriber(settings.amqp_url, database, each) for each in subscriptions]
    for subscriber in subscribers:
        runner.add_service(subscriber.service())
    for timer in timers:
        runner.add_service(Ticker(database, timer, holder).service())
    watched = ops.serve(settings.ops_address, partial(_ready, runner, database))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(
            number, lambda *_: eventlet.spawn_n(_stop, runner, subscribers, settings.drain)
        )
    runner.start()
    eventlet.spawn_n(_count_dead_letters, settings.amqp_url, subscriptions)
    log.info(
        "working",
        service=service,
        subscriptions=[each.name for each in subscriptions],
        ops_port=watched.port,
    )
    runner.wait()
    watched.close()
    log.info("stopped")


class Subscriber:
    """Applies one subscription's batches, and does what the verdicts say."""

    def __init__(
        self, amqp_url: str, database: Database[Any], subscription: Subscription[Any]
    ) -> None:
        self._database, self._subscription = database, subscription
        self._connection = Connection(amqp_url, transport_options={"confirm_publish": True})
        self.stopping = False

    def service(self) -> type:
        """The nameko service: one method, one entrypoint."""
        queue = self._subscription.name

        def apply_batch(_: Any, messages: list[Any]) -> None:
            self.work(messages)

        methods = {"name": queue.replace(".", "_"), "apply": batch(queue)(apply_batch)}
        return type("Subscription", (), methods)

    def work(self, messages: Sequence[Any]) -> None:
        """Apply raw messages, for as long as it takes: until all are done or we are to stop.

        Raises StoreAway or a connection error only when stopping: the messages come again.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                return self._once(messages)
            except (StoreAway, *self._connection.recoverable_connection_errors) as error:
                if self.stopping:
                    raise
                log.warning("a batch waits", queue=self._subscription.name, why=str(error)[:200])
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _once(self, messages: Sequence[Any]) -> None:
        deliveries = [Delivery(_bytes(message.body), message.headers or {}) for message in messages]
        verdicts = apply(self._database, self._subscription, deliveries)
        for message, verdict in zip(messages, verdicts, strict=True):
            if verdict.kind not in (Kind.APPLIED, Kind.REPEAT):
                self._send_away(message, verdict)

    def _send_away(self, message: Any, verdict: Verdict) -> None:
        """To the next delay, or to the dead letters; confirmed before the original is let go."""
        queue = self._subscription.name
        headers = dict(message.headers or {})
        attempts = _attempts(headers) + 1
        delay = topology.delay_name(attempts) if verdict.kind is Kind.RETRY else None
        more = {ATTEMPTS: attempts, REASON: verdict.reason[:1000], QUEUE: queue}
        if delay is None:
            more[DIED_AT] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        log.warning(
            "retry" if delay else "dead letter",
            queue=queue,
            event_id=headers.get("cloudEvents_id"),
            attempts=attempts,
            why=verdict.reason[:300],
        )
        self._publish(message, {**headers, **more}, delay or "", queue)

    def _publish(self, message: Any, headers: Mapping[str, Any], delay: str, queue: str) -> None:
        self._connection.ensure_connection(max_retries=3)
        with self._connection.Producer(auto_declare=False) as producer:
            producer.publish(
                _bytes(message.body),
                exchange=delay,
                routing_key=queue if delay else topology.dead(queue),
                headers=headers,
                content_type=message.content_type or "application/octet-stream",
                content_encoding=message.content_encoding or "binary",
                delivery_mode=2,
            )


class Ticker:
    """Runs one timer, while this process holds its lease."""

    def __init__(self, database: Database[Any], timer: Timer[Any], holder: str) -> None:
        self._database, self._timer, self._holder = database, timer, holder
        self._renew_at = 0.0

    def service(self) -> type:
        """The nameko service: one method, ticked."""
        tick = nameko_timer(interval=self._timer.every.total_seconds(), eager=True)
        methods = {
            "name": f"timer_{self._timer.name}".replace(".", "_"),
            "tick": tick(lambda _: self.tick()),
        }
        return type("Timer", (), methods)

    def tick(self) -> None:
        """Run it once, if it is ours to run; a failure is told, and the next tick comes."""
        try:
            if self._ours():
                self._timer.run(self._database)
        except Exception as error:
            metrics.TIMER_FAILURES.labels(self._timer.name).inc()
            log.warning("a timer failed", timer=self._timer.name, why=repr(error)[:300])
            time.sleep(1)

    def _ours(self) -> bool:
        """Whether we hold the lease; it is renewed after a third of its time."""
        now = time.monotonic()
        if now < self._renew_at:
            return True
        name = f"timer:{self._timer.name}"
        ours = lease.take(self._database.mongo["leases"], name, self._holder, LEASE)
        self._renew_at = now + LEASE.total_seconds() / 3 if ours else 0.0
        return ours


def _attempts(headers: Mapping[str, Any]) -> int:
    try:
        return int(headers.get(ATTEMPTS, 0))
    except (TypeError, ValueError):
        return 0


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


def _declare(amqp_url: str, subscriptions: Sequence[Subscription[Any]]) -> None:
    """Declare our queues; wait for the broker where it is away."""
    pause = FIRST_PAUSE
    while True:
        try:
            return topology.declare(amqp_url, subscriptions)
        except (OSError, AMQPError) as error:
            log.warning("waiting for RabbitMQ", why=repr(error)[:200], seconds=pause)
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def _ready(runner: ServiceRunner, database: Database[Any]) -> dict[str, bool]:
    consumers = [
        extension
        for container in runner.containers
        for extension in container.shared_extensions.values()
    ]
    return {
        "mongodb": _answers(database),
        "rabbitmq": all(getattr(consumer, "connected", True) for consumer in consumers),
    }


def _answers(database: Database[Any]) -> bool:
    try:
        database.client.admin.command("ping")
    except PyMongoError:
        return False
    return True


def _stop(runner: ServiceRunner, subscribers: Sequence[Subscriber], drain: timedelta) -> None:
    log.info("draining", seconds=drain.total_seconds())
    for subscriber in subscribers:
        subscriber.stopping = True
    with eventlet.Timeout(drain.total_seconds(), False):
        runner.stop()
        return
    log.warning("what is not done by now comes again elsewhere")
    runner.kill()


def _count_dead_letters(amqp_url: str, subscriptions: Sequence[Subscription[Any]]) -> None:
    """Tell the number of dead letters of each queue, again and again."""
    while True:
        try:
            with Connection(amqp_url) as connection:
                channel = connection.channel()
                for each in subscriptions:
                    name = topology.dead(each.name)
                    count = channel.queue_declare(name, passive=True).message_count
                    metrics.DEAD_LETTERS.labels(each.name).set(count)
        except Exception as error:
            log.info("can't count the dead letters now", why=repr(error)[:200])
        eventlet.sleep(LOOK)
