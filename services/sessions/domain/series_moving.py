"""Moving a series: which of its sessions move, where to, and how it is split."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FieldViolation
from services.sessions.domain.civil import civil_violations, local_of
from services.sessions.domain.enums import CivilTime
from services.sessions.domain.planning import Move, duration_violations, moved
from services.sessions.domain.series import Series, coming, later, shifted, split
from services.sessions.domain.session import Room, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveSeries:
    """Move the coming sessions of a series; what is empty stays as it is."""

    series_id: str
    from_recurrence_id: str
    starts: CivilTime | None
    """Where the first session that moves starts; the others move by as much on the wall."""
    duration: timedelta | None
    room_id: str
    instructor_id: str
    reason: str
    with_exceptions: bool
    max_learner_clashes: int = 0


@dataclass(frozen=True, slots=True)
class MovedSeries:
    """A series after a move, with its sessions."""

    series: Series
    """The series of the moved sessions."""
    head: Series | None
    """What stays of the series from which it was split; None if it was not split."""
    sessions: tuple[Session, ...]
    """All sessions of `series`, in the order of their recurrence ids."""
    before: tuple[Session, ...]
    """The sessions that move, as they were."""

    @property
    def after(self) -> tuple[Session, ...]:
        """Return the sessions that move, as they are from now."""
        ids = {each.id for each in self.before}
        return tuple(each for each in self.sessions if each.id in ids)


def series_move_violations(command: MoveSeries) -> list[FieldViolation]:
    """Return everything that is wrong with a request to move, whatever the state."""
    starts = [] if command.starts is None else civil_violations(command.starts, "starts")
    duration = [] if command.duration is None else duration_violations(command.duration)
    return [*starts, *duration]


def to_move(sessions: Sequence[Session], command: MoveSeries, now: datetime) -> list[Session]:
    """Return the sessions of a series that a request moves.

    Sessions that were moved alone stay where they are. If they are to move too, those do that come
    after the first one that keeps to the series.
    """
    found = coming(sessions, command.from_recurrence_id, now)
    steady = [each for each in found if not each.exception]
    if not command.with_exceptions or not found:
        return steady
    first = (steady or found)[0].recurrence_id
    return [each for each in found if each.recurrence_id >= first]


def shift_of(command: MoveSeries, first: Session) -> timedelta:
    """Return how much later on the wall a request moves sessions, of which this is the first."""
    if command.starts is None:
        return timedelta()
    return local_of(command.starts) - datetime.fromisoformat(first.recurrence_id)


def part_to_move(
    series: Series,
    instances: Sequence[str],
    sessions: Sequence[Session],
    first: Session,
    new_id: str,
) -> tuple[Series | None, Series]:
    """Return what stays of a series and what moves from a session on; None if nothing stays."""
    if sessions[0].recurrence_id >= first.recurrence_id:
        return None, series
    return split(series, instances, first.recurrence_id, new_id)


def moved_series(
    parts: tuple[Series | None, Series],
    sessions: Sequence[Session],
    moving: Sequence[Session],
    command: MoveSeries,
    room: Room | None,
) -> MovedSeries:
    """Return a series after its part has moved into `room` (None: it is ONLINE, or unknown)."""
    head, tail = parts
    by = shift_of(command, moving[0])
    zone = command.starts.zone if command.starts else tail.starts.zone
    after = replace(
        shifted(tail, by, zone),
        duration=command.duration or tail.duration,
        room_id=room.id if room else tail.room_id,
        instructor_id=command.instructor_id or tail.instructor_id,
    )
    ids = {each.id for each in moving}
    return MovedSeries(
        after,
        head,
        tuple(
            _moved(each, after, by, room) if each.id in ids else _stayed(each, after, by)
            for each in sessions
            if head is None or each.recurrence_id >= moving[0].recurrence_id
        ),
        tuple(moving),
    )


def _moved(session: Session, series: Series, by: timedelta, room: Room | None) -> Session:
    """Return a session at its place in a moved series."""
    place = later(session.recurrence_id, by)
    command = Move(
        session_id=session.id,
        starts=CivilTime(place, series.starts.zone),
        duration=series.duration,
        room_id=series.room_id,
        reason="",
        instructor_id=series.instructor_id,
    )
    after = moved(session, command, room)
    return replace(after, recurrence_id=place, series_id=series.id, exception=False)


def _stayed(session: Session, series: Series, by: timedelta) -> Session:
    """Return a session that stays where it is, with what a moved series would give it."""
    return replace(session, recurrence_id=later(session.recurrence_id, by), series_id=series.id)
