"""Attendance: the attendance status of each learner when a session has ended."""

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
    """One learner's attendance in a session."""

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
    """Return the final attendance of some learners of an ended session, in their order.

    `expected` learners always get a row. Others get one if they stayed long enough to be at least
    PARTIAL: a learner who was not expected is never ABSENT.
    """
    rows = (
        _attendance(session, learner, presence_events.get(learner, ()), policy, learner in expected)
        for learner in learner_ids
    )
    return [row for row in rows if row.expected or row.verdict is not AttendanceStatus.ABSENT]


def attendance_status(there: timedelta, length: timedelta, policy: Policy) -> AttendanceStatus:
    """Return the status that the run's policy gives to a time of presence in a session."""
    if not there or not length:
        return AttendanceStatus.ABSENT
    share = there / length
    if share >= policy.present_share:
        return AttendanceStatus.PRESENT
    if share >= policy.partial_share:
        return AttendanceStatus.PARTIAL
    return AttendanceStatus.ABSENT


def caught_up(attendance: Attendance) -> Attendance:
    """Return the attendance after its catch-up was studied: only ABSENT becomes CAUGHT_UP."""
    if attendance.verdict is not AttendanceStatus.ABSENT:
        return attendance
    return replace(attendance, verdict=AttendanceStatus.CAUGHT_UP)


def amended(before: Attendance | None, after: Attendance | None) -> Attendance | None:
    """Return the attendance after late presence events; `after` is computed from presence alone.

    None means no attendance: the learner was not expected, and did not stay. EXCUSED and CAUGHT_UP
    stay, unless the learner was PRESENT after all.
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
