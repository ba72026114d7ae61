"""The migrations of sessions' database (see chassis/data/migrations.py)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice

from pymongo import IndexModel, UpdateOne

from chassis.data.keys import add_keys, unique_key
from chassis.data.migrations import Migration, Mongo, adding
from chassis.data.staff import STAFF
from chassis.jobs import INDEX
from chassis.resync import resyncs
from services.sessions.domain.similarity import distinct_words

# A lock document that nobody has touched for a day is not in use.
_DAY = 86_400

_FIRST: Mapping[str, Sequence[IndexModel]] = {
    "rooms": [IndexModel("name", unique=True)],
    "sessions": [
        IndexModel([("start_time", 1), ("_id", 1)]),
        IndexModel([("run_id", 1), ("start_time", 1), ("_id", 1)]),
        IndexModel([("room_id", 1), ("state", 1), ("start_time", 1)]),
        IndexModel([("instructor_id", 1), ("state", 1), ("start_time", 1)]),
    ],
    "seats": [
        IndexModel([("session_id", 1), ("kind", 1), ("turn", 1)]),
        IndexModel([("run_id", 1), ("learner_id", 1)]),
    ],
    "marks": [IndexModel([("_id.session_id", 1), ("_id.learner_id", 1)])],
    "wrong_codes": [],
    "attendance": [
        IndexModel([("session_id", 1), ("_id", 1)]),
        IndexModel([("learner_id", 1), ("_id", 1)]),
    ],
    "people": [],
    "runs": [],
    "items": [],
    "enrolments": [
        IndexModel([("run_id", 1), ("state", 1), ("mode", 1), ("learner_id", 1)]),
    ],
    "guards": [IndexModel("at", expireAfterSeconds=_DAY)],
}

_SECOND: Mapping[str, Sequence[IndexModel]] = {
    "settlements": [IndexModel("due"), IndexModel("run_id")],
    "online_counts": [IndexModel("session_id")],
    "seats": [IndexModel([("session_id", 1), ("kind", 1), ("turn", 1), ("_id", 1)])],
    "attendance": [
        IndexModel(
            [("unsettled", 1), ("_id", 1)],
            partialFilterExpression={"unsettled": {"$exists": True}},
        )
    ],
}


_RIGHTS: Mapping[str, Sequence[IndexModel]] = {
    **STAFF,
    "enrolments": [IndexModel([("learner_id", 1), ("state", 1), ("run_id", 1)])],
}


def _finalising(mongo: Mongo) -> None:
    """Mark older ended sessions as finalised at their end, as they were."""
    adding(_SECOND)(mongo)
    mongo["sessions"].update_many(
        {"state": "ENDED", "attendance_settled_at": None},
        [{"$set": {"attendance_settled_at": "$ended_at"}}],
    )


_ENDS: Mapping[str, Sequence[IndexModel]] = {
    "sessions": [IndexModel([("state", 1), ("end_time", 1)])],
}


def _not_held(mongo: Mongo) -> None:
    """Note of older sessions that nobody started that they were not held. It is no news, so nobody
    is told.
    """
    adding(_ENDS)(mongo)
    mongo["sessions"].update_many(
        {"state": "SCHEDULED", "end_time": {"$lt": datetime.now(UTC)}, "not_held_at": None},
        [{"$set": {"not_held_at": "$end_time"}}],
    )


_NAMES: Mapping[str, Sequence[IndexModel]] = {"rooms": [unique_key("name_key")]}


def _key_names(mongo: Mongo) -> None:
    """Make names of rooms unique in any case and form; see `add_keys` about existing twins."""
    adding(_NAMES)(mongo)
    add_keys(mongo["rooms"], "name", "name_key")


_GROUPS: Mapping[str, Sequence[IndexModel]] = {
    "groups": [],
    "enrolments": [IndexModel([("run_id", 1), ("group_ids", 1), ("learner_id", 1)])],
}

_SERIES: Mapping[str, Sequence[IndexModel]] = {
    "series": [],
    "sessions": [
        IndexModel(
            [("series_id", 1), ("start_time", 1), ("_id", 1)],
            partialFilterExpression={"series_id": {"$gt": ""}},
        ),
        # To find what follows from older zone data; there is nothing but after an update of them.
        IndexModel(
            [("zone_data", 1), ("start_time", 1)],
            partialFilterExpression={"state": "SCHEDULED"},
        ),
    ],
}

_CALENDAR: Mapping[str, Sequence[IndexModel]] = {
    # What overlaps a time, of all runs: the keys of two days, and only what overlaps is fetched.
    "sessions": [IndexModel([("start_time", 1), ("end_time", 1), ("state", 1)])],
    # Of what clashes, only what a change concerns is looked at again (usecases/clashes.py).
    "clash_checks": [],
    "clashes": [
        IndexModel([("learner_id", 1), ("_id", 1)]),
        IndexModel([("run_id", 1), ("_id", 1)]),
        IndexModel([("session_id", 1), ("learner_id", 1)]),
        IndexModel("until", expireAfterSeconds=_DAY),
    ],
}

_FEEDS: Mapping[str, Sequence[IndexModel]] = {
    "feeds": [
        IndexModel([("reader_id", 1), ("room_id", 1), ("_id", -1)]),
        IndexModel([("room_id", 1), ("_id", -1)]),
    ],
    "calendars": [],
}


def _calendars(mongo: Mongo) -> None:
    """Note of older sessions and series that they are in their first revision, since now."""
    adding(_FEEDS)(mongo)
    first = [{"$set": {"revision": 0, "revised_at": "$$NOW"}}]
    for name in ("sessions", "series"):
        mongo[name].update_many({"revised_at": None}, first)


_OFFERS: Mapping[str, Sequence[IndexModel]] = {
    "seats": [
        IndexModel(
            [("offer_expires_at", 1), ("session_id", 1)],
            # the seats of learners who have an offer, which are few
            partialFilterExpression={"offer_expires_at": {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}},
        )
    ],
}

_ROTATION: Mapping[str, Sequence[IndexModel]] = {
    "rotation_notes": [IndexModel("session_id")],
    "sessions": [
        IndexModel(
            [("run_id", 1), ("cohort_id", 1)],
            partialFilterExpression={"cohort_id": {"$gt": ""}},
        )
    ],
}

_TIMETABLES: Mapping[str, Sequence[IndexModel]] = {
    # MongoDB deletes them 90 days after they were asked for; what was planned by one stays.
    "timetables": [INDEX, IndexModel("created_at", expireAfterSeconds=90 * _DAY)],
}

_SWAPS: Mapping[str, Sequence[IndexModel]] = {
    "swaps": [
        IndexModel(
            [
                (name, 1)
                for name in (
                    *("session_id", "kind", "wanted_session_id", "wanted_kind"),
                    *("start_time", "wanted_start_time", "requested_at", "_id"),
                )
            ],
            partialFilterExpression={"state": "OPEN"},
        ),
        IndexModel([("learner_id", 1), ("_id", 1)]),
        IndexModel([("run_id", 1), ("_id", 1)]),
        IndexModel("removed_at", expireAfterSeconds=0),
    ],
}

_CLASS_LOG: Mapping[str, Sequence[IndexModel]] = {
    "class_log": [IndexModel("removed_at", expireAfterSeconds=0)],
}

_MEETINGS: Mapping[str, Sequence[IndexModel]] = {
    "meetings": [
        INDEX,
        IndexModel("next_at", partialFilterExpression={"next_at": {"$type": "date"}}),
        IndexModel([("state", 1), ("start_time", 1), ("end_time", 1)]),
        IndexModel(
            [("made.server", 1), ("made.meeting.external_id", 1)],
            partialFilterExpression={"made.server": {"$gt": ""}},
        ),
        IndexModel("end_time", expireAfterSeconds=30 * _DAY),
    ],
    "meeting_links": [
        INDEX,
        IndexModel([("session_id", 1), ("external_id", 1)]),
        IndexModel("end_time", expireAfterSeconds=30 * _DAY),
    ],
}
_MEETING_NEWS: Mapping[str, Sequence[IndexModel]] = {
    "meeting_events": [IndexModel("at", expireAfterSeconds=14 * _DAY)],
    "recorder_marks": [
        IndexModel([("session_id", 1), ("at", 1), ("_id", 1)]),
        IndexModel("at", expireAfterSeconds=30 * _DAY),
    ],
    "provider_recordings": [
        IndexModel([("session_id", 1), ("start", 1), ("_id", 1)]),
        IndexModel("end", expireAfterSeconds=30 * _DAY),
    ],
}
_RECORDING_COPIES: Mapping[str, Sequence[IndexModel]] = {
    "recording_copies": [
        INDEX,
        IndexModel("files.item_id"),
        IndexModel([("state", 1), ("since", 1)]),
        IndexModel("removed_at", expireAfterSeconds=0),
    ],
}
_RECORDINGS: Mapping[str, Sequence[IndexModel]] = {
    "recordings": [],
    "runs": [
        IndexModel(
            "recordings_end",
            # the runs that keep their recordings for some time, until that is over
            partialFilterExpression={"recordings_end": {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}},
        )
    ],
}

_POLLS: Mapping[str, Sequence[IndexModel]] = {
    "polls": [
        IndexModel([("session_id", 1), ("_id", 1)]),
        IndexModel("state", partialFilterExpression={"state": "OPEN"}),
    ],
    "poll_counts": [IndexModel("poll_id")],
    "votes": [
        IndexModel([("poll_id", 1), ("voter", 1)]),
        IndexModel("removed_at", expireAfterSeconds=0),
    ],
}

_FEEDBACK: Mapping[str, Sequence[IndexModel]] = {
    "feedback_windows": [
        IndexModel("closes_at", partialFilterExpression={"secret": {"$gt": ""}}),
    ],
    "feedback": [
        IndexModel([("session_id", 1), ("_id", 1)]),
        IndexModel([("new", 1), ("session_id", 1)], partialFilterExpression={"new": True}),
    ],
}

_MODERATION: Mapping[str, Sequence[IndexModel]] = {
    "moderation": [
        IndexModel([("session_id", 1), ("person_id", 1), ("_id", 1)]),
        IndexModel([("session_id", 1), ("entry_number", 1), ("_id", 1)]),
    ],
}

_QUESTIONS: Mapping[str, Sequence[IndexModel]] = {
    "questions": [
        IndexModel([("run_id", 1), ("state", 1), ("_id", 1)]),
        IndexModel([("run_id", 1), ("_id", 1)]),
        IndexModel([("run_id", 1), ("asker_id", 1), ("state", 1)]),
        IndexModel([("asked_in", 1), ("_id", 1)]),
        IndexModel(
            [("session_id", 1), ("votes", -1), ("asked_at", 1), ("_id", 1)],
            partialFilterExpression={"state": "OPEN"},
        ),
    ],
    "question_replies": [IndexModel([("question_id", 1), ("_id", 1)])],
    "question_votes": [IndexModel([("question_id", 1), ("learner_id", 1)])],
    "vote_notes": [IndexModel("question_id")],
    "agenda_notes": [IndexModel([("run_id", 1), ("_id", 1)])],
}

_WAITING: Mapping[str, Sequence[IndexModel]] = {
    "questions": [
        IndexModel(
            "open_since",
            partialFilterExpression={"state": "OPEN", "session_id": {"$gt": ""}},
        ),
    ],
}

_REVIEWED: Mapping[str, Sequence[IndexModel]] = {
    "recordings": [
        IndexModel("run_id", partialFilterExpression={"former_ids": {"$gt": ""}}),
    ],
    "questions": [
        IndexModel(
            [("moments.session_id", 1), ("_id", 1)],
            partialFilterExpression={"moments.session_id": {"$gt": ""}},
        ),
        IndexModel([("run_id", 1), ("asker_id", 1), ("asked_at", 1)]),
    ],
}


def _words(mongo: Mongo) -> None:
    """Store the words of open questions as duplicates are found by now: in any script."""
    adding(_REVIEWED)(mongo)
    rows = mongo["questions"].find({"state": "OPEN"}, {"text": 1})
    while some := [*islice(rows, 1_000)]:
        mongo["questions"].bulk_write(
            [
                UpdateOne(
                    {"_id": row["_id"], "text": row["text"]},
                    {"$set": {"words": [*distinct_words(row["text"])]}},
                )
                for row in some
            ],
            ordered=False,
        )


# What expired by an instant of the platform's clock, and how many days later.
_EXPIRED: Mapping[str, tuple[str, int]] = {
    "clashes": ("until", 1),
    "meetings": ("end_time", 30),
    "meeting_links": ("end_time", 30),
    "recorder_marks": ("at", 30),
    "provider_recordings": ("end", 30),
}


def _expire_by_system_clock(mongo: Mongo) -> None:
    """Let documents expire by `removed_at`: MongoDB deletes by the system's clock, and the
    platform's may be far from it. What an older version stores while both run stays.
    """
    adding({name: [IndexModel("removed_at", expireAfterSeconds=0)] for name in _EXPIRED})(mongo)
    for name, (field, days) in _EXPIRED.items():
        removed_at = {"$add": [f"${field}", days * _DAY * 1000]}
        mongo[name].update_many(
            {"removed_at": {"$exists": False}}, [{"$set": {"removed_at": removed_at}}]
        )
        if f"{field}_1" in mongo[name].index_information():
            mongo[name].drop_index(f"{field}_1")


_EARLIER: Mapping[str, Sequence[IndexModel]] = {
    "meetings": [
        IndexModel(
            [("earlier.server", 1), ("earlier.meeting.external_id", 1)],
            partialFilterExpression={"earlier.server": {"$gt": ""}},
        ),
    ],
}

_HELP: Mapping[str, Sequence[IndexModel]] = {
    "falls": [
        IndexModel([("run_id", 1), ("state", 1), ("since", 1), ("learner_id", 1)]),
        IndexModel([("run_id", 1), ("state", 1), ("not_before", 1)]),
    ],
    "help_invitations": [
        IndexModel([("invited_at", -1), ("_id", -1)]),
        IndexModel([("run_id", 1), ("invited_at", -1), ("_id", -1)]),
        IndexModel([("learner_id", 1), ("run_id", 1), ("invited_at", -1), ("_id", -1)]),
        IndexModel([("session_id", 1), ("state", 1)]),
    ],
    "help_notes": [IndexModel([("run_id", 1), ("_id", 1)])],
    "help_turns": [IndexModel("due")],
    "sessions": [
        IndexModel(
            [("run_id", 1), ("state", 1), ("start_time", 1)],
            name="help_sessions",
            partialFilterExpression={"purpose": "HELP"},
        ),
    ],
}


def _resyncs(mongo: Mongo) -> None:
    """Add resyncs, and the recordings of one part that a version attached which stored nothing but
    the item in the session: copies are compared with what is stored of recordings.
    """
    adding(resyncs.INDEXES)(mongo)
    rows = mongo["sessions"].find(
        {"recording_item_id": {"$gt": ""}},
        {"run_id": 1, "recording_item_id": 1, "recording_offset": 1},
    )
    for row in rows:
        part = {"item_id": row["recording_item_id"]}
        if "recording_offset" in row:
            part["starts_at_offset"] = row["recording_offset"]
        known = {"_id": row["_id"]}
        mongo["recordings"].update_one(
            known, {"$setOnInsert": {"run_id": row["run_id"], "parts": [part]}}, upsert=True
        )
        # It may have chapters, or raised hands, alone. What was withdrawn meanwhile is remembered.
        lacks = {f"{name}.0": {"$exists": False} for name in ("parts", "former_ids", "expired_ids")}
        mongo["recordings"].update_one(known | lacks, {"$set": {"parts": [part]}})


MIGRATIONS = (
    Migration(1, "rooms, sessions, seats, attendance, replicas", adding(_FIRST)),
    Migration(2, "attendance that is finalised in parts", _finalising),
    Migration(3, "the staff of runs, and enrolments by learner", adding(_RIGHTS)),
    Migration(4, "an index of sessions by their end; older ones that were not held", _not_held),
    Migration(5, "names of rooms, unique in any case and form", _key_names),
    Migration(6, "groups of runs", adding(_GROUPS)),
    Migration(7, "series, and the zone data of sessions", adding(_SERIES)),
    Migration(8, "sessions by time, and the clashes of learners", adding(_CALENDAR)),
    Migration(9, "calendar feeds, and revisions of sessions and series", _calendars),
    Migration(10, "when people can teach", adding({"availability": []})),
    Migration(11, "offers of seats, by their expiry", adding(_OFFERS)),
    Migration(12, "rotation of cohorts", adding(_ROTATION)),
    Migration(13, "timetables", adding(_TIMETABLES)),
    Migration(15, "requests for swaps of seats", adding(_SWAPS)),
    Migration(16, "the logs of classes", adding(_CLASS_LOG)),
    Migration(17, "questions, their threads and votes", adding(_QUESTIONS)),
    Migration(18, "polls and feedback", adding({**_POLLS, **_FEEDBACK})),
    Migration(19, "moderation of live channels", adding(_MODERATION)),
    Migration(21, "online meetings, and the links of people", adding(_MEETINGS)),
    Migration(22, "what meeting providers tell", adding(_MEETING_NEWS)),
    Migration(23, "recordings of several parts, and runs by their end", adding(_RECORDINGS)),
    Migration(24, "copies of meeting servers' recordings", adding(_RECORDING_COPIES)),
    Migration(26, "questions on agendas, by how long they are open", adding(_WAITING)),
    Migration(
        28,
        "questions by the class that answered them, with words of any script; former recordings",
        _words,
    ),
    Migration(29, "what expires by the system's clock", _expire_by_system_clock),
    Migration(30, "meetings that were made before for the same class", adding(_EARLIER)),
    Migration(31, "learners who fall behind, and their invitations to help", adding(_HELP)),
    Migration(32, "resyncs; recordings that only their session named", _resyncs),
)
