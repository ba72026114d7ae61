"""Rooms."""

from dataclasses import dataclass, replace

from chassis.errors import AlreadyExists, FieldViolation, NotFound, check, check_state
from chassis.texts import identity, normal
from services.sessions.domain.events import SessionRoomRenamed, about
from services.sessions.domain.planning import crowded_violations, in_room, used_violations
from services.sessions.domain.revisions import room_calendar
from services.sessions.domain.session import Room, feature_violations, name_violations
from services.sessions.ports import Store
from services.sessions.usecases import lookup, revising
from services.sessions.usecases.seats import promote


@dataclass(frozen=True, slots=True)
class CreateRoom:
    """Add a room."""

    name: str
    capacity: int
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateRoom:
    """Change a room; an empty name, a capacity of 0 and no features leave them as they are."""

    room_id: str
    name: str
    capacity: int
    features: tuple[str, ...] = ()
    no_features: bool = False
    """Whether it has no features any more."""


def create_room(store: Store, command: CreateRoom) -> Room:
    """Add a room, and return it. Its name is stored in the normal form.

    Raises Invalid for a name that is blank or has hidden characters, and for a feature that is
    there twice; AlreadyExists for a name that is taken, also in another case or form.
    """
    check(feature_violations(command.features))
    name = normal(command.name)
    room = Room(store.new_id(), name, command.capacity, features=command.features)
    _take_name(store, room)
    store.put_room(room)
    return room


def update_room(store: Store, command: UpdateRoom) -> Room:
    """Change a room and its coming sessions, and return it; more seats go to those who wait.

    Raises NotFound; Invalid and AlreadyExists as `create_room`; FailedPrecondition with the coming
    sessions that have more seats taken than the room would have.
    """
    check(feature_violations(command.features, command.no_features))
    before = _lock_room(store, command.room_id)
    name = normal(command.name) if command.name else before.name
    features = () if command.no_features else command.features or before.features
    capacity = command.capacity or before.capacity
    room = replace(before, name=name, capacity=capacity, features=features)
    if room == before:
        return before
    _take_name(store, room)
    coming = [in_room(lookup.lock_session(store, each), room) for each in store.coming_in(room.id)]
    check_state("the room can't be changed", crowded_violations(coming))
    store.put_room(room)
    if room.name != before.name:
        store.touch_calendars({room_calendar(room.id)})
        coming = revising.changed(store, coming, coming)
    for session in coming:
        after = promote(store, session)
        if room.name != before.name:
            store.record_event(about(after, SessionRoomRenamed, renamed_at=store.now))
    return room


def retire_room(store: Store, room_id: str) -> Room:
    """Take a room out of use, and return it.

    Raises NotFound, and FailedPrecondition with the coming sessions in it.
    """
    before = _lock_room(store, room_id)
    coming = (lookup.session(store, each) for each in store.coming_in(room_id))
    check_state("the room can't be taken out of use", used_violations(coming))
    room = replace(before, retired=True)
    store.put_room(room)
    return room


def _lock_room(store: Store, room_id: str) -> Room:
    """Return a room, locked against other changes and against sessions that are planned in it."""
    store.lock(f"room:{room_id}")
    room = store.room(room_id)
    if room is None:
        raise NotFound("no such room", [FieldViolation("room_id", f"{room_id!r} is unknown")])
    return room


def _take_name(store: Store, room: Room) -> None:
    check(name_violations(room.name))
    store.lock(f"room-name:{identity(room.name)}")
    other = store.room_named(room.name)
    if other is not None and other.id != room.id:
        raise AlreadyExists(
            "the name is taken", [FieldViolation("name", f"{other.name!r} is another room's")]
        )
