"""Timers in the worker role: each runs in one process at a time, by lease.

A timer whose work is claimed piece by piece (`alone=False`) runs in all processes.
"""

import contextlib
import time
from datetime import timedelta
from typing import Any

import eventlet
import structlog
from eventlet.event import Event as Signal
from nameko.timer import Timer as NamekoTimer
from pymongo.errors import PyMongoError

from chassis.data import lease
from chassis.data.store import Database
from chassis.messaging.subscriptions import Timer
from chassis.operations import metrics

# After a holder dies, another takes the timer this much later than the next tick was due.
LEASE = timedelta(seconds=15)
RENEW_INTERVAL = LEASE.total_seconds() / 3

log = structlog.get_logger()


class Every(NamekoTimer):  # type: ignore[misc]
    """Calls the method, waits until it returns, and then waits `interval` seconds.

    nameko's own timer makes up for all missed ticks at once, thousands after a long outage.
    """

    def _run(self) -> None:
        while not self.should_stop.ready():
            self.handle_timer_tick()
            self.worker_complete.wait()
            self.worker_complete.reset()
            with eventlet.Timeout(self.interval, exception=False):
                self.should_stop.wait()


class Ticker:
    """Runs one timer while this process holds its lease, if the timer needs one."""

    def __init__(self, database: Database[Any], timer: Timer[Any], holder: str) -> None:
        self._database, self._timer, self._holder = database, timer, holder
        self._renew_at = 0.0
        metrics.TIMER_FAILURES.labels(timer.name)  # creates the series with zero

    def service(self) -> type:
        """Return the nameko service: one method, called at each tick."""
        every = Every.decorator(interval=self._timer.every.total_seconds())
        methods = {
            "name": f"timer_{self._timer.name}".replace(".", "_"),
            "tick": every(lambda _: self.tick()),
        }
        return type("Timer", (), methods)

    def tick(self) -> None:
        """Run it once, if we hold the lease; a failure is logged, and the next tick comes."""
        try:
            if self._ours():
                self._run()
        except Exception as error:
            metrics.TIMER_FAILURES.labels(self._timer.name).inc()
            log.warning("a timer failed", timer=self._timer.name, why=repr(error)[:300])

    def release(self) -> None:
        """Release the lease at once."""
        with contextlib.suppress(PyMongoError):  # then it ends by itself
            lease.release(self._leases, self._name, self._holder)

    @property
    def _leases(self) -> Any:
        return self._database.mongo["leases"]

    @property
    def _name(self) -> str:
        return f"timer:{self._timer.name}"

    def _run(self) -> None:
        done = Signal()
        eventlet.spawn(self._keep, done)
        try:
            self._timer.run(self._database)
        finally:
            done.send()

    def _keep(self, done: Signal) -> None:
        """Renew the lease for as long as a run takes."""
        while not done.ready():
            with eventlet.Timeout(RENEW_INTERVAL, exception=False):
                done.wait()
                return
            try:
                self._ours()
            except PyMongoError as error:
                log.warning("can't renew a lease", timer=self._timer.name, why=str(error)[:200])

    def _ours(self) -> bool:
        """Return whether we hold the lease, which is renewed now and then, or none is needed."""
        now = time.monotonic()
        if not self._timer.alone or now < self._renew_at:
            return True
        lasting = LEASE + self._timer.every
        ours = lease.take(self._leases, self._name, self._holder, lasting)
        self._renew_at = now + RENEW_INTERVAL if ours else 0.0
        return ours
