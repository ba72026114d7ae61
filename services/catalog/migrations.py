"""The migrations of catalog's database (see chassis/data/migrations.py)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pymongo import IndexModel
from pymongo.database import Database as MongoDatabase

from chassis.clock import SystemClock
from chassis.data.keys import add_keys, unique_key
from chassis.data.migrations import Migration, adding
from chassis.data.store import Database
from chassis.jobs import INDEX
from chassis.resync import resyncs

_FIRST: Mapping[str, Sequence[IndexModel]] = {
    "people": [],
    "courses": [IndexModel("code", unique=True)],
    "runs": [IndexModel([("course_id", 1), ("_id", -1)])],
    "paths": [],
    "enrolments": [
        IndexModel([("run_id", 1), ("learner_id", 1)], unique=True),
        IndexModel([("learner_id", 1), ("_id", 1)]),
        IndexModel([("run_id", 1), ("_id", 1)]),
        IndexModel([("run_id", 1), ("state", 1), ("ticket", 1)]),
    ],
    "extensions": [IndexModel([("enrolment_id", 1), ("activity_id", 1), ("until", -1)])],
}


def number_enrolments(mongo: MongoDatabase[dict[str, Any]]) -> None:
    """Continue the numbers of each enrolment's events after the last number of its run.

    The older version numbered these events by run, and replicas ignore events with lower numbers.
    """
    of_run = {"from": "sequences", "localField": "run_id", "foreignField": "_id", "as": "run"}
    greatest = {"$max": ["$last", "$$new.last"]}
    mongo["enrolments"].aggregate(
        [
            {"$lookup": of_run},
            {"$unwind": "$run"},
            {"$project": {"last": "$run.last"}},
            {"$merge": {"into": "sequences", "whenMatched": [{"$set": {"last": greatest}}]}},
        ]
    )


_STAFF: Mapping[str, Sequence[IndexModel]] = {"runs": [IndexModel("staff.person_id")]}


def _tell_staff(mongo: MongoDatabase[dict[str, Any]]) -> None:
    """Store the staff of runs of older versions, and publish the staff of all runs: other services
    did not keep it, and rights in a run follow from it.
    """
    # Imported late: the store names this module's migrations.
    from services.catalog.store import CatalogStore
    from services.catalog.usecases.runs import tell_staff

    adding(_STAFF)(mongo)
    database = Database(mongo.client, mongo.name, CatalogStore, SystemClock())
    for row in list(mongo["runs"].find({}, {"_id": 1})):
        database.transact(partial(tell_staff, run_id=row["_id"]))


_CODES: Mapping[str, Sequence[IndexModel]] = {"courses": [unique_key("code_key")]}


def _key_codes(mongo: MongoDatabase[dict[str, Any]]) -> None:
    """Make codes of courses unique in any case and form; see `add_keys` about existing twins."""
    adding(_CODES)(mongo)
    add_keys(mongo["courses"], "code", "code_key")


_GROUPS: Mapping[str, Sequence[IndexModel]] = {
    "groups": [IndexModel([("run_id", 1), ("name_key", 1)], unique=True)],
    "enrolments": [IndexModel([("run_id", 1), ("group_ids", 1), ("_id", 1)])],
}

# A file's parts and an import's rows are forgotten after this many seconds.
KEEP_PARTS, KEEP_ROWS = 7 * 86_400, 90 * 86_400
_IMPORTS: Mapping[str, Sequence[IndexModel]] = {
    "links": [
        IndexModel([("source", 1), ("file", 1), ("removed", 1), ("_id", 1)]),
        IndexModel([("source", 1), ("file", 1), ("parent", 1)]),
        IndexModel([("file", 1), ("of", 1)]),
    ],
    "imports": [INDEX, IndexModel([("source", 1), ("_id", -1)])],
    "import_parts": [IndexModel("import_id"), IndexModel("at", expireAfterSeconds=KEEP_PARTS)],
    "import_chunks": [
        IndexModel("import_id"),
        IndexModel([("plan", 1), ("pending", 1), ("order", 1)]),
        IndexModel([("plan", 1), ("order", 1)]),
        IndexModel("at", expireAfterSeconds=KEEP_ROWS),
    ],
    "import_turns": [],
}

# All that counting needs: it reads no document.
_PREFERENCES: Mapping[str, Sequence[IndexModel]] = {
    "enrolments": [IndexModel([("run_id", 1), ("state", 1), ("preference", 1)])],
}

_ADVICE: Mapping[str, Sequence[IndexModel]] = {"availability": [], "draft_paths": []}

MIGRATIONS = (
    Migration(1, "people, courses, runs, paths, enrolments", adding(_FIRST)),
    Migration(2, "events numbered by enrolment", number_enrolments),
    Migration(3, "the staff of runs, published", _tell_staff),
    Migration(4, "codes of courses, unique in any case and form", _key_codes),
    Migration(5, "groups of runs", adding(_GROUPS)),
    Migration(6, "imports and external ids", adding(_IMPORTS)),
    Migration(8, "an index of paths by run", adding({"paths": [IndexModel("run_id")]})),
    Migration(9, "what learners of a run wish, to be counted", adding(_PREFERENCES)),
    Migration(10, "when people can teach, and draft paths", adding(_ADVICE)),
    Migration(11, "resyncs", adding(resyncs.INDEXES)),
)
