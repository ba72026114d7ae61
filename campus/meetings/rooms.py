"""The meetings, people and recordings of the provider. All instants are milliseconds since 1970."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]
"""An event as bbb-webhooks sends it."""


@dataclass
class Person:
    """Somebody in a meeting, by one connection."""

    internal_id: str
    external_id: str
    name: str
    role: str


@dataclass
class Room:
    """A meeting that runs, or has ended."""

    external_id: str
    internal_id: str
    parameters: Mapping[str, str]
    made_at: int
    people: dict[str, Person] = field(default_factory=dict)
    is_recorded: bool = False
    """Whether the recorder runs."""
    ended_at: int = 0
    """0: it runs."""

    @property
    def is_full(self) -> bool:
        """Return whether nobody else may join."""
        most = int(self.parameters.get("maxParticipants", "0"))
        return 0 < most <= len(self.people)

    @property
    def starts_recorder(self) -> bool:
        """Return whether the recorder starts with the first person."""
        return self.parameters.get("autoStartRecording") == "true"


@dataclass
class Recording:
    """A recording of a meeting."""

    id: str
    external_id: str
    name: str
    start: int
    end: int
    is_published: bool = True
    captions: str = ""
    """WebVTT; empty: there are none."""
    video: bytes | None = None
    """None: the demo's own video."""
    versions: int = 1
    """How often its files were made."""


class Rooms:
    """What the provider has."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}
        self.recordings: dict[str, Recording] = {}
        self.made = 0
        """How many meetings were made."""

    def running(self, external_id: str) -> Room | None:
        """Return the meeting that runs by this id."""
        room = self._rooms.get(external_id)
        return room if room and not room.ended_at else None

    def last(self, external_id: str) -> Room | None:
        """Return the meeting that runs or ran by this id."""
        return self._rooms.get(external_id)

    def make(self, parameters: Mapping[str, str], now: int) -> Room:
        """Make a meeting; its internal id has the form that BigBlueButton's have, and is new."""
        external_id = parameters["meetingID"]
        last = self.last(external_id)
        now = max(now, last.made_at + 1) if last else now
        internal_id = f"{hashlib.sha1(external_id.encode()).hexdigest()}-{now}"  # noqa: S324
        room = Room(external_id, internal_id, parameters, made_at=now)
        self._rooms[external_id] = room
        self.made += 1
        return room

    def join(self, room: Room, external_id: str, name: str, role: str) -> Person:
        """Let somebody in."""
        internal_id = f"w_{secrets.token_hex(6)}"
        person = Person(internal_id, external_id or internal_id, name, role)
        room.people[internal_id] = person
        return person

    def leave(self, room: Room, external_id: str) -> Iterator[Person]:
        """Take out all connections of a person, and return them."""
        for person in [each for each in room.people.values() if each.external_id == external_id]:
            yield room.people.pop(person.internal_id)

    def recordings_of(self, external_ids: set[str]) -> list[Recording]:
        """Return the recordings of some meetings, or with these ids."""
        return [
            each
            for each in self.recordings.values()
            if each.external_id in external_ids or each.id in external_ids
        ]


def meeting_event(kind: str, room: Room, ts: int) -> Event:
    """Return an event of a meeting, such as `meeting-ended`."""
    return _event(kind, {"meeting": _meeting(room)}, ts)


def person_event(kind: str, room: Room, person: Person, ts: int) -> Event:
    """Return `user-joined` or `user-left`."""
    user = {
        "internal-user-id": person.internal_id,
        "external-user-id": person.external_id,
        "name": person.name,
        "role": person.role,
    }
    return _event(kind, {"meeting": _meeting(room), "user": user}, ts)


def recording_event(kind: str, recording: Recording, ts: int) -> Event:
    """Return an event such as `rap-publish-ended`."""
    meeting = {
        "internal-meeting-id": recording.id,
        "external-meeting-id": recording.external_id,
    }
    return _event(kind, {"meeting": meeting, "record-id": recording.id}, ts)


def _meeting(room: Room) -> dict[str, str]:
    return {"internal-meeting-id": room.internal_id, "external-meeting-id": room.external_id}


def _event(kind: str, attributes: Mapping[str, Any], ts: int) -> Event:
    return {"data": {"type": "event", "id": kind, "attributes": attributes, "event": {"ts": ts}}}
