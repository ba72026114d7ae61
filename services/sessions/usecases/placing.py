"""What planning and moving share: rooms and instructors that are locked, and what is against it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from chassis.errors import FieldViolation
from services.sessions.domain.conflicts import conflict_violations, prefixed
from services.sessions.domain.events import SessionMoved, about
from services.sessions.domain.planning import (
    group_violations,
    instructor_violations,
    limit_violations,
    past_violations,
    place_violations,
    retired_violations,
    taken_violations,
    unknown_violations,
)
from services.sessions.domain.roster import Group, Person, Run
from services.sessions.domain.session import Room, Session
from services.sessions.ports import Store

Sessions = Mapping[str, Session]
"""Sessions of one run with one room and instructor, by the prefix of their fields in answers."""


def room_of(store: Store, room_id: str) -> Room | None:
    """Return a room; None if it is unknown, or if there is none."""
    return store.room(room_id) if room_id else None


def lock_resources(store: Store, room_id: str, instructor_id: str) -> None:
    """Lock room and instructor: two requests must not both find one of them free."""
    rooms = [f"room:{room_id}"] if room_id else []
    store.lock(f"instructor:{instructor_id}", *rooms)


def plan_violations(
    store: Store, sessions: Sessions, run: Run | None, room: Room | None
) -> Iterator[FieldViolation]:
    """Yield everything that is against planning sessions, which differ in nothing but their times
    and activities.
    """
    first = next(iter(sessions.values()))
    yield from unknown_violations(first, run, room)
    yield from group_violations(first, store.replicas(Group, first.group_ids))
    yield from _instructor_violations(store, first, run)
    yield from retired_violations(room)
    yield from limit_violations(first, room)
    yield from time_violations(store, sessions)


def move_violations(
    store: Store, before: Session, sessions: Sessions, room_id: str, room: Room | None
) -> Iterator[FieldViolation]:
    """Yield everything that is against moving sessions into a room, of which one was `before`."""
    first = next(iter(sessions.values()))
    yield from place_violations(before.kind, room_id, room)
    yield from retired_violations(room)
    if first.instructor_id != before.instructor_id:
        run = store.replicas(Run, [first.run_id]).get(first.run_id)
        yield from _instructor_violations(store, first, run)
    for prefix, session in sessions.items():
        yield from prefixed(prefix, taken_violations(session))
    yield from time_violations(store, sessions)


def time_violations(store: Store, sessions: Sessions) -> Iterator[FieldViolation]:
    """Yield a violation for each session that is past, and for each conflict."""
    for prefix, session in sessions.items():
        yield from prefixed(prefix, past_violations(session, store.now))
    yield from conflicts(store, sessions)


def conflicts(store: Store, sessions: Sessions) -> Iterator[FieldViolation]:
    """Yield each conflict of sessions with others, and with each other. One query finds them."""
    first = next(iter(sessions.values()))
    start = min(each.start_time for each in sessions.values())
    end = max(each.end_time for each in sessions.values())
    others = store.bookings(first.room_id, first.instructor_id, start, end)
    return conflict_violations(sessions, others)


def dated(store: Store, session: Session) -> Session:
    """Return a session whose instants were just computed, with the version of the zone data."""
    return replace(session, zone_data=store.zone_data)


def session_moved(
    before: Session, after: Session, reason: str, series_id: str = ""
) -> SessionMoved:
    """Return the event that a session moved. `series_id`: the series that moved with it."""
    return about(
        after,
        SessionMoved,
        old_start_time=before.start_time,
        old_end_time=before.end_time,
        new_start_time=after.start_time,
        new_end_time=after.end_time,
        new_starts=after.starts,
        old_room=before.room,
        new_room=after.room,
        reason=reason,
        series_id=series_id,
        old_instructor_id=before.instructor_id,
        new_instructor_id=after.instructor_id,
    )


def _instructor_violations(
    store: Store, session: Session, run: Run | None
) -> Iterator[FieldViolation]:
    person = store.replicas(Person, [session.instructor_id]).get(session.instructor_id)
    return instructor_violations(session, run, person)
