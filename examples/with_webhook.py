"""Count Tandem's events that a webhook brings, by type: verified, and each once.

    pip install standardwebhooks
    python with_webhook.py PORT SECRET counts.db

Put a proxy with TLS in front of it. What is not verified gets 401, what can't be stored now gets
500: Tandem sends both again. docs/webhooks.md says what a receiver may rely on.
"""

import sqlite3
import sys
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

LARGEST = 1_000_000  # bytes; the data of an event have at most 256 KiB
TABLES = """
CREATE TABLE IF NOT EXISTS counts (type TEXT PRIMARY KEY, number INTEGER);
CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY);
"""
COUNT = "INSERT INTO counts VALUES (?, 1) ON CONFLICT DO UPDATE SET number = number + 1"


def count(path: str, event: dict[str, Any]) -> None:
    """Count an event once: its count and its id are one change."""
    with closing(sqlite3.connect(path, timeout=10)) as database, database:
        if database.execute("INSERT OR IGNORE INTO seen VALUES (?)", [event["id"]]).rowcount:
            database.execute(COUNT, [event["type"]])


class Receiver(BaseHTTPRequestHandler):
    """Answers the requests of one webhook."""

    protocol_version = "HTTP/1.1"
    webhook: Webhook
    path_of_counts: str

    def do_POST(self) -> None:
        """Receive an event."""
        status = self.received(int(self.headers.get("content-length", 0)))
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def received(self, length: int) -> int:
        """Count the event of a request whose body has this length; return the status."""
        if length > LARGEST:
            self.close_connection = True
            return 413
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            count(self.path_of_counts, self.webhook.verify(self.rfile.read(length), headers))
        except WebhookVerificationError:
            return 401
        except sqlite3.Error:
            return 500
        return 204


def main(port: str, secret: str, path: str) -> None:
    """Receive events until the program is ended."""
    Receiver.webhook, Receiver.path_of_counts = Webhook(secret), path
    with closing(sqlite3.connect(path)) as database:
        database.executescript(TABLES)
    with ThreadingHTTPServer(("127.0.0.1", int(port)), Receiver) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
