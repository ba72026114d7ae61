"""Attendance: the verdict on each learner when a session has ended."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import timedelta

from services.sessions.domain.enums import AttendanceStatus, Interval
from services.sessions.domain.presence import PresenceEvent, presence_intervals, total
from services.sessions.domain.roster import Policy
from services.sessions.domain.session import Session, length_of, span_of

_REPAIRED = frozenset({AttendanceStatus.EXCUSED, AttendanceStatus.CAUGHT_UP})


@dataclass(frozen=True, slots=True)
class Attendance:
    """What a session recorded of one learner."""

    session_id: str
    learner_id: str
    verdict: AttendanceStatus
    minutes: float
    intervals: tuple[Interval, ...]
    expected: bool = True
    """Whether the learner was expected at the end of the session."""


def finalise(
    session: Session,
    learner_ids: Iterable[str],
    expected: Set[str],
    presence_events: Mapping[str, Iterable[PresenceEvent]],
    policy: Policy,
) -> list[Attendance]:
    """The attendance of some learners of a session that has ended, in their order.

    `expected` learners get a row in any case. Others who came get one when they stayed long enough
    to be PARTIAL at least: nobody is ABSENT from what they were not expected at.
    """
    rows = (
        _attendance(session, learner, presence_events.get(learner, ()), policy, learner in expected)
        for learner in learner_ids
    )
    return [row for row in rows if row.expected or row.verdict is not AttendanceStatus.ABSENT]


def attendance_status(there: timedelta, length: timedelta, policy: Policy) -> AttendanceStatus:
    """The run's policy applied to the share of a session's length."""
    if not there or not length:
        return AttendanceStatus.ABSENT
    share = there / length
    if share >= policy.present_share:
        return AttendanceStatus.PRESENT
    if share >= policy.partial_share:
        return AttendanceStatus.PARTIAL
    return AttendanceStatus.ABSENT


def caught_up(attendance: Attendance) -> Attendance:
    """The attendance after its catch-up was studied: only an absence is repaired by it."""
    if attendance.verdict is not AttendanceStatus.ABSENT:
        return attendance
    return replace(attendance, verdict=AttendanceStatus.CAUGHT_UP)


def amended(before: Attendance | None, after: Attendance | None) -> Attendance | None:
    """The attendance that marks which came late lead from `before` to, `after` being theirs alone.

    None is no attendance: of who was not expected, and did not stay. An absence that was excused or
    caught up stays so, unless the learner was PRESENT after all.
    """
    if before is None or after is None or before.verdict not in _REPAIRED:
        return after
    if after.verdict is AttendanceStatus.PRESENT:
        return after
    return replace(after, verdict=before.verdict)


def _attendance(
    session: Session,
    learner_id: str,
    presence_events: Iterable[PresenceEvent],
    policy: Policy,
    expected: bool,
) -> Attendance:
    intervals = presence_intervals(presence_events, span_of(session))
    there = total(intervals)
    decided = attendance_status(there, length_of(session), policy)
    minutes = there.total_seconds() / 60
    return Attendance(session.id, learner_id, decided, minutes, intervals, expected)
