"""The staff of runs in a service's database: a replica of catalog's, made from its events.

A service that keeps it creates the collection by `STAFF` in one of its migrations, and calls
`note_staff` with the events of runs.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pymongo import IndexModel, ReplaceOne

from chassis.contracts.events import Event
from chassis.contracts.mapping import from_document, from_message, to_document
from chassis.data.store import Store
from chassis.errors import Unavailable
from chassis.replicas import newer
from chassis.runs import facts_of
from chassis.staff import RunStaff, StaffMember, member_among, teachers

COLLECTION = "staff"
STAFF: Mapping[str, Sequence[IndexModel]] = {COLLECTION: [IndexModel("staff.person_id")]}


def note_staff(store: Store, events: Iterable[Event[Any]]) -> None:
    """Store the staff that events of runs tell, where it is newer than the known one."""
    told = [_staff(event) for event in events]
    known = _known(store, {each.id for each in told})
    writes = [ReplaceOne({"_id": r.id}, to_document(r), upsert=True) for r in newer(known, told)]
    if writes:
        store[COLLECTION].bulk_write(writes, ordered=False, session=store.session)


def members_in(
    store: Store, person_id: str, run_ids: Collection[str]
) -> dict[str, StaffMember | None]:
    """Return a person among the staff of each of some runs; None where the person is no staff.

    Raises Unavailable if the staff of a run is not known here yet.
    """
    known = staff_of(store, run_ids)
    return {run_id: member_among(staff, person_id) for run_id, staff in known.items()}


def staff_of(store: Store, run_ids: Collection[str]) -> dict[str, Sequence[StaffMember]]:
    """Return the staff of each of some runs.

    Raises Unavailable if the staff of a run is not known here yet.
    """
    known = _known(store, run_ids)
    if missing := sorted(set(run_ids) - known.keys()):
        named = ", ".join(map(repr, missing[:10]))
        raise Unavailable(f"the staff of run {named} is not known here yet; try again")
    return {run_id: run.staff for run_id, run in known.items()}


def members_of(store: Store, person_id: str) -> dict[str, StaffMember | None]:
    """Return a person among the staff of each run where the person is staff."""
    rows = store[COLLECTION].find({"staff.person_id": person_id}, session=store.session)
    runs = [from_document(row, RunStaff) for row in rows]
    return {run.id: member_among(run.staff, person_id) for run in runs}


def _known(store: Store, run_ids: Iterable[str]) -> dict[str, RunStaff]:
    rows = store.find_by_ids(COLLECTION, run_ids)
    return {row["_id"]: from_document(row, RunStaff) for row in rows}


def _staff(event: Event[Any]) -> RunStaff:
    """Return the staff that an event of a run tells; older events tell only who teaches."""
    facts = facts_of(event.data)
    told = from_message(facts, RunStaff, id=facts.run_id, sequence=event.sequence)
    if told.staff:
        return told
    return RunStaff(id=told.id, staff=teachers(facts.instructor_ids), sequence=told.sequence)
