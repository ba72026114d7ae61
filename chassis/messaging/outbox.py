"""The outbox as the relay sees it: reading rows, and removing or parking them.

A row is {_id: the event's id, key: its aggregate, lane, after: the id of the row before it in its
aggregate, sequence, type, headers, body}, with `parked_at` if no queue took the event. A row of an
older version has neither `lane` nor `after`.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from chassis import ids
from chassis.data.uncancelled import uncancelled
from chassis.messaging.outbox_reads import CHUNK, ByKey, Named, Notice, Read, Scan
from chassis.messaging.unconfirmed import Outcome

Row = dict[str, Any]

PART = 50
# Bytes. A relay holds up to three chunks: one being published, one waiting, one being read.
LARGEST_READ = 16 * 1024**2
# Up to so many rows are counted one by one: a million would take a second. MongoDB's own number of
# them is wrong after it was killed, and stays so (count, "Accuracy after Unexpected Shutdown").
COUNTED = 10_000
PARKED = {"parked_at": {"$exists": True}}
# Insertions; and rows that are no longer parked, which may be published again.
ANNOUNCED: list[Row] = [
    {
        "$match": {
            # With this condition MongoDB skips removals when it reads its oplog.
            "operationType": {"$in": ["insert", "update"]},
            "$or": [
                {"operationType": "insert"},
                {"updateDescription.removedFields": "parked_at"},
            ],
        }
    },
    {
        "$project": {
            "operationType": 1,
            "documentKey": 1,
            **{each: f"$fullDocument.{each}" for each in ("key", "lane", "after", "sequence")},
        }
    },
]


class Outbox:
    """One service's outbox.

    Reads see rows that a majority has committed, as of one moment. So a failover can't undo a row
    that was published, and a read never sees an event of an aggregate without those committed
    before it.
    """

    def __init__(self, collection: AsyncCollection[Row]) -> None:
        self._rows = collection
        self._moment = collection.with_options(read_concern=ReadConcern("snapshot"))
        self._oldest = ""

    @uncancelled
    async def read(self, read: Read) -> tuple[list[Row], bool]:
        """Return the rows that `read` asks for, and whether these are all."""
        match read:
            case Scan(lane, after, without):
                wanted: Row = {"lane": lane, "_id": {"$gt": after}}
                if without:
                    wanted["key"] = {"$nin": list(without)}
                return await self._up_to(CHUNK, self._moment.find(wanted).sort("_id"))
            case Named():
                found = self._moment.find({"_id": {"$in": read.ids}}).sort("_id")
                return await self._up_to(2 * CHUNK, found)
            case ByKey(keys, sequence, limit):
                wanted = {"key": {"$in": list(keys)}, "sequence": {"$gt": sequence}}
                found = self._moment.find(wanted).sort([("key", 1), ("sequence", 1)])
                return await self._up_to(limit, found)

    async def _up_to(self, limit: int, cursor: Any) -> tuple[list[Row], bool]:
        """Return the cursor's rows, up to `limit` and `LARGEST_READ`, and whether these are all."""
        found: list[Row] = []
        size = 0
        async with cursor.limit(limit + 1).batch_size(limit + 1) as rows:
            while size < LARGEST_READ and (part := await rows.to_list(PART)):
                found += part
                size += sum(len(row["body"]) for row in part)
            whole = len(found) <= limit and not rows.alive
        return found[:limit], whole

    @uncancelled
    async def there(self, ids: Collection[str]) -> set[str]:
        """Return those of the ids that are in the outbox."""
        if not ids:
            return set()
        found = await self._moment.find({"_id": {"$in": list(ids)}}, {"_id": 1}).to_list()
        return {row["_id"] for row in found}

    @uncancelled
    async def without_lane(self) -> set[str]:
        """Return aggregates with rows of an older version; only some of them, if there are many."""
        found = await self._moment.find({"lane": None}, {"key": 1}).limit(CHUNK).to_list()
        return {row["key"] for row in found}

    @uncancelled
    async def parked_keys(self) -> set[str]:
        """Return the aggregates with a parked row."""
        return set(await self._moment.distinct("key", PARKED))

    @uncancelled
    async def settle(self, outcome: Outcome) -> None:
        """Remove rows that the broker confirmed, and park rows that no queue took."""
        if outcome.confirmed:
            await self._remove(outcome.confirmed)
        if outcome.returned:
            parked = {"$set": {"parked_at": datetime.now(UTC)}}
            await self._rows.update_many({"_id": {"$in": outcome.returned}}, parked)

    async def _remove(self, ids: Sequence[str]) -> None:
        """Remove rows in one transaction: the change stream then has to skip one oplog entry, not
        one for each row.
        """

        async def remove(session: AsyncClientSession) -> None:
            await self._rows.delete_many({"_id": {"$in": ids}}, session=session)

        async with self._rows.database.client.start_session() as session:
            await session.with_transaction(remove)

    @uncancelled
    async def follow(
        self,
        ready: asyncio.Event,
        tell: Callable[[Notice | None], object],
        is_over: Callable[[], bool],
    ) -> None:
        """Tell a notice of each row that is committed from now on, and None if rows were unparked,
        until a second after it is over.

        `ready` is set as soon as it listens. Raises PyMongoError when it can't go on.
        """
        async with await self._rows.watch(ANNOUNCED, batch_size=CHUNK) as changes:
            ready.set()
            while changes.alive and not is_over():
                if change := await changes.try_next():
                    tell(_notice(change) if change["operationType"] == "insert" else None)
        if not is_over():
            raise PyMongoError("the outbox's change stream has ended")

    @uncancelled
    async def depth(self) -> int:
        """Return how many events wait; about how many, from COUNTED on."""
        counted = await self._rows.count_documents({}, limit=COUNTED, hint="_id_")
        return counted if counted < COUNTED else await self._rows.estimated_document_count()

    @uncancelled
    async def parked(self) -> int:
        """Return how many events are parked."""
        return await self._rows.count_documents(PARKED)

    @uncancelled
    async def oldest(self, from_start: bool = True) -> str | None:
        """Return the id of the event that has waited longest.

        MongoDB skips each deleted row that it still keeps. Without `from_start` the search begins
        where the last one ended, and may miss a row that was committed late.
        """
        wanted = {"_id": {"$gte": "" if from_start else self._oldest}}
        found = await self._rows.find_one(wanted, {"_id": 1}, sort=[("_id", 1)])
        self._oldest = found["_id"] if found else self._oldest
        return found["_id"] if found else None


def _notice(change: Row) -> Notice:
    return Notice(
        change["documentKey"]["_id"],
        change["key"],
        change.get("lane"),
        change.get("after"),
        change["sequence"],
    )


# For the `tandem` command; `database` is the service's, of pymongo's synchronous client.


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
    """Return how many events wait, how many of them are parked, and when the oldest happened."""
    oldest = database["outbox"].find_one({}, {"_id": 1}, sort=[("_id", 1)])
    return (
        _depth(database["outbox"]),
        database["outbox"].count_documents(PARKED),
        datetime.fromtimestamp(ids.made_at(oldest["_id"]), UTC) if oldest else None,
    )


def _depth(rows: Any) -> int:
    counted: int = rows.count_documents({}, limit=COUNTED, hint="_id_")
    return counted if counted < COUNTED else int(rows.estimated_document_count())


def parked(database: Any, limit: int) -> list[Parked]:
    """Return the first parked events."""
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
    """Unpark all parked events, to be published again; return how many there were."""
    found = database["outbox"].update_many(PARKED, {"$unset": {"parked_at": ""}})
    return int(found.modified_count)
