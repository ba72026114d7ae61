"""The outbox as the relay sees it: which rows are next, and what becomes of them.

Rows are {_id: the event's id, key: its aggregate, sequence, type, headers, body}, and `parked_at`
where no queue took the event.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.read_concern import ReadConcern

from chassis import ids
from chassis.window import Outcome

CHUNK, PART = 1_000, 200
# The ids of so many rows are remembered while they are on their way.
PASS = 20_000
# Two chunks of the largest events there may be would be half a gigabyte.
LARGEST_READ = 32 * 1024**2
PARKED = {"parked_at": {"$exists": True}}

Row = dict[str, Any]


class Outbox:
    """One service's outbox.

    What is read is committed by a majority, and of one moment: a failover can't take back what was
    published, and of an aggregate an event is never seen before those that were committed before.
    """

    def __init__(self, collection: AsyncCollection[Row]) -> None:
        self._rows = collection
        self._moment = collection.with_options(read_concern=ReadConcern("snapshot"))

    async def chunks(self) -> AsyncGenerator[list[Row], None]:
        """What waits, from the oldest row on, up to `PASS` rows; each row once.

        While one chunk is in use the next is read, whether or not the first is settled by then.
        """
        taken: set[str] = set()
        reading = asyncio.create_task(self._read(""))
        try:
            while len(taken) < PASS:
                rows, last = await reading
                if not last:
                    return
                reading = asyncio.create_task(self._read(last))
                fresh = [row for row in rows if row["_id"] not in taken]
                taken.update(row["_id"] for row in fresh)
                yield fresh
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _read(self, after: str) -> tuple[list[Row], str]:
        """The oldest rows after an id, and with each all that wait of its aggregate, in sequence.

        Ids sort by the clocks of the processes that made them, which differ; the sequence does not.
        Aggregates with a parked row wait. Answers also the id after which to read on; empty at the
        end.
        """
        wanted: Row = {"_id": {"$gt": after}}
        if blocked := await self._moment.distinct("key", PARKED):
            wanted["key"] = {"$nin": blocked}
        oldest = await self._moment.find(wanted, {"key": 1}).sort("_id").limit(CHUNK).to_list()
        if not oldest:
            return [], ""
        keys = list(dict.fromkeys(row["key"] for row in oldest))
        return in_order(await self._all_of(keys), keys), oldest[-1]["_id"]

    async def settle(self, outcome: Outcome) -> None:
        """Remove what the broker has, and park what no queue took."""
        if outcome.confirmed:
            await self._rows.delete_many({"_id": {"$in": outcome.confirmed}})
        if outcome.returned:
            parked = {"$set": {"parked_at": datetime.now(UTC)}}
            await self._rows.update_many({"_id": {"$in": outcome.returned}}, parked)

    async def watch(self) -> Any:
        """A change stream that tells of every insertion; ids only, for the order is not its."""
        pipeline: list[Row] = [{"$match": {"operationType": "insert"}}, {"$project": {"_id": 1}}]
        return await self._rows.watch(pipeline)

    async def depth(self) -> int:
        """How many events wait, as MongoDB's books have it: to count a million takes a second."""
        return await self._rows.estimated_document_count()

    async def parked(self) -> int:
        """How many of them are parked."""
        return await self._rows.count_documents(PARKED)

    async def oldest(self) -> str | None:
        """The id of the one that waits longest."""
        found = await self._rows.find_one({}, {"_id": 1}, sort=[("_id", 1)])
        return found["_id"] if found else None

    async def _all_of(self, keys: list[str]) -> list[Row]:
        """The aggregates' rows, each one's from its first: what is cut off is cut off at ends."""
        found: list[Row] = []
        size = 0
        query = self._moment.find({"key": {"$in": keys}}).sort([("key", 1), ("sequence", 1)])
        async with query.limit(2 * CHUNK) as cursor:
            while size < LARGEST_READ and (rows := await cursor.to_list(PART)):
                found += rows
                size += sum(len(row["body"]) for row in rows)
        return found


def in_order(rows: Iterable[Row], keys: list[str]) -> list[Row]:
    """Rows by the place of their key in `keys`, and within a key by sequence."""
    place = {key: number for number, key in enumerate(keys)}
    return sorted(rows, key=lambda row: (place[row["key"]], row["sequence"]))


# For people who look; `database` is the service's, of pymongo's synchronous client.


@dataclass(frozen=True)
class Parked:
    """An event that no queue took."""

    id: str
    type: str
    key: str
    """Its aggregate, whose later events wait behind it."""
    sequence: int
    parked_at: datetime
    waiting_behind: int


def state(database: Any) -> tuple[int, int, datetime | None]:
    """How many events wait, how many of them are parked, and when the oldest happened."""
    oldest = database["outbox"].find_one({}, {"_id": 1}, sort=[("_id", 1)])
    return (
        database["outbox"].estimated_document_count(),
        database["outbox"].count_documents(PARKED),
        datetime.fromtimestamp(ids.made_at(oldest["_id"]), UTC) if oldest else None,
    )


def parked(database: Any, limit: int) -> list[Parked]:
    """The first parked events."""
    found = database["outbox"].find(PARKED, {"body": 0, "headers": 0}).sort("_id").limit(limit)
    return [
        Parked(
            row["_id"],
            row["type"],
            row["key"],
            row["sequence"],
            row["parked_at"],
            database["outbox"].count_documents(
                {"key": row["key"], "sequence": {"$gt": row["sequence"]}}
            ),
        )
        for row in found
    ]


def release(database: Any) -> int:
    """Let parked events go again, once there is a queue for them; answers how many."""
    found = database["outbox"].update_many(PARKED, {"$unset": {"parked_at": ""}})
    return int(found.modified_count)
