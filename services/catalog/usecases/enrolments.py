"""Learners come to runs, change how they take part, and leave."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chassis.refusals import FailedPrecondition, Fault, check
from services.catalog.domain.enrolments import (
    Enrolment,
    closed_faults,
    enrolled,
    mode_changed,
    mode_faults,
    promoted,
    withdrawn,
)
from services.catalog.domain.events import DueExtended
from services.catalog.domain.extensions import ExtendDue, Extension, due_of, extension_faults
from services.catalog.domain.runs import Run
from services.catalog.domain.words import AttendanceMode, EnrolmentState
from services.catalog.ports import Store
from services.catalog.usecases.found import the_activities, the_activity, the_enrolment, the_run


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
    """What became of one row: an enrolment, changed or not, or why it was refused."""

    enrolment: Enrolment | None
    changed: bool = False
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """Take a learner out of a run."""

    run_id: str
    learner_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMode:
    """Let a learner take part in another way."""

    run_id: str
    learner_id: str
    mode: AttendanceMode


def enrol(store: Store, command: Enrol) -> Enrolment:
    """The learner's enrolment, new or as it was.

    Raises NotFound for the run, Invalid for the mode, FailedPrecondition for a closed run or an
    unknown learner.
    """
    run = the_run(store, command.run_id)
    check(mode_faults(run, command.mode))
    row = EnrolRow(learner_id=command.learner_id, mode=command.mode)
    (outcome,) = _enrol_rows(store, run, [row])
    if outcome.enrolment is None:
        raise FailedPrecondition("the learner can't be enrolled", outcome.faults)
    return outcome.enrolment


def batch_enrol(store: Store, run_id: str, rows: Sequence[EnrolRow]) -> list[RowOutcome]:
    """Each row's outcome, in their order; a learner's second row repeats the first."""
    return _enrol_rows(store, the_run(store, run_id), rows)


def _enrol_rows(store: Store, run: Run, rows: Sequence[EnrolRow]) -> list[RowOutcome]:
    learners = [row.learner_id for row in rows]
    known, present = store.people(learners), store.enrolments(run.id, learners)
    changed: dict[str, Enrolment] = {}
    outcomes = []
    for row in rows:
        before = present.get(row.learner_id)
        faults = (
            *closed_faults(run),
            *_learner_faults(row, set(known)),
            *mode_faults(run, row.mode),
        )
        if before is not None and before.is_in:
            outcomes.append(RowOutcome(before))
        elif faults:
            outcomes.append(RowOutcome(None, faults=faults))
        else:
            change = enrolled(run, before, row.learner_id, row.mode, store.new_id(), store.now)
            run = change.run
            changed[row.learner_id] = present[row.learner_id] = change.enrolment
            store.publish(change.event)
            outcomes.append(RowOutcome(change.enrolment, changed=True))
    if changed:
        store.put_run(run)
        store.put_enrolments(list(changed.values()))
    return outcomes


def _learner_faults(row: EnrolRow, known: set[str]) -> list[Fault]:
    if row.learner_id in known:
        return []
    wrong = f"{row.learner_id!r} is not in the roster"
    return [Fault("learner_id", wrong, "a person that the student records system has sent")]


def withdraw(store: Store, command: Withdraw) -> Enrolment:
    """The enrolment, withdrawn; the first who waits gets the place. Raises NotFound."""
    run = the_run(store, command.run_id)
    enrolment = the_enrolment(store, run.id, command.learner_id)
    first = store.first_waiting(run.id)
    change = withdrawn(run, enrolment, store.now)
    store.put_enrolments([change.enrolment])
    store.publish(change.event)
    run = change.run
    if first is not None and first.id != enrolment.id and run.has_place:
        second = promoted(run, first, store.now)
        store.put_enrolments([second.enrolment])
        store.publish(second.event)
        run = second.run
    store.put_run(run)
    return change.enrolment


def change_mode(store: Store, command: ChangeMode) -> Enrolment:
    """The enrolment in its new mode. Raises NotFound; Invalid for a mode that is not offered."""
    run = the_run(store, command.run_id)
    check(mode_faults(run, command.mode))
    before = the_enrolment(store, run.id, command.learner_id)
    if before.mode is command.mode:
        return before
    enrolment = replace(before, mode=command.mode)
    store.put_enrolments([enrolment])
    if enrolment.state is EnrolmentState.ENROLLED:
        store.publish(mode_changed(before, command.mode, store.now))
    return enrolment


def extend_due(store: Store, command: ExtendDue, granted_by: str) -> Extension:
    """A later deadline.

    Raises NotFound for learner or activity, FailedPrecondition for a learner who waits for a place,
    Invalid for the time.
    """
    run = the_run(store, command.run_id)
    enrolment = the_enrolment(store, run.id, command.learner_id)
    if enrolment.state is not EnrolmentState.ENROLLED:
        raise FailedPrecondition(f"{command.learner_id!r} waits for a place in run {run.id!r}")
    activities = the_activities(store, run)
    activity = the_activity(activities, run, command.activity_id)
    extended = store.extended(enrolment.id)
    due = due_of(activity, activities, enrolment.enrolled_at, extended)
    check(extension_faults(command, activity, due, store.now))
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
    store.publish(
        DueExtended(
            enrolment_id=extension.enrolment_id,
            run_id=extension.run_id,
            learner_id=extension.learner_id,
            activity_id=extension.activity_id,
            until=extension.until,
            reason=extension.reason,
            granted_by=extension.granted_by,
            granted_at=extension.granted_at,
        )
    )
    return extension
