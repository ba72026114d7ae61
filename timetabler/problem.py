"""A timetabling problem: what is to be placed, and where it may go.

It is curriculum-based course timetabling as track 3 of the second International Timetabling
Competition defines it (Di Gaspero, McCollum, Schaerf: "The Second International Timetabling
Competition (ITC-2007): Curriculum-based Course Timetabling", 2007, section 2), and adds features of
rooms, rooms that are taken, seats that a class must have, classes of several periods, and periods
that a course dislikes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Slot(NamedTuple):
    """A period of a day; both count from 0."""

    day: int
    period: int


def held(start: Slot, length: int) -> list[Slot]:
    """Return the periods of a class that takes so many; some may be after the end of the day."""
    return [Slot(start.day, start.period + more) for more in range(length)]


def begun(slot: Slot, length: int) -> list[Slot]:
    """Return the starts of the classes that take so many periods and this one among them."""
    return [Slot(slot.day, slot.period - less) for less in range(length)]


@dataclass(frozen=True, slots=True)
class Room:
    """A room: how many learners it seats, and what it has."""

    id: str
    capacity: int
    features: frozenset[str] = frozenset()
    unavailable: frozenset[Slot] = frozenset()
    """When it is taken by something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Classes of one kind."""

    id: str
    teacher: str
    lectures: int
    """How many classes are to be placed."""
    min_days: int
    """The classes should be on at least so many days."""
    size: int
    """How many learners come."""
    needs: frozenset[str] = frozenset()
    """Features that a room must have."""
    seats: int = 0
    """Seats that a room must have; the wish for `size` seats may be larger."""
    length: int = 1
    """How many periods each class takes, one after the other on one day."""
    unavailable: frozenset[Slot] = frozenset()
    disliked: Mapping[Slot, int] = field(default_factory=dict)
    """What a class in a period costs."""

    def fits(self, room: Room) -> bool:
        """Return whether a room has what a class needs."""
        return self.needs <= room.features and self.seats <= room.capacity


@dataclass(frozen=True, slots=True)
class Group:
    """Courses with learners in common: no two of their classes are at the same time."""

    id: str
    courses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a point of each wish costs; by default as in the competition."""

    capacity: int = 1
    """A learner without a seat."""
    days: int = 5
    """A day below a course's `min_days`."""
    compactness: int = 2
    """A class of a group without another one of the group just before or after it on that day."""
    stability: int = 1
    """A room of a course beyond its first."""
    dislikes: int = 1
    """A point of a disliked period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Everything that the solver knows."""

    name: str
    days: int
    periods: int
    """In a day."""
    rooms: tuple[Room, ...]
    courses: tuple[Course, ...]
    groups: tuple[Group, ...] = ()
    weights: Weights = Weights()

    @property
    def slots(self) -> list[Slot]:
        """Return all periods, in order of time."""
        return [Slot(day, period) for day in range(self.days) for period in range(self.periods)]

    def starts(self, course: Course) -> list[Slot]:
        """Return the periods in which a class of a course may begin, in order of time."""
        return [
            Slot(day, period)
            for day in range(self.days)
            for period in range(self.periods - course.length + 1)
            if course.unavailable.isdisjoint(held(Slot(day, period), course.length))
        ]

    @property
    def together(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return courses that never meet at the same time, with the reason: those of each teacher,
        and those of each group.
        """
        of_teacher: dict[str, list[str]] = {}
        for course in self.courses:
            of_teacher.setdefault(course.teacher, []).append(course.id)
        taught = [(f"teacher {name}", tuple(ids)) for name, ids in of_teacher.items()]
        return taught + [(f"group {each.id}", each.courses) for each in self.groups]


class Placement(NamedTuple):
    """A class of a course, in a room and the first of its periods."""

    course: str
    room: str
    slot: Slot


Timetable = tuple[Placement, ...]
