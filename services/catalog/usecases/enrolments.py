"""Enrolling, withdrawing, changing the mode, and extending deadlines."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chassis.errors import FailedPrecondition, FieldViolation, check, check_state
from services.catalog.domain.enrolments import (
    Enrolment,
    closed_violations,
    enrolled,
    learner_violations,
    mode_changed,
    mode_violations,
    over_violations,
    self_enrolment_violations,
    withdrawn,
)
from services.catalog.domain.enums import AttendanceMode, EnrolmentState
from services.catalog.domain.events import DueExtended
from services.catalog.domain.extensions import ExtendDue, Extension, due_of, extension_violations
from services.catalog.domain.runs import Run
from services.catalog.ports import Store
from services.catalog.usecases.lookup import (
    contend_for_enrolment,
    get_activities,
    get_activity,
    get_run,
    lock_enrolment,
    lock_run_if_limited,
    lock_runs_if_limited,
)
from services.catalog.usecases.waiting_list import promote_waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrol:
    """Enrol a learner in a run."""

    run_id: str
    learner_id: str
    mode: AttendanceMode


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolRow:
    """One learner of a batch."""

    learner_id: str
    mode: AttendanceMode


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """The result of one row: an enrolment, changed or not, or the violations."""

    enrolment: Enrolment | None
    changed: bool = False
    violations: tuple[FieldViolation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """Take a learner out of a run."""

    run_id: str
    learner_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMode:
    """Change a learner's attendance mode."""

    run_id: str
    learner_id: str
    mode: AttendanceMode


def enrol(store: Store, command: Enrol, by_learner: bool = False) -> Enrolment:
    """Enrol a learner, and return the enrolment, new or as it was.

    `by_learner`: the learner asks, and so the run's enrolment rules apply. Raises NotFound if there
    is no such run, Invalid if the run does not offer the mode, and FailedPrecondition if the run is
    over, if the learner is unknown, or if the rules don't allow it.
    """
    run = lock_run_if_limited(store, command.run_id)
    check(mode_violations(run, command.mode))
    contend_for_enrolment(store, run.id, command.learner_id)
    own = by_learner and self_enrolment_violations(run, command.learner_id, store.now)
    (outcome,) = _enrol_rows(store, {run.id: run}, [command], tuple(own or ()))
    if outcome.enrolment is None:
        raise FailedPrecondition("the learner can't be enrolled", outcome.violations)
    return outcome.enrolment


def batch_enrol(store: Store, run_id: str, rows: Sequence[EnrolRow]) -> list[RowOutcome]:
    """Enrol the learners of a batch, and return each row's result, in order. A learner's second
    row repeats the first. Raises NotFound if there is no such run.
    """
    run = lock_run_if_limited(store, run_id)
    commands = [Enrol(run_id=run_id, learner_id=row.learner_id, mode=row.mode) for row in rows]
    return _enrol_rows(store, {run_id: run}, commands)


def enrol_in_runs(store: Store, rows: Sequence[Enrol]) -> list[RowOutcome]:
    """Enrol learners in several runs, with as many queries as for one; return each row's result,
    in order, as `batch_enrol`. All runs exist.
    """
    return _enrol_rows(store, lock_runs_if_limited(store, {row.run_id for row in rows}), rows)


def _enrol_rows(
    store: Store,
    runs: Mapping[str, Run],
    rows: Sequence[Enrol],
    of_run: Sequence[FieldViolation] = (),
) -> list[RowOutcome]:
    """Enrol the learners of rows; `of_run` are violations that hold for each of them."""
    of_runs = {run.id: (*over_violations(run, store.now), *of_run) for run in runs.values()}
    known = store.present_people({row.learner_id for row in rows})
    before = store.enrolments_in(_learners_of(rows))
    now, present, outcomes = dict(runs), dict(before), []
    for row in rows:
        place, run = (row.run_id, row.learner_id), now[row.run_id]
        unknown = () if row.learner_id in known else learner_violations(row.learner_id)
        violations = (*of_runs[run.id], *unknown, *mode_violations(run, row.mode))
        outcome, now[run.id] = _enrol_row(store, run, row, violations, present.get(place))
        if outcome.enrolment is not None:
            present[place] = outcome.enrolment
        outcomes.append(outcome)
    _keep(store, [run for run in now.values() if run is not runs[run.id]], before, present)
    return outcomes


def _learners_of(rows: Iterable[Enrol]) -> dict[str, set[str]]:
    """Return the learners of rows, by run."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row.run_id].add(row.learner_id)
    return found


Place = tuple[str, str]
"""A run, and a learner in it."""


def _keep(
    store: Store,
    runs: Iterable[Run],
    before: Mapping[Place, Enrolment],
    present: Mapping[Place, Enrolment],
) -> None:
    store.add_enrolments([each for place, each in present.items() if place not in before])
    back = [place for place, each in before.items() if each is not present[place]]
    store.put_enrolments([present[place] for place in back])
    for run in runs:
        store.put_run(run)


def _enrol_row(
    store: Store,
    run: Run,
    row: Enrol,
    violations: tuple[FieldViolation, ...],
    before: Enrolment | None,
) -> tuple[RowOutcome, Run]:
    """Enrol the learner of a row; return the result, and the run after it. Violations refuse a
    learner who is not in already.
    """
    if before is not None and before.is_in:
        return RowOutcome(before), run
    if violations:
        return RowOutcome(None, violations=violations), run
    change = enrolled(run, before, row.learner_id, row.mode, store.new_id(), store.now)
    store.record_event(change.event)
    return RowOutcome(change.enrolment, changed=True), change.run


def withdraw(store: Store, command: Withdraw) -> Enrolment:
    """Withdraw an enrolment, and return it. The first waiting learner gets the place, unless the
    run is over. Raises NotFound.
    """
    run = lock_run_if_limited(store, command.run_id)
    change = withdrawn(run, lock_enrolment(store, run.id, command.learner_id), store.now)
    store.put_enrolments([change.enrolment])
    store.record_event(change.event)
    if run.is_limited:
        store.put_run(promote_waiting(store, change.run))
    return change.enrolment


def change_mode(store: Store, command: ChangeMode) -> Enrolment:
    """Change the mode of an enrolment, and return it. Raises NotFound; Invalid if the run does
    not offer the mode; FailedPrecondition if it is closed.
    """
    run = get_run(store, command.run_id)
    check_state("the mode can't be changed", closed_violations(run))
    check(mode_violations(run, command.mode))
    before = lock_enrolment(store, run.id, command.learner_id)
    if before.mode is command.mode:
        return before
    enrolment = replace(before, mode=command.mode)
    store.put_enrolments([enrolment])
    if enrolment.state is EnrolmentState.ENROLLED:
        store.record_event(mode_changed(before, command.mode, store.now))
    return enrolment


def extend_due(store: Store, command: ExtendDue, granted_by: str) -> Extension:
    """Extend a learner's deadline, and return the extension.

    Raises NotFound if the learner or the activity is not in the run, FailedPrecondition if the
    learner waits for a place or the run is closed, and Invalid if the time is wrong.
    """
    run = get_run(store, command.run_id)
    check_state("the deadline can't be extended", closed_violations(run))
    enrolment = lock_enrolment(store, run.id, command.learner_id)
    if enrolment.state is not EnrolmentState.ENROLLED:
        raise FailedPrecondition(f"{command.learner_id!r} is on the waiting list of run {run.id!r}")
    activities = get_activities(store, run)
    activity = get_activity(activities, run, command.activity_id)
    extended = store.extended(enrolment.id)
    due = due_of(activity, activities, enrolment.enrolled_at, extended, run)
    check(extension_violations(command, activity, due, store.now))
    extension = Extension(
        enrolment_id=enrolment.id,
        run_id=run.id,
        learner_id=command.learner_id,
        activity_id=command.activity_id,
        until=command.until,
        reason=command.reason,
        granted_by=granted_by,
        granted_at=store.now,
    )
    store.add_extension(extension)
    store.record_event(due_extended(extension))
    return extension


def due_extended(extension: Extension) -> DueExtended:
    """Return the event that tells an extension."""
    return DueExtended(
        enrolment_id=extension.enrolment_id,
        run_id=extension.run_id,
        learner_id=extension.learner_id,
        activity_id=extension.activity_id,
        until=extension.until,
        reason=extension.reason,
        granted_by=extension.granted_by,
        granted_at=extension.granted_at,
    )
