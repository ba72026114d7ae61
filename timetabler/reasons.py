"""Why classes have no place, by what a timetable leaves free."""

from collections import Counter
from collections.abc import Iterator

from timetabler.problem import Course, Problem, Room, Slot, Timetable


def missing(problem: Problem, timetable: Timetable) -> dict[str, int]:
    """Return how many classes have no place, by course."""
    placed = Counter(each.course for each in timetable)
    lacking = {each.id: each.lectures - placed[each.id] for each in problem.courses}
    return {course: count for course, count in lacking.items() if count}


def reasons(problem: Problem, timetable: Timetable, course: Course) -> list[str]:
    """Return what stands against one more class of a course, as sentences with their numbers."""
    fitting = [room for room in problem.rooms if course.needs <= room.features]
    if not fitting:
        return [f"no room has all of {', '.join(sorted(course.needs))}"]
    counted = Counter(_against(problem, timetable, course, fitting, slot) for slot in problem.slots)
    return [
        f"in {count} of {len(problem.slots)} periods {reason}"
        for reason, count in counted.most_common()
    ]


def _against(
    problem: Problem, timetable: Timetable, course: Course, fitting: list[Room], slot: Slot
) -> str:
    """Return the first reason why a course can't be in a period."""
    if slot in course.unavailable:
        return "it is not available"
    busy = {each.course for each in timetable if each.slot == slot}
    if course.id in busy:
        return "it has a class already"
    for reason, ids in _others(problem, course):
        if busy & set(ids):
            return f"{reason} has another class"
    taken = {each.room for each in timetable if each.slot == slot}
    if taken >= {room.id for room in fitting}:
        return f"all {len(fitting)} rooms that fit are taken"
    return "it would fit; more time may find a place"


def _others(problem: Problem, course: Course) -> Iterator[tuple[str, tuple[str, ...]]]:
    return ((reason, ids) for reason, ids in problem.together if course.id in ids)
