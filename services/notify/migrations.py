"""The migrations of notify's database (see chassis/data/migrations.py)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pymongo import IndexModel

from chassis import jobs
from chassis.data.migrations import Migration, Mongo, adding
from services.notify.domain.enums import BULK, URGENT

# The same as store.QUEUED: MongoDB uses the index only for a query with this condition.
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

# Messages name activities and items by their titles.
_TITLES: Mapping[str, Sequence[IndexModel]] = {"paths": [], "items": []}

FENCE = datetime(9999, 12, 31, tzinfo=UTC)
"""`claimed_until` of a delivery with a job, so that a sender of the older version skips it."""

_JOBS: Mapping[str, Sequence[IndexModel]] = {
    "deliveries": [
        jobs.INDEX,
        IndexModel("claimed_until", name="adopt", partialFilterExpression=_QUEUED),
    ],
}

_CHUNKS: Mapping[str, Sequence[IndexModel]] = {"broadcast_parts": [jobs.INDEX]}


# To know which news of a catch-up is the newest.
_CATCH_UPS: Mapping[str, Sequence[IndexModel]] = {"catch_ups": []}


# To know which news of a due is the newest.
_DUES: Mapping[str, Sequence[IndexModel]] = {"dues": []}


# To know which move of a series is the newest.
_SERIES: Mapping[str, Sequence[IndexModel]] = {"series": []}


# To know which news of the offers of a seat is the newest.
_OFFERS: Mapping[str, Sequence[IndexModel]] = {"seat_offers": []}

# What changed of learners' dues, and when they are told.
_DUE_DIGESTS: Mapping[str, Sequence[IndexModel]] = {
    "due_digests": [
        IndexModel("tell_at", partialFilterExpression={"tell_at": {"$type": "date"}}),
    ],
}

# The newest news of questions, and those that someone who teaches is told of later.
_QUESTIONS: Mapping[str, Sequence[IndexModel]] = {
    "questions": [],
    "question_digests": [IndexModel("tell_at")],
}


# Who fell behind, and when they and who teaches them are told.
_FALLS: Mapping[str, Sequence[IndexModel]] = {
    "falls": [IndexModel("tell_at", partialFilterExpression={"tell_at": {"$type": "date"}})],
    "fall_digests": [IndexModel("tell_at")],
}


# Addresses at which mail does not arrive.
_SUPPRESSIONS: Mapping[str, Sequence[IndexModel]] = {
    "suppressions": [
        IndexModel([("since", -1), ("_id", -1)]),
        IndexModel([("person_id", 1), ("since", -1), ("_id", -1)]),
    ],
}

# What waits for a digest, or for the end of quiet hours. The same as the conditions in store.py.
_WAITING = {"state": "WAITING"}
_DIGESTS: Mapping[str, Sequence[IndexModel]] = {
    "digests": [
        jobs.INDEX,
        IndexModel([("state", 1), ("send_at", 1)]),
        IndexModel("lapses_at", expireAfterSeconds=0),
    ],
    "deliveries": [
        IndexModel("send_at", name="quiet", partialFilterExpression={**_WAITING, "digest_id": ""}),
        IndexModel(
            [("person_id", 1), ("digest_id", 1)], name="waiting", partialFilterExpression=_WAITING
        ),
        IndexModel("digest_id", name="digest", partialFilterExpression={"digest_id": {"$gt": ""}}),
    ],
}

_WEBHOOKS: Mapping[str, Sequence[IndexModel]] = {
    "webhooks": [jobs.INDEX],
    "webhook_locks": [],
    "webhook_replays": [jobs.INDEX],
    "webhook_deliveries": [
        IndexModel([("webhook_id", 1), ("state", 1), ("due", 1), ("_id", 1)]),
        IndexModel([("webhook_id", 1), ("state", 1), ("_id", 1)]),
        IndexModel("expire_at", expireAfterSeconds=0),
    ],
}

_CALENDAR_NEWS: Mapping[str, Sequence[IndexModel]] = {
    "calendar_news": [IndexModel("lapses_at", expireAfterSeconds=0)],
}


# Runs take turns in sending mail and in notifying their learners; all workers share rates.
_TURNS: Mapping[str, Sequence[IndexModel]] = {
    "deliveries": [jobs.TURNS_INDEX],
    "broadcast_parts": [jobs.TURNS_INDEX],
    "rates": [],
}

# The browsers and numbers at which people get messages, and the numbers' codes to be sent.
_DEVICES: Mapping[str, Sequence[IndexModel]] = {
    "devices": [
        jobs.INDEX,
        IndexModel([("person_id", 1), ("registered_at", -1), ("_id", -1)]),
    ],
    "device_owners": [],
}
_CODES: Mapping[str, Sequence[IndexModel]] = {
    "code_allowances": [IndexModel("lapses_at", expireAfterSeconds=0)],
}

# To find what is old enough to be forgotten; deliveries have such an index.
_AGES: Mapping[str, Sequence[IndexModel]] = {
    "messages": [IndexModel("created_at")],
    "broadcasts": [IndexModel("at")],
}


def adopt(mongo: Mongo) -> None:
    """Give a job to mail that an older version queued and that none of its senders has claimed, and
    an owner to the jobs of an older version that have none.
    """
    _adopt_mail(mongo)
    for name in ("deliveries", "broadcast_parts"):
        mongo[name].update_many(
            {"job.lane": {"$in": [URGENT, BULK]}, "job.owner": {"$exists": False}},
            [{"$set": {"job.owner": {"$ifNull": ["$run_id", ""]}}}],
        )


def _adopt_mail(mongo: Mongo) -> None:
    now = datetime.now(UTC)
    job = {
        "lane": {"$cond": ["$urgent", URGENT, BULK]},
        "due": {"$ifNull": ["$retry_at", now]},
        "claim": "",
        "attempts": 0,
        "target": "",
        "owner": {"$ifNull": ["$run_id", ""]},
    }
    mongo["deliveries"].update_many(
        {**_QUEUED, "job": {"$exists": False}, "claimed_until": {"$not": {"$gt": now}}},
        [{"$set": {"job": job, "claimed_until": FENCE}}],
    )


def _add_turns(mongo: Mongo) -> None:
    adding(_TURNS)(mongo)
    adopt(mongo)


def _add_jobs(mongo: Mongo) -> None:
    adding(_JOBS)(mongo)
    _adopt_mail(mongo)


MIGRATIONS = (
    Migration(1, "replicas, reminders, broadcasts, messages, deliveries", adding(_FIRST)),
    Migration(2, "titles of activities and items", adding(_TITLES)),
    Migration(3, "queued mail as jobs", _add_jobs),
    Migration(4, "chunks of broadcasts as jobs", adding(_CHUNKS)),
    Migration(5, "the newest news of catch-ups", adding(_CATCH_UPS)),
    Migration(6, "the newest news of dues", adding(_DUES)),
    Migration(7, "the newest moves of series", adding(_SERIES)),
    Migration(8, "the newest news of offers of seats", adding(_OFFERS)),
    Migration(9, "changed dues", adding(_DUE_DIGESTS)),
    Migration(10, "questions that wait", adding(_QUESTIONS)),
    Migration(12, "who fell behind", adding(_FALLS)),
    Migration(14, "addresses at which mail does not arrive", adding(_SUPPRESSIONS)),
    Migration(16, "digests, and mail that waits", adding(_DIGESTS)),
    Migration(18, "webhooks", adding(_WEBHOOKS)),
    Migration(22, "turns of runs, and rates", _add_turns),
    Migration(24, "what calendars show since an event", adding(_CALENDAR_NEWS)),
    Migration(26, "browsers and phone numbers", adding(_DEVICES)),
    Migration(27, "codes that were sent", adding(_CODES)),
    Migration(28, "the age of messages", adding(_AGES)),
)
