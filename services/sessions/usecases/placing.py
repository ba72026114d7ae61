"""What planning and moving share: rooms and instructors that are locked, and what is against it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from chassis.calendars.entries import Entry
from chassis.errors import FieldViolation
from services.sessions.domain.audiences import learner_violations
from services.sessions.domain.conflicts import conflict_violations, others_than, prefixed
from services.sessions.domain.enums import Interval
from services.sessions.domain.events import SessionMoved, about
from services.sessions.domain.online import is_online, online_hours, online_violations
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
from services.sessions.usecases import slots
from services.sessions.usecases.holding import withdraw_all
from services.sessions.usecases.limits import Limits

Sessions = Mapping[str, Session]
"""Sessions of one run with one room and instructor, by the prefix of their fields in answers."""


def room_of(store: Store, room_id: str) -> Room | None:
    """Return a room; None if it is unknown, or if there is none."""
    return store.room(room_id) if room_id else None


def lock_resources(store: Store, sessions: Iterable[Session], limits: Limits) -> None:
    """Lock rooms, instructors and, if they are limited, the hours online: two requests must not
    both find one of them free.
    """
    names = set[str]()
    for each in sessions:
        names.add(f"instructor:{each.instructor_id}")
        names.update([f"room:{each.room_id}"] if each.room_id else [])
        names.update(online_hours(each) if limits.online_seats else [])
    store.lock(*names)


def plan_violations(
    store: Store, sessions: Sessions, run: Run | None, room: Room | None, limits: Limits
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
    yield from time_violations(store, sessions, sessions, limits)


def move_violations(
    store: Store,
    before: Sequence[Session],
    sessions: Sessions,
    room_id: str,
    room: Room | None,
    limits: Limits,
) -> Iterator[FieldViolation]:
    """Yield everything that is against moving sessions, which were as `before`, into a room."""
    was, first = before[0], next(iter(sessions.values()))
    yield from place_violations(was.kind, room_id, room)
    yield from retired_violations(room)
    if first.instructor_id != was.instructor_id:
        run = store.replicas(Run, [first.run_id]).get(first.run_id)
        yield from _instructor_violations(store, first, run)
    for prefix, session in sessions.items():
        yield from prefixed(prefix, taken_violations(session))
    yield from time_violations(store, sessions, _at_other_times(before, sessions), limits)


def time_violations(
    store: Store, sessions: Sessions, retimed: Sessions, limits: Limits
) -> Iterator[FieldViolation]:
    """Yield a violation for each session that is past, and for each clash, the last of
    which tells the nearest free slots.

    `retimed`: those of the sessions whose times are new. The others may keep their learners and
    their seats online.
    """
    for prefix, session in sessions.items():
        yield from prefixed(prefix, past_violations(session, store.now))
    clashes = [*conflicts(store, sessions)]
    if retimed:
        clashes += _audience_violations(store, retimed, limits)
    if clashes:
        free = slots.offer(store, [*sessions.values()], limits)
        # The last one: a status has room for the first ones only, and these are what matters most.
        clashes[-1] = replace(clashes[-1], right=f"{clashes[-1].right}; {free}")
    yield from clashes


def conflicts(store: Store, sessions: Sessions) -> Iterator[FieldViolation]:
    """Yield each conflict of sessions with others, and with each other. One query finds them."""
    first = next(iter(sessions.values()))
    start = min(each.start_time for each in sessions.values())
    end = max(each.end_time for each in sessions.values())
    others = store.bookings(first.room_id, first.instructor_id, start, end)
    return conflict_violations(sessions, others)


def _at_other_times(before: Sequence[Session], sessions: Sessions) -> Sessions:
    was = {each.id: span(each) for each in before}
    return {prefix: each for prefix, each in sessions.items() if was.get(each.id) != span(each)}


def _audience_violations(
    store: Store, sessions: Sessions, limits: Limits
) -> Iterator[FieldViolation]:
    """Yield each clash of learners, and each session that needs too many seats online."""
    found = store.overlapping([*map(span, sessions.values())])
    others = others_than(sessions.values(), found)
    first = next(iter(sessions.values()))
    runs = {each.run_id for each in others}
    if others:
        shared = store.shared_learners(first.run_id, first.group_ids, runs)
        yield from learner_violations(sessions, others, shared, limits.learner_clashes)
    if limits.online_seats and is_online(first):
        counted = store.audiences({*runs, first.run_id})
        yield from online_violations(sessions, others, counted, limits.online_seats)


def span(session: Session) -> Interval:
    """Return the time for which a session is planned."""
    return Interval(session.start_time, session.end_time)


def without_offers(
    store: Store, before: Sequence[Session], after: Sequence[Session]
) -> list[Session]:
    """Return sessions that moved, not stored yet; offers of seats at another time are withdrawn,
    so that they are made anew.
    """
    retimed = _at_other_times(before, {each.id: each for each in after})
    freed = {each.id: each for each in withdraw_all(store, [*retimed.values()])}
    return [freed.get(each.id, each) for each in after]


def dated(store: Store, session: Session) -> Session:
    """Return a session whose instants were just computed, with the version of the zone data."""
    return replace(session, zone_data=store.zone_data)


def session_moved(
    before: Session,
    after: Session,
    reason: str,
    series_id: str = "",
    calendar: tuple[Entry, ...] = (),
) -> SessionMoved:
    """Return the event that a session moved. `series_id`: the series that moved with it, which
    tells what calendars show; empty: `calendar` does.
    """
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
        calendar=calendar,
    )


def _instructor_violations(
    store: Store, session: Session, run: Run | None
) -> Iterator[FieldViolation]:
    person = store.replicas(Person, [session.instructor_id]).get(session.instructor_id)
    return instructor_violations(session, run, person)
