"""The migrations of the library's database (see chassis/data/migrations.py)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from pymongo import IndexModel, UpdateOne

from chassis import jobs
from chassis.data.migrations import Migration, Mongo, adding
from chassis.data.staff import STAFF
from chassis.resync import resyncs
from services.library.domain.renditions import planned

BATCH_SIZE = 1000

_FIRST: Mapping[str, Sequence[IndexModel]] = {
    "items": [IndexModel([("state", 1), ("claimed_until", 1)])],
    "uploads": [IndexModel([("state", 1), ("started_at", 1)])],
    "enrolments": [IndexModel([("learner_id", 1), ("state", 1)])],
    "shelves": [IndexModel("item_ids")],
}
_CLEANING: Mapping[str, Sequence[IndexModel]] = {
    "rubbish": [],
    "uploads": [IndexModel("item_id")],
}
_READING: Mapping[str, Sequence[IndexModel]] = {
    "items": [IndexModel([("run_ids", 1), ("_id", -1)])],
}


def _discard_failed(mongo: Mongo) -> None:
    """Add a pending deletion of each failed item's file, which the older version kept.

    A repeat is safe: deleting an object that does not exist is no error (S3 DeleteObject).
    """
    for ids in _batches(mongo["items"].find({"state": "FAILED"}, {"_id": 1})):
        writes = [
            UpdateOne({"_id": each}, {"$setOnInsert": {"multipart": ""}}, upsert=True)
            for each in ids
        ]
        mongo["rubbish"].bulk_write(writes, ordered=False)


def _batches(rows: Any) -> Iterator[list[str]]:
    ids = [row["_id"] for row in rows]
    for first in range(0, len(ids), BATCH_SIZE):
        yield ids[first : first + BATCH_SIZE]


SMALL, LARGE = "small", "large"
"""The lanes of verification."""
LARGEST_SMALL = 32 * 2**20
"""The largest size of a file in the lane SMALL, in bytes."""

_JOBS: Mapping[str, Sequence[IndexModel]] = {"items": [jobs.INDEX]}
_ENTITLED: Mapping[str, Sequence[IndexModel]] = {
    "enrolments": [IndexModel([("learner_id", 1), ("state", 1), ("run_id", 1)])],
    "shelves": [IndexModel([("item_ids", 1), ("_id", 1)])],
}


_RIGHTS: Mapping[str, Sequence[IndexModel]] = {
    **STAFF,
    "items": [IndexModel([("uploaded_by", 1), ("_id", -1)])],
    "shelves": [IndexModel([("run_id", 1), ("item_ids", 1)])],
}
_FOUND: Mapping[str, Sequence[IndexModel]] = {
    "rubbish": [IndexModel("due")],
    "items": [
        IndexModel([("metadata.identifiers", 1), ("_id", -1)]),
        IndexModel([("access", 1), ("_id", -1)], partialFilterExpression={"access": "ALL"}),
        IndexModel([("predecessors", 1), ("_id", -1)]),
    ],
}


DOCUMENTS, FILMS, EARLIER = "documents", "films", "earlier"
"""The lanes of processing. EARLIER: items of before this release, which wait for newer ones."""


def _process(mongo: Mongo, query: Mapping[str, Any]) -> Iterator[list[str]]:
    """Begin the processing of AVAILABLE items whose version did not know it; yield their ids."""
    rows = mongo["items"].find({**query, "state": "AVAILABLE"}, {"promised.media_type": 1})
    while some := list(islice(rows, BATCH_SIZE)):
        due = datetime.now(UTC)
        writes = [
            UpdateOne(
                {"_id": row["_id"]},
                {
                    "$setOnInsert": {
                        "steps": [
                            {"name": name, "state": "WAITING", "reason": ""} for name in names
                        ],
                        "job": jobs.waiting(EARLIER, due),
                    }
                },
                upsert=True,
            )
            for row in some
            if (names := planned(row["promised"]["media_type"]))
        ]
        if writes:
            mongo["processings"].bulk_write(writes, ordered=False)
        yield [row["_id"] for row in some]


UNMARKED: Mapping[str, Any] = {
    "access": "ALL",
    "was_public": {"$in": [None, False]},
    "state": "AVAILABLE",
}
"""Public items that the older version wrote: without the mark."""


def adopt(mongo: Mongo) -> None:
    """Give items what the older version leaves out: a job if they are to be verified, the
    processing of AVAILABLE ones, when they were changed, and that they are public.

    A worker of the older version may verify the same item meanwhile: the first result counts.
    """
    job = {
        "lane": {"$cond": [{"$gt": ["$promised.size", LARGEST_SMALL]}, LARGE, SMALL]},
        "due": datetime.now(UTC),
        "claim": "",
        "attempts": 0,
        "target": "",
    }
    query = {"state": "VERIFYING", "job": {"$exists": False}}
    mongo["items"].update_many(query, [{"$set": {"job": job}}])
    # Each item gets the time of its own write: one time would be long ago for the last of many.
    changed, unchanged = {"$currentDate": {"changed_at": True}}, {"changed_at": None}
    for ids in _process(mongo, unchanged):
        mongo["items"].update_many({**unchanged, "_id": {"$in": ids}}, changed)
    # One that the older version makes AVAILABLE just now is found the next time.
    mongo["items"].update_many({**unchanged, "state": {"$ne": "AVAILABLE"}}, changed)
    mongo["items"].update_many(UNMARKED, {"$set": {"was_public": True}, **changed})


def _add_jobs(mongo: Mongo) -> None:
    adding(_JOBS)(mongo)
    adopt(mongo)


_SHARED: Mapping[str, Sequence[IndexModel]] = {
    "files": [],
    "copies": [IndexModel("due")],
    "quotas": [],
    "items": [IndexModel("renditions.sha256")],
}


def _share_files(mongo: Mongo) -> None:
    """Let new items share the files of items that were verified before; the oldest file counts.

    No file is deleted, because an api of the older version reads each item from its own file.
    """
    adding(_SHARED)(mongo)
    content = {"$concat": ["$renditions.sha256", "-", {"$toString": "$renditions.size"}]}
    mongo["items"].aggregate(
        [
            {"$match": {"renditions.0": {"$exists": True}}},
            {"$unwind": "$renditions"},
            {"$group": {"_id": content, "key": {"$min": "$_id"}}},
            {"$merge": {"into": "files", "whenMatched": "keepExisting"}},
        ],
        allowDiskUse=True,
    )


_CHANGES: Mapping[str, Sequence[IndexModel]] = {
    "items": [IndexModel([("changed_at", 1), ("_id", 1)])],
}


def _tell_changes(mongo: Mongo) -> None:
    """Let existing items count as changed now, so that readers of changes find all of them."""
    adding(_CHANGES)(mongo)
    adopt(mongo)


_WAS_PUBLIC = {"partialFilterExpression": {"was_public": True}}
PUBLIC = IndexModel([("was_public", 1), ("changed_at", 1), ("_id", 1)], **_WAS_PUBLIC)
PUBLIC_OF_KIND = IndexModel(
    [("was_public", 1), ("kind", 1), ("changed_at", 1), ("_id", 1)], **_WAS_PUBLIC
)
_OF_UNMARKED = IndexModel(
    [(name, 1) for name in UNMARKED], partialFilterExpression={"access": "ALL"}
)


def _tell_public(mongo: Mongo) -> None:
    """Let existing items that are public be listed by OAI-PMH."""
    adding({"items": [PUBLIC, PUBLIC_OF_KIND, _OF_UNMARKED]})(mongo)
    adopt(mongo)


_PROCESSED: Mapping[str, Sequence[IndexModel]] = {"processings": [jobs.INDEX], "playlists": []}


def _process_all(mongo: Mongo) -> None:
    adding(_PROCESSED)(mongo)
    for _ in _process(mongo, {}):
        pass


_FEEDS: Mapping[str, Sequence[IndexModel]] = {
    "feeds": [IndexModel([("reader_id", 1), ("_id", -1)])],
}

_OPEN_FEEDS: Mapping[str, Sequence[IndexModel]] = {
    "feeds": [IndexModel([("reader_id", 1), ("revoked_at", 1)])],
}

PACKS = "packs"
"""The lane of offline packs."""

_PACKED: Mapping[str, Sequence[IndexModel]] = {"packs": [jobs.INDEX, IndexModel("asked_at")]}


def _shelve_recordings(mongo: Mongo) -> None:
    """Give recordings shelves of their own, from which they can be taken. Who withdraws one that is
    no RECORDING, and was attached before, leaves it readable.
    """
    for row in mongo["shelves"].find({"_id": {"$gte": "session:", "$lt": "session;"}}):
        among = {"_id": {"$in": row["item_ids"]}, "kind": "RECORDING"}
        item_ids = [each["_id"] for each in mongo["items"].find(among, {"_id": 1})]
        if item_ids:
            session_id = row["_id"].removeprefix("session:")
            given = {"run_id": row["run_id"], "activity_id": row.get("activity_id", "")}
            shelf = {"session_id": session_id, "item_ids": item_ids, "sequence": 0, **given}
            mongo["shelves"].update_one(
                {"_id": f"recording:{session_id}"}, {"$setOnInsert": shelf}, upsert=True
            )
            mongo["shelves"].update_one(
                {"_id": row["_id"]}, {"$pull": {"item_ids": {"$in": item_ids}}}
            )


MIGRATIONS = (
    Migration(1, "items, uploads, replicas of enrolments and reading lists", adding(_FIRST)),
    Migration(2, "pending deletions in the S3 store", adding(_CLEANING)),
    Migration(3, "pending deletions of failed items' files", _discard_failed),
    Migration(4, "an index of items by run", adding(_READING)),
    Migration(5, "verifications as jobs", _add_jobs),
    Migration(6, "indexes of learners' runs and of runs that name an item", adding(_ENTITLED)),
    Migration(7, "the staff of runs, items by their uploader, items of sessions", adding(_RIGHTS)),
    Migration(8, "items by identifier and earlier version; due deletions", adding(_FOUND)),
    Migration(9, "files by their bytes, which items share; quotas of runs", _share_files),
    Migration(10, "when an item was changed", _tell_changes),
    Migration(11, "items that were public, in the order of their changes", _tell_public),
    Migration(12, "the renditions that are made of items", _process_all),
    Migration(13, "podcast feeds of runs, by their reader", adding(_FEEDS)),
    Migration(15, "offline packs of runs", adding(_PACKED)),
    Migration(16, "podcast feeds that are not revoked, by their reader", adding(_OPEN_FEEDS)),
    Migration(17, "recordings of sessions on shelves of their own", _shelve_recordings),
    Migration(18, "keys of people in the archive", adding({"archive_keys": []})),
    Migration(19, "resyncs", adding(resyncs.INDEXES)),
)
