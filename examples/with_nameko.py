"""Count what happens to enrolments, in each run, from Tandem's events, with nameko.

    pip install nameko
    python with_nameko.py live amqp://user:password@host/vhost counts.db
    python with_nameko.py replay amqp://user:password@host/vhost counts.db

README.md says what `live` and `replay` do, and why no event is lost or counted twice.
"""

import eventlet

eventlet.monkey_patch()

import sqlite3
import sys
from typing import Any

from kombu import Exchange, Queue
from nameko.messaging import Consumer
from nameko.runners import ServiceRunner

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

mode, url, path, *given = sys.argv[1:]  # `given`: a queue that Tandem declares for us
database = sqlite3.connect(path)
database.executescript(TABLES)
[last] = database.execute("SELECT place FROM history").fetchone() or [None]
PLACE = {"x-stream-offset": "first" if last is None else last}
HISTORY = Queue("tandem.history", no_declare=True, consumer_arguments=PLACE)
OURS = Queue(given[0], no_declare=True) if given else LIVE


class EventConsumer(Consumer):
    """Hands over an event with its headers, and ends the program if its method fails.

    nameko's own would hand over the body alone, and acknowledge the event in spite of the error.
    """

    def handle_message(self, body: Any, message: Any) -> None:
        super().handle_message(message, message)

    def handle_message_processed(self, message: Any, result: Any, exc_info: Any) -> None:
        if exc_info:
            raise exc_info[1]
        super().handle_message_processed(message, result, exc_info)


class Records:
    """Counts events."""

    name = "records"

    @EventConsumer.decorator(OURS if mode == "live" else HISTORY)
    def on_event(self, message: Any) -> None:
        """Count an event about an enrolment; it is acknowledged afterwards."""
        global last
        if mode == "replay" and last is not None:  # begins with the one that we counted last
            if message.headers["x-stream-offset"] != last:
                raise RuntimeError(f"the history no longer has the events after {last}")
            last = None
        if message.headers.get("cloudEvents_type", "").startswith(TYPES):
            self.count(message.headers, message.payload)

    def count(self, headers: dict[str, Any], event: dict[str, Any]) -> None:
        """Count an event once: its count, its id and our place in the history are one change."""
        with database:
            known = [headers["cloudEvents_id"]]
            if database.execute("INSERT OR IGNORE INTO seen VALUES (?)", known).rowcount:
                database.execute(COUNT, [event["runId"], headers["cloudEvents_type"]])
            if "x-stream-offset" in headers:
                place = headers["x-stream-offset"]
                database.execute("REPLACE INTO history VALUES ('tandem.history', ?)", [place])


runner = ServiceRunner({"AMQP_URI": url, "max_workers": 1})  # one event after the other
runner.add_service(Records)
runner.start()
runner.wait()
