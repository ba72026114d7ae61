"""Updating the replicas of enrolments."""

from collections.abc import Sequence
from dataclasses import replace

from services.notify.domain.people import Enrolment, EnrolmentUpdate, applied
from services.notify.domain.sessions import concerns
from services.notify.ports import Store


def change_enrolments(store: Store, changes: Sequence[EnrolmentUpdate]) -> None:
    """Apply updates, and add new learners to broadcasts to their run since they were enrolled, or
    to their groups since they are in them.

    An enrolment's event may arrive after the event of a class that was moved after the enrolment.
    """
    if not changes:
        return
    store.lock_rosters({change.run_id for change in changes})
    known = store.enrolments({change.enrolment_id for change in changes})
    for change in changes:
        known[change.enrolment_id] = applied(known.get(change.enrolment_id), change)
    store.put_enrolments(known.values())
    _call_in(store, known, changes)


def _call_in(
    store: Store, enrolments: dict[str, Enrolment], changes: Sequence[EnrolmentUpdate]
) -> None:
    arrivals = [(change.enrolment_id, change.since) for change in changes if change.since]
    if not arrivals:
        return
    runs = {enrolments[one].run_id for one, _ in arrivals}
    for broadcast in store.broadcasts_since(runs, min(since for _, since in arrivals)):
        late = {
            enrolments[one].learner_id
            for one, since in arrivals
            if concerns(broadcast, enrolments[one], since)
        }
        if late:
            waiting = tuple(sorted(late.union(broadcast.waiting)))
            store.put_broadcast(replace(broadcast, waiting=waiting, done=False, retry_at=None))
