"""What a consumer remembers of events, in the transaction in which it handles them."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tandem_events.event import Event

T = TypeVar("T", covariant=True)

TABLES = """
CREATE TABLE IF NOT EXISTS tandem_seen (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS tandem_last (
    source TEXT, key TEXT, sequence INTEGER, PRIMARY KEY (source, key));
CREATE TABLE IF NOT EXISTS tandem_gaps (
    source TEXT, key TEXT, first INTEGER, last INTEGER, PRIMARY KEY (source, key, first));
"""


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
        rows = self.database.execute("SELECT source, key, first, last FROM tandem_gaps")
        return sorted((Gap(*row) for row in rows), key=lambda gap: (gap.source, gap.key, gap.first))

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def _is_new(self, event: Event) -> bool:
        done = self.database.execute("INSERT OR IGNORE INTO tandem_seen VALUES (?)", [event.id])
        return done.rowcount > 0

    def _note_sequence(self, event: Event) -> None:
        if event.sequence is None:
            return
        place = (event.source, event.partition_key)
        sql = "SELECT sequence FROM tandem_last WHERE source = ? AND key = ?"
        [last] = self.database.execute(sql, place).fetchone() or [event.sequence - 1]
        if event.sequence <= last:
            self._fill(place, event.sequence)
            return
        self.database.execute("REPLACE INTO tandem_last VALUES (?, ?, ?)", (*place, event.sequence))
        self._add(place, last + 1, event.sequence - 1)

    def _add(self, place: tuple[str, str], first: int, last: int) -> None:
        if first <= last:
            self.database.execute(
                "INSERT INTO tandem_gaps VALUES (?, ?, ?, ?)", (*place, first, last)
            )

    def _fill(self, place: tuple[str, str], sequence: int) -> None:
        """Take a number out of the gap that has it; what is left of the gap stays."""
        sql = (
            "DELETE FROM tandem_gaps WHERE source = ? AND key = ? AND first <= ? AND last >= ?"
            " RETURNING first, last"
        )
        for first, last in self.database.execute(sql, (*place, sequence, sequence)).fetchall():
            self._add(place, first, sequence - 1)
            self._add(place, sequence + 1, last)
