"""Count what happens to enrolments, in each run, from Tandem's events, with kombu.

    pip install kombu
    python with_kombu.py live amqp://user:password@host/vhost counts.db
    python with_kombu.py replay amqp://user:password@host/vhost counts.db

README.md says what `live` and `replay` do, and why no event is lost or counted twice.
"""

import sqlite3
import sys
from typing import Any

from kombu import Connection, Exchange, Queue
from kombu.mixins import ConsumerMixin

TYPES = "tandem.catalog.enrolment."
# RabbitMQ 4 would drop an event that came 20 times, as it does if the program ends at it.
KEPT = {"x-queue-type": "quorum", "x-delivery-limit": 2**31 - 1}
EVENTS = Exchange("tandem.events", "topic", durable=True, passive=True)
LIVE = Queue("records.enrolments", EVENTS, TYPES + "#", queue_arguments=KEPT)

TABLES = """
CREATE TABLE IF NOT EXISTS counts (run TEXT, type TEXT, number INTEGER, PRIMARY KEY (run, type));
CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS history (name TEXT PRIMARY KEY, place INTEGER);
"""
COUNT = "INSERT INTO counts VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET number = number + 1"


class Counter(ConsumerMixin):
    """Reads events, and connects again if the connection ends."""

    def __init__(self, mode: str, url: str, path: str, given: str = "") -> None:
        """`given`: a queue that Tandem declares for us."""
        self.live = Queue(given, no_declare=True) if given else LIVE
        self.mode, self.connection = mode, Connection(url, heartbeat=60)
        self.database = sqlite3.connect(path)
        self.database.executescript(TABLES)

    def get_consumers(self, consumer: Any, channel: Any) -> list[Any]:
        """Return the consumer of a new connection: of our queue, or of the history."""
        queue, self.last = self.live, None
        if self.mode == "replay":
            [self.last] = self.database.execute("SELECT place FROM history").fetchone() or [None]
            place = {"x-stream-offset": "first" if self.last is None else self.last}
            queue = Queue("tandem.history", no_declare=True, consumer_arguments=place)
        # One at a time: kombu would hand over what it has fetched also after an error.
        return [consumer(queues=[queue], on_message=self.on_message, prefetch_count=1)]

    def on_message(self, message: Any) -> None:
        """Acknowledge an event once it is counted; an error ends the program before that."""
        if self.last is not None:  # the history begins with the one that we counted last
            if message.headers["x-stream-offset"] != self.last:
                raise SystemExit(f"the history no longer has the events after {self.last}")
            self.last = None
        if message.headers.get("cloudEvents_type", "").startswith(TYPES):
            self.count(message.headers, message.decode())
        message.ack()

    def count(self, headers: dict[str, Any], event: dict[str, Any]) -> None:
        """Count an event once: its count, its id and our place in the history are one change."""
        with self.database as database:
            known = [headers["cloudEvents_id"]]
            if database.execute("INSERT OR IGNORE INTO seen VALUES (?)", known).rowcount:
                database.execute(COUNT, [event["runId"], headers["cloudEvents_type"]])
            if "x-stream-offset" in headers:
                place = headers["x-stream-offset"]
                database.execute("REPLACE INTO history VALUES ('tandem.history', ?)", [place])


if __name__ == "__main__":
    Counter(*sys.argv[1:]).run()
