"""Changing final attendance: late presence, corrections by staff."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from chassis.errors import Unavailable, check, check_state
from services.sessions.domain.attendance import (
    Attendance,
    Correction,
    amended,
    by_presence,
    corrected,
    correction_violations,
    free_violations,
    no_attendance,
    stretches_told,
)
from services.sessions.domain.enums import AttendanceStatus, SessionState
from services.sessions.domain.events import AttendanceAmended, AttendanceCorrected
from services.sessions.domain.roster import enrolled_violations
from services.sessions.domain.session import Session, expect
from services.sessions.ports import Store
from services.sessions.usecases import lookup


@dataclass(frozen=True, slots=True)
class CorrectAttendance:
    """Correct one learner's attendance; without a status, take earlier corrections back."""

    session_id: str
    learner_id: str
    verdict: AttendanceStatus | None
    reason: str


def correct_attendance(store: Store, command: CorrectAttendance, staff_id: str) -> Attendance:
    """Correct a learner's settled attendance, and return it.

    Raises NotFound; Invalid; FailedPrecondition if the session has not ended, or for a learner
    without attendance who is not in the run; Unavailable while the attendance is not settled yet.
    """
    check(correction_violations(command.verdict))
    session = lookup.session(store, command.session_id)
    expect(session, "corrected", SessionState.ENDED)
    check_state("the attendance can't be corrected", free_violations(session, command.verdict))
    before = _settled(store, session, command.learner_id)
    correction = None
    if command.verdict is not None:
        correction = Correction(command.verdict, command.reason, staff_id, store.now)
    row = before or no_attendance(session, command.learner_id)
    after = corrected(row, correction)
    keep(store, session, {command.learner_id: after})
    store.record_event(
        AttendanceCorrected(
            session_id=session.id,
            run_id=session.run_id,
            learner_id=command.learner_id,
            from_verdict=before.verdict if before else None,
            to_verdict=after.verdict if after else None,
            reason=command.reason,
            corrected_by=staff_id,
            corrected_at=store.now,
            attended=stretches_told(after, session.started_at),
        )
    )
    return after or row


def is_settled(store: Store, session: Session, learner_id: str) -> bool:
    """Return whether a learner's attendance in a session is final, if the learner has one."""
    if session.state is not SessionState.ENDED:
        return False
    finalisation = store.finalisation(session.id)
    return finalisation is None or finalisation.has_passed(learner_id)


def _settled(store: Store, session: Session, learner_id: str) -> Attendance | None:
    """Return a learner's settled attendance; None for a learner of the run who has none."""
    if not is_settled(store, session, learner_id):
        raise Unavailable("the attendance of this session is being settled; try again")
    row = store.attendance(session.id, [learner_id]).get(learner_id)
    if row is None:
        enrolment = store.enrolments([(session.run_id, learner_id)]).get(
            (session.run_id, learner_id)
        )
        violations = enrolled_violations(session.run_id, enrolment)
        check_state("the attendance can't be corrected", violations)
    return row


def finalise_again(
    store: Store, session: Session, learner_ids: Collection[str], reason: str
) -> None:
    """Finalise some learners again, by all their presence events, after the first pass.

    A learner without attendance was not expected when the session ended, even if that has changed.
    """
    known = store.attendance(session.id, learner_ids)
    presence_events = store.presence_events(session.id, learner_ids)
    policy = lookup.policy_of(store, session)
    after = {}
    for one in sorted(learner_ids):
        before = known.get(one)
        expected = before is not None and before.expected
        presence = by_presence(session, one, presence_events.get(one, ()), policy, expected)
        after[one] = amended(before, presence)
    keep(store, session, after)
    for one, row in after.items():
        record_amendment(store, session, one, known.get(one), row, reason)


def keep(store: Store, session: Session, rows: Mapping[str, Attendance | None]) -> None:
    """Store attendance by learner; None deletes it."""
    store.put_attendance([row for row in rows.values() if row])
    store.drop_attendance(session.id, [one for one, row in rows.items() if row is None])


def record_amendment(
    store: Store,
    session: Session,
    learner_id: str,
    before: Attendance | None,
    after: Attendance | None,
    reason: str,
) -> None:
    """Record an event if the attendance status changed, or when a PARTIAL learner was there.

    None means no attendance.
    """
    old, new = (row.verdict if row else None for row in (before, after))
    told = stretches_told(after, session.started_at)
    if old is new and told == stretches_told(before, session.started_at):
        return
    store.record_event(
        AttendanceAmended(
            session_id=session.id,
            run_id=session.run_id,
            learner_id=learner_id,
            from_verdict=old,
            to_verdict=new,
            reason=reason,
            amended_at=store.now,
            attended=told,
        )
    )
