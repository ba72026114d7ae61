"""What a caller is to what a request is about: staff of runs."""

from typing import Any

from chassis.data.staff import roles_in, roles_of
from chassis.data.store import Database
from chassis.edge.access import Relation
from services.progress.store import ProgressStore
from services.progress.usecases.catch_ups import get_catch_up


def relation(database: Database[ProgressStore], person_id: str, about: str, value: Any) -> Relation:
    """Return a caller's relation to a run (`run_id`), or to the run of a catch-up (`catch_up_id`).

    Raises NotFound if there is no such catch-up, and Unavailable if the run is not known here yet.
    """
    store = database.reader()
    is_catch_up = about == "catch_up_id" and value
    run_id = get_catch_up(store, value).run_id if is_catch_up else value
    return Relation(roles_in(store, person_id, [run_id]) if run_id else roles_of(store, person_id))
