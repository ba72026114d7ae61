"""What a consumer remembers of events, in the transaction in which it handles them."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from tandem_events.event import Event

T = TypeVar("T", covariant=True)

TABLES = """
CREATE TABLE IF NOT EXISTS tandem_seen (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS tandem_last (
    source TEXT, key TEXT, sequence INTEGER, time TEXT, PRIMARY KEY (source, key));
CREATE TABLE IF NOT EXISTS tandem_gaps (
    source TEXT, key TEXT, first INTEGER, last INTEGER, since TEXT, until TEXT,
    PRIMARY KEY (source, key, first));
"""
# Columns that the tables of version 0.1 lack.
NEWER = (("tandem_last", "time"), ("tandem_gaps", "since"), ("tandem_gaps", "until"))


class HandlerError(Exception):
    """A handler failed; its cause is what it raised. Nothing of its transaction is stored."""


@dataclass(frozen=True)
class Gap:
    """Events of a source and partition key that did not come, though later ones did."""

    source: str
    key: str
    first: int
    """The first missing sequence."""
    last: int
    """The last missing sequence."""
    since: datetime | None = field(default=None, compare=False)
    """When the event before the gap happened; None if nobody knows."""
    until: datetime | None = field(default=None, compare=False)
    """When the event happened that showed the gap; None if nobody knows."""


class Inbox(Protocol[T]):
    """Handles events once. Write one for your own database; T is what a handler gets of it."""

    def handle(self, event: Event, handler: Callable[[Event, T], None]) -> bool:
        """Run the handler in the transaction that stores the event's id; return False if the id is
        known.

        Raises HandlerError if the handler fails. Every other error is the database's own.
        """


class SqliteInbox:
    """An inbox in a database of SQLite, in which the handler stores what it does, too.

    Its tables have names with tandem_. One thread uses it.
    """

    def __init__(self, path: str) -> None:
        """Open the database, and create what is missing. Raises sqlite3.Error."""
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.executescript(TABLES)
        for table, column in NEWER:
            self._add_column(table, column)

    def handle(self, event: Event, handler: Callable[[Event, sqlite3.Connection], None]) -> bool:
        """Run the handler in the transaction that stores the event's id; return False if the id is
        known.

        Raises HandlerError if the handler fails, and sqlite3.Error if the database does.
        """
        self.database.execute("BEGIN IMMEDIATE")
        with self.database:  # ends the transaction
            if not self._is_new(event):
                return False
            self._note_sequence(event)
            try:
                handler(event, self.database)
            except Exception as error:
                raise HandlerError(str(error)) from error
        return True

    def gaps(self) -> list[Gap]:
        """Return what is missing now. An event that waits for another try is missing, too."""
        sql = (
            "SELECT source, key, first, last, since, until FROM tandem_gaps"
            " ORDER BY source, key, first"
        )
        return [
            Gap(source, key, first, last, _instant(since), _instant(until))
            for source, key, first, last, since, until in self.database.execute(sql)
        ]

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def _is_new(self, event: Event) -> bool:
        done = self.database.execute("INSERT OR IGNORE INTO tandem_seen VALUES (?)", [event.id])
        return done.rowcount > 0

    def _note_sequence(self, event: Event) -> None:
        if event.sequence is None:
            return
        place, now = (event.source, event.partition_key), event.time.isoformat()
        sql = "SELECT sequence, time FROM tandem_last WHERE source = ? AND key = ?"
        row = self.database.execute(sql, place).fetchone()
        last, since = row or (event.sequence - 1, None)
        if event.sequence <= last:
            self._fill(place, event.sequence)
            return
        new = (*place, event.sequence, now)
        self.database.execute("REPLACE INTO tandem_last VALUES (?, ?, ?, ?)", new)
        self._add(place, last + 1, event.sequence - 1, (since, now))

    def _add(
        self, place: tuple[str, str], first: int, last: int, times: tuple[str | None, str | None]
    ) -> None:
        if first <= last:
            row = (*place, first, last, *times)
            self.database.execute("INSERT INTO tandem_gaps VALUES (?, ?, ?, ?, ?, ?)", row)

    def _fill(self, place: tuple[str, str], sequence: int) -> None:
        """Take a number out of the gap that has it; what is left of the gap stays."""
        sql = (
            "DELETE FROM tandem_gaps WHERE source = ? AND key = ? AND first <= ? AND last >= ?"
            " RETURNING first, last, since, until"
        )
        found = self.database.execute(sql, (*place, sequence, sequence)).fetchall()
        for first, last, since, until in found:
            self._add(place, first, sequence - 1, (since, until))
            self._add(place, sequence + 1, last, (since, until))

    def _add_column(self, table: str, column: str) -> None:
        known = {row[1] for row in self.database.execute(f"PRAGMA table_info({table})")}
        if column not in known:
            self.database.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT")


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
