"""Why classes have no place, by what a timetable leaves free."""

from collections import Counter
from collections.abc import Iterator

from timetabler.problem import Course, Placement, Problem, Room, Slot, Timetable, held
from timetabler.score import by_id, held_by

Taken = dict[Slot, list[Placement]]
"""The classes that go on in each period."""


def missing(problem: Problem, timetable: Timetable) -> dict[str, int]:
    """Return how many classes have no place, by course."""
    placed = Counter(each.course for each in timetable)
    lacking = {each.id: each.lectures - placed[each.id] for each in problem.courses}
    return {course: count for course, count in lacking.items() if count}


def reasons(problem: Problem, timetable: Timetable, course: Course) -> list[str]:
    """Return what stands against one more class of a course, as sentences with their numbers."""
    fitting = [room for room in problem.rooms if course.fits(room)]
    if not fitting:
        return [f"no room has {_wanted(course)}"]
    courses, _ = by_id(problem)
    taken: Taken = {}
    for each in timetable:
        for slot in held_by(each, courses):
            taken.setdefault(slot, []).append(each)
    counted = Counter(_against(problem, taken, course, fitting, slot) for slot in problem.slots)
    return [
        f"in {count} of {len(problem.slots)} periods {reason}"
        for reason, count in counted.most_common()
    ]


def _against(
    problem: Problem, taken: Taken, course: Course, fitting: list[Room], start: Slot
) -> str:
    """Return the first reason why a class of a course can't begin in a period."""
    slots = held(start, course.length)
    if not course.unavailable.isdisjoint(slots):
        return "it is not available"
    if slots[-1].period >= problem.periods:
        return "the day is over before it is"
    then = [each for slot in slots for each in taken.get(slot, ())]
    busy = {each.course for each in then}
    if course.id in busy:
        return "it has a class already"
    for reason, ids in _others(problem, course):
        if busy & set(ids):
            return f"{reason} has another class"
    held_rooms = {each.room for each in then}
    if all(room.id in held_rooms or room.unavailable & {*slots} for room in fitting):
        return f"all {len(fitting)} rooms that fit are taken"
    return "it would fit; more time may find a place"


def _wanted(course: Course) -> str:
    features = f"all of {', '.join(sorted(course.needs))}" if course.needs else ""
    seats = f"{course.seats} seats" if course.seats else ""
    return " and ".join(filter(None, (features, seats)))


def _others(problem: Problem, course: Course) -> Iterator[tuple[str, tuple[str, ...]]]:
    return ((reason, ids) for reason, ids in problem.together if course.id in ids)
