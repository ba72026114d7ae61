"""The relay role: publishes the rows of the outbox to the broker, in each aggregate's order.

A service's relays share its lanes by lease. A row is removed after the broker has confirmed it, so
a crash in between repeats an event, and never loses it. An event that no queue takes is parked;
later events of its aggregate wait.

However many relays publish at once: a relay sends a row only after it has sent the rows before it
in the same aggregate, or after these were removed because the broker has them. So the first
delivery of each event is in order, even while two relays hold a lane for a moment.
"""

import asyncio
import contextlib
import math
import os
import random
import signal
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pymongo
import structlog
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from chassis import ids
from chassis.contracts.events import contracts
from chassis.data.numbering import LANES
from chassis.data.ping import PING_TIMEOUT
from chassis.data.shares import AsyncShares, Holding
from chassis.data.store import CLIENT
from chassis.messaging.outbox import Outbox, Row
from chassis.messaging.publisher import ConnectionLost, Publisher
from chassis.messaging.relay_session import Session, end
from chassis.operations import metrics, ops
from chassis.operations.settings import Settings

LEASE = timedelta(seconds=5)
RENEW_INTERVAL = LEASE.total_seconds() / 5
# Seconds between two checks whether a surplus lane is idle, and can be released.
HAND_OVER = 0.1
POLL_INTERVAL = 2.0
# One of so many searches for the oldest event begins at the start of the outbox.
FULL_POLL_EVERY = 30
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
SHUTDOWN_TIMEOUT = 5.0
NOTHING = Holding()

log = structlog.get_logger()


def serve(settings: Settings, service: str) -> None:
    """Relay until SIGTERM or SIGINT; then finish what is in flight, and stop."""
    asyncio.run(_serve(settings, service))


async def _serve(settings: Settings, service: str) -> None:
    relay = Relay(settings, service)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, relay.stop)
    watched = ops.serve(settings.ops_address, relay.ready)
    log.info("relaying", ops_port=watched.port)
    try:
        await relay.run()
    finally:
        watched.close()
        log.info("stopped")


class Relay:
    """One relay of one service."""

    def __init__(self, settings: Settings, service: str) -> None:
        self._settings, self._service = settings, service
        self._client: AsyncMongoClient[Row] = AsyncMongoClient(
            settings.mongo_url, appname=f"tandem-{service}", **CLIENT
        )
        database = self._client[settings.mongo_database or f"tandem_{service}"]
        self._outbox = Outbox(database["outbox"])
        holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        lanes = [str(lane) for lane in range(LANES)]
        self._shares = AsyncShares(database["leases"], "relay", lanes, holder, LEASE)
        self._stopping, self._out_of_time, self._over = (asyncio.Event() for _ in range(3))
        self._has_lanes = asyncio.Event()
        self._holding = NOTHING
        self._answered = -math.inf
        self._reports = 0
        self._publisher: Publisher | None = None
        self._session: Session | None = None
        _init_labels(service)
        metrics.RELAY_LANES.labels(service).set_function(lambda: len(self.held().held))

    def stop(self) -> None:
        """Ask it to stop: `run` publishes no more, waits until the rows in flight are confirmed or
        `settings.drain` is over, and returns.
        """
        self._stopping.set()
        self._has_lanes.set()
        if self._session:
            self._session.stop()
        drain = self._settings.drain.total_seconds()
        asyncio.get_running_loop().call_later(drain, self._out_of_time.set)

    def held(self) -> Holding:
        """Return the lanes that we hold now."""
        return self._holding if time.monotonic() < self._holding.until else NOTHING

    def ready(self) -> dict[str, bool]:
        """Return what /ready reports. A relay without a lane needs no broker."""
        connected = self._publisher is not None and self._publisher.is_open
        return {
            "mongodb": time.monotonic() - self._answered < RENEW_INTERVAL + 2 * PING_TIMEOUT,
            "rabbitmq": connected or not self.held().held,
        }

    async def run(self) -> None:
        """Relay until `stop`. Any error except a server being away ends it, because it is a bug."""
        ending: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._publish_forever()),
            asyncio.create_task(self._out_of_time.wait()),
        ]
        loops = [
            asyncio.create_task(self._repeat(work)) for work in (self._keep_share, self._report)
        ]
        try:
            await asyncio.wait([*ending, *loops], return_when=asyncio.FIRST_COMPLETED)
        finally:
            failed = next((task for task in [*ending, *loops] if _has_failed(task)), None)
            self._over.set()
            await end(ending)
            await asyncio.wait(loops, timeout=SHUTDOWN_TIMEOUT)
            await self._leave()
        if failed:
            failed.result()

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(SHUTDOWN_TIMEOUT):
                await self._shares.leave()
                await self._client.close()
        except (PyMongoError, TimeoutError) as error:
            log.warning("can't release the leases; they end by themselves", why=repr(error)[:200])

    async def _publish_forever(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                await self._has_lanes.wait()
                await self._relay()
            except (PyMongoError, ConnectionLost) as error:
                if time.monotonic() - began > pause:
                    pause = FIRST_PAUSE
                log.warning("can't relay now", why=str(error)[:300], seconds=round(pause, 1))
                await _sleep(pause * random.uniform(0.7, 1.3), self._stopping)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _relay(self) -> None:
        """Run one session, on a connection of its own."""
        if self._stopping.is_set():
            return
        self._publisher = Publisher(self._service)
        try:
            await self._publisher.open(self._settings.amqp_url)
            log.info("connected to the broker")
            self._session = Session(self._service, self._outbox, self._publisher, self.held)
            if self._stopping.is_set():
                self._session.stop()
            await self._session.run()
        finally:
            self._session = None
            await self._close(self._publisher)

    async def _close(self, publisher: Publisher) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_TIMEOUT):
                await publisher.close()

    async def _keep_share(self) -> float:
        """Renew our lanes, take free ones, and give up those that exceed our share.

        Returns the seconds until that is to be done again.
        """
        before = self._holding.held
        with pymongo.timeout(PING_TIMEOUT):
            self._holding = await self._shares.keep()
            self._answered = time.monotonic()
            await self._hand_over()
        if before != self._holding.held:
            log.info("lanes held", count=len(self._holding.held), of=LANES)
        if self._holding.held:
            self._has_lanes.set()
        elif not self._stopping.is_set():
            self._has_lanes.clear()
        return HAND_OVER if self._holding.surplus else RENEW_INTERVAL

    async def _hand_over(self) -> None:
        surplus = self._holding.surplus
        idle = self._session.idle(surplus) if self._session else list(surplus)
        if idle:
            rest = self._holding.held.difference(idle)
            self._holding = Holding(rest, surplus.difference(idle), self._holding.until)
            await self._shares.release(idle)

    async def _report(self) -> float:
        """Report the state of the outbox to Prometheus. Returns as `_keep_share` does."""
        oldest = await self._outbox.oldest(from_start=self._reports % FULL_POLL_EVERY == 0)
        self._reports += 1
        age = time.time() - ids.made_at(oldest) if oldest else 0.0
        metrics.OUTBOX_OLDEST.labels(self._service).set(max(0.0, age))
        metrics.OUTBOX_DEPTH.labels(self._service).set(await self._outbox.depth())
        metrics.OUTBOX_PARKED.labels(self._service).set(await self._outbox.parked())
        return POLL_INTERVAL

    async def _repeat(self, work: Callable[[], Awaitable[float]]) -> None:
        while not self._over.is_set():
            try:
                pause = await work()
            except PyMongoError as error:
                self._answered = -math.inf
                log.warning("MongoDB does not answer", why=str(error)[:200])
                pause = 1.0
            await _sleep(pause, self._over)


async def _sleep(seconds: float, unless: asyncio.Event) -> None:
    """Sleep, unless something has happened, or happens meanwhile."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await unless.wait()


def _init_labels(service: str) -> None:
    """Create label series with zero: Prometheus sees no increase of a counter that begins above
    it.
    """
    metrics.RELAY_RETURNED.labels(service)
    for kind in contracts():
        if kind.startswith(f"tandem.{service}."):
            metrics.RELAY_PUBLISHED.labels(service, kind)


def _has_failed(task: "asyncio.Task[Any]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None
