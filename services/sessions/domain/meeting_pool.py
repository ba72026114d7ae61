"""The pool of meeting servers: which has room for a meeting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.sessions.domain.enums import Interval
from services.sessions.domain.hosting import Meeting


@dataclass(frozen=True, slots=True)
class ServerRoom:
    """How many people a server has room for at a time; 0: any number."""

    name: str
    capacity: int


@dataclass(frozen=True, slots=True)
class Booking:
    """Room that a server keeps for a meeting."""

    server: str
    time: Interval
    people: int


def booking_of(meeting: Meeting) -> Booking:
    """Return the room that a placed meeting takes."""
    return Booking(meeting.server, Interval(meeting.start_time, meeting.end_time), meeting.need)


def room_left(server: ServerRoom, bookings: Sequence[Booking], time: Interval) -> float:
    """Return for how many more people a server has room during all of a time."""
    if not server.capacity:
        return float("inf")
    own = [each for each in bookings if each.server == server.name and _meet(each.time, time)]
    # The most are there when one of the meetings begins.
    instants = (max(each.time.start, time.start) for each in own)
    most = max((_at(own, instant) for instant in instants), default=0)
    return server.capacity - most


def server_for(
    servers: Sequence[ServerRoom],
    bookings: Sequence[Booking],
    time: Interval,
    people: int,
    avoided: str = "",
) -> str | None:
    """Return the server with the most room left for a meeting; None if none has enough.

    `avoided`: a server that is taken only if no other has room.
    """
    left = {each.name: room_left(each, bookings, time) for each in servers}
    fits = [name for name, room in left.items() if room >= people]
    return max(fits, key=lambda name: (name != avoided, left[name], name), default=None)


def _at(bookings: Sequence[Booking], instant: datetime) -> int:
    return sum(each.people for each in bookings if each.time.start <= instant < each.time.end)


def _meet(one: Interval, other: Interval) -> bool:
    return one.start < other.end and other.start < one.end
