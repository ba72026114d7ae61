"""Learners in runs: places, the waiting list, modes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.errors import FieldViolation
from services.catalog.domain.enums import (
    AttendanceMode,
    DeliveryMode,
    EnrolmentPolicy,
    EnrolmentState,
    RunState,
)
from services.catalog.domain.events import (
    EnrolmentCreated,
    EnrolmentModeChanged,
    EnrolmentPromoted,
    EnrolmentWaitlisted,
    EnrolmentWithdrawn,
)
from services.catalog.domain.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A learner in a run. A learner who left and comes back has the same enrolment."""

    id: str
    run_id: str
    learner_id: str
    mode: AttendanceMode
    state: EnrolmentState
    enrolled_at: datetime
    ticket: int = 0
    """The waitlist position; 0 if the learner is not waiting."""
    group_ids: tuple[str, ...] = ()
    """The learner's groups, in order; one who comes back is in the same ones."""
    preference: AttendanceMode | None = None
    """The mode that the learner wishes; one who comes back wishes none."""

    @property
    def is_in(self) -> bool:
        """Return whether the learner holds a place or waits for one."""
        return self.state is not EnrolmentState.WITHDRAWN


@dataclass(frozen=True, slots=True)
class Change:
    """The run and the enrolment after a step, and the step's event."""

    run: Run
    enrolment: Enrolment
    event: object


_IMPOSSIBLE = {
    (DeliveryMode.SYNCHRONOUS, AttendanceMode.SELF_PACED): "CLASSROOM or ONLINE",
    (DeliveryMode.ASYNCHRONOUS, AttendanceMode.CLASSROOM): "SELF_PACED or ONLINE",
}


def mode_violations(run: Run, mode: AttendanceMode) -> Iterator[FieldViolation]:
    """Yield a violation if the run's delivery does not offer the mode."""
    yield from offer_violations(run.delivery_mode, mode)


def offer_violations(delivery: DeliveryMode, mode: AttendanceMode) -> Iterator[FieldViolation]:
    """Yield a violation if a run that is delivered so does not offer the mode."""
    right = _IMPOSSIBLE.get((delivery, mode))
    if right:
        yield FieldViolation("mode", f"{mode} is not offered by a run that is {delivery}", right)


def closed_violations(run: Run) -> Iterator[FieldViolation]:
    """Yield a violation if the run is closed."""
    if run.state is RunState.CLOSED:
        yield FieldViolation("run_id", f"run {run.id!r} is closed", "a run that is open")


def over_violations(run: Run, now: datetime) -> Iterator[FieldViolation]:
    """Yield a violation if the run is closed or has ended."""
    yield from closed_violations(run)
    if run.state is RunState.OPEN and run.is_over(now):
        wrong = f"run {run.id!r} ended on {run.end_date}"
        yield FieldViolation("run_id", wrong, "a run that has not ended")


def self_enrolment_violations(run: Run, learner_id: str, now: datetime) -> Iterator[FieldViolation]:
    """Yield a violation for each rule by which a learner may not enrol themselves now."""
    rules = run.enrolment
    if rules.policy is EnrolmentPolicy.BY_INVITATION and learner_id not in rules.invited_ids:
        wrong = f"{learner_id!r} is not invited to run {run.id!r}"
        yield FieldViolation("learner_id", wrong, "a learner whom the run's enrolment rules name")
    if rules.policy is EnrolmentPolicy.BY_REGISTRAR:
        wrong = f"only the registrar enrols learners in run {run.id!r}"
        yield FieldViolation("run_id", wrong, "a run that learners may enrol in themselves")
    if rules.opens_at and now < rules.opens_at:
        wrong = f"enrolment in run {run.id!r} has not opened"
        yield FieldViolation("run_id", wrong, f"a request from {rules.opens_at:%FT%TZ}")
    if rules.closes_at and now >= rules.closes_at:
        wrong = f"enrolment in run {run.id!r} has closed"
        yield FieldViolation("run_id", wrong, f"a request before {rules.closes_at:%FT%TZ}")


def learner_violations(learner_id: str) -> Iterator[FieldViolation]:
    """Yield a violation for a learner who is not in the roster, or left."""
    wrong = f"{learner_id!r} is not in the roster, or left"
    yield FieldViolation("learner_id", wrong, "a person of the roster who has not left")


def enrolled(
    run: Run,
    before: Enrolment | None,
    learner_id: str,
    mode: AttendanceMode,
    new_id: str,
    now: datetime,
) -> Change:
    """Return the change that gives a learner a place, or puts the learner on the waiting list.

    `before`: the learner's withdrawn enrolment, if there is one.
    """
    enrolment = Enrolment(
        id=before.id if before else new_id,
        run_id=run.id,
        learner_id=learner_id,
        mode=mode,
        state=EnrolmentState.ENROLLED,
        enrolled_at=now,
        group_ids=before.group_ids if before else (),
    )
    if not run.has_place:
        return _waitlisted(run, enrolment, now)
    event = EnrolmentCreated(
        enrolment_id=enrolment.id, run_id=run.id, learner_id=learner_id, mode=mode, enrolled_at=now
    )
    return Change(run.counting(enrolled=1), enrolment, event)


def _waitlisted(run: Run, enrolment: Enrolment, now: datetime) -> Change:
    position = run.last_ticket + 1
    waiting = replace(enrolment, state=EnrolmentState.WAITLISTED, ticket=position)
    event = EnrolmentWaitlisted(
        enrolment_id=enrolment.id,
        run_id=run.id,
        learner_id=enrolment.learner_id,
        mode=enrolment.mode,
        waitlisted_at=now,
    )
    return Change(replace(run.counting(waitlisted=1), last_ticket=position), waiting, event)


def withdrawn(run: Run, enrolment: Enrolment, now: datetime) -> Change:
    """Return the change in which the learner leaves the run, or its waiting list."""
    held = enrolment.state is EnrolmentState.ENROLLED
    after = run.counting(enrolled=-held, waitlisted=-(not held))
    event = EnrolmentWithdrawn(
        enrolment_id=enrolment.id,
        run_id=run.id,
        learner_id=enrolment.learner_id,
        withdrawn_at=now,
    )
    return Change(after, replace(enrolment, state=EnrolmentState.WITHDRAWN, ticket=0), event)


def promoted(run: Run, first: Enrolment, now: datetime) -> Change:
    """Return the change that gives the first waiting learner the free place."""
    after = run.counting(enrolled=1, waitlisted=-1)
    enrolment = replace(first, state=EnrolmentState.ENROLLED, ticket=0, enrolled_at=now)
    event = EnrolmentPromoted(
        enrolment_id=first.id,
        run_id=run.id,
        learner_id=first.learner_id,
        mode=first.mode,
        enrolled_at=now,
    )
    return Change(after, enrolment, event)


def mode_changed(enrolment: Enrolment, mode: AttendanceMode, now: datetime) -> EnrolmentModeChanged:
    """Return the event of a changed mode."""
    return EnrolmentModeChanged(
        enrolment_id=enrolment.id,
        run_id=enrolment.run_id,
        learner_id=enrolment.learner_id,
        from_mode=enrolment.mode,
        to_mode=mode,
        changed_at=now,
    )
