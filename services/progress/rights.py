"""What a caller is to what a request is about: staff of runs."""

from typing import Any

from chassis.data.staff import members_in, members_of
from chassis.data.store import Database
from chassis.edge.access import Relation
from chassis.staff import within
from services.progress.store import ProgressStore
from services.progress.usecases.catch_ups import get_catch_up


def relation(database: Database[ProgressStore], person_id: str, about: str, value: Any) -> Relation:
    """Return a caller's relation to a run (`run_id`), or to the run of a catch-up (`catch_up_id`).

    Raises NotFound if there is no such catch-up, and Unavailable if the run is not known here yet.
    """
    store = database.reader()
    if not value:
        return Relation(members_of(store, person_id))
    if about != "catch_up_id":
        return Relation(members_in(store, person_id, [value]))
    catch_up = get_catch_up(store, value)
    [member] = members_in(store, person_id, [catch_up.run_id]).values()
    key = (catch_up.run_id, catch_up.learner_id)
    learner = store.run_states([key]).get(key)
    return Relation({catch_up.run_id: within(member, learner.group_ids if learner else ())})
