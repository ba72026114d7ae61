"""Rooms."""

from dataclasses import dataclass

from chassis.errors import AlreadyExists, FieldViolation, check
from chassis.texts import identity, normal
from services.sessions.domain.session import Room, name_violations
from services.sessions.ports import Store


@dataclass(frozen=True, slots=True)
class CreateRoom:
    """Add a room."""

    name: str
    capacity: int


def create_room(store: Store, command: CreateRoom) -> Room:
    """Add a room, and return it. Its name is stored in the normal form.

    Raises Invalid for a name that is blank or has hidden characters; AlreadyExists for one that is
    taken, also in another case or form.
    """
    name = normal(command.name)
    check(name_violations(name))
    store.lock(f"room-name:{identity(name)}")
    if (other := store.room_named(name)) is not None:
        raise AlreadyExists(
            "the name is taken", [FieldViolation("name", f"{other.name!r} is another room's")]
        )
    room = Room(store.new_id(), name, command.capacity)
    store.add_room(room)
    return room
