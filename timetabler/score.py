"""What a timetable breaks, and what it costs: the competition's rules, apart from the solver."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TypeVar

from timetabler.problem import Course, Group, Placement, Problem, Room, Slot, Timetable, held

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What each kind of wish costs, with its weight."""

    capacity: int
    days: int
    compactness: int
    stability: int
    dislikes: int

    @property
    def total(self) -> int:
        """Return the sum."""
        return sum(asdict(self).values())


def score(problem: Problem, timetable: Timetable) -> Score:
    """Return what a timetable costs. Classes without a place cost only the days that they lack."""
    weights = problem.weights
    courses, rooms = by_id(problem)
    return Score(
        capacity=weights.capacity
        * sum(max(0, courses[each.course].size - rooms[each.room].capacity) for each in timetable),
        days=weights.days * sum(_days_missing(each, timetable) for each in problem.courses),
        compactness=weights.compactness
        * sum(len(isolated(each, courses, timetable)) for each in problem.groups),
        stability=weights.stability * sum(_rooms_more(each, timetable) for each in problem.courses),
        dislikes=weights.dislikes
        * sum(
            courses[each.course].disliked.get(slot, 0)
            for each in timetable
            for slot in held_by(each, courses)
        ),
    )


def violations(problem: Problem, timetable: Timetable) -> Iterator[str]:
    """Yield each rule that a timetable breaks: those that no timetable may break."""
    courses, rooms = by_id(problem)
    placed = Counter(each.course for each in timetable)
    for course in problem.courses:
        if placed[course.id] > course.lectures:
            yield f"{course.id} has {placed[course.id]} classes, more than {course.lectures}"
    for each in timetable:
        yield from _misplaced(problem, each, courses[each.course], rooms[each.room])
    slots = {each: held_by(each, courses) for each in timetable}
    in_rooms = ((each.room, slot) for each in timetable for slot in slots[each])
    for (room, slot), count in _more_than_one(in_rooms):
        yield f"room {room} has {count} classes on {told(slot)}"
    for reason, ids in problem.together:
        own = {*ids}
        meetings = (slot for each in timetable if each.course in own for slot in slots[each])
        for slot, count in _more_than_one(meetings):
            yield f"{reason} has {count} classes on {told(slot)}"


def unknown(problem: Problem, timetable: Timetable) -> list[str]:
    """Return what a timetable names that its problem does not have. Score and rules of such a
    timetable are not known.
    """
    courses, rooms = by_id(problem)
    slots = set(problem.slots)
    return [
        f"{each.course} in {each.room}, day {each.slot.day}, period {each.slot.period}: is not of "
        "this problem"
        for each in timetable
        if each.course not in courses or each.room not in rooms or each.slot not in slots
    ]


def _misplaced(problem: Problem, placement: Placement, course: Course, room: Room) -> Iterator[str]:
    slots = held(placement.slot, course.length)
    for slot in slots:
        if slot in course.unavailable:
            yield f"{course.id} is not available on {told(slot)}"
        if slot in room.unavailable:
            yield f"room {room.id} is not available on {told(slot)}"
    if slots[-1].period >= problem.periods:
        yield f"{course.id} is not over at the end of day {placement.slot.day + 1}"
    if missing := course.needs - room.features:
        yield f"room {room.id} lacks {', '.join(sorted(missing))} for {course.id}"
    if course.seats > room.capacity:
        yield f"room {room.id} lacks {course.seats - room.capacity} seats for {course.id}"


def _more_than_one(things: Iterable[T]) -> list[tuple[T, int]]:
    return [(thing, count) for thing, count in Counter(things).items() if count > 1]


def isolated(group: Group, courses: Mapping[str, Course], timetable: Timetable) -> list[Placement]:
    """Return the classes of a group that stand alone on their day."""
    of_group = [each for each in timetable if each.course in group.courses]
    times = {slot for each in of_group for slot in held_by(each, courses)}
    return [each for each in of_group if not times & beside(each.slot, courses[each.course].length)]


def beside(start: Slot, length: int) -> set[Slot]:
    """Return the periods just before and after a class; they may be outside of the day."""
    return {Slot(start.day, start.period - 1), Slot(start.day, start.period + length)}


def held_by(placement: Placement, courses: Mapping[str, Course]) -> list[Slot]:
    """Return the periods of a class."""
    return held(placement.slot, courses[placement.course].length)


def told(slot: Slot) -> str:
    """Return a period for people, who count from 1."""
    return f"day {slot.day + 1}, period {slot.period + 1}"


def by_id(problem: Problem) -> tuple[Mapping[str, Course], Mapping[str, Room]]:
    """Return courses and rooms by their ids."""
    return {each.id: each for each in problem.courses}, {each.id: each for each in problem.rooms}


def _days_missing(course: Course, timetable: Timetable) -> int:
    days = {each.slot.day for each in timetable if each.course == course.id}
    return max(0, course.min_days - len(days))


def _rooms_more(course: Course, timetable: Timetable) -> int:
    return max(0, len({each.room for each in timetable if each.course == course.id}) - 1)
