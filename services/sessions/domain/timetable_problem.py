"""A timetable's problem as the timetabler reads it (timetabler/README.md), from what is known here.

What may break no rule of the week, in any week of the term: rooms and instructors that other
sessions hold; instructors who are not available; learners who are expected in two classes. A date
on which an instructor is away is left out of the series, and does not make the period unavailable.

Courses that share learners form groups. Two courses share learners if more of them are expected in
both than `max_learner_clashes`; courses of one activity of a run don't, because they are
alternatives. A group is a set of courses of which each shares learners with each other one; the
groups cover all pairs. So a learner's week is a group, or part of one, without that the roster of
each learner is looked at alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from chassis.errors import FieldViolation
from services.sessions.domain.audiences import Counted, are_alternatives, expected_at
from services.sessions.domain.session import Room, Session
from services.sessions.domain.timetable_grid import Grid, Slot, busy_slots
from services.sessions.domain.timetables import Course, Problem

Document = dict[str, Any]
Audience = tuple[str, tuple[str, ...]]
"""A run and some groups of it; none: the whole run."""

MOST_CHOICES = 500_000
"""Courses with each of their rooms and periods: the solver's memory grows with them."""
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherTimes:
    """When a person can teach."""

    unavailable: frozenset[Slot] = frozenset()
    disliked: frozenset[Slot] = frozenset()
    """Periods outside of the hours that the person prefers."""
    away: frozenset[date] = frozenset()


ALWAYS = TeacherTimes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known here about a problem."""

    rooms: Sequence[Room]
    calendar: Sequence[Session]
    """SCHEDULED and LIVE sessions that overlap the term."""
    teachers: Mapping[str, TeacherTimes]
    """Of those who are not always available."""
    counted: Counted
    """How many learners are expected in each run."""
    shared: Mapping[Audience, Counted]
    """How many of an audience's learners are expected in each run."""

    def times_of(self, course: Course) -> TeacherTimes:
        """Return when the instructor of a course can teach."""
        return self.teachers.get(course.instructor_id, ALWAYS)


def audience_of(course: Course) -> Audience:
    """Return who is expected at the classes of a course."""
    return course.run_id, course.group_ids


def seats_of(course: Course, counted: Counted) -> int:
    """Return how many seats the rooms of a course must have."""
    return course.seats or expected_at(course, counted)


def held_dates(grid: Grid, day: int, times: TeacherTimes) -> list[date]:
    """Return the dates of a weekday on which a person holds a class."""
    return [each for each in grid.dates[day] if each not in grid.days_off | times.away]


def document_of(problem: Problem, facts: Facts) -> Document:
    """Return the problem that the timetabler solves. Its courses are named by their places."""
    busy = _Busy(problem.grid, facts.calendar)
    weights = {"weights": asdict(problem.weights)} if problem.weights else {}
    return {
        "name": problem.name,
        "days": len(problem.grid.weekdays),
        "periods": len(problem.grid.periods),
        "rooms": [_room(each, busy.rooms[each.id]) for each in facts.rooms],
        "courses": [_course(problem, facts, busy, place) for place in range(len(problem.courses))],
        "groups": [
            {"id": _name(problem, number, group), "courses": [*map(str, group)]}
            for number, group in enumerate(learner_groups(problem, facts), 1)
        ],
        **weights,
    }


def size_violations(problem: Problem, facts: Facts) -> Iterator[FieldViolation]:
    """Yield a violation if there is no room, or if the solver would need too much memory."""
    if not facts.rooms:
        yield FieldViolation("room_ids", "no room is in use", "one or more")
    periods = len(problem.grid.weekdays) * len(problem.grid.periods)
    rooms = sum(
        _fits(course, seats_of(course, facts.counted), room)
        for course in problem.courses
        for room in facts.rooms
    )
    if rooms * periods > MOST_CHOICES:
        wrong = f"have {rooms * periods} choices of a room and a period"
        right = f"up to {MOST_CHOICES}: fewer courses at once, or fewer rooms for them"
        yield FieldViolation("courses", wrong, right)


def learner_groups(problem: Problem, facts: Facts) -> list[list[int]]:
    """Return groups of courses (their places) that share learners; each pair that does is in one.

    A group begins with a pair that is in none, and takes each further course that shares learners
    with all that it has.
    """
    of_run: defaultdict[str, list[int]] = defaultdict(list)
    for place, course in enumerate(problem.courses):
        of_run[course.run_id].append(place)
    sharing = [_sharing(problem, facts, of_run, place) for place in range(len(problem.courses))]
    covered: set[tuple[int, int]] = set()
    groups = []
    for one, others in enumerate(sharing):
        for other in sorted(others):
            if one < other and (one, other) not in covered:
                group = _grown([one, other], sharing)
                covered |= {(a, b) for a in group for b in group if a < b}
                groups.append(group)
    return groups


def _sharing(
    problem: Problem, facts: Facts, of_run: Mapping[str, Sequence[int]], place: int
) -> set[int]:
    """Return the courses that share learners with one. `of_run`: the courses of each run."""
    course = problem.courses[place]
    shared = facts.shared.get(audience_of(course), {})
    return {
        other
        for run_id in shared
        for other in of_run.get(run_id, ())
        if other != place
        and not are_alternatives(course, problem.courses[other])
        and expected_at(problem.courses[other], shared) > problem.max_learner_clashes
    }


def _grown(pair: list[int], sharing: Sequence[set[int]]) -> list[int]:
    group, candidates = list(pair), sharing[pair[0]] & sharing[pair[1]]
    while candidates:
        group.append(min(candidates))
        candidates = candidates & sharing[group[-1]]
    return sorted(group)


class _Busy:
    """The periods of the week in which sessions of the calendar are."""

    def __init__(self, grid: Grid, calendar: Iterable[Session]) -> None:
        self.rooms: defaultdict[str, set[Slot]] = defaultdict(set)
        self.teachers: defaultdict[str, set[Slot]] = defaultdict(set)
        self.runs: defaultdict[str, list[tuple[Session, Slot]]] = defaultdict(list)
        for session, slot in busy_slots(grid, calendar):
            self.rooms[session.room_id].add(slot)
            self.teachers[session.instructor_id].add(slot)
            if not session.is_help:
                self.runs[session.run_id].append((session, slot))

    def learners(self, problem: Problem, course: Course, shared: Counted) -> Iterator[Slot]:
        """Yield the periods in which too many learners of a course are expected elsewhere."""
        for run_id in shared:
            for session, slot in self.runs.get(run_id, ()):
                count = expected_at(session, shared)
                if count > problem.max_learner_clashes and not are_alternatives(course, session):
                    yield slot


def _room(room: Room, busy: Iterable[Slot]) -> Document:
    return {
        "id": room.id,
        "capacity": room.capacity,
        "features": list(room.features),
        "unavailable": [list(slot) for slot in sorted(busy)],
    }


def _course(problem: Problem, facts: Facts, busy: _Busy, place: int) -> Document:
    course, grid = problem.courses[place], problem.grid
    times, shared = facts.times_of(course), facts.shared.get(audience_of(course), {})
    never = {
        Slot(day, period)
        for day in range(len(grid.weekdays))
        if not held_dates(grid, day, times)
        for period in range(len(grid.periods))
    }
    taken = busy.teachers[course.instructor_id] | {*busy.learners(problem, course, shared)}
    return {
        "id": str(place),
        "teacher": course.instructor_id,
        "lectures": course.classes,
        "length": course.length,
        "min_days": course.min_days,
        "size": expected_at(course, facts.counted),
        "seats": seats_of(course, facts.counted),
        "needs": list(course.features),
        "unavailable": [list(slot) for slot in sorted(never | taken | times.unavailable)],
        "disliked": [[*slot, 1] for slot in sorted(times.disliked)],
    }


def _fits(course: Course, seats: int, room: Room) -> bool:
    return seats <= room.capacity and {*course.features} <= {*room.features}


def _name(problem: Problem, number: int, group: Sequence[int]) -> str:
    """Return the name of a group, by which reasons tell it."""
    titles = ", ".join(dict.fromkeys(problem.courses[place].title for place in group))
    cut = titles if len(titles) <= LONGEST_NAME else f"{titles[:LONGEST_NAME]}..."
    return f"{number} ({cut})"
