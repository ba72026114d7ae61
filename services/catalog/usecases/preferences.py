"""Learners' wishes of mode."""

from chassis.errors import check_state
from services.catalog.domain.enrolments import over_violations
from services.catalog.domain.preferences import Preference, preference_of, wishing
from services.catalog.ports import Store
from services.catalog.usecases.lookup import get_enrolment, get_run, lock_enrolment


def set_preference(store: Store, command: Preference) -> Preference:
    """Store how a learner would like to take part in a run, and return it. No event is recorded:
    no other service needs the wish.

    Raises NotFound if the learner is not in the run; FailedPrecondition if the run is over.
    """
    run = get_run(store, command.run_id)
    check_state("nothing can be wished", over_violations(run, store.now))
    before = lock_enrolment(store, run.id, command.learner_id)
    enrolment = wishing(before, command.mode)
    if enrolment != before:
        store.put_enrolments([enrolment])
    return preference_of(enrolment)


def get_preference(store: Store, run_id: str, learner_id: str) -> Preference:
    """Return how a learner would like to take part in a run. Raises NotFound."""
    return preference_of(get_enrolment(store, get_run(store, run_id).id, learner_id))
