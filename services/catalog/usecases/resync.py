"""The state of people, runs, groups and enrolments, as events that tell it.

The roster does not keep when somebody left a run, changed the mode or came into a group: these
events have the instant at which they are told.
"""

from collections.abc import Iterator, Sequence

from services.catalog.domain.enrolments import Enrolment, mode_changed
from services.catalog.domain.enums import EnrolmentState
from services.catalog.domain.events import (
    EnrolmentCreated,
    EnrolmentWaitlisted,
    EnrolmentWithdrawn,
    GroupMemberChanged,
)
from services.catalog.ports import Store
from services.catalog.usecases.courses import published
from services.catalog.usecases.enrolments import due_extended
from services.catalog.usecases.groups import changed
from services.catalog.usecases.people import upserted
from services.catalog.usecases.runs import updated_event


def tell_people(store: Store, person_ids: Sequence[str]) -> list[object]:
    """Return the events that tell the state of people."""
    return [upserted(person) for person in store.people(person_ids).values()]


def tell_runs(store: Store, run_ids: Sequence[str]) -> list[object]:
    """Return the events that tell the state of runs, and their paths."""
    runs = store.runs(run_ids).values()
    paths = [store.path(run.id, run.path_version) for run in runs if run.path_version]
    return [*(updated_event(store, run) for run in runs), *map(published, filter(None, paths))]


def tell_groups(store: Store, group_ids: Sequence[str]) -> list[object]:
    """Return the events that tell the state of groups."""
    return [changed(group, store.now) for group in store.groups(group_ids).values()]


def tell_enrolments(store: Store, enrolment_ids: Sequence[str]) -> list[object]:
    """Return the events that tell the state of enrolments: place, mode, groups, extensions."""
    found = store.enrolments_of(enrolment_ids).values()
    # extensions only grow: the last one of an activity is the one that holds
    extended = {(e.enrolment_id, e.activity_id): e for e in store.extensions_of(enrolment_ids)}
    return [
        *(event for enrolment in found for event in _events(store, enrolment)),
        *map(due_extended, extended.values()),
    ]


def _events(store: Store, enrolment: Enrolment) -> Iterator[object]:
    its = {
        "enrolment_id": enrolment.id,
        "run_id": enrolment.run_id,
        "learner_id": enrolment.learner_id,
    }
    match enrolment.state:
        case EnrolmentState.ENROLLED:
            yield EnrolmentCreated(**its, mode=enrolment.mode, enrolled_at=enrolment.enrolled_at)
        case EnrolmentState.WAITLISTED:
            at = enrolment.enrolled_at
            yield EnrolmentWaitlisted(**its, mode=enrolment.mode, waitlisted_at=at)
        case _:
            yield EnrolmentWithdrawn(**its, withdrawn_at=store.now)
            yield mode_changed(enrolment, enrolment.mode, store.now)
    groups = enrolment.group_ids
    yield GroupMemberChanged(**its, from_group_ids=groups, group_ids=groups, changed_at=store.now)
