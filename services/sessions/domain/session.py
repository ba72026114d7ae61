"""Rooms and sessions, and the states of a session."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chassis.errors import FieldViolation
from chassis.texts import is_blank, shown
from services.sessions.domain.enums import (
    CivilTime,
    Interval,
    SessionKind,
    SessionPurpose,
    SessionState,
)
from services.sessions.domain.states import expect_state, unfit_state


@dataclass(frozen=True, slots=True)
class Room:
    """A room and how many learners it seats."""

    id: str
    name: str
    capacity: int
    retired: bool = False
    """Whether it is out of use: no session is planned in it any more."""
    features: tuple[str, ...] = ()
    """What it has, in the words of those who plan."""


def name_violations(name: str) -> Iterator[FieldViolation]:
    """Yield what is wrong with a room's name in the normal form. Joiners stay in names."""
    if is_blank(name):
        yield FieldViolation("name", "is blank", "the name on its door")
    elif shown(name) != name:
        yield FieldViolation("name", f"is {name!a}", "text without hidden characters")


def feature_violations(
    features: Sequence[str], no_features: bool = False
) -> Iterator[FieldViolation]:
    """Yield what is wrong with a room's features. `no_features`: all are to be removed."""
    if features and no_features:
        yield FieldViolation("no_features", "features are given", "one of them")
    for place, each in enumerate(features):
        if is_blank(each) or shown(each) != each:
            yield FieldViolation(f"features[{place}]", f"is {each!a}", "a word that people see")
        if each in features[:place]:
            yield FieldViolation(f"features[{place}]", f"{each!r} is there twice", "each once")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One live class at one time."""

    id: str
    run_id: str
    activity_id: str
    title: str
    kind: SessionKind
    room_id: str
    room: str
    """The room's name; empty when ONLINE."""
    instructor_id: str
    starts: CivilTime
    duration: timedelta
    start_time: datetime
    end_time: datetime
    seat_limit: int
    """The seats in the room that were asked for; 0: as many as the room has."""
    room_seats: int
    online_seats: int
    in_room: int = 0
    """Seats in the room that are taken, or held for an offer."""
    online: int = 0
    """Online seats that are taken, or held for an invitation, if they are limited."""
    waitlisted: int = 0
    turns: int = 0
    """How often seats changed: the source of waitlist positions."""
    freed: int = 0
    """The `turns` when a seat in the room last came free. A learner who passed it up after that is
    not asked about it again."""
    join_url: str
    recorded: bool
    material_item_ids: tuple[str, ...]
    state: SessionState = SessionState.SCHEDULED
    check_in_secret: str = field(repr=False)
    """The secret of the check-in codes, in hex."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attendance_settled_at: datetime | None = None
    """When the attendance of all expected learners became final, after the end."""
    recording_item_id: str = ""
    """The item of the first recorded part (recorded_parts.py); empty: there is none."""
    group_ids: tuple[str, ...] = ()
    """The groups of the run that it is for; empty: the whole run."""
    recording_offset: timedelta = timedelta()
    """Where that part begins, from the real start; negative: the recorder ran before."""
    not_held_at: datetime | None = None
    """When it was found that nobody had started or joined it, though its end was long past."""
    series_id: str = ""
    """The series that it belongs to; empty: none."""
    recurrence_id: str = ""
    """Of a series: the local time that the series gives it (RFC 5545, section 3.8.4.4)."""
    exception: bool = False
    """Whether it was moved alone: it stays where it is when its series is moved."""
    cohort_id: str = ""
    """The group that has the room, by the rotation of its series; empty: there is none."""
    zone_data: str = ""
    """The version of the zone data by which its instants follow from its civil start."""
    revision: int = 0
    """How often what calendars show of it has changed (SEQUENCE of RFC 5545, section 3.8.7.4)."""
    revised_at: datetime | None = None
    """When it last did, or when it was planned; None if an older version planned it."""
    purpose: SessionPurpose = SessionPurpose.CLASS
    substitute_item_id: str = ""
    """Of a CANCELLED session: the item that takes its place; empty: none does, or an older version
    cancelled it, which did not keep it.
    """

    @property
    def is_help(self) -> bool:
        """Return whether learners come freely, so that nobody is expected."""
        return self.purpose is SessionPurpose.HELP

    @property
    def planned_end(self) -> datetime:
        """Return when it should end: as planned, or after its planned length if it began late."""
        return max(self.end_time, (self.started_at or self.start_time) + self.duration)


def named(session: Session) -> str:
    """Return a session as messages about it name it."""
    times = f"{instant_text(session.start_time)} to {instant_text(session.end_time)}"
    return f"session {session.id} ({session.title!r}), {times}"


def instant_text(instant: datetime) -> str:
    """Return an instant in UTC as text."""
    return instant.isoformat().replace("+00:00", "Z")


def started(session: Session, now: datetime) -> Session:
    """Return the session, LIVE since `now`. Raises FailedPrecondition unless it is SCHEDULED."""
    expect(session, "started", SessionState.SCHEDULED)
    return replace(session, state=SessionState.LIVE, started_at=now, not_held_at=None)


def unstarted(session: Session) -> Session:
    """Return the session, SCHEDULED again. Raises FailedPrecondition unless it is LIVE."""
    expect(session, "unstarted", SessionState.LIVE)
    return replace(session, state=SessionState.SCHEDULED, started_at=None)


def ended(session: Session, now: datetime) -> Session:
    """Return the session, ENDED at `now`. Raises FailedPrecondition unless it is LIVE."""
    expect(session, "ended", SessionState.LIVE)
    # Two replicas' clocks may differ: a session never ends before it began.
    return replace(session, state=SessionState.ENDED, ended_at=max(now, session.started_at or now))


def finalised(session: Session, now: datetime) -> Session:
    """Return the ENDED session with its attendance final since `now`, but not before its end."""
    return replace(session, attendance_settled_at=max(now, session.ended_at or now))


def cancelled(session: Session, substitute_item_id: str = "") -> Session:
    """Return the session, cancelled, with the item that takes its place. Raises FailedPrecondition
    unless it is SCHEDULED.
    """
    expect(session, "cancelled", SessionState.SCHEDULED)
    return replace(session, state=SessionState.CANCELLED, substitute_item_id=substitute_item_id)


def span_of(session: Session) -> Interval:
    """Return the interval of an ENDED session that counts for attendance.

    An instructor may end it late: the time after its planned end does not count, or after its
    planned length if it began late.
    """
    if session.started_at is None or session.ended_at is None:
        raise ValueError(f"session {session.id} is {session.state} and has not ended")
    return Interval(session.started_at, min(session.ended_at, session.planned_end))


def length_of(session: Session) -> timedelta:
    """Return the length of an ENDED session for shares of attendance: at most as planned."""
    return min(span_of(session).length, session.duration)


def expect(session: Session, done: str, *states: SessionState) -> None:
    """Raise FailedPrecondition unless the session is in one of `states`, so that it can be
    `done`.
    """
    expect_state("session", session.state, done, states)


def state_violations(session: Session, done: str, *states: SessionState) -> list[FieldViolation]:
    """Return a violation if the session is in none of `states`, so that it can't be `done`."""
    return unfit_state("session", session.state, done, states)
