"""Where the classes of a timetable are, what series plan them, and what has changed meanwhile."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from chassis.errors import FieldViolation
from services.sessions.domain.conflicts import prefixed
from services.sessions.domain.enums import CivilTime
from services.sessions.domain.planning import Schedule, planned, retired_violations, room_unknown
from services.sessions.domain.series_planning import ScheduleSeries
from services.sessions.domain.session import Room, Session
from services.sessions.domain.timetable_grid import Grid, Slot
from services.sessions.domain.timetable_problem import Facts, held_dates, seats_of
from services.sessions.domain.timetables import Course, PlacedClass, Problem

MOST_REFUSALS = 200
"""Of a timetable; more of them help nobody."""


def placed_class(
    problem: Problem, facts: Facts, course: int, room: Room, slot: Slot
) -> PlacedClass:
    """Return a class in a room, from a period of the week on."""
    grid, what = problem.grid, problem.courses[course]
    dates = held_dates(grid, slot.day, facts.times_of(what))
    return PlacedClass(
        course=course,
        room_id=room.id,
        room=room.name,
        weekday=grid.weekdays[slot.day],
        period=slot.period,
        starts=grid.starts(dates[0], slot),
        duration=grid.duration(slot.period, what.length),
        left_out=_left_out(problem, facts, what, slot),
    )


def slot_of(grid: Grid, placed: PlacedClass) -> Slot:
    """Return the first period of a class."""
    return Slot(grid.weekdays.index(placed.weekday), placed.period)


def series_of(problem: Problem, placed: PlacedClass) -> ScheduleSeries:
    """Return the request for the weekly series of a class. It begins and ends with a class that is
    held.
    """
    course, grid, slot = problem.courses[placed.course], problem.grid, slot_of(problem.grid, placed)
    every = [grid.starts(day, slot).local for day in grid.dates[slot.day]]
    out = {each for each in every if each.partition("T")[0] in placed.left_out}
    held = [each for each in every if each not in out]
    first, last = every.index(held[0]), every.index(held[-1])
    return ScheduleSeries(
        **_common(problem, course),
        room_id=placed.room_id,
        starts=CivilTime(held[0], grid.zone),
        duration=placed.duration,
        activity_id="",
        activity_ids=(course.activity_id,) if course.activity_id else (),
        rrule=f"FREQ=WEEKLY;COUNT={last - first + 1}",
        exdates=tuple(each for each in every[first:last] if each in out),
    )


def trials(problem: Problem, course: Course) -> tuple[Session, Session]:
    """Return a class of a course in no room on the first and on the last day of the term, to try
    the rules of planning on.
    """
    days = [day for dates in problem.grid.dates for day in dates]
    return _trial(problem, course, min(days)), _trial(problem, course, max(days))


def _trial(problem: Problem, course: Course, day: date) -> Session:
    grid = problem.grid
    command = Schedule(
        **_common(problem, course),
        room_id="",
        starts=grid.starts(day, Slot(0, 0)),
        duration=grid.duration(0, course.length),
        activity_id=course.activity_id,
    )
    return planned(command, None, "", "")


def room_violations(problem: Problem, rooms: Sequence[Room]) -> Iterator[FieldViolation]:
    """Yield a violation for each room of a problem that is unknown or out of use."""
    known = {each.id: each for each in rooms}
    for place, room_id in enumerate(problem.room_ids):
        room = known.get(room_id)
        wrong = [room_unknown(room_id)] if room is None else retired_violations(room)
        yield from (FieldViolation(f"room_ids[{place}]", w.wrong, w.right) for w in wrong)


def change_violations(
    problem: Problem, facts: Facts, classes: Sequence[PlacedClass]
) -> Iterator[FieldViolation]:
    """Yield what has changed since a timetable was solved: rooms without what classes need, and
    instructors who can't teach any more, or are away on other days.
    """
    rooms = {each.id: each for each in facts.rooms}
    for place, each in enumerate(classes):
        course = problem.courses[each.course]
        wrong = [
            *_room_changes(course, rooms.get(each.room_id), seats_of(course, facts.counted), each),
            *_teacher_changes(problem, facts, course, each),
        ]
        yield from prefixed(f"classes[{place}].", wrong)


def cut(refusals: Sequence[FieldViolation]) -> tuple[FieldViolation, ...]:
    """Return refusals, and instead of too many how many more they are."""
    if len(refusals) <= MOST_REFUSALS:
        return tuple(refusals)
    more = FieldViolation("classes", f"{len(refusals) - MOST_REFUSALS} more violations", "none")
    return (*refusals[:MOST_REFUSALS], more)


def _common(problem: Problem, course: Course) -> dict[str, Any]:
    """Return the fields that each class of a course has, wherever it is."""
    return {
        "run_id": course.run_id,
        "title": course.title,
        "kind": course.kind,
        "instructor_id": course.instructor_id,
        "room_seats": 0,
        "online_seats": 0,
        "join_url": course.join_url,
        "recorded": course.recorded,
        "material_item_ids": (),
        "group_ids": course.group_ids,
        "max_learner_clashes": problem.max_learner_clashes,
    }


def _room_changes(
    course: Course, room: Room | None, seats: int, placed: PlacedClass
) -> Iterator[FieldViolation]:
    if room is None:
        wrong = f"room {placed.room!r} is out of use"
        yield FieldViolation("room_id", wrong, "another room")
        return
    if missing := sorted({*course.features} - {*room.features}):
        wrong = f"room {room.name!r} has no {', '.join(missing)} any more"
        yield FieldViolation("room_id", wrong, "a room that has what the course needs")
    if seats > room.capacity:
        wrong = f"room {room.name!r} seats {room.capacity}"
        yield FieldViolation("room_id", wrong, f"{seats} seats, which {course.title!r} needs")


def _teacher_changes(
    problem: Problem, facts: Facts, course: Course, placed: PlacedClass
) -> Iterator[FieldViolation]:
    slot, times = slot_of(problem.grid, placed), facts.times_of(course)
    held = {slot._replace(period=slot.period + more) for more in range(course.length)}
    if not times.unavailable.isdisjoint(held):
        wrong = f"{course.instructor_id!r} is not available then any more"
        yield FieldViolation("instructor_id", wrong, "a time in the person's hours")
    elif _left_out(problem, facts, course, slot) != placed.left_out:
        wrong = f"{course.instructor_id!r} is away on other days than when it was solved"
        yield FieldViolation("left_out", wrong, "a timetable that is solved again")


def _left_out(problem: Problem, facts: Facts, course: Course, slot: Slot) -> tuple[str, ...]:
    """Return the days on which a class is not held: holidays, and absences of the instructor."""
    held = {*held_dates(problem.grid, slot.day, facts.times_of(course))}
    return tuple(day.isoformat() for day in problem.grid.dates[slot.day] if day not in held)
