"""The relay role: what stands in the outbox goes to the broker, in each aggregate's order.

Of a service's relays one holds the lease and publishes; the others stand by. It wakes by change
stream. An event is removed when the broker has confirmed it, so a crash in between repeats it, and
never loses it. An event that no queue takes is parked, with all that follow it in its aggregate.
"""

import asyncio
import os
import random
import signal
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from chassis import lease, metrics, ops
from chassis.publisher import ConnectionLost, Outcome, Publisher
from chassis.settings import Settings

CHUNK = 1_000
LEASE = timedelta(seconds=5)
# A wake that got lost costs this much at the most.
POLL = 1.0
LOOK = 2.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0

Row = dict[str, Any]
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
            settings.mongo_url, tz_aware=True, serverSelectionTimeoutMS=5_000
        )
        database = self._client[settings.mongo_database or f"tandem_{service}"]
        self._outbox, self._leases = database["outbox"], database["leases"]
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        self._stopping, self._woken = asyncio.Event(), asyncio.Event()
        self._leads_until = 0.0
        self._mongo_answers = False
        self._publisher: Publisher | None = None

    def stop(self) -> None:
        """Finish what is in flight and leave."""
        self._stopping.set()
        self._woken.set()

    def ready(self) -> dict[str, bool]:
        """What /ready tells. A relay that stands by needs no broker."""
        stands_by = not self._leads
        return {
            "mongodb": self._mongo_answers,
            "rabbitmq": stands_by or (self._publisher is not None and self._publisher.is_open),
        }

    async def run(self) -> None:
        """Relay until `stop`."""
        helpers = [
            asyncio.create_task(self._forever(work))
            for work in (self._keep_lease, self._watch, self._look)
        ]
        try:
            await self._publish_forever()
        finally:
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self._leave()

    @property
    def _leads(self) -> bool:
        return time.monotonic() < self._leads_until

    async def _leave(self) -> None:
        if self._publisher is not None:
            await self._publisher.close()
        try:
            await self._leases.delete_one({"_id": "relay", "holder": self._holder})
        except PyMongoError as error:
            log.warning("the lease ends by itself", why=str(error))
        await self._client.close()

    async def _publish_forever(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                if self._leads:
                    await self._drain()
                pause = FIRST_PAUSE
            except (PyMongoError, ConnectionLost) as error:
                log.warning("can't relay now", why=str(error.args[0]), seconds=round(pause, 1))
                await self._sleep(pause * random.uniform(0.7, 1.3))
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            await self._wait_for_wake()

    async def _drain(self) -> None:
        """Publish until the outbox has nothing more for us."""
        publisher = await self._connected()
        while self._leads and not self._stopping.is_set() and await self._pass(publisher):
            pass

    async def _pass(self, publisher: Publisher) -> bool:
        """Once through the outbox, from the oldest on; False when there was nothing.

        While one chunk is published the next is read, and what was confirmed before is removed.
        """
        taken: set[str] = set()
        reading = asyncio.create_task(self._read(""))
        settling = asyncio.create_task(self._settle(Outcome()))
        try:
            while self._leads and not self._stopping.is_set():
                rows, last = await reading
                if not rows:
                    break
                reading = asyncio.create_task(self._read(last))
                fresh = [row for row in rows if row["_id"] not in taken]
                taken.update(row["_id"] for row in fresh)
                await publisher.send(fresh)
                await settling
                settling = asyncio.create_task(self._settle(publisher.outcome()))
            await publisher.flush()
        finally:
            reading.cancel()
            await settling
            await self._settle(publisher.outcome())
        return bool(taken)

    async def _connected(self) -> Publisher:
        if self._publisher is None or not self._publisher.is_open:
            publisher = Publisher(self._service)
            self._publisher = publisher
            await publisher.open(self._settings.amqp_url)
            log.info("connected to the broker")
        return self._publisher

    async def _read(self, after: str) -> tuple[list[Row], str]:
        """The oldest events after an id, with each all that wait of its aggregate, by its sequence.

        Ids sort by the clocks of the processes that made them, which differ; the sequence does not.
        Answers also the last id, where the next chunk begins.
        """
        wanted: Row = {"_id": {"$gt": after}}
        blocked = await self._outbox.distinct("key", {"parked_at": {"$exists": True}})
        if blocked:
            wanted["key"] = {"$nin": blocked}
        oldest = await self._outbox.find(wanted, {"key": 1}).sort("_id").limit(CHUNK).to_list()
        if not oldest:
            return [], after
        keys = list(dict.fromkeys(row["key"] for row in oldest))
        together = self._outbox.find({"key": {"$in": keys}}).sort([("key", 1), ("sequence", 1)])
        return in_order(await together.limit(2 * CHUNK).to_list(), keys), oldest[-1]["_id"]

    async def _settle(self, outcome: Outcome) -> None:
        if outcome.confirmed:
            await self._outbox.delete_many({"_id": {"$in": outcome.confirmed}})
            metrics.RELAY_PUBLISHED.labels(self._service).inc(len(outcome.confirmed))
        if outcome.returned:
            await self._outbox.update_many(
                {"_id": {"$in": outcome.returned}}, {"$set": {"parked_at": datetime.now(UTC)}}
            )
            metrics.RELAY_RETURNED.labels(self._service).inc(len(outcome.returned))
            log.error("no queue took these events; they are parked", ids=outcome.returned[:10])
        if outcome.refused:
            raise ConnectionLost(f"the broker refused {len(outcome.refused)} events")

    async def _keep_lease(self) -> None:
        """Take the lease, and keep it; count it as lost a little before MongoDB does."""
        began = time.monotonic()
        took = await lease.take_async(self._leases, "relay", self._holder, LEASE)
        if took != self._leads:
            log.info("leading" if took else "standing by")
        self._leads_until = began + LEASE.total_seconds() * 0.8 if took else 0.0
        self._mongo_answers = True
        metrics.RELAY_LEADER.labels(self._service).set(took)
        if took:
            self._woken.set()
        await asyncio.sleep(LEASE.total_seconds() / 5)

    async def _watch(self) -> None:
        """Wake for every insertion. The stream tells ids only: the rows are read in their order."""
        pipeline: list[Row] = [{"$match": {"operationType": "insert"}}, {"$project": {"_id": 1}}]
        async with await self._outbox.watch(pipeline) as changes:
            self._woken.set()
            async for _ in changes:
                self._woken.set()

    async def _look(self) -> None:
        """Tell depth, age and parked events to Prometheus."""
        oldest = await self._outbox.find_one({}, {"_id": 1}, sort=[("_id", 1)])
        parked = await self._outbox.count_documents({"parked_at": {"$exists": True}})
        depth = await self._outbox.count_documents({})
        metrics.OUTBOX_DEPTH.labels(self._service).set(depth)
        metrics.OUTBOX_OLDEST.labels(self._service).set(age(oldest["_id"]) if oldest else 0)
        metrics.OUTBOX_PARKED.labels(self._service).set(parked)
        await asyncio.sleep(LOOK)

    async def _forever(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except PyMongoError as error:
                self._mongo_answers = False
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


def in_order(rows: Iterable[Row], keys: list[str]) -> list[Row]:
    """Rows by the place of their key in `keys`, and within a key by sequence."""
    place = {key: number for number, key in enumerate(keys)}
    return sorted(rows, key=lambda row: (place[row["key"]], row["sequence"]))


def age(event_id: str) -> float:
    """Seconds of the system's clock since an event was made: a UUIDv7 begins with Unix ms."""
    return max(0.0, time.time() - (uuid.UUID(event_id).int >> 80) / 1000)


def release(outbox: Any) -> int:
    """Let parked events go again, after their queues were declared; answers how many."""
    found = outbox.update_many({"parked_at": {"$exists": True}}, {"$unset": {"parked_at": ""}})
    return int(found.modified_count)
