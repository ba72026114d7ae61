"""What of catalog's data can be compared with copies of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from chassis.contracts.mapping import from_document, to_document
from chassis.resync.digests import Digested, Document, plain
from services.catalog.domain.runs import Run


def _name(person: Document) -> str:
    return " ".join(filter(None, (person["given_name"], person["family_name"])))


def _staff(run: Document) -> object:
    """A run of an older version has only its instructors."""
    return to_document(from_document(run, Run))["staff"]


# The activities of the run's newest path, which has an id of the run and its version.
_WITH_PATH: Sequence[Mapping[str, Any]] = (
    {"$set": {"path_id": {"$concat": ["$_id", ":", {"$toString": "$path_version"}]}}},
    {
        "$lookup": {
            "from": "paths",
            "localField": "path_id",
            "foreignField": "_id",
            "pipeline": [
                {"$project": {f"activities.{name}": 1 for name in ("id", "title", "item_id")}}
            ],
            "as": "paths",
        }
    },
)


def _activities(run: Document) -> Sequence[Document]:
    return [activity for path in run["paths"] for activity in path["activities"]]


def _titles(run: Document) -> object:
    return {each["id"]: each["title"] for each in _activities(run)}


def _item_ids(run: Document) -> object:
    return sorted({each["item_id"] for each in _activities(run) if each.get("item_id")})


_ENROLMENT = {name: plain(name) for name in ("state", "mode", "group_ids")}

ORIGINALS: Mapping[str, Digested] = {
    "people": Digested(
        "people",
        {
            "name": _name,
            **{name: plain(name) for name in ("email", "language", "zone", "roles", "retired_at")},
        },
    ),
    "runs": Digested(
        "runs",
        {
            name: plain(name)
            for name in (
                "title",
                "zone",
                "start_date",
                "end_date",
                "holidays",
                "instructor_ids",
                "closed_at",
            )
        }
        | {"staff": _staff},
    ),
    "staff": Digested("runs", {"staff": _staff}),
    # Of each run, its path: its version, the titles of its activities, and the items it names.
    "paths": Digested(
        "runs",
        {"version": plain("path_version"), "titles": _titles, "item_ids": _item_ids},
        where={"path_version": {"$gt": 0}},
        stages=_WITH_PATH,
    ),
    "groups": Digested(
        "groups",
        {
            "run_id": plain("run_id"),
            "name": plain("name"),
            "retired": lambda group: group.get("retired_at") is not None,
        },
    ),
    "enrolments": Digested(
        "enrolments", {"run_id": plain("run_id"), "learner_id": plain("learner_id"), **_ENROLMENT}
    ),
    # The same by run and learner, as most copies have them.
    "places": Digested("enrolments", _ENROLMENT, key=("run_id", "learner_id")),
}
