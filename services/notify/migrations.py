"""What brings notify's database to this version (chassis/migrations.py says how)."""

from collections.abc import Mapping, Sequence

from pymongo import IndexModel

from chassis.migrations import Migration, adding

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

MIGRATIONS = (
    Migration(1, "copies, reminders, broadcasts, messages, deliveries", adding(_FIRST)),
    Migration(2, "titles of activities and items", adding(_TITLES)),
)
