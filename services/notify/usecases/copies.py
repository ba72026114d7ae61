"""Keeping up with what catalog says about people, runs and enrolments."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.notify.domain.people import Enrolment, EnrolmentChange, Person, Run, applied
from services.notify.domain.sessions import concerns
from services.notify.ports import Store


def learn_people(store: Store, people: Iterable[Person]) -> None:
    """Keep what is newest of each person."""
    news = list(people)
    known = store.people({person.id for person in news})
    for person in news:
        if person.id not in known or person.sequence > known[person.id].sequence:
            known[person.id] = person
    store.put_people(known.values())


def learn_runs(store: Store, runs: Iterable[Run]) -> None:
    """Keep what is newest of each run."""
    news = list(runs)
    known = store.runs({run.id for run in news})
    for run in news:
        if run.id not in known or run.sequence > known[run.id].sequence:
            known[run.id] = run
    store.put_runs(known.values())


def change_enrolments(store: Store, changes: Sequence[EnrolmentChange]) -> None:
    """Apply changes, and call learners in to what was told to their run since they came to it.

    News of an enrolment may arrive after that of a moved class which came later.
    """
    if not changes:
        return
    store.guard_rosters({change.run_id for change in changes})
    known = store.enrolments({change.enrolment_id for change in changes})
    for change in changes:
        known[change.enrolment_id] = applied(known.get(change.enrolment_id), change)
    store.put_enrolments(known.values())
    _call_in(store, known, changes)


def _call_in(
    store: Store, enrolments: dict[str, Enrolment], changes: Sequence[EnrolmentChange]
) -> None:
    arrivals = {change.enrolment_id: change.since for change in changes if change.since is not None}
    if not arrivals:
        return
    runs = {enrolments[one].run_id for one in arrivals}
    for broadcast in store.broadcasts_since(runs, min(arrivals.values())):
        late = {
            enrolments[one].learner_id
            for one, since in arrivals.items()
            if concerns(broadcast, enrolments[one], since)
        }
        if late:
            waiting = tuple(sorted(late.union(broadcast.waiting)))
            store.put_broadcast(replace(broadcast, waiting=waiting, done=False, retry_at=None))
