"""Attendance: the attendance status of each learner when a session has ended."""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FieldViolation
from services.sessions.domain.enums import AttendanceStatus, Interval, Stretch
from services.sessions.domain.presence import PresenceEvent, presence_intervals, total
from services.sessions.domain.roster import Policy
from services.sessions.domain.session import Session, length_of, span_of

_MISSED = frozenset({AttendanceStatus.ABSENT, AttendanceStatus.PARTIAL})
_CAME = (AttendanceStatus.PRESENT, AttendanceStatus.PARTIAL)
# CAUGHT_UP comes from studying the catch-up only.
_CORRECTIONS = frozenset({*_MISSED, AttendanceStatus.PRESENT, AttendanceStatus.EXCUSED})
# Of more stretches an event tells the longest, so that it stays small.
MOST_STRETCHES = 20


@dataclass(frozen=True, slots=True)
class Correction:
    """What staff say of one learner's attendance."""

    verdict: AttendanceStatus
    reason: str
    corrected_by: str
    corrected_at: datetime


@dataclass(frozen=True, slots=True)
class Attendance:
    """One learner's attendance in a session: the status, and the facts that it follows from."""

    session_id: str
    learner_id: str
    verdict: AttendanceStatus
    minutes: float
    intervals: tuple[Interval, ...]
    expected: bool = True
    """Whether the learner was expected at the end of the session."""
    by_presence: AttendanceStatus | None = None
    """The status by presence alone."""
    caught_up: bool = False
    """Whether the learner studied the catch-up."""
    correction: Correction | None = None
    """The last correction, unless it was taken back."""
    catch_up_sequence: int = 0
    """The newest known event of the catch-up; 0 if none is, or by an older version."""

    def __post_init__(self) -> None:
        """Fill the facts of a new row, and of one of an older version: it has the status only."""
        if self.by_presence is None:
            caught_up = self.verdict is AttendanceStatus.CAUGHT_UP
            presence = AttendanceStatus.ABSENT if caught_up else self.verdict
            object.__setattr__(self, "by_presence", presence)
            object.__setattr__(self, "caught_up", caught_up)

    @property
    def counts(self) -> bool:
        """Return whether the learner has an attendance: one who was not expected, did not come,
        studied nothing instead and was not corrected has none.
        """
        came = self.by_presence is not AttendanceStatus.ABSENT
        return self.expected or came or self.caught_up or self.correction is not None


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
        by_presence(session, learner, presence_events.get(learner, ()), policy, learner in expected)
        for learner in learner_ids
    )
    return [row for row in rows if row.counts]


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


def free_violations(session: Session, verdict: AttendanceStatus | None) -> Iterator[FieldViolation]:
    """Yield a violation for who is to be absent or excused where nobody was expected."""
    if session.is_help and verdict not in (None, *_CAME):
        wrong = f"nobody is {verdict} in a help session"
        yield FieldViolation("verdict", wrong, ", ".join(_CAME))


def correction_violations(verdict: AttendanceStatus | None) -> Iterator[FieldViolation]:
    """Yield a violation for a status that staff can't set."""
    if verdict is not None and verdict not in _CORRECTIONS:
        yield FieldViolation("verdict", f"{verdict} can't be set", ", ".join(sorted(_CORRECTIONS)))


def stretches_told(
    attendance: Attendance | None, started_at: datetime | None
) -> tuple[Stretch, ...]:
    """Return when a learner was there who was there for a part, in seconds from the real start.

    They are in order and apart; of more than `MOST_STRETCHES` the longest. Empty for others, and
    where staff made PARTIAL of PRESENT: they contradict what the presence events say.
    """
    if attendance is None or started_at is None or not _is_partial(attendance):
        return ()
    longest = sorted(attendance.intervals, key=lambda one: (-one.length, one.start))
    kept = sorted(longest[:MOST_STRETCHES], key=lambda one: one.start)
    return tuple(
        Stretch(_seconds(one.start - started_at), _seconds(one.end - started_at)) for one in kept
    )


def with_catch_up(attendance: Attendance, is_studied: bool, sequence: int) -> Attendance:
    """Return the attendance after its catch-up was studied, or was not after all, unless newer news
    of it is known.
    """
    if sequence <= attendance.catch_up_sequence:
        return attendance
    known = replace(attendance, caught_up=is_studied, catch_up_sequence=sequence)
    return _decided(known)


def corrected(attendance: Attendance, correction: Correction | None) -> Attendance | None:
    """Return the attendance after a correction, or after corrections were taken back (None).

    It is None if the learner then has no attendance.
    """
    after = _decided(replace(attendance, correction=correction))
    return after if after.counts else None


def no_attendance(session: Session, learner_id: str) -> Attendance:
    """Return the attendance of a learner who was not expected and did not come."""
    return Attendance(session.id, learner_id, AttendanceStatus.ABSENT, 0.0, (), expected=False)


def amended(before: Attendance | None, after: Attendance) -> Attendance | None:
    """Return the attendance after late presence events; `after` is computed from presence alone.

    A correction and a studied catch-up count as before, whichever comes first. None means no
    attendance.
    """
    if before is not None:
        kept = ("caught_up", "catch_up_sequence", "correction")
        after = _decided(replace(after, **{name: getattr(before, name) for name in kept}))
    return after if after.counts else None


def _is_partial(row: Attendance) -> bool:
    attended = row.correction.verdict if row.correction else row.by_presence
    contradicted = row.by_presence is AttendanceStatus.PRESENT
    return attended is AttendanceStatus.PARTIAL and not contradicted


def _seconds(length: timedelta) -> float:
    return round(length.total_seconds(), 1)


def _decided(row: Attendance) -> Attendance:
    """Return the row with the status that follows from its facts, in whatever order they came."""
    attended = row.correction.verdict if row.correction else row.by_presence
    if row.caught_up and attended in _MISSED:
        attended = AttendanceStatus.CAUGHT_UP
    return replace(row, verdict=attended or row.verdict)


def by_presence(
    session: Session,
    learner_id: str,
    presence_events: Iterable[PresenceEvent],
    policy: Policy,
    expected: bool,
) -> Attendance:
    """Return a learner's attendance by presence alone."""
    intervals = presence_intervals(presence_events, span_of(session))
    there = total(intervals)
    decided = attendance_status(there, length_of(session), policy)
    minutes = there.total_seconds() / 60
    return Attendance(session.id, learner_id, decided, minutes, intervals, expected)
