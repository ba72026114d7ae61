"""The events of series; names and fields are those of the event messages in the protos."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.calendars.entries import Entry
from services.sessions.domain.enums import CivilTime, SessionKind, SessionPurpose
from services.sessions.domain.events import about
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session


@dataclass(frozen=True, slots=True)
class PlannedOccurrence:
    """One session of a series that is planned."""

    session_id: str
    recurrence_id: str
    start_time: datetime
    end_time: datetime


@dataclass(frozen=True, slots=True)
class SeriesScheduled:
    """A series of live classes was planned."""

    series_id: str
    run_id: str
    title: str
    kind: SessionKind
    instructor_id: str
    room: str
    starts: CivilTime
    duration: timedelta
    rrule: str
    rdates: tuple[str, ...]
    exdates: tuple[str, ...]
    group_ids: tuple[str, ...]
    occurrences: tuple[PlannedOccurrence, ...]
    purpose: SessionPurpose


@dataclass(frozen=True, slots=True)
class MovedOccurrence:
    """One session that moved with its series."""

    session_id: str
    recurrence_id: str
    old_start_time: datetime
    old_end_time: datetime
    new_start_time: datetime
    new_end_time: datetime


@dataclass(frozen=True, slots=True)
class SeriesMoved:
    """Sessions of a series moved together."""

    series_id: str
    run_id: str
    title: str
    split_from: str
    starts: CivilTime
    duration: timedelta
    rrule: str
    room: str
    old_instructor_id: str
    new_instructor_id: str
    group_ids: tuple[str, ...]
    reason: str
    occurrences: tuple[MovedOccurrence, ...]
    old_room: str
    purpose: SessionPurpose
    calendar: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class CancelledOccurrence:
    """One session that was cancelled with its series."""

    session_id: str
    start_time: datetime
    end_time: datetime
    substitute_item_id: str


@dataclass(frozen=True, slots=True)
class SeriesCancelled:
    """Sessions of a series were cancelled together."""

    series_id: str
    run_id: str
    title: str
    instructor_id: str
    group_ids: tuple[str, ...]
    reason: str
    occurrences: tuple[CancelledOccurrence, ...]
    purpose: SessionPurpose
    calendar: tuple[Entry, ...]


def planned_occurrences(sessions: Iterable[Session]) -> tuple[PlannedOccurrence, ...]:
    """Return planned sessions as an event tells them."""
    return tuple(
        PlannedOccurrence(each.id, each.recurrence_id, each.start_time, each.end_time)
        for each in sessions
    )


def series_moved(
    series: Series,
    moved: Sequence[tuple[Session, Session]],
    reason: str,
    old_instructor_id: str = "",
    split_from: str = "",
    calendar: tuple[Entry, ...] = (),
) -> SeriesMoved:
    """Return the event that some sessions, each before and after, moved together with a series.

    `old_instructor_id`: empty if the same person teaches; `calendar`: what calendars show from now.
    """
    first_before, first_after = moved[0]
    return about(
        series,
        SeriesMoved,
        split_from=split_from,
        old_room=first_before.room,
        room=first_after.room,
        old_instructor_id=old_instructor_id or series.instructor_id,
        new_instructor_id=series.instructor_id,
        reason=reason,
        occurrences=tuple(_moved_occurrence(*pair) for pair in moved),
        calendar=calendar,
    )


def cancelled_occurrences(sessions: Iterable[Session]) -> tuple[CancelledOccurrence, ...]:
    """Return cancelled sessions, each with its substitute item, as an event tells them."""
    return tuple(
        CancelledOccurrence(each.id, each.start_time, each.end_time, each.substitute_item_id)
        for each in sessions
    )


def _moved_occurrence(before: Session, after: Session) -> MovedOccurrence:
    return MovedOccurrence(
        after.id,
        after.recurrence_id,
        before.start_time,
        before.end_time,
        after.start_time,
        after.end_time,
    )
