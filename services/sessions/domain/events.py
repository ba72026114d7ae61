"""The events of sessions; names and fields are those of the event messages in the protos."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from chassis.calendars.entries import Entry
from services.sessions.domain.enums import (
    AttendanceStatus,
    CivilTime,
    SeatKind,
    SessionKind,
    SessionPurpose,
    SessionState,
    Stretch,
)
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session

E = TypeVar("E")


def about(thing: Session | Series, event: type[E], **more: object) -> E:
    """Return an event about a session or a series; fields that `more` does not set come from it."""
    name = "series_id" if isinstance(thing, Series) else "session_id"
    known: dict[str, Any] = {name: thing.id, **more}
    for field in fields(event):  # type: ignore[arg-type]
        if field.name not in known:
            known[field.name] = getattr(thing, field.name)
    return event(**known)


@dataclass(frozen=True, slots=True)
class SessionScheduled:
    """A live class was planned."""

    session_id: str
    run_id: str
    activity_id: str
    title: str
    kind: SessionKind
    instructor_id: str
    room: str
    starts: CivilTime
    start_time: datetime
    end_time: datetime
    join_url: str
    recorded: bool
    material_item_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    series_id: str
    recurrence_id: str
    purpose: SessionPurpose
    state: SessionState
    """SCHEDULED but in a resync, which tells a session with the state that it has."""


@dataclass(frozen=True, slots=True)
class SessionMoved:
    """A live class was moved to another time or another room."""

    session_id: str
    run_id: str
    activity_id: str
    title: str
    old_start_time: datetime
    old_end_time: datetime
    new_start_time: datetime
    new_end_time: datetime
    new_starts: CivilTime
    old_room: str
    new_room: str
    reason: str
    series_id: str
    """The series that moved with it; empty: it moved alone."""
    old_instructor_id: str
    new_instructor_id: str
    purpose: SessionPurpose
    calendar: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class SessionRoomRenamed:
    """The room of a live class to come has another name."""

    session_id: str
    run_id: str
    activity_id: str
    title: str
    room: str
    renamed_at: datetime


@dataclass(frozen=True, slots=True)
class SessionCancelled:
    """A live class was cancelled."""

    session_id: str
    run_id: str
    activity_id: str
    title: str
    start_time: datetime
    end_time: datetime
    reason: str
    substitute_item_id: str
    series_id: str
    """The series that was cancelled with it; empty: it was cancelled alone."""
    purpose: SessionPurpose
    calendar: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """A live class has begun."""

    session_id: str
    run_id: str
    activity_id: str
    title: str
    started_at: datetime
    purpose: SessionPurpose


@dataclass(frozen=True, slots=True)
class SessionStartUndone:
    """The start of a live class was taken back."""

    session_id: str
    run_id: str
    activity_id: str
    title: str
    start_time: datetime
    end_time: datetime
    undone_at: datetime


@dataclass(frozen=True, slots=True)
class SessionNotHeld:
    """Nobody started or joined a live class whose end is long past."""

    session_id: str
    run_id: str
    activity_id: str
    title: str
    instructor_id: str
    start_time: datetime
    end_time: datetime
    not_held_at: datetime


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A live class is over."""

    session_id: str
    run_id: str
    activity_id: str
    title: str
    ended_at: datetime
    recorded: bool
    purpose: SessionPurpose


@dataclass(frozen=True, slots=True)
class SeatTaken:
    """A learner took, changed or gave up a seat; None means no seat."""

    session_id: str
    run_id: str
    learner_id: str
    kind: SeatKind | None
    from_kind: SeatKind | None
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class SeatPromoted:
    """A learner on the waiting list got a seat."""

    session_id: str
    run_id: str
    learner_id: str
    kind: SeatKind
    title: str
    start_time: datetime
    promoted_at: datetime
    from_kind: SeatKind
    calendar: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class SeatSwapped:
    """A learner has another seat by a swap."""

    session_id: str
    run_id: str
    learner_id: str
    kind: SeatKind
    title: str
    start_time: datetime
    from_session_id: str
    from_kind: SeatKind
    from_title: str
    from_start_time: datetime
    swapped_at: datetime
    calendar: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class SettledAttendance:
    """One learner's final attendance; None for one who only waited for a seat."""

    learner_id: str
    verdict: AttendanceStatus | None
    minutes: float
    waited: bool = False
    attended: tuple[Stretch, ...] = ()
    """When a PARTIAL learner was there."""


@dataclass(frozen=True, slots=True)
class AttendanceSettled:
    """A part of a session's final attendance; `parts` is 0 in all but the last part. In a resync,
    `part` is 0, too: it tells the learners in other parts.
    """

    session_id: str
    run_id: str
    activity_id: str
    title: str
    part: int
    parts: int
    learners: tuple[SettledAttendance, ...]
    recorded: bool
    material_item_ids: tuple[str, ...]
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class AttendanceAmended:
    """One learner's final attendance changed; None means no attendance."""

    session_id: str
    run_id: str
    learner_id: str
    from_verdict: AttendanceStatus | None
    to_verdict: AttendanceStatus | None
    reason: str
    amended_at: datetime
    attended: tuple[Stretch, ...] = ()


@dataclass(frozen=True, slots=True)
class AttendanceCorrected:
    """Staff corrected one learner's final attendance; None means no attendance."""

    session_id: str
    run_id: str
    learner_id: str
    from_verdict: AttendanceStatus | None
    to_verdict: AttendanceStatus | None
    reason: str
    corrected_by: str
    corrected_at: datetime
    attended: tuple[Stretch, ...] = ()
