"""Reads the logs of classes, and which classes are over, without holding a thread."""

import math
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pymongo
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
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
Log = AsyncCollection[Document]


class LogReader:
    """The database as the role reads it. Each method raises DatabaseAway if it does not answer."""

    def __init__(self, mongo_url: str, database: str) -> None:
        self._client: AsyncMongoClient[Document] = AsyncMongoClient(
            mongo_url, appname="tandem-sessions-live", **CLIENT
        )
        self.log = self._client[database]["class_log"]
        # A primary shows what it may lose again, if it goes away before another node has it. Nobody
        # must get such an entry: another one would have its number.
        self._safe_log = self.log.with_options(read_concern=ReadConcern("majority"))
        self._sessions = self._client[database]["sessions"]
        self._answered = time.monotonic()  # it did a moment ago, when the role was started

    def answers(self) -> bool:
        """Return whether the database answered a moment ago."""
        return time.monotonic() - self._answered < STALE

    async def newest(self, session_id: str) -> int:
        """Return the number of a class's newest entry; 0 if it has none."""
        async with self._asking():
            row = await self._safe_log.find_one(
                after(session_id, 0), {"number": 1}, sort=[("_id", -1)]
            )
        return int(row["number"]) if row else 0

    async def after(self, session_id: str, number: int, most: int = PAGE) -> list[Entry]:
        """Return up to `most` entries of a class that follow a number, in order."""
        return await self._after(self._safe_log, session_id, number, most)

    async def known_after(self, session_id: str, number: int, most: int) -> list[Entry]:
        """Return what `after` does, for a class in which more entries are known already.

        A new primary shows all of those at once, but not all of them as safe; so none is missed.
        """
        return await self._after(self.log, session_id, number, most)

    async def missed(self, positions: Mapping[str, int]) -> list[Entry]:
        """Return entries (not always all) of several classes that follow each one's number."""
        queries = [after(*each) for each in positions.items()]
        found: list[Entry] = []
        async with self._asking():
            for part in _parts(queries):
                found += await _first(self._safe_log, {"$or": part}, PAGE)
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

    async def _after(self, log: Log, session_id: str, number: int, most: int) -> list[Entry]:
        async with self._asking():
            return await _first(log, after(session_id, number), most)

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


async def _first(log: Log, query: Document, most: int) -> list[Entry]:
    """Return the first entries that a query finds, in one batch, which leaves no cursor open."""
    rows = log.find(query).sort("_id").limit(most).batch_size(most + 1)
    return [entry_of(row) async for row in rows]


def _parts(items: list[Any]) -> Iterable[list[Any]]:
    return (items[at : at + CLASSES] for at in range(0, len(items), CLASSES))


def entry_of(row: Document) -> Entry:
    """Return the entry in a document of a class's log."""
    return to_message(from_document(row, ClassEntry), live_pb2.ClassEntry)
