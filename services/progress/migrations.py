"""The migrations of progress' database (see chassis/data/migrations.py)."""

from collections.abc import Mapping, Sequence
from itertools import islice

from pymongo import IndexModel, UpdateOne

from chassis.data.migrations import Migration, Mongo, adding
from chassis.data.staff import STAFF
from chassis.ids import new_id

# The same as store.OPEN: MongoDB uses the index only for a query with this condition.
_OPEN = {"state": "ASSIGNED", "dropped": False}

_FIRST: Mapping[str, Sequence[IndexModel]] = {
    "runs": [],
    "paths": [IndexModel("activities.item_id")],
    "sessions": [IndexModel("run_id"), IndexModel("mentions")],
    "items": [],
    "statements": [IndexModel([("learner_id", 1), ("run_id", 1), ("timestamp", 1)])],
    "standings": [
        IndexModel([("run_id", 1), ("learner_id", 1)]),
        IndexModel([("run_id", 1), ("state", 1), ("learner_id", 1)]),
        IndexModel([("learner_id", 1), ("state", 1)]),
    ],
    "evidence": [IndexModel([("run_id", 1), ("learner_id", 1)])],
    "catch_ups": [
        IndexModel([("run_id", 1), ("due", 1), ("_id", 1)]),
        IndexModel([("learner_id", 1), ("due", 1), ("_id", 1)]),
        IndexModel([("run_id", 1), ("learner_id", 1)]),
        IndexModel("due", name="open", partialFilterExpression=_OPEN),
    ],
    "summaries": [],
    "revisits": [],
}

_WAITING: Mapping[str, Sequence[IndexModel]] = {
    "sessions": [IndexModel([("waited", 1), ("ended_at", 1)])],
}

_PLAN_VERSIONS: Mapping[str, Sequence[IndexModel]] = {
    "plans": [],
    "plan_revisits": [IndexModel("turn_at")],
    "item_news": [IndexModel("again_at")],
    "standings": [IndexModel([("run_id", 1), ("plan_version", 1)])],
    "summaries": [IndexModel("run_id")],
    "catch_ups": [IndexModel("owner")],
}

# Most statements name one of the two; each index contains the statements that name its field.
_BY_TARGET: Mapping[str, Sequence[IndexModel]] = {
    "statements": [
        IndexModel(
            [("learner_id", 1), ("run_id", 1), (field, 1)],
            partialFilterExpression={field: {"$gt": ""}},
        )
        for field in ("activity_id", "item_id")
    ],
}


_ENDS: Mapping[str, Sequence[IndexModel]] = {
    "runs": [IndexModel("end_due")],
}


# Learners without deadlines to come are in neither index.
_UNSEEN = {"state": "ENROLLED", "dues_since": None}
_NEXT_DUES: Mapping[str, Sequence[IndexModel]] = {
    "standings": [
        IndexModel("dues_since", name="dues_unseen", partialFilterExpression=_UNSEEN),
        IndexModel("next_due_at", partialFilterExpression={"next_due_at": {"$type": "date"}}),
    ],
}


def _begin_histories(mongo: Mongo) -> None:
    """Give each run's plan its first version.

    No learner needs a re-evaluation because of it: a missing version counts as 0, like `asks`.
    """
    for run in mongo["runs"].find({}, {"_id": 1}):
        first = {"version": 1, "asks": 0, "changes": [], "forgotten": 0, "tag": new_id()}
        mongo["plans"].update_one({"_id": run["_id"]}, {"$setOnInsert": first}, upsert=True)


def _set_owners(mongo: Mongo) -> None:
    """Store run and learner of each catch-up in one value, so that one query can find many."""
    owner = {"run_id": "$run_id", "learner_id": "$learner_id"}
    mongo["catch_ups"].update_many({"owner": None}, [{"$set": {"owner": owner}}])


_GROUPS: Mapping[str, Sequence[IndexModel]] = {
    "standings": [IndexModel([("run_id", 1), ("group_ids", 1), ("learner_id", 1)])],
}

_PATH_UNSEEN = {"state": "ENROLLED", "path_seen": None}
_OPENINGS: Mapping[str, Sequence[IndexModel]] = {
    "standings": [
        IndexModel("path_seen", name="path_unseen", partialFilterExpression=_PATH_UNSEEN)
    ],
}


def _add_scores(mongo: Mongo) -> None:
    """Store the best scores that services told until now in the evidence on their activities.

    A score that an older version takes in after this step counts only if it comes again.
    """
    adding(_OPENINGS)(mongo)
    named = {"run_id": "$run_id", "learner_id": "$learner_id"}
    target = {"$concat": ["activity:", "$activity_id"]}
    mongo["statements"].aggregate(
        [
            {
                "$match": {
                    "activity_id": {"$gt": ""},
                    "authority": {"$ne": "LEARNER"},
                    "result.scaled_score": {"$type": "number"},
                }
            },
            {
                "$group": {
                    "_id": {**named, "target": target},
                    "best_score": {"$max": "$result.scaled_score"},
                }
            },
            {
                "$merge": {
                    "into": "evidence",
                    "whenMatched": [
                        {"$set": {"best_score": {"$max": ["$best_score", "$$new.best_score"]}}}
                    ],
                    "whenNotMatched": "discard",
                }
            },
        ],
        allowDiskUse=True,
    )


# The store names these indexes; a statement that nothing refers to is in the first one only.
_XAPI: Mapping[str, Sequence[IndexModel]] = {
    "statements": [
        IndexModel([("keys", 1), ("cursor", 1)]),
        IndexModel("target", partialFilterExpression={"target": {"$gt": ""}}),
        IndexModel([("voided", 1), ("_id", 1)], partialFilterExpression={"voided": True}),
    ],
    "attachments": [],
    "storing": [IndexModel("at", expireAfterSeconds=600)],
}


def _index_older_statements(mongo: Mongo) -> None:
    """Store what the LRS finds a statement by, in the statements that an older version stored.

    What an older version stores after this step is found by its id alone.
    """
    from services.progress.store_xapi import index_fields

    older = {"cursor": None, "awaited": None}
    with mongo["statements"].find(older) as rows:
        while part := list(islice(rows, 1_000)):
            writes = [UpdateOne({"_id": row["_id"]}, {"$set": index_fields(row)}) for row in part]
            mongo["statements"].bulk_write(writes, ordered=False)


_CREDENTIALS: Mapping[str, Sequence[IndexModel]] = {
    "lrs_credentials": [IndexModel([("run_ids", 1), ("_id", 1)])],
}

# The same as in store_falling_behind.py.
_IS_BEHIND = {"behind_since": {"$type": "date"}}
_FALLING_BEHIND: Mapping[str, Sequence[IndexModel]] = {
    "standings": [
        IndexModel(
            [("run_id", 1), ("behind_since", 1), ("learner_id", 1)],
            partialFilterExpression=_IS_BEHIND,
        ),
        IndexModel("judge_at", name="to_judge", partialFilterExpression={"state": "ENROLLED"}),
    ],
    "silences": [],
}


_REBUILDS: Mapping[str, Sequence[IndexModel]] = {
    "rebuilds": [IndexModel([("finished_at", 1), ("requested_at", 1)])],
}


def _begin_rebuilds(mongo: Mongo) -> None:
    """Store the best scores that are known in the learners' run states, too.

    A score that an older version takes in after this step counts after a rebuild of the run.
    """
    adding(_REBUILDS)(mongo)
    scored = {"target": {"$regex": "^activity:"}, "best_score": {"$type": "number"}}
    learner = {"run_id": "$run_id", "learner_id": "$learner_id"}
    activity_id = {"$substrBytes": ["$target", len("activity:"), -1]}
    scores = {"$push": {"k": activity_id, "v": "$best_score"}}
    newer_first = {"$mergeObjects": ["$$new.scores", "$scores"]}
    mongo["evidence"].aggregate(
        [
            {"$match": scored},
            {"$group": {"_id": learner, "scores": scores}},
            {"$set": {"scores": {"$arrayToObject": "$scores"}}},
            {
                "$merge": {
                    "into": "standings",
                    "whenMatched": [{"$set": {"scores": newer_first}}],
                    "whenNotMatched": "discard",
                }
            },
        ],
        allowDiskUse=True,
    )


# The index has all that a list of documents tells, so that no content is read for it.
_DOCUMENTS: Mapping[str, Sequence[IndexModel]] = {
    "xapi_documents": [
        IndexModel(
            [
                ("kind", 1),
                ("agent", 1),
                ("activity_id", 1),
                ("updated", 1),
                ("registration", 1),
                ("name", 1),
                ("size", 1),
            ],
            name="listed",
        )
    ],
    "xapi_rooms": [],
    "xapi_activities": [],
}

_CMI5: Mapping[str, Sequence[IndexModel]] = {
    "cmi5_sessions": [IndexModel([("fetch_hash", 1)], name="by_fetch", unique=True)],
    "cmi5_registrations": [],
}
# As domain/class_page.py has them; a learner without a place has no buckets.
_COLUMNS = (
    *("COMPLETED", "OVERDUE", "OPEN_CATCH_UPS", "MISSED_CATCH_UPS"),
    *("LAST_SEEN", "MODE", "ENROLLED_AT", "SCORE", "TIME_ON_TASK", "BEHIND_SINCE"),
)
_LISTED = [("run_id", 1), ("listing.buckets", 1)]
# The same as store.UNSEEN.
_UNLISTED = {"state": "ENROLLED", "listing": None}
_CLASS_PAGE: Mapping[str, Sequence[IndexModel]] = {
    "standings": [
        IndexModel([*_LISTED, ("learner_id", 1)], name="class_page_LEARNER_ID"),
        *(
            IndexModel(
                [*_LISTED, (f"listing.numbers.{column}", 1), ("learner_id", 1)],
                name=f"class_page_{column}",
            )
            for column in _COLUMNS
        ),
        IndexModel("listing", name="unlisted", partialFilterExpression=_UNLISTED),
    ],
}


def _note_classes(mongo: Mongo) -> None:
    """Store when learners were last in a class, as far as older versions kept it: the end of a
    class where they were there, or at whose end they were last seen.
    """
    was_there = [
        {"class.v.verdict": {"$in": ["PRESENT", "PARTIAL"]}},
        {"$expr": {"$eq": ["$held.ended_at", "$last_seen_at"]}},
    ]
    latest = {"$max": ["$attended_at", "$$new.attended_at"]}
    mongo["standings"].aggregate(
        [
            {"$match": {"attendance": {"$gt": {}}}},
            {"$project": {"last_seen_at": 1, "class": {"$objectToArray": "$attendance"}}},
            {"$unwind": "$class"},
            {
                "$lookup": {
                    "from": "sessions",
                    "localField": "class.k",
                    "foreignField": "_id",
                    "as": "held",
                }
            },
            {"$unwind": "$held"},
            {"$match": {"held.ended_at": {"$type": "date"}, "$or": was_there}},
            {"$group": {"_id": "$_id", "attended_at": {"$max": "$held.ended_at"}}},
            {
                "$merge": {
                    "into": "standings",
                    "whenMatched": [{"$set": {"attended_at": latest}}],
                    "whenNotMatched": "discard",
                }
            },
        ],
        allowDiskUse=True,
    )


MIGRATIONS = (
    Migration(1, "replicas, statements, learner run states, catch-ups, summaries", adding(_FIRST)),
    Migration(2, "an index of classes that wait for their recordings", adding(_WAITING)),
    Migration(3, "people, for their time zones", adding({"people": []})),
    Migration(4, "versions of plans, re-evaluations, updates of items", adding(_PLAN_VERSIONS)),
    Migration(5, "a first version of each run's plan", _begin_histories),
    Migration(6, "owners of catch-ups", _set_owners),
    Migration(7, "indexes of statements by activity and by item", adding(_BY_TARGET)),
    Migration(8, "the staff of runs", adding(STAFF)),
    Migration(9, "an index of runs by their end", adding(_ENDS)),
    Migration(10, "groups of learners", adding(_GROUPS)),
    Migration(11, "indexes of learners by their next due", adding(_NEXT_DUES)),
    Migration(12, "scores, and an index of learners whose openings are not known", _add_scores),
    Migration(14, "credentials of the LRS", adding(_CREDENTIALS)),
    Migration(15, "indexes of the LRS's statements, attachments", adding(_XAPI)),
    Migration(16, "what the LRS finds older statements by", _index_older_statements),
    Migration(17, "documents and activities of the LRS", adding(_DOCUMENTS)),
    Migration(18, "learners who are falling behind, and turns to judge", adding(_FALLING_BEHIND)),
    Migration(
        20, "indexes of the class page, and of learners who are not in it", adding(_CLASS_PAGE)
    ),
    Migration(22, "rebuilds of runs; scores of learners", _begin_rebuilds),
    Migration(23, "hours of learners for study", adding({"study_hours": []})),
    Migration(24, "sessions and registrations of cmi5", adding(_CMI5)),
    Migration(29, "when learners were last in a class", _note_classes),
)
