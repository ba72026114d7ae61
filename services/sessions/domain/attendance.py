"""Attendance: the verdict on each learner when a session has ended."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import timedelta

from services.sessions.domain.presence import Mark, stretches, total
from services.sessions.domain.roster import Policy
from services.sessions.domain.session import Session, length_of, span_of
from services.sessions.domain.words import AttendanceVerdict, Interval

_REPAIRED = frozenset({AttendanceVerdict.EXCUSED, AttendanceVerdict.CAUGHT_UP})


@dataclass(frozen=True, slots=True)
class Attendance:
    """What a session recorded of one learner."""

    session_id: str
    learner_id: str
    verdict: AttendanceVerdict
    minutes: float
    intervals: tuple[Interval, ...]
    expected: bool = True
    """Whether the learner was expected at the end of the session."""


def settle(
    session: Session,
    learner_ids: Iterable[str],
    expected: Set[str],
    marks: Mapping[str, Iterable[Mark]],
    policy: Policy,
) -> list[Attendance]:
    """The attendance of some learners of a session that has ended, in their order.

    `expected` learners get a row in any case. Others who came get one when they stayed long enough
    to be PARTIAL at least: nobody is ABSENT from what they were not expected at.
    """
    rows = (
        _attendance(session, learner, marks.get(learner, ()), policy, learner in expected)
        for learner in learner_ids
    )
    return [row for row in rows if row.expected or row.verdict is not AttendanceVerdict.ABSENT]


def verdict(there: timedelta, length: timedelta, policy: Policy) -> AttendanceVerdict:
    """The run's policy applied to the share of a session's length."""
    if not there or not length:
        return AttendanceVerdict.ABSENT
    share = there / length
    if share >= policy.present_share:
        return AttendanceVerdict.PRESENT
    if share >= policy.partial_share:
        return AttendanceVerdict.PARTIAL
    return AttendanceVerdict.ABSENT


def caught_up(attendance: Attendance) -> Attendance:
    """The attendance after its catch-up was studied: only an absence is repaired by it."""
    if attendance.verdict is not AttendanceVerdict.ABSENT:
        return attendance
    return replace(attendance, verdict=AttendanceVerdict.CAUGHT_UP)


def amended(before: Attendance | None, after: Attendance | None) -> Attendance | None:
    """The attendance that marks which came late lead from `before` to, `after` being theirs alone.

    None is no attendance: of who was not expected, and did not stay. An absence that was excused or
    caught up stays so, unless the learner was PRESENT after all.
    """
    if before is None or after is None or before.verdict not in _REPAIRED:
        return after
    if after.verdict is AttendanceVerdict.PRESENT:
        return after
    return replace(after, verdict=before.verdict)


def _attendance(
    session: Session, learner_id: str, marks: Iterable[Mark], policy: Policy, expected: bool
) -> Attendance:
    intervals = stretches(marks, span_of(session))
    there = total(intervals)
    decided = verdict(there, length_of(session), policy)
    minutes = there.total_seconds() / 60
    return Attendance(session.id, learner_id, decided, minutes, intervals, expected)
