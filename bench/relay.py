"""Relay: what it publishes a second, beside a bare pika loop that has everything in memory."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection

from bench import rig, sample
from bench.figures import Figure, beside
from bench.sample import QUEUE
from chassis import ids
from chassis.contracts.events import PREFIX
from chassis.data.numbering import lane_of
from chassis.messaging.topology import EXCHANGE, PERSISTENT
from chassis.operations.settings import Settings, load

# Events that are counted of each: enough that a checkpoint of MongoDB's hinders both alike.
EVENTS = 60_000
WINDOW = 500
ROUNDS = 3
# Events a second that are committed while ours and the peer run, in units of work of 100.
INSERTED, UNIT = 1_000, 100
BACKLOG, USUAL = 1_000_000, 100_000
# Seconds at full rate, and those at its begin and its end that are compared.
LONG, PART = float(os.environ.get("BENCH_RELAY_SECONDS", "600")), 0.1
# Rows that wait at the least while it runs at full rate.
ENOUGH = 10_000


def measure() -> Iterator[Figure]:
    """Ours reads, publishes and removes, and goes by the exchange to the queue and the history, as
    the peer does in the second row. Meanwhile events are committed, beside the peer as well.
    """
    yield beside("relay", "events/s", None, ROUNDS, _ours, lambda: _peer("queue"))
    by_exchange = "relay, peer by the same exchange"
    yield beside(by_exchange, "events/s", 0.8, ROUNDS, _ours, lambda: _peer("exchange"))


def measure_backlog() -> Iterator[Figure]:
    """The rate at which a great backlog begins to go, beside a small one."""
    name = f"relay, {BACKLOG} wait, beside {USUAL}"
    yield beside(name, "events/s", 0.9, ROUNDS, lambda: _drained(BACKLOG), lambda: _drained(USUAL))


def measure_long() -> Iterator[Figure]:
    """The rate at the end of a long time at full rate, beside that at its begin."""
    first, last = _at_full_rate(LONG)
    name = f"relay, after {LONG:.0f} s at full rate, beside the begin"
    yield beside(name, "events/s", 0.9, 1, lambda: last, lambda: first)


def _ours() -> float:
    database = rig.fresh_database()
    rig.fill_outbox(database, EVENTS)
    return _rate(database, EVENTS, EVENTS)


def _drained(waiting: int) -> float:
    database = rig.fresh_database()
    _insert(database, waiting)
    return _rate(database, waiting, EVENTS)


def _rate(database: Any, waiting: int, events: int) -> float:
    """How many events a second go of those that wait, and of those that come meanwhile."""
    outbox = database.mongo["outbox"]
    with _inserting(database, waiting) as inserted, rig.running("bench.sample", "relay"):
        return rig.rate(lambda: inserted() - outbox.estimated_document_count(), events)


@contextmanager
def _inserting(database: Any, already: int) -> Iterator[Callable[[], int]]:
    """Commit events beside, at an even rate; answers how many there were, with those before."""
    count, done = already, threading.Event()

    def insert() -> None:
        nonlocal count
        began, made = time.monotonic(), 0
        while not done.wait(max(0.0, began + made / INSERTED - time.monotonic())):
            now = datetime(2026, 3, 2, 9, tzinfo=UTC)
            keys = [f"x{(made + number) // 4}" for number in range(UNIT)]
            rows = [sample.ActivityCompleted(key, "run", key, "reading", now) for key in keys]
            database.transact(lambda store, rows=rows: store.record_event(*rows))
            made += UNIT
            count += UNIT

    thread = threading.Thread(target=insert)
    thread.start()
    try:
        yield lambda: count
    finally:
        done.set()
        thread.join()


def _at_full_rate(seconds: float) -> tuple[float, float]:
    """The rates in the first and the last part of a time in which there is always enough to do."""
    database = rig.fresh_database()
    outbox = database.mongo["outbox"]
    inserted = _insert(database, 2 * ENOUGH)
    marks: list[tuple[float, int]] = []
    with rig.running("bench.sample", "relay"), _emptying():
        rig.rate(lambda: inserted - outbox.estimated_document_count(), ENOUGH)
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            waiting = outbox.estimated_document_count()
            marks.append((passed, inserted - waiting))
            if waiting < 2 * ENOUGH:
                inserted += _insert(database, ENOUGH, inserted)
            time.sleep(0.02)
    return _slope(marks, 0, seconds * PART), _slope(marks, seconds * (1 - PART), seconds)


@contextmanager
def _emptying() -> Iterator[None]:
    """Empty the queue again and again, as consumers would: millions in it slow the broker down."""
    done = threading.Event()

    def empty() -> None:
        with pika.BlockingConnection(
            pika.URLParameters(rig.environment()["TANDEM_AMQP_URL"])
        ) as link:
            channel = link.channel()
            while not done.wait(1):
                channel.queue_purge(QUEUE)

    thread = threading.Thread(target=empty)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _slope(marks: list[tuple[float, int]], begin: float, end: float) -> float:
    inside = [mark for mark in marks if begin <= mark[0] <= end]
    (at, before), (until, after) = inside[0], inside[-1]
    return (after - before) / (until - at)


def _insert(database: Any, count: int, first: int = 0) -> int:
    """Insert rows like those that the store writes, but many at once; each its own aggregate."""
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    pattern = sample.ActivityCompleted(ids.new_id(), "run", "l", "reading", now)
    database.transact(lambda store: store.record_event(pattern))
    outbox = database.mongo["outbox"]
    row = outbox.find_one_and_delete({"key": pattern.enrolment_id})
    for start in range(first, first + count, 1_000):
        size = min(1_000, first + count - start)
        outbox.insert_many([_like(row, f"i{start + number}") for number in range(size)])
    return count


def _like(row: dict[str, Any], key: str) -> dict[str, Any]:
    headers = {**row["headers"], f"{PREFIX}partitionkey": key}
    return {**row, "_id": ids.new_id(), "key": key, "lane": lane_of(key), "headers": headers}


def _peer(way: str) -> float:
    """The bare loop, in a process of its own as the relay is."""
    database = rig.fresh_database()
    rig.fill_outbox(database, 1)
    with _inserting(database, 1):
        done = subprocess.run(
            [sys.executable, "-m", "bench.relay", way],
            env={**os.environ, **rig.environment()},
            timeout=300,
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout)


class _Bare:
    """Publishes one event over and over with a window of pipelined confirms."""

    def __init__(
        self, row: dict[str, Any], way: tuple[str, str], finished: "asyncio.Future[float]"
    ) -> None:
        self._row, self._way, self._finished = row, way, finished
        self._sent = 0
        self._in_flight: dict[int, None] = {}
        self._properties = pika.BasicProperties(
            delivery_mode=PERSISTENT, content_type="application/json", headers=row["headers"]
        )

    def opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        self._channel = channel
        channel.confirm_delivery(self._on_confirm, callback=self._begin)

    def _begin(self, _: Any) -> None:
        self._began = time.perf_counter()
        self._fill()

    def _fill(self) -> None:
        while self._sent < EVENTS and len(self._in_flight) < WINDOW:
            self._channel.basic_publish(
                *self._way, bytes(self._row["body"]), self._properties, mandatory=True
            )
            self._sent += 1
            self._in_flight[self._sent] = None

    def _on_confirm(self, frame: Any) -> None:
        last, several = frame.method.delivery_tag, frame.method.multiple
        for tag in [tag for tag in self._in_flight if tag <= last] if several else [last]:
            del self._in_flight[tag]
        if self._sent == EVENTS and not self._in_flight:
            self._finished.set_result(EVENTS / (time.perf_counter() - self._began))
        self._fill()


async def _bare(way: str) -> float:
    row = sample.database(load(Settings, os.environ, "worker")).mongo["outbox"].find_one()
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[float] = loop.create_future()
    assert row is not None
    bare = _Bare(row, (EXCHANGE, row["type"]) if way == "exchange" else ("", QUEUE), finished)
    connection = AsyncioConnection(
        pika.URLParameters(os.environ["TANDEM_AMQP_URL"]),
        on_open_callback=bare.opened,
        custom_ioloop=loop,
    )
    rate = await finished
    connection.close()
    return rate


if __name__ == "__main__":
    print(asyncio.run(_bare(sys.argv[1])))
