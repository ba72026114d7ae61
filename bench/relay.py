"""Relay: what it publishes a second, beside a bare pika loop that has everything in memory."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection

from bench import rig, sample
from bench.figures import Figure, beside
from bench.sample import QUEUE
from chassis.settings import Settings, load
from chassis.topology import EXCHANGE

EVENTS = 20_000
WINDOW = 500
ROUNDS = 3


def measure() -> Iterator[Figure]:
    """Ours reads, publishes and removes; the peer only publishes, straight to the quorum queue.

    Ours goes by the exchange to that queue and to the history, which is more work for the broker:
    what the peer does by the same way is shown beside.
    """
    yield beside("relay", "events/s", 0.7, ROUNDS, _ours, lambda: _peer("queue"))
    by_exchange = "relay, peer by the same exchange"
    yield beside(by_exchange, "events/s", None, ROUNDS, _ours, lambda: _peer("exchange"))


def _ours() -> float:
    database = rig.fresh_database()
    rig.fill_outbox(database, EVENTS)
    outbox = database.mongo["outbox"]
    with rig.running("bench.sample", "relay"):
        return rig.rate(lambda: EVENTS - outbox.estimated_document_count(), EVENTS)


def _peer(way: str) -> float:
    """The bare loop, in a process of its own as the relay is."""
    database = rig.fresh_database()
    rig.fill_outbox(database, 1)
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
            delivery_mode=2, content_type="application/json", headers=row["headers"]
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
