"""Finding free slots: times and rooms in which sessions clash with nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from operator import attrgetter

from chassis.errors import FieldViolation, NotFound, check
from services.sessions.domain.audiences import are_alternatives, expected_at
from services.sessions.domain.civil import civil_violations
from services.sessions.domain.conflicts import others_than
from services.sessions.domain.enums import CivilTime, Interval, SessionKind
from services.sessions.domain.online import is_online, levels, online_need
from services.sessions.domain.planning import Schedule, duration_violations, planned, room_unknown
from services.sessions.domain.series import coming
from services.sessions.domain.session import Session
from services.sessions.domain.slots import (
    CLOSING,
    MOST,
    OPENING,
    Hours,
    Slot,
    Wanted,
    free_slots,
    hours_violations,
    slots_text,
)
from services.sessions.ports import Store
from services.sessions.usecases import lookup
from services.sessions.usecases.limits import Limits

OFFERED = 3
_START = attrgetter("start_time")


@dataclass(frozen=True, slots=True, kw_only=True)
class FindSlots:
    """Find free slots for a new session, a session, or the coming sessions of a series."""

    run_id: str
    session_id: str
    series_id: str
    kind: SessionKind | None
    room_id: str
    instructor_id: str
    group_ids: tuple[str, ...]
    activity_id: str
    starts: CivilTime | None
    duration: timedelta | None
    room_seats: int
    online_seats: int
    max_learner_clashes: int
    earliest: str
    latest: str
    days: tuple[int, ...]


def request_violations(command: FindSlots) -> list[FieldViolation]:
    """Return everything that is wrong with a request, whatever the state."""
    is_new = not (command.session_id or command.series_id)
    return [*hours_violations(_hours(command)), *(_new_violations(command) if is_new else [])]


def find_slots(store: Store, command: FindSlots, online_limit: int = 0) -> list[Slot]:
    """Return the nearest free slots for a valid request, other rooms at the asked time first.

    Raises NotFound for what the run does not have, and Invalid for an unknown room.
    """
    sessions = _sessions(store, command)
    limits = Limits(command.max_learner_clashes, online_limit)
    wanted = _wanted(sessions, _hours(command))
    found = [*other_rooms(store, sessions, limits), *_nearest(store, sessions, wanted, limits)]
    return found[:MOST]


def offer(store: Store, sessions: Sequence[Session], limits: Limits) -> str:
    """Return the nearest free slots for sessions that clash, as an error names them."""
    times = _nearest(store, sessions, _wanted(sessions, Hours()), limits)
    found = [*other_rooms(store, sessions, limits)[:OFFERED], *times[:OFFERED]]
    return f"free: {slots_text(found, len(sessions))}"


def other_rooms(store: Store, sessions: Sequence[Session], limits: Limits) -> list[Slot]:
    """Return slots at the times of the sessions in other rooms that seat as many, the smallest
    first; none if the room is not all that is in the way.
    """
    first = sessions[0]
    if not first.room_id or not _is_room_alone(store, sessions, limits):
        return []
    times = [Interval(each.start_time, each.end_time) for each in sessions]
    used = {each.room_id for each in others_than(sessions, store.overlapping(times))}
    return [
        Slot(
            starts=first.starts,
            start_time=first.start_time,
            end_time=first.end_time,
            room_id=room.id,
            room=room.name,
            free_sessions=len(sessions),
        )
        for room in store.rooms_with(first.room_seats)
        if room.id not in used and room.id != first.room_id
    ]


def _is_room_alone(store: Store, sessions: Sequence[Session], limits: Limits) -> bool:
    """Return whether the room, and nothing else, is taken at the times of the sessions."""
    roomless = [replace(each, room_id="") for each in sessions]
    span = Interval(sessions[0].start_time, max(each.end_time for each in sessions))
    taken = _busy(store, roomless, span, limits)
    clash = any(_overlap(each, busy) for each in roomless for busy in taken)
    booked = store.bookings(sessions[0].room_id, "", span.start, span.end)
    in_room = [Interval(each.start_time, each.end_time) for each in others_than(sessions, booked)]
    return not clash and any(_overlap(each, busy) for each in sessions for busy in in_room)


def _overlap(session: Session, busy: Interval) -> bool:
    return session.start_time < busy.end and busy.start < session.end_time


def _nearest(
    store: Store, sessions: Sequence[Session], wanted: Wanted, limits: Limits
) -> list[Slot]:
    run = lookup.run_of(store, sessions[0])
    busy = _busy(store, sessions, wanted.span, limits)
    found = free_slots(wanted, busy, store.now, run.ends_at if run else None, MOST)
    return [replace(each, room_id=sessions[0].room_id, room=sessions[0].room) for each in found]


def _busy(
    store: Store, sessions: Sequence[Session], span: Interval, limits: Limits
) -> list[Interval]:
    """Return the times at which one of the sessions would clash with another one."""
    first = sessions[0]
    clashing = [
        *store.bookings(first.room_id, first.instructor_id, span.start, span.end),
        *_with_learners(store, sessions, span, limits),
    ]
    times = [Interval(each.start_time, each.end_time) for each in others_than(sessions, clashing)]
    return [*times, *_full_online(store, sessions, span, limits)]


def _with_learners(
    store: Store, sessions: Sequence[Session], span: Interval, limits: Limits
) -> Iterator[Session]:
    """Yield the sessions in which too many of the same learners are expected."""
    first = sessions[0]
    shared = store.shared_learners(first.run_id, first.group_ids)
    for other in store.sessions_of(shared.keys(), span.start, span.end):
        alternative = other.is_help or all(are_alternatives(each, other) for each in sessions)
        if not alternative and expected_at(other, shared) > limits.learner_clashes:
            yield other


def _full_online(
    store: Store, sessions: Sequence[Session], span: Interval, limits: Limits
) -> list[Interval]:
    """Return the times at which fewer seats online are left than a session needs."""
    if not limits.online_seats or not is_online(sessions[0]):
        return []
    others = others_than(sessions, store.overlapping([span]))
    counted = store.audiences({sessions[0].run_id, *(each.run_id for each in others)})
    most = limits.online_seats - max(online_need(each, counted) for each in sessions)
    if most < 0:
        return [span]
    return [time for time, given in levels(others, counted) if given > most]


def _wanted(sessions: Sequence[Session], hours: Hours) -> Wanted:
    return Wanted([each.starts for each in sessions], sessions[0].duration, hours)


def _hours(command: FindSlots) -> Hours:
    return Hours(command.earliest or OPENING, command.latest or CLOSING, command.days)


def _sessions(store: Store, command: FindSlots) -> list[Session]:
    """Return the sessions for which slots are looked for, as they are asked for."""
    if command.series_id:
        found = coming(store.sessions_of_series(command.series_id), "", store.now)
        # An exception stays where it is when its series moves.
        return sorted(_of_run([e for e in found if not e.exception], command), key=_START)
    if command.session_id:
        return [*_of_run([lookup.session(store, command.session_id)], command)]
    return [_new_session(store, command)]


def _of_run(sessions: Iterable[Session], command: FindSlots) -> list[Session]:
    found = [each for each in sessions if each.run_id == command.run_id]
    if not found:
        field = "series_id" if command.series_id else "session_id"
        wrong = f"run {command.run_id!r} has no such session to come"
        raise NotFound("no such session", [FieldViolation(field, wrong)])
    return found


def _new_violations(command: FindSlots) -> list[FieldViolation]:
    needed = {
        "kind": command.kind,
        "instructor_id": command.instructor_id,
        "starts": command.starts,
        "duration": command.duration,
    }
    right = "what the session would have; or session_id or series_id"
    missing = [FieldViolation(name, "is missing", right) for name, v in needed.items() if not v]
    starts = civil_violations(command.starts, "starts") if command.starts else []
    return missing + starts + (duration_violations(command.duration) if command.duration else [])


def _new_session(store: Store, command: FindSlots) -> Session:
    """Return a session as a valid request would plan it."""
    room = store.room(command.room_id) if command.room_id else None
    check([room_unknown(command.room_id)] if command.room_id and room is None else [])
    request = Schedule(
        run_id=command.run_id,
        activity_id=command.activity_id,
        title="",
        kind=command.kind or SessionKind.IN_ROOM,
        room_id=command.room_id,
        instructor_id=command.instructor_id,
        starts=command.starts or CivilTime("", ""),
        duration=command.duration or timedelta(),
        room_seats=command.room_seats,
        online_seats=command.online_seats,
        join_url="",
        recorded=False,
        material_item_ids=(),
        group_ids=command.group_ids,
    )
    return planned(request, room, "", "")
