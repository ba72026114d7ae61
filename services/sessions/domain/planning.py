"""Planning: the rules of a request, conflicts with other sessions, and the planned session."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FieldViolation
from services.sessions.domain.civil import civil_violations, instant_of, normalised
from services.sessions.domain.enums import CivilTime, SessionKind, SessionPurpose
from services.sessions.domain.roster import Group, Person, Run, may_teach
from services.sessions.domain.session import Room, Session, instant_text, named

SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(hours=24)
LONGEST_ID = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Plan a session."""

    run_id: str
    activity_id: str
    title: str
    kind: SessionKind
    room_id: str
    instructor_id: str
    starts: CivilTime
    duration: timedelta
    room_seats: int
    online_seats: int
    join_url: str
    recorded: bool
    material_item_ids: tuple[str, ...]
    group_ids: tuple[str, ...] = ()
    max_learner_clashes: int = 0
    """How many learners may be expected in another session, too."""
    purpose: SessionPurpose | None = None
    """None: a class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Move a session to another time, room or instructor; what is empty stays as it is."""

    session_id: str
    starts: CivilTime
    duration: timedelta | None
    room_id: str
    reason: str
    instructor_id: str = ""
    max_learner_clashes: int = 0


def schedule_violations(command: Schedule, hosts: bool = False) -> list[FieldViolation]:
    """Return everything that is wrong with a request to plan, whatever the state. `hosts`: there
    are meeting servers, which give a session without a URL a meeting.
    """
    return [
        *civil_violations(command.starts, "starts"),
        *duration_violations(command.duration),
        *_blank_violations(command),
        *_place_violations(command),
        *link_violations(command.kind, command.join_url, hosts),
        *_material_violations(command.material_item_ids),
        *_group_violations(command.group_ids),
        *purpose_violations(command.purpose, command.activity_id),
    ]


def move_violations(command: Move) -> list[FieldViolation]:
    """Return everything that is wrong with a request to move, whatever the state."""
    duration = [] if command.duration is None else duration_violations(command.duration)
    return [*civil_violations(command.starts, "starts"), *duration]


def planned(command: Schedule, room: Room | None, new_id: str, secret: str) -> Session:
    """Return the session that a valid request plans."""
    start = instant_of(command.starts)
    return Session(
        id=new_id,
        run_id=command.run_id,
        activity_id=command.activity_id,
        title=command.title,
        kind=command.kind,
        room_id=command.room_id,
        room=room.name if room else "",
        instructor_id=command.instructor_id,
        starts=normalised(command.starts),
        duration=command.duration,
        start_time=start,
        end_time=start + command.duration,
        seat_limit=command.room_seats,
        room_seats=_seats(command.room_seats, room),
        online_seats=command.online_seats,
        join_url=command.join_url,
        recorded=command.recorded,
        material_item_ids=command.material_item_ids,
        group_ids=command.group_ids,
        check_in_secret=secret,
        purpose=command.purpose or SessionPurpose.CLASS,
    )


def moved(session: Session, command: Move, room: Room | None) -> Session:
    """Return the session at its new time in `room` (None: it is ONLINE, or the room is unknown)."""
    start = instant_of(command.starts)
    duration = command.duration or session.duration
    return replace(
        session,
        starts=normalised(command.starts),
        duration=duration,
        start_time=start,
        end_time=start + duration,
        room_id=room.id if room else session.room_id,
        room=room.name if room else session.room,
        room_seats=_seats(session.seat_limit, room),
        instructor_id=command.instructor_id or session.instructor_id,
        not_held_at=None,
    )


def place_violations(
    kind: SessionKind, room_id: str, room: Room | None
) -> Iterator[FieldViolation]:
    """Yield a violation if a session of a kind can't move into a room: it is unknown, or the
    session is ONLINE.
    """
    if kind is SessionKind.ONLINE:
        if room_id:
            yield FieldViolation("room_id", "is given", "the session is ONLINE and has none")
    elif room is None:
        yield room_unknown(room_id)


def unknown_violations(
    session: Session, run: Run | None, room: Room | None
) -> Iterator[FieldViolation]:
    """Yield a violation for an unknown or closed run, and for an unknown room."""
    if run is None:
        right = "a run that is open; one opened just now may take a second to be known here"
        yield FieldViolation("run_id", f"run {session.run_id!r} is unknown", right)
    elif run.closed_at:
        yield FieldViolation("run_id", f"run {session.run_id!r} is closed", "a run that is open")
    if session.room_id and room is None:
        yield room_unknown(session.room_id)


def group_violations(session: Session, known: Mapping[str, Group]) -> Iterator[FieldViolation]:
    """Yield a violation for each group that its run does not have, or that is retired."""
    for place, group_id in enumerate(session.group_ids):
        group = known.get(group_id)
        if group is None or group.run_id != session.run_id:
            wrong = f"run {session.run_id!r} has no group {group_id!r}"
            right = "a group of the run; one created just now may take a second to be known here"
            yield FieldViolation(f"group_ids[{place}]", wrong, right)
        elif group.retired:
            wrong = f"group {group.name!r} is retired"
            yield FieldViolation(f"group_ids[{place}]", wrong, "a group that is in use")


def retired_violations(room: Room | None) -> Iterator[FieldViolation]:
    """Yield a violation for a room that is out of use."""
    if room is not None and room.retired:
        yield FieldViolation("room_id", f"room {room.name!r} is out of use", "another room")


def is_moved(before: Session, after: Session) -> bool:
    """Return whether a session has another time, room or instructor than before."""
    return _place(before) != _place(after)


def in_room(session: Session, room: Room) -> Session:
    """Return a session of a room after the room has changed."""
    return replace(session, room=room.name, room_seats=_seats(session.seat_limit, room))


def crowded_violations(sessions: Iterable[Session]) -> Iterator[FieldViolation]:
    """Yield a violation for each session with more seats taken than its room would have."""
    for session in sessions:
        if session.in_room > session.room_seats:
            wrong = f"{named(session)} has {session.in_room} seats taken"
            yield FieldViolation("capacity", wrong, f"{session.in_room} or more")


def used_violations(sessions: Iterable[Session]) -> Iterator[FieldViolation]:
    """Yield a violation for each coming session in a room."""
    for session in sessions:
        yield FieldViolation("room_id", f"{named(session)} is planned in it", "a room without")


def room_unknown(room_id: str) -> FieldViolation:
    """Return the violation for an unknown room."""
    return FieldViolation(
        "room_id", f"room {room_id!r} is unknown", "the id of a room that was created"
    )


def instructor_violations(
    session: Session, run: Run | None, person: Person | None
) -> Iterator[FieldViolation]:
    """Yield a violation if the instructor may not teach."""
    if not may_teach(run, person, session.instructor_id):
        wrong = f"{session.instructor_id!r} is unknown as an instructor"
        right = "one of the run's instructors, or a person of the roster with that role"
        yield FieldViolation("instructor_id", wrong, right)


def limit_violations(session: Session, room: Room | None) -> Iterator[FieldViolation]:
    """Yield a violation if more seats are asked for than the room has."""
    if room is not None and session.seat_limit > room.capacity:
        wrong = f"{session.seat_limit} seats are asked for"
        yield FieldViolation("room_seats", wrong, f"{room.name} seats {room.capacity}")


def late_violations(session: Session, run: Run | None) -> Iterator[FieldViolation]:
    """Yield a violation if the session starts after the last day of its run."""
    if run is not None and run.ends_at is not None and session.start_time >= run.ends_at:
        wrong = f"the run is over at {instant_text(run.ends_at)}"
        yield FieldViolation("starts", wrong, "a class of its last day, or before")


def past_violations(session: Session, now: datetime) -> Iterator[FieldViolation]:
    """Yield a violation if the session would have ended already."""
    if session.end_time <= now:
        wrong = f"the session would have ended at {instant_text(session.end_time)}"
        yield FieldViolation("starts", wrong, f"a class that ends after {instant_text(now)}")


def taken_violations(session: Session) -> Iterator[FieldViolation]:
    """Yield a violation if more seats are taken than the new room has."""
    if session.in_room > session.room_seats:
        wrong = f"{session.in_room} seats in the room are taken"
        yield FieldViolation(
            "room_id", wrong, f"a room that has them; this one has {session.room_seats}"
        )


def _place(session: Session) -> tuple[object, ...]:
    times = session.starts, session.start_time, session.end_time
    return *times, session.room_id, session.instructor_id


def _seats(limit: int, room: Room | None) -> int:
    """Return the seats in the room: as many as it has, and no more than are asked for."""
    if room is None:
        return 0
    return min(limit, room.capacity) if limit else room.capacity


def duration_violations(duration: timedelta) -> list[FieldViolation]:
    """Return why a duration is none of a session; empty if it is one."""
    whole = duration.microseconds == 0
    if SHORTEST <= duration <= LONGEST and whole:
        return []
    right = "whole seconds, from 1 second to 24 hours"
    return [FieldViolation("duration", f"{duration.total_seconds():g} s", right)]


def _blank_violations(command: Schedule) -> list[FieldViolation]:
    return (
        []
        if command.title.strip()
        else [FieldViolation("title", "is blank", "what people will read")]
    )


def _place_violations(command: Schedule) -> Iterator[FieldViolation]:
    kind = command.kind
    in_room, online = kind is not SessionKind.ONLINE, kind is not SessionKind.IN_ROOM
    if in_room and not command.room_id:
        yield FieldViolation("room_id", "is missing", f"a session that is {kind} needs a room")
    if not in_room and command.room_id:
        yield FieldViolation("room_id", "is given", "a session that is ONLINE has none")
    if not in_room and command.room_seats:
        yield FieldViolation("room_seats", "are given", "a session that is ONLINE has none")
    if not online and command.online_seats:
        yield FieldViolation("online_seats", "are given", "a session that is IN_ROOM has none")


def link_violations(kind: SessionKind, join_url: str, hosts: bool) -> Iterator[FieldViolation]:
    """Yield a violation for a URL to join at that is missing or too much. `hosts`: there are
    meeting servers, so that none is needed.
    """
    online = kind is not SessionKind.IN_ROOM
    if online and not join_url and not hosts:
        yield FieldViolation("join_url", "is missing", f"a session that is {kind} needs one")
    if not online and join_url:
        yield FieldViolation("join_url", "is given", "a session that is IN_ROOM has none")


def purpose_violations(
    purpose: SessionPurpose | None, *activity_ids: str, field: str = "activity_id"
) -> Iterator[FieldViolation]:
    """Yield a violation for a help session that is to hold an activity."""
    if purpose is SessionPurpose.HELP and any(activity_ids):
        yield FieldViolation(field, "is given", "a help session holds no activity of the path")


def _group_violations(group_ids: Sequence[str]) -> Iterator[FieldViolation]:
    if len(set(group_ids)) < len(group_ids):
        yield FieldViolation("group_ids", "names a group twice", "each group once")


def _material_violations(item_ids: Sequence[str]) -> Iterator[FieldViolation]:
    for place, item_id in enumerate(item_ids):
        field = f"material_item_ids[{place}]"
        if not item_id.strip() or len(item_id) > LONGEST_ID:
            yield FieldViolation(
                field, "is no id", f"an item's id, of up to {LONGEST_ID} characters"
            )
        if item_id in item_ids[:place]:
            yield FieldViolation(field, f"{item_id!r} is there twice", "each item once")
