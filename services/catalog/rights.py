"""What a caller is to what a request is about: staff of a run, or of a person's runs."""

from typing import Any

from chassis.data.store import Database
from chassis.edge.access import Relation, check_reach
from chassis.staff import within
from services.catalog.store import CatalogStore
from services.catalog.usecases.lookup import get_run


def check_learner(store: CatalogStore, run_id: str, learner_id: str) -> None:
    """Raise PermissionDenied if the caller is limited to groups, and the learner is in none."""
    enrolment = store.enrolments(run_id, [learner_id]).get(learner_id)
    check_reach(run_id, enrolment.group_ids if enrolment else ())


def relation(database: Database[CatalogStore], person_id: str, about: str, value: Any) -> Relation:
    """Return a caller's relation to a run (`run_id`), or to a person of runs (`person_id`).

    Raises NotFound if there is no such run.
    """
    store = database.reader()
    if about == "run_id" and value:
        return Relation({value: get_run(store, value).member(person_id)})
    staffed = {run.id: run.member(person_id) for run in store.runs_staffed_by(person_id)}
    if about == "run_id":
        return Relation(staffed)
    groups = store.groups_with(value, staffed)
    return Relation(
        {run_id: within(staffed[run_id], group_ids) for run_id, group_ids in groups.items()}
    )
