"""What a caller is to what a request is about: staff of runs."""

from typing import Any

from chassis.data.staff import members_in, members_of
from chassis.data.store import Database
from chassis.edge.access import Relation
from chassis.staff import within
from services.progress.store import ProgressStore
from services.progress.usecases.catch_ups import get_catch_up
from services.progress.usecases.credentials import get_lrs_credential


def relation(database: Database[ProgressStore], person_id: str, about: str, value: Any) -> Relation:
    """Return a caller's relation to a run (`run_id`), to runs (`run_ids`), to the run of a catch-up
    (`catch_up_id`), or to those of a credential (`credential_id`; of none: to no run).

    Raises NotFound if there is no such catch-up or credential, and Unavailable if a run is not
    known here yet.
    """
    store = database.reader()
    if not value:
        return Relation(members_of(store, person_id))
    if about == "credential_id":
        return Relation(members_in(store, person_id, get_lrs_credential(store, value).run_ids))
    if about != "catch_up_id":
        return Relation(members_in(store, person_id, [value] if isinstance(value, str) else value))
    catch_up = get_catch_up(store, value)
    [member] = members_in(store, person_id, [catch_up.run_id]).values()
    key = (catch_up.run_id, catch_up.learner_id)
    learner = store.run_states([key]).get(key)
    return Relation({catch_up.run_id: within(member, learner.group_ids if learner else ())})
