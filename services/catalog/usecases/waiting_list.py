"""Giving free places to learners who wait for one."""

from chassis.errors import FailedPrecondition
from services.catalog.domain.enrolments import promoted
from services.catalog.domain.runs import Run
from services.catalog.ports import Store

# One unit of work promotes no more, so that it stays within a few seconds.
MOST_AT_ONCE = 10_000


def promote_waiting(store: Store, run: Run) -> Run:
    """Give free places to the learners who waited for the longest time; return the run, which the
    caller stores. Nobody is promoted in a run that is over.

    Raises FailedPrecondition if there are more than 10,000 of them.
    """
    if run.is_over(store.now) or not run.has_place:
        return run
    free = run.capacity - run.enrolled if run.is_limited else MOST_AT_ONCE + 1
    waiting = store.first_waiting(run.id, min(free, MOST_AT_ONCE + 1))
    if len(waiting) > MOST_AT_ONCE:
        raise FailedPrecondition(
            f"more than {MOST_AT_ONCE} learners would be promoted at once; "
            "expected a capacity that grows in smaller steps"
        )
    changes = []
    for each in waiting:
        changes.append(promoted(run, each, store.now))
        run = changes[-1].run
    store.put_enrolments([change.enrolment for change in changes])
    store.record_event(*(change.event for change in changes))
    return run
