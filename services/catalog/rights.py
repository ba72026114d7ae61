"""What a caller is to what a request is about: staff of a run, or of a person's runs."""

from typing import Any

from chassis.data.store import Database
from chassis.edge.access import Relation
from services.catalog.store import CatalogStore
from services.catalog.usecases.lookup import get_run


def relation(database: Database[CatalogStore], person_id: str, about: str, value: Any) -> Relation:
    """Return a caller's relation to a run (`run_id`), or to a person of runs (`person_id`).

    Raises NotFound if there is no such run.
    """
    store = database.reader()
    if about == "run_id" and value:
        return Relation({value: get_run(store, value).role_of(person_id)})
    staffed = {run.id: run.role_of(person_id) for run in store.runs_staffed_by(person_id)}
    if about == "run_id":
        return Relation(staffed)
    among = store.runs_with(value, staffed)
    return Relation({run_id: role for run_id, role in staffed.items() if run_id in among})
