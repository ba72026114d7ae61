"""What brings progress' database to this version (chassis/migrations.py says how)."""

from collections.abc import Mapping, Sequence

from pymongo import IndexModel

from chassis.migrations import Migration, adding

# As store.OPEN is; a query must say the same for MongoDB to use the index.
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

MIGRATIONS = (
    Migration(1, "copies, statements, standings, catch-ups, summaries", adding(_FIRST)),
    Migration(2, "classes whose recordings are waited for", adding(_WAITING)),
    Migration(3, "people, for their zones", adding({"people": []})),
)
