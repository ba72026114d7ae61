"""Count what happens to enrolments, in each run, from Tandem's events, with pika.

    pip install pika
    python with_pika.py live amqp://user:password@host/vhost counts.db
    python with_pika.py replay amqp://user:password@host/vhost counts.db

README.md says what `live` and `replay` do, and why no event is lost or counted twice.
"""

import json
import sqlite3
import sys
from typing import Any

import pika

QUEUE = "records.enrolments"
TYPES = "tandem.catalog.enrolment."
# RabbitMQ 4 would drop an event that came 20 times, as it does if the program ends at it.
KEPT = {"x-queue-type": "quorum", "x-delivery-limit": 2**31 - 1}

TABLES = """
CREATE TABLE IF NOT EXISTS counts (run TEXT, type TEXT, number INTEGER, PRIMARY KEY (run, type));
CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS history (name TEXT PRIMARY KEY, place INTEGER);
"""
COUNT = "INSERT INTO counts VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET number = number + 1"


def count(database: sqlite3.Connection, headers: dict[str, Any], body: bytes) -> None:
    """Count an event once: its count, its id and our place in the history are one change."""
    with database:
        known = [headers["cloudEvents_id"]]
        if database.execute("INSERT OR IGNORE INTO seen VALUES (?)", known).rowcount:
            database.execute(COUNT, [json.loads(body)["runId"], headers["cloudEvents_type"]])
        if "x-stream-offset" in headers:
            place = headers["x-stream-offset"]
            database.execute("REPLACE INTO history VALUES ('tandem.history', ?)", [place])


def deliveries(channel: Any, database: sqlite3.Connection, mode: str, given: str) -> Any:
    """Return the events to come: of a queue of our own, or of the history from our place on."""
    if mode == "live" and given:
        return channel.consume(given)
    if mode == "live":
        channel.queue_declare(QUEUE, durable=True, arguments=KEPT)
        channel.queue_bind(QUEUE, "tandem.events", TYPES + "#")
        return channel.consume(QUEUE)
    [place] = database.execute("SELECT place FROM history").fetchone() or ["first"]
    found = channel.consume("tandem.history", arguments={"x-stream-offset": place})
    if place != "first":
        _, properties, _ = next(found)  # the one that we counted last
        if properties.headers["x-stream-offset"] != place:
            raise SystemExit(f"the history no longer has the events after {place}")
    return found


def main(mode: str, url: str, path: str, given: str = "") -> None:
    """Read events until the connection ends. `given`: a queue that Tandem declares for us."""
    database = sqlite3.connect(path)
    database.executescript(TABLES)
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    channel.basic_qos(prefetch_count=100)
    for method, properties, body in deliveries(channel, database, mode, given):
        headers = properties.headers or {}
        if headers.get("cloudEvents_type", "").startswith(TYPES):
            count(database, headers, body)
        channel.basic_ack(method.delivery_tag, multiple=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
