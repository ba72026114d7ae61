"""What brings notify's database to this version (chassis/data/migrations.py says how)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pymongo import IndexModel

from chassis import jobs
from chassis.data.migrations import Migration, Mongo, adding
from services.notify.domain.enums import BULK, URGENT

# As store.QUEUED is; a query must say the same for MongoDB to use the index.
_QUEUED = {"state": "QUEUED"}

_FIRST: Mapping[str, Sequence[IndexModel]] = {
    "people": [],
    "runs": [],
    "enrolments": [IndexModel([("run_id", 1), ("state", 1), ("learner_id", 1)])],
    "rosters": [],
    "sessions": [],
    "reminders": [IndexModel("fire_at"), IndexModel("session_id")],
    "broadcasts": [
        IndexModel([("run_id", 1), ("at", 1)]),
        IndexModel(
            [("urgent", -1), ("at", 1)], name="open", partialFilterExpression={"done": False}
        ),
    ],
    "preferences": [],
    "inboxes": [],
    "messages": [
        IndexModel([("person_id", 1), ("number", -1)]),
        IndexModel([("person_id", 1), ("read_at", 1), ("number", -1)]),
    ],
    "deliveries": [
        IndexModel(
            [("urgent", -1), ("queued_at", 1), ("_id", 1)],
            name="queue",
            partialFilterExpression=_QUEUED,
        ),
        IndexModel("claimed_until", name="sending", partialFilterExpression={"sending": True}),
        IndexModel([("queued_at", -1), ("_id", -1)]),
        IndexModel([("person_id", 1), ("queued_at", -1), ("_id", -1)]),
        IndexModel([("event_id", 1), ("queued_at", -1), ("_id", -1)]),
    ],
}

# Titles, that people are told rather than ids.
_TITLES: Mapping[str, Sequence[IndexModel]] = {"paths": [], "items": []}

FENCE = datetime(9999, 12, 31, tzinfo=UTC)
"""Until when a delivery with a job is claimed in the eyes of the version before."""

_JOBS: Mapping[str, Sequence[IndexModel]] = {
    "deliveries": [
        jobs.INDEX,
        IndexModel("claimed_until", name="adopt", partialFilterExpression=_QUEUED),
    ],
}

_CHUNKS: Mapping[str, Sequence[IndexModel]] = {"broadcast_parts": [jobs.INDEX]}


def adopt(mongo: Mongo) -> None:
    """Give a job to queued mail that the version before wrote, and that none of its senders has."""
    now = datetime.now(UTC)
    job = {
        "lane": {"$cond": ["$urgent", URGENT, BULK]},
        "due": {"$ifNull": ["$retry_at", now]},
        "claim": "",
        "attempts": 0,
        "target": "",
    }
    mongo["deliveries"].update_many(
        {**_QUEUED, "job": {"$exists": False}, "claimed_until": {"$not": {"$gt": now}}},
        [{"$set": {"job": job, "claimed_until": FENCE}}],
    )


def _add_jobs(mongo: Mongo) -> None:
    adding(_JOBS)(mongo)
    adopt(mongo)


MIGRATIONS = (
    Migration(1, "copies, reminders, broadcasts, messages, deliveries", adding(_FIRST)),
    Migration(2, "titles of activities and items", adding(_TITLES)),
    Migration(3, "queued mail as jobs", _add_jobs),
    Migration(4, "parts of broadcasts as jobs", adding(_CHUNKS)),
)
