"""What of catalog's data can be compared with copies of it."""

from collections.abc import Mapping

from chassis.contracts.mapping import from_document, to_document
from chassis.resync.digests import Digested, Document, plain
from services.catalog.domain.runs import Run


def _name(person: Document) -> str:
    return " ".join(filter(None, (person["given_name"], person["family_name"])))


def _staff(run: Document) -> object:
    """A run of an older version has only its instructors."""
    return to_document(from_document(run, Run))["staff"]


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
    # Of each run, the version of its path.
    "paths": Digested(
        "runs", {"version": plain("path_version")}, where={"path_version": {"$gt": 0}}
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
