"""What a caller is to what a request is about: staff of runs."""

from typing import Any

from chassis.data.staff import roles_in, roles_of
from chassis.data.store import Database
from chassis.edge.access import Relation
from services.progress.store import ProgressStore


def relation(
    database: Database[ProgressStore], person_id: str, _about: str, run_id: Any
) -> Relation:
    """Return a caller's relation to a run; to none, if the request names none.

    Raises Unavailable if the run is not known here yet.
    """
    store = database.reader()
    return Relation(roles_in(store, person_id, [run_id]) if run_id else roles_of(store, person_id))
