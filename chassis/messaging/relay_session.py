"""One session of a relay: it publishes the rows of its lanes until something breaks.

A session begins with a new connection, a new change stream, and no memory: it scans each lane from
its start. So whatever broke the session before, nothing has to be repaired.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from typing import Any

import structlog

from chassis.data.numbering import lane_of
from chassis.data.shares import Holding
from chassis.messaging.lanes import Lanes
from chassis.messaging.outbox import Outbox, Row
from chassis.messaging.outbox_reads import Notice, Read
from chassis.messaging.publisher import Publisher
from chassis.messaging.unconfirmed import Outcome
from chassis.operations import metrics

# Seconds between two removals of confirmed rows.
REMOVE_INTERVAL = 0.1
# Seconds between two polls for rows of an older version, and for changes of our lanes.
POLL_INTERVAL = 1.0
# Seconds between two scans of a lane: an announcement that is lost in a failover of MongoDB delays
# a row by no more.
SCAN_INTERVAL = 60.0
# The pauses before rows that the broker refused are sent again.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
# While so many rows are in flight, no more are read.
MAX_IN_FLIGHT = 10_000

log = structlog.get_logger()


class Session:
    """Relays through one connection. `held` returns the lanes that we hold now."""

    def __init__(
        self, service: str, outbox: Outbox, publisher: Publisher, held: Callable[[], Holding]
    ) -> None:
        self._service, self._outbox, self._publisher, self._held = service, outbox, publisher, held
        self._lanes = Lanes()
        self._woken, self._listens, self._stopping = (asyncio.Event() for _ in range(3))
        self._released = self._over = False
        self._scan_at = time.monotonic() + SCAN_INTERVAL
        self._refused: set[str] = set()
        self._retry_at, self._pause = 0.0, FIRST_PAUSE

    def stop(self) -> None:
        """Read no more; `run` returns when the rows in flight are confirmed and removed."""
        self._stopping.set()
        self._woken.set()

    def idle(self, lanes: Iterable[str]) -> list[str]:
        """Return those of the lanes that we no longer read, and that have no row in flight."""
        closed = [lane for lane in map(int, lanes) if not self._lanes.reads(lane)]
        return [str(lane) for lane in self._lanes.idle(closed)]

    async def run(self) -> None:
        """Relay until `stop`. Raises PyMongoError or ConnectionLost if a server is away."""
        publishing = asyncio.create_task(self._publisher.publish(self._chunks()))
        others = [asyncio.create_task(self._follow()), asyncio.create_task(self._mind())]
        try:
            while not publishing.done() and self._publisher.is_open:
                await _first([publishing, *others], REMOVE_INTERVAL)
                await self._settle()
                for broken in filter(asyncio.Task.done, others):
                    broken.result()
            await self._settle()
            self._publisher.see_open()
            publishing.result()
        finally:
            self._over = True
            await end([publishing, *others])

    async def _follow(self) -> None:
        """Follow the change stream of committed rows."""
        await self._outbox.follow(self._listens, self._hear, lambda: self._over)

    def _hear(self, notice: Notice | None) -> None:
        if notice is None:
            self._released = True
        else:
            self._lanes.announce(notice)
        self._woken.set()

    async def _mind(self) -> None:
        """Keep the lanes up to date, and find rows that the change stream does not announce."""
        await self._listens.wait()
        while True:
            await self._hold()
            for key in await self._outbox.without_lane():
                self._lanes.read_by_key(key)
            if time.monotonic() > self._scan_at:
                self._scan_at = time.monotonic() + SCAN_INTERVAL
                self._released = True
                self._lanes.scan_again()
            self._woken.set()
            await asyncio.sleep(POLL_INTERVAL)

    async def _hold(self) -> None:
        if {int(lane) for lane in self._held().held} - self._lanes.held:
            self._lanes.block(await self._outbox.parked_keys())
        now = self._held()
        self._lanes.hold({int(lane) for lane in now.held}, {int(lane) for lane in now.surplus})

    async def _chunks(self) -> AsyncIterator[list[Row]]:
        """Yield chunks of rows to publish; the next chunk is read while one is in use."""
        reading = asyncio.create_task(self._next())
        try:
            while (rows := await reading) and not self._stopping.is_set():
                reading = asyncio.create_task(self._next())
                yield self._ours(rows)
        finally:
            await end([reading])

    async def _next(self) -> list[Row]:
        """Wait for the next rows, and return them; return none when we stop."""
        while not self._stopping.is_set():
            self._woken.clear()
            has_room = self._lanes.in_flight < MAX_IN_FLIGHT
            if has_room and (read := self._lanes.next_read()):
                if rows := await self._read(read):
                    return rows
            else:
                await self._woken.wait()
        return []

    async def _read(self, read: Read) -> list[Row]:
        rows, whole = await self._outbox.read(read)
        there = await self._outbox.there(self._lanes.unsure(read, rows))
        return self._lanes.admit(read, rows, whole, there)

    def _ours(self, rows: list[Row]) -> list[Row]:
        """Return those rows whose lanes we still hold: while they waited, leases may have ended."""
        held = {int(lane) for lane in self._held().held}
        if held >= self._lanes.held:
            return rows
        self._lanes.hold(self._lanes.held & held)
        self._lanes.left(row["_id"] for row in rows if lane_of(row["key"]) not in held)
        return [row for row in rows if lane_of(row["key"]) in held]

    async def _settle(self) -> None:
        """Remove confirmed rows, park rows that no queue took, and unblock aggregates."""
        if outcome := self._publisher.take_outcome():
            self._report(outcome)
            await self._outbox.settle(outcome)
            self._lanes.gone(outcome.confirmed)
            self._lanes.block(self._lanes.left(outcome.returned))
            self._lanes.left(outcome.kept)
            self._put_off(self._lanes.left(outcome.refused))
            self._woken.set()
        await self._let_go()

    def _report(self, outcome: Outcome) -> None:
        for kind, count in outcome.types.items():
            metrics.RELAY_PUBLISHED.labels(self._service, kind).inc(count)
        if outcome.returned:
            metrics.RELAY_RETURNED.labels(self._service).inc(len(outcome.returned))
            log.error("no queue took these events; they are parked", ids=outcome.returned[:10])

    def _put_off(self, keys: set[str]) -> None:
        """Send rows of these aggregates, which the broker refused, again after a pause."""
        if not keys:
            return
        since = time.monotonic() - self._retry_at
        self._pause = FIRST_PAUSE if since > 2 * LONGEST_PAUSE else self._pause
        log.warning("the broker refuses events", aggregates=len(keys), seconds=self._pause)
        self._lanes.block(keys)
        self._refused |= keys
        self._retry_at = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    async def _let_go(self) -> None:
        """Unblock aggregates that need not wait any longer."""
        if self._released:
            self._released = False
            parked = await self._outbox.parked_keys()
            self._released = not self._unblock(self._lanes.blocked - parked - self._refused)
        if self._refused and time.monotonic() > self._retry_at:
            self._unblock(self._refused)
            self._refused &= self._lanes.blocked

    def _unblock(self, keys: Iterable[str]) -> bool:
        """Unblock aggregates; return whether all could be: some may still have a row in flight."""
        wanted = set(keys)
        done = self._lanes.unblock(wanted)
        self._publisher.unblock(done)
        self._woken.set()
        return done == wanted


async def _first(tasks: Iterable["asyncio.Task[Any]"], seconds: float) -> None:
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


async def end(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Cancel tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
