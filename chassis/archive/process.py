"""The role `archiver`: one process archives, by lease; others wait to take over."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import structlog
from pika.exceptions import AMQPError
from pymongo.errors import PyMongoError

from chassis import ids
from chassis.archive.archiver import Archiver, OtherStream, report_lag
from chassis.archive.keys import KeyStore
from chassis.archive.segments import DamagedSegment
from chassis.archive.store import Bucket, NoSuchObject, StoreAway
from chassis.data import lease
from chassis.data.ping import is_answering
from chassis.data.store import Database
from chassis.messaging import filling
from chassis.operations import metrics, ops
from chassis.operations.settings import Settings

NAME = "archiver"
LEASE = timedelta(seconds=30)
RENEW_INTERVAL = LEASE.total_seconds() / 6
# Seconds. A holder stops writing this long before its lease ends.
MARGIN = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
REASONS = {
    OtherStream: "other_stream",
    DamagedSegment: "damaged",
    StoreAway: "away",
    NoSuchObject: "away",  # somebody else removed it a moment ago
    AMQPError: "away",
    PyMongoError: "away",
    OSError: "away",
}

log = structlog.get_logger()


class LeaseLost(Exception):
    """This process may not write any more: another may have the lease, or it is to stop."""


def serve(settings: Settings, database: Database[Any], bucket: Bucket, every: timedelta) -> None:
    """Archive every `every` until SIGTERM or SIGINT, while this process holds the lease.

    Then end within `settings.drain`, wherever the archiver is: the next one goes on from there.
    """
    for reason in set(REASONS.values()):
        metrics.ARCHIVE_FAILURES.labels(reason)
    process = Process(settings.amqp_url, database, bucket, every)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _end(process, settings.drain))
    watched = ops.serve(settings.ops_address, process.ready)
    log.info("archiving", ops_port=watched.port, seconds=every.total_seconds())
    try:
        process.run()
    finally:
        watched.close()
        log.info("stopped")


def _end(process: "Process", drain: timedelta) -> None:
    process.stop()
    late = threading.Timer(drain.total_seconds(), os._exit, [0])
    late.daemon = True
    late.start()


class Process:
    """An archiver that takes turns with others by lease."""

    def __init__(
        self, amqp_url: str, database: Database[Any], bucket: Bucket, every: timedelta
    ) -> None:
        self._database, self._every = database, every
        archiver = Archiver(amqp_url, bucket, KeyStore(database.mongo), self._check)
        filler = filling.Filler(amqp_url, every, self._check)
        self._steps = (archiver.archive, filler.fill)
        self._leases, self._holder = database.mongo["leases"], ids.new_id()
        self._stopped = threading.Event()
        self._good_until = 0.0
        self._works = True

    def stop(self) -> None:
        """Let `run` end soon; callable in a signal handler."""
        self._stopped.set()

    def ready(self) -> dict[str, bool]:
        """Return which part is ready. Who waits for the lease is ready."""
        return {"mongodb": is_answering(self._database.client), "archive": self._works}

    def run(self) -> None:
        """Archive whenever this process holds the lease."""
        while not self._stopped.is_set():
            if self._renew():
                with self._leading():
                    self._lead()
            else:
                self._stopped.wait(RENEW_INTERVAL)

    def _lead(self) -> None:
        pause = FIRST_PAUSE
        while self._holds():
            if self._round():
                pause = FIRST_PAUSE
                self._wait(self._every.total_seconds())
            else:
                self._wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _round(self) -> bool:
        """Archive, and fill the history, each although the other fails; return whether both
        succeeded.
        """
        try:
            outcomes = [_succeeds(step) for step in self._steps]
        except LeaseLost:
            return False
        self._works = all(outcomes)
        return self._works

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._holds() and (rest := end - time.monotonic()) > 0:
            self._stopped.wait(min(rest, 1.0))

    @contextmanager
    def _leading(self) -> Iterator[None]:
        """Renew the lease meanwhile, and release it at the end."""
        ended = threading.Event()
        renewing = threading.Thread(target=self._keep, args=(ended,), daemon=True)
        renewing.start()
        metrics.ARCHIVE_LEADING.set(1)
        try:
            yield
        finally:
            ended.set()
            renewing.join()
            metrics.ARCHIVE_LEADING.set(0)
            report_lag(0, ())  # another process reports it from now on
            filling.report_oldest(None)
            self._release()

    def _keep(self, ended: threading.Event) -> None:
        while not ended.wait(RENEW_INTERVAL):
            self._renew()

    def _renew(self) -> bool:
        """Take or renew the lease; return whether this process has it."""
        asked_at = time.monotonic()
        try:
            ours = lease.take(self._leases, NAME, self._holder, LEASE)
        except PyMongoError as error:
            log.warning("the lease can't be renewed", why=repr(error)[:200])
            return False
        self._good_until = asked_at + LEASE.total_seconds() - MARGIN if ours else 0.0
        return ours

    def _release(self) -> None:
        self._good_until = 0.0
        try:
            lease.release(self._leases, NAME, self._holder)
        except PyMongoError as error:
            log.warning("the lease can't be released; it ends by itself", why=repr(error)[:200])

    def _holds(self) -> bool:
        return not self._stopped.is_set() and time.monotonic() < self._good_until

    def _check(self) -> None:
        if not self._holds():
            raise LeaseLost


def _succeeds(step: Callable[[], None]) -> bool:
    try:
        step()
    except tuple(REASONS) as error:
        reason = next(REASONS[kind] for kind in REASONS if isinstance(error, kind))
        metrics.ARCHIVE_FAILURES.labels(reason).inc()
        log.warning("a round failed; it is tried again", reason=reason, why=repr(error))
        return False
    return True
