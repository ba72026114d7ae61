"""Reads the logs of classes, and which classes are over, without holding a thread."""

import math
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pymongo
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from tandem.sessions.v1 import live_pb2

from chassis.contracts.mapping import from_document, to_message
from chassis.data.store import CLIENT
from chassis.edge.statuses import AWAY, DatabaseAway
from services.sessions.domain.class_log import ClassEntry
from services.sessions.domain.enums import SessionState
from services.sessions.live.frames import Entry
from services.sessions.store_class_log import after

# Entries that are read at once.
PAGE = 500
# Classes that are asked about in one query.
CLASSES = 500
# Seconds.
TIMEOUT = 5.0
# Seconds after its last answer for which the database counts as there.
STALE = 6.0

Document = dict[str, Any]


class LogReader:
    """The database as the role reads it. Each method raises DatabaseAway if it does not answer."""

    def __init__(self, mongo_url: str, database: str) -> None:
        self._client: AsyncMongoClient[Document] = AsyncMongoClient(
            mongo_url, appname="tandem-sessions-live", **CLIENT
        )
        self.log = self._client[database]["class_log"]
        self._sessions = self._client[database]["sessions"]
        self._answered = time.monotonic()  # it did a moment ago, when the role was started

    def answers(self) -> bool:
        """Return whether the database answered a moment ago."""
        return time.monotonic() - self._answered < STALE

    async def newest(self, session_id: str) -> int:
        """Return the number of a class's newest entry; 0 if it has none."""
        async with self._asking():
            row = await self.log.find_one(after(session_id, 0), {"number": 1}, sort=[("_id", -1)])
        return int(row["number"]) if row else 0

    async def after(self, session_id: str, number: int, most: int = PAGE) -> list[Entry]:
        """Return up to `most` entries of a class that follow a number, in order."""
        async with self._asking():
            rows = await self.log.find(after(session_id, number)).sort("_id").to_list(most)
        return [entry_of(row) for row in rows]

    async def missed(self, positions: Mapping[str, int]) -> list[Entry]:
        """Return entries (not always all) of several classes that follow each one's number."""
        queries = [after(*each) for each in positions.items()]
        found: list[Entry] = []
        async with self._asking():
            for part in _parts(queries):
                rows = await self.log.find({"$or": part}).sort("_id").to_list(PAGE)
                found += map(entry_of, rows)
        return found

    async def over(self, session_ids: Collection[str]) -> set[str]:
        """Return those of some classes whose channel does not open any more (see
        live_channel.is_over).
        """
        over = [
            {"state": {"$in": [SessionState.ENDED, SessionState.CANCELLED]}},
            {"not_held_at": {"$ne": None}},
        ]
        found: set[str] = set()
        async with self._asking():
            await self._client.admin.command("ping")  # without classes nothing else would ask
            for part in _parts([*session_ids]):
                query = {"_id": {"$in": part}, "$or": over}
                found |= {row["_id"] async for row in self._sessions.find(query, {"_id": 1})}
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        try:
            with pymongo.timeout(TIMEOUT):
                yield
        except PyMongoError as error:
            self._answered = -math.inf
            raise DatabaseAway(AWAY) from error
        self._answered = time.monotonic()


def _parts(items: list[Any]) -> Iterable[list[Any]]:
    return (items[at : at + CLASSES] for at in range(0, len(items), CLASSES))


def entry_of(row: Document) -> Entry:
    """Return the entry in a document of a class's log."""
    return to_message(from_document(row, ClassEntry), live_pb2.ClassEntry)
