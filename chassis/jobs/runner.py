"""Runs jobs in one process: a thread for each slot (a greenlet in the worker role), and one that
looks for jobs while slots are idle.
"""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from chassis.clock import Clock, SystemClock
from chassis.data.store import Database, is_away
from chassis.jobs import Away, Batch, GiveBack, Jobs, LimitReached, Work
from chassis.jobs.queue import Queue
from chassis.operations import metrics

# Seconds between two reports of the age of the oldest job.
REPORT_INTERVAL = 5.0

log = structlog.get_logger()


class Runner:
    """Runs one kind of job until it is stopped."""

    def __init__(
        self, database: Database[Any], jobs: Jobs[Any], system: Clock | None = None
    ) -> None:
        self._database, self._jobs = database, jobs
        self._queue = Queue(database, jobs, system or SystemClock())
        self._claiming: defaultdict[Sequence[str], threading.Lock] = defaultdict(threading.Lock)
        self._in_flight: dict[str, Batch] = {}
        self._stopped, self._ended, self._due = (threading.Event() for _ in range(3))
        self._threads = [
            threading.Thread(target=self._look_out, daemon=True),
            *(threading.Thread(target=self._serve, args=(lanes,), daemon=True)
              for lanes in jobs.slots),
        ]  # fmt: skip
        self._watch = threading.Thread(target=self._keep, daemon=True)
        for lane in jobs.lanes:
            for counter in (metrics.JOBS_CLAIMED, metrics.JOBS_DONE, metrics.JOBS_FAILED):
                counter.labels(jobs.name, lane)  # zero is a figure, too

    def start(self) -> None:
        """Begin to claim."""
        for thread in (*self._threads, self._watch):
            thread.start()

    def stop(self) -> None:
        """Claim no more jobs; batches at hand go on."""
        self._stopped.set()
        self._due.set()

    def join(self) -> None:
        """Wait until no batch is at hand, after `stop`."""
        for thread in self._threads:
            thread.join()
        self._ended.set()
        self._watch.join()

    def run_due(self, lanes: Sequence[str] = ()) -> int:
        """Work on due jobs of these lanes (none: all) in this thread, until there are none or it is
        stopped, or a limit is reached; return how many are done."""
        done = 0
        with self._jobs.work(self._database) as work, suppress(LimitReached):
            while batch := self._take(tuple(lanes or self._jobs.lanes)):
                done += self._do(work, batch)
                if self._stopped.is_set():
                    break
        return done

    def _look_out(self) -> None:
        """Wake the idle slots when there are due jobs: one look for all of them."""
        while not self._stopped.is_set():
            try:
                if not self._due.is_set() and self._queue.has_due():
                    self._due.set()
            except Exception as error:
                log.warning("can't look for jobs", jobs=self._jobs.name, why=repr(error)[:300])
            self._rest()

    def _serve(self, lanes: Sequence[str]) -> None:
        """Run a slot's thread."""
        while self._due.wait() and not self._stopped.is_set():
            try:
                worked = self._streak(lanes)
            except LimitReached:
                worked = False
            except Exception as error:
                log.warning("can't claim jobs", jobs=self._jobs.name, why=repr(error)[:300])
                worked = False
            if not worked:
                self._sleep()

    def _streak(self, lanes: Sequence[str]) -> bool:
        """Do batch after batch while there are due jobs, or soon are, with one connection; return
        if there were any.
        """
        batch = self._take(lanes)
        if batch is None:
            return False
        with self._jobs.work(self._database) as work:
            while batch is not None:
                self._do(work, batch)
                batch = self._next(lanes) or self._soon(lanes)
        return True

    def _next(self, lanes: Sequence[str]) -> Batch | None:
        """Take the next batch. While a limit lets none begin, wait: what the slot keeps open stays
        so.
        """
        while not self._stopped.is_set():
            try:
                return self._take(lanes)
            except LimitReached:
                self._rest()
        return None

    def _soon(self, lanes: Sequence[str]) -> Batch | None:
        """Wait for the next jobs as long as the slot keeps open what it has; take a batch."""
        end = time.monotonic() + self._jobs.keep.total_seconds()
        while (left := end - time.monotonic()) > 0 and not self._stopped.is_set():
            self._sleep()
            if self._due.wait(left) and (batch := self._next(lanes)):
                return batch
        return None

    def _sleep(self) -> None:
        """Let slots wait for the next look that finds due jobs, unless the runner stops."""
        self._due.clear()
        if self._stopped.is_set():
            self._due.set()  # `stop` set it meanwhile, for the other slots, too

    def _rest(self) -> None:
        """Wait until it is time to look again."""
        self._stopped.wait(self._jobs.poll.total_seconds() * random.uniform(0.8, 1.2))

    def _take(self, lanes: Sequence[str]) -> Batch | None:
        # One thread at a time: a target's free places are counted and taken in one step. If places
        # are not counted, then one of each kind of slot: a lane's own slot waits for no other.
        with self._claiming[lanes if self._jobs.per_target is None else ()]:
            busy = Counter(each for one in self._in_flight.values() for each in one.targets)
            batch = self._queue.claim(lanes, busy, self._stopped.is_set)
            if batch is not None:
                self._in_flight[batch.claim] = batch
        if batch is not None:
            metrics.JOBS_CLAIMED.labels(self._jobs.name, batch.lane).inc(len(batch.ids))
            if len(batch.ids) == self._jobs.lanes[batch.lane]:
                self._due.set()  # for others, if it took all that it may
        return batch

    def _do(self, work: Work, batch: Batch) -> int:
        """Do a batch, and handle its errors; return how many of its jobs are done for good."""
        try:
            done = self._tried(work, batch)
        finally:
            self._in_flight.pop(batch.claim, None)
        metrics.JOBS_DONE.labels(self._jobs.name, batch.lane).inc(done)
        return done

    def _tried(self, work: Work, batch: Batch) -> int:
        try:
            done = work(batch)
        except Exception as error:
            return self._failed(work, batch, error)
        self._failures(batch, len(batch.ids) - done)
        if done:
            with self._database_away():
                self._queue.let_go(batch.targets)
        return done

    def _failed(self, work: Work, batch: Batch, error: Exception) -> int:
        if isinstance(error, Away | GiveBack) or is_away(error):
            log.warning("jobs wait", jobs=self._jobs.name, why=str(error)[:300])
            with self._database_away():
                if isinstance(error, Away):
                    self._queue.hold(error.target)
                self._queue.give_back(batch)
            return 0
        if len(batch.ids) > 1:
            # One of them is the cause: each is tried alone, so that it harms no other.
            return sum(self._tried(work, batch.part(place)) for place in range(len(batch.ids)))
        log.warning(
            "a job failed", jobs=self._jobs.name, id=str(batch.ids[0]), why=repr(error)[:300]
        )
        self._failures(batch, 1)
        with self._database_away():
            self._queue.put_off(batch)
        return 0

    def _failures(self, batch: Batch, count: int) -> None:
        metrics.JOBS_FAILED.labels(self._jobs.name, batch.lane).inc(count)

    @contextmanager
    def _database_away(self) -> Iterator[None]:
        """Log a database error: the end of the claim has the same effect as the write that
        failed.
        """
        try:
            yield
        except PyMongoError as error:
            log.warning("can't return a claim", jobs=self._jobs.name, why=str(error)[:200])

    def _keep(self) -> None:
        """Renew claims, and report the age of the oldest job, until the runner has ended."""
        renew = self._jobs.lease.total_seconds() / 3
        while not self._ended.wait(min(renew, REPORT_INTERVAL)):
            with suppress(PyMongoError):  # the next time will do: a lease outlasts two of them
                self._look()

    def _look(self) -> None:
        for batch in list(self._in_flight.values()):
            self._queue.renew(batch)
        for lane in self._jobs.lanes:
            oldest = self._queue.oldest(lane).total_seconds()
            metrics.JOBS_OLDEST.labels(self._jobs.name, lane).set(oldest)
