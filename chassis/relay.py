"""The relay role: what stands in the outbox goes to the broker, in each aggregate's order.

Of a service's relays one holds the lease and publishes; the others stand by. It wakes by change
stream. An event is removed when the broker has confirmed it, so a crash in between repeats it, and
never loses it. An event that no queue takes is parked, with all that follow it in its aggregate.
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
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any

import pymongo
import structlog
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from chassis import ids, lease, metrics, ops
from chassis.events import contracts
from chassis.outbox import Outbox, Row
from chassis.publisher import ConnectionLost, Publisher
from chassis.pulse import PATIENCE
from chassis.settings import Settings
from chassis.store import CLIENT
from chassis.window import Outcome

LEASE = timedelta(seconds=5)
BEAT = LEASE.total_seconds() / 5
# A wake that got lost costs this many seconds at the most.
POLL = 1.0
LOOK = 2.0
# While a long publication runs, what is confirmed by then is removed this often.
SETTLE = 0.1
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
GOODBYE = 5.0

log = structlog.get_logger()


def serve(settings: Settings, service: str) -> None:
    """Relay until SIGTERM or SIGINT; then finish what is in flight, and let the next one in."""
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
        self._outbox, self._leases = Outbox(database["outbox"]), database["leases"]
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        self._stopping, self._woken = asyncio.Event(), asyncio.Event()
        self._leads_until = 0.0
        self._answered = -math.inf
        self._publisher: Publisher | None = None
        self._out_of_time = asyncio.Event()
        _tell_zero(service)
        metrics.RELAY_LEADER.labels(service).set_function(lambda: self._leads)

    def stop(self) -> None:
        """Ask it to leave: `run` publishes no more, waits until what is in flight is confirmed or
        `settings.drain` is over, and ends.
        """
        self._stopping.set()
        self._woken.set()
        drain = self._settings.drain.total_seconds()
        asyncio.get_running_loop().call_later(drain, self._out_of_time.set)

    def ready(self) -> dict[str, bool]:
        """What /ready tells. A relay that stands by needs no broker."""
        stands_by = not self._leads
        return {
            "mongodb": time.monotonic() - self._answered < BEAT + 2 * PATIENCE,
            "rabbitmq": stands_by or (self._publisher is not None and self._publisher.is_open),
        }

    async def run(self) -> None:
        """Relay until `stop`. What is not about a server being away ends it: a bug, not a state."""
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._publish_forever()),
            asyncio.create_task(self._out_of_time.wait()),
            *(
                asyncio.create_task(self._forever(work))
                for work in (self._keep_lease, self._watch, self._look)
            ),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            failed = next((task for task in tasks if _has_failed(task)), None)
            await _end(tasks)
            await self._leave()
        if failed:
            failed.result()

    @property
    def _leads(self) -> bool:
        return time.monotonic() < self._leads_until

    @property
    def _goes_on(self) -> bool:
        return self._leads and not self._stopping.is_set()

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(GOODBYE):
                if self._publisher is not None:
                    await self._publisher.close()
                await lease.release_async(self._leases, "relay", self._holder)
                await self._client.close()
        except (PyMongoError, TimeoutError) as error:
            log.warning("the lease ends by itself", why=repr(error)[:200])

    async def _publish_forever(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                if self._leads:
                    await self._drain()
                pause = FIRST_PAUSE
            except (PyMongoError, ConnectionLost) as error:
                log.warning("can't relay now", why=str(error)[:300], seconds=round(pause, 1))
                await self._sleep(pause * random.uniform(0.7, 1.3))
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            await self._wait_for_wake()

    async def _drain(self) -> None:
        """Publish until the outbox has nothing more for us."""
        publisher = await self._connected()
        while self._goes_on and (done := await self._publish(publisher)):
            if done.refused:
                raise ConnectionLost(f"the broker refused {len(done.refused)} events")

    async def _connected(self) -> Publisher:
        if self._publisher is None or not self._publisher.is_open:
            self._publisher = Publisher(self._service)
            await self._publisher.open(self._settings.amqp_url)
            log.info("connected to the broker")
        return self._publisher

    async def _publish(self, publisher: Publisher) -> Outcome:
        """Once through the outbox; meanwhile what is confirmed is removed."""
        whole = Outcome()
        publishing = asyncio.create_task(publisher.publish(self._chunks()))
        try:
            ended = False
            while not ended:
                ended = bool((await asyncio.wait([publishing], timeout=SETTLE))[0])
                whole.add(await self._settle(publisher))
        finally:
            await _end([publishing])
        publishing.result()
        return whole

    async def _chunks(self) -> AsyncIterator[list[Row]]:
        """What waits, while it is ours to publish."""
        async with contextlib.aclosing(self._outbox.chunks()) as chunks:
            async for rows in chunks:
                if not self._goes_on:
                    return
                yield rows

    async def _settle(self, publisher: Publisher) -> Outcome:
        outcome = publisher.take_outcome()
        for kind, count in outcome.types.items():
            metrics.RELAY_PUBLISHED.labels(self._service, kind).inc(count)
        if outcome.returned:
            metrics.RELAY_RETURNED.labels(self._service).inc(len(outcome.returned))
            log.error("no queue took these events; they are parked", ids=outcome.returned[:10])
        await self._outbox.settle(outcome)
        return outcome

    async def _keep_lease(self) -> None:
        """Take the lease, and keep it; count it as lost a little before MongoDB does."""
        began, led = time.monotonic(), self._leads
        with pymongo.timeout(PATIENCE):
            took = await lease.take_async(self._leases, "relay", self._holder, LEASE)
        self._leads_until = began + LEASE.total_seconds() * 0.8 if took else 0.0
        self._answered = time.monotonic()
        if took != led:
            log.info("leading" if took else "standing by")
            self._woken.set()
        await asyncio.sleep(BEAT)

    async def _watch(self) -> None:
        """Wake for every insertion, and for what was inserted before we looked."""
        async with await self._outbox.watch() as changes:
            self._woken.set()
            async for _ in changes:
                self._woken.set()

    async def _look(self) -> None:
        """Tell Prometheus how it stands."""
        oldest = await self._outbox.oldest()
        age = time.time() - ids.made_at(oldest) if oldest else 0.0
        metrics.OUTBOX_OLDEST.labels(self._service).set(max(0.0, age))
        metrics.OUTBOX_DEPTH.labels(self._service).set(await self._outbox.depth())
        metrics.OUTBOX_PARKED.labels(self._service).set(await self._outbox.parked())
        await asyncio.sleep(LOOK)

    async def _forever(self, work: Callable[[], Awaitable[Any]]) -> None:
        while True:
            try:
                await work()
            except PyMongoError as error:
                self._answered = -math.inf
                log.warning("MongoDB does not answer", why=str(error)[:200])
                await asyncio.sleep(1)

    async def _wait_for_wake(self) -> None:
        try:
            async with asyncio.timeout(POLL):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    async def _sleep(self, seconds: float) -> None:
        """Sleep, unless it is time to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass


def _tell_zero(service: str) -> None:
    """Zero is a figure, too: of a counter that begins with more, Prometheus sees no increase."""
    metrics.RELAY_RETURNED.labels(service)
    for kind in contracts():
        if kind.startswith(f"tandem.{service}."):
            metrics.RELAY_PUBLISHED.labels(service, kind)


async def _end(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel tasks until they have ended.

    Once is not enough: of 80 relays that were stopped, 4 went on, for pymongo (4.20) may swallow a
    cancellation.
    """
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.2)


def _has_failed(task: "asyncio.Task[Any]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None
