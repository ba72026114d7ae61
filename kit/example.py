"""Count what happens to enrolments, in each run.

python example.py amqp://user:password@host/vhost counts.db
"""

import signal
import sqlite3
import sys

from tandem_events import Event, SqliteInbox, Subscriber

COUNT = "INSERT INTO counts VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET number = number + 1"


def count(event: Event, database: sqlite3.Connection) -> None:
    """Count an event in the transaction in which the inbox remembers it."""
    database.execute(COUNT, [event.data["runId"], event.type])


def main(url: str, path: str) -> None:
    """Count until SIGTERM."""
    inbox = SqliteInbox(path)
    inbox.database.execute(
        "CREATE TABLE IF NOT EXISTS counts"
        " (run TEXT, type TEXT, number INTEGER, PRIMARY KEY (run, type))"
    )
    subscriber = Subscriber(url, "records.enrolments", ["tandem.catalog.enrolment.#"], inbox)
    signal.signal(signal.SIGTERM, lambda *_: subscriber.stop())
    subscriber.run(count)


if __name__ == "__main__":
    main(*sys.argv[1:])
