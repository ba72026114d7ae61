"""Rooms."""

from dataclasses import dataclass

from chassis.errors import AlreadyExists, FieldViolation, check
from services.sessions.domain.session import Room
from services.sessions.ports import Store


@dataclass(frozen=True, slots=True)
class CreateRoom:
    """Add a room."""

    name: str
    capacity: int


def create_room(store: Store, command: CreateRoom) -> Room:
    """Add a room. Raises Invalid for a blank name, AlreadyExists for one that is taken."""
    name = command.name.strip()
    check([] if name else [FieldViolation("name", "is blank", "the name on its door")])
    store.lock(f"room-name:{name}")
    if store.room_named(name):
        raise AlreadyExists(
            "the name is taken", [FieldViolation("name", f"{name!r} is another room's")]
        )
    room = Room(store.new_id(), name, command.capacity)
    store.add_room(room)
    return room
