"""The worker role: applies events, runs timers and works on jobs, under nameko.

Each subscription and each timer is a nameko service, so that each has its own connection and none
waits for another. While MongoDB or RabbitMQ is away the worker waits; no event becomes a dead
letter because of that.
"""

import os
import signal
import socket
from collections.abc import Sequence
from typing import Any

import eventlet
import structlog
from eventlet.event import Event as Signal
from nameko.runners import ServiceRunner
from pymongo.errors import PyMongoError

from chassis import ids
from chassis.data.ping import is_answering
from chassis.data.store import Database
from chassis.jobs import Jobs
from chassis.jobs.runner import Runner as JobRunner
from chassis.messaging import prefetch, queue_watch, topology, waiting
from chassis.messaging.assignment import Assignment
from chassis.messaging.batch import Fixed
from chassis.messaging.queue_watch import POLL_INTERVAL, QueueProbe
from chassis.messaging.subscriber import Subscriber
from chassis.messaging.subscriptions import Subscription, Timer
from chassis.messaging.timers import Ticker
from chassis.operations import ops
from chassis.operations.settings import Settings

SHUTDOWN_TIMEOUT = 5.0

log = structlog.get_logger()


def serve(
    settings: Settings,
    service: str,
    database: Database[Any],
    subscriptions: Sequence[Subscription[Any]],
    timers: Sequence[Timer[Any]],
    jobs: Sequence[Jobs[Any]] = (),
) -> None:
    """Work until SIGTERM or SIGINT; then finish the batches at hand, within `settings.drain`.

    Declares nothing, but waits until the declare role has declared the queues.
    """
    worker = Worker(settings, database, subscriptions, timers, jobs)
    watched = ops.serve(settings.ops_address, worker.ready)
    topology.wait_until_declared(settings.amqp_url, subscriptions)
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
        self._assignments = {
            each: Assignment(database, each, settings.partitions, holder)
            for each in subscriptions
            if each.partitioned
        }
        self._subscribers = [
            Subscriber(
                settings, database, each, self._source(each), prefetch.MEMORY // len(subscriptions)
            )
            for each in subscriptions
        ]
        self._probes = [QueueProbe(each, self._source(each).seen) for each in subscriptions]
        self._tickers = [Ticker(database, timer, holder) for timer in timers]
        self._runner = ServiceRunner({"AMQP_URI": settings.amqp_url, "HEARTBEAT": 30})
        for service in (
            *(subscriber.service() for subscriber in self._subscribers),
            *(ticker.service() for ticker in self._tickers),
        ):
            self._runner.add_service(service)

    def run(self) -> None:
        """Work until `stop`."""
        eventlet.spawn_n(queue_watch.watch, self._settings.amqp_url, self._probes)
        eventlet.spawn_n(_count_waiting, self._database, self._queues())
        for assignment in self._assignments.values():
            eventlet.spawn_n(assignment.keep)
        self._runner.start()
        for jobs in self._jobs:
            jobs.start()
        self._started.send()
        self._runner.wait()
        self._drained.wait()
        for ticker in self._tickers:
            ticker.release()
        for assignment in self._assignments.values():
            assignment.leave()

    def stop(self) -> None:
        """Finish the batches at hand; one that takes longer than `settings.drain` is
        redelivered.
        """
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
        log.warning("unfinished batches are redelivered to another worker")
        with eventlet.Timeout(SHUTDOWN_TIMEOUT, False):
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
        """Return what /ready reports."""
        consumers = [
            extension
            for container in self._runner.containers
            for extension in container.shared_extensions.values()
        ]
        return {
            "mongodb": is_answering(self._database.client),
            "rabbitmq": all(getattr(consumer, "connected", True) for consumer in consumers),
        }

    def _source(self, subscription: Subscription[Any]) -> Assignment | Fixed:
        return self._assignments.get(subscription) or Fixed(subscription.name)

    def _queues(self) -> list[str]:
        return [subscriber.queue for subscriber in self._subscribers]


def _count_waiting(database: Database[Any], subscriptions: Sequence[str]) -> None:
    """Report again and again how many events wait for an event of another service."""
    while True:
        try:
            waiting.report(database.mongo, subscriptions)
        except PyMongoError as error:
            log.info("can't count the waiting events now", why=str(error)[:200])
        eventlet.sleep(POLL_INTERVAL)
