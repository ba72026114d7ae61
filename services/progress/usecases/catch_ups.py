"""What staff decide on a learner's catch-up: more time, or none needed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.errors import FieldViolation, NotFound, check, check_state
from services.progress.domain.catch_ups import (
    CatchUp,
    changed,
    extended,
    extension_violations,
    state_violations,
    waived,
    withdrawn,
)
from services.progress.domain.learner import Learner
from services.progress.ports import Store
from services.progress.usecases.reviews import LearnerUpdate, review


@dataclass(frozen=True, slots=True)
class ExtendCatchUp:
    """Give a learner more time for a catch-up."""

    catch_up_id: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class WaiveCatchUp:
    """Let a learner off a catch-up."""

    catch_up_id: str
    reason: str


def extend_catch_up(store: Store, command: ExtendCatchUp, staff_id: str) -> CatchUp:
    """Move the due of an open or missed catch-up, and return it.

    Raises NotFound; Invalid; FailedPrecondition if it is completed or withdrawn, or if its run is
    over before the new due.
    """
    before = get_catch_up(store, command.catch_up_id)
    check(extension_violations(before, command.until, store.now))
    violations = [*state_violations(before)]
    if before.dropped:
        violations.append(FieldViolation("catch_up_id", "it is withdrawn", "one that is not"))
    run = store.plans([before.run_id])[before.run_id].run
    if run.over_since(command.until) is not None:
        wrong = f"run {run.id!r} is over by then"
        violations.append(FieldViolation("until", wrong, "an instant before the run's end"))
    check_state("the catch-up can't be extended", violations)
    after = _apply(store, before, lambda catch_up: extended(catch_up, command.until))
    store.record_event(changed(after, command.reason, staff_id))
    return after


def waive_catch_up(store: Store, command: WaiveCatchUp, staff_id: str) -> CatchUp:
    """Withdraw a catch-up for good, and return it; one that was waived stays as it is.

    Raises NotFound, and FailedPrecondition if it is completed.
    """
    before = get_catch_up(store, command.catch_up_id)
    if before.waived:
        return before
    check_state("the catch-up can't be waived", state_violations(before))
    after = _apply(store, before, lambda catch_up: waived(catch_up, store.now))
    if not before.dropped:
        store.record_event(withdrawn(after, command.reason, staff_id))
    return after


def get_catch_up(store: Store, catch_up_id: str) -> CatchUp:
    """Return a catch-up. Raises NotFound."""
    found = store.catch_up(catch_up_id)
    if found is None:
        raise NotFound(f"there is no catch-up {catch_up_id!r}")
    return found


def _apply(store: Store, before: CatchUp, change: Callable[[CatchUp], CatchUp]) -> CatchUp:
    """Change a learner's catch-up, and evaluate the learner."""
    after = change(before)

    def decide(learner: Learner) -> Learner:
        return replace(learner, catch_ups={**learner.catch_ups, before.session_id: after})

    review(store, [LearnerUpdate((before.run_id, before.learner_id), store.now, decide)])
    return after
