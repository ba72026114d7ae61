"""What brings catalog's database to this version (chassis/migrations.py says how)."""

from collections.abc import Mapping, Sequence

from pymongo import IndexModel

from chassis.migrations import Migration, adding

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

MIGRATIONS = (Migration(1, "people, courses, runs, paths, enrolments", adding(_FIRST)),)
