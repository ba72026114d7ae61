"""What brings the library's database to this version (chassis/data/migrations.py says how)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import IndexModel, UpdateOne

from chassis import jobs
from chassis.data.migrations import Migration, Mongo, adding

SOME = 1000

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
    """Before there was rubbish, a failed item's file stayed: let it be removed like others.

    Removing what is not there is no error (S3 DeleteObject), so none is lost by a repeat.
    """
    for ids in _batches(mongo["items"].find({"state": "FAILED"}, {"_id": 1})):
        writes = [
            UpdateOne({"_id": each}, {"$setOnInsert": {"multipart": ""}}, upsert=True)
            for each in ids
        ]
        mongo["rubbish"].bulk_write(writes, ordered=False)


def _batches(rows: Any) -> Iterator[list[str]]:
    ids = [row["_id"] for row in rows]
    for first in range(0, len(ids), SOME):
        yield ids[first : first + SOME]


SMALL, LARGE = "small", "large"
"""The lanes of verification."""
LARGEST_SMALL = 32 * 2**20
"""Bytes."""

_JOBS: Mapping[str, Sequence[IndexModel]] = {"items": [jobs.INDEX]}
_ENTITLED: Mapping[str, Sequence[IndexModel]] = {
    "enrolments": [IndexModel([("learner_id", 1), ("state", 1), ("run_id", 1)])],
    "shelves": [IndexModel([("item_ids", 1), ("_id", 1)])],
}


def adopt(mongo: Mongo) -> None:
    """Give a job to items that the version before handed over.

    Its workers may look at one at the same time: whoever is first judges it.
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


def _add_jobs(mongo: Mongo) -> None:
    adding(_JOBS)(mongo)
    adopt(mongo)


MIGRATIONS = (
    Migration(1, "items, uploads, and copies of who may read", adding(_FIRST)),
    Migration(2, "what is to be removed from the store of files", adding(_CLEANING)),
    Migration(3, "the files that failed items left behind", _discard_failed),
    Migration(4, "the items of a run, for lists of learners", adding(_READING)),
    Migration(5, "what is to be verified as jobs", _add_jobs),
    Migration(6, "a learner's runs that name an item, by index", adding(_ENTITLED)),
)
