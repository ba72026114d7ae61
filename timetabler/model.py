"""The problem as a model of CP-SAT, and its solution: all classes first, then fewer costs."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from ortools.sat.python import cp_model

from timetabler.problem import (
    Course,
    Group,
    Placement,
    Problem,
    Room,
    Slot,
    Timetable,
    begun,
    held,
)
from timetabler.score import beside

Var: TypeAlias = cp_model.IntVar
Cost: TypeAlias = cp_model.LinearExprT
Found = Callable[[Timetable], None]


class Limits(NamedTuple):
    """What a solution may use."""

    seconds: float
    workers: int
    """Threads of the solver."""
    seed: int = 0
    enough: int = 0
    """The search ends at this cost."""


@dataclass(slots=True)
class Variables:
    """The decisions."""

    placed: dict[Placement, Var] = field(default_factory=dict)
    """Whether a class of a course is in a room, from a period on."""
    starts: dict[tuple[str, Slot], Var] = field(default_factory=dict)
    """Whether a class of a course begins in a period, in whatever room."""
    lengths: dict[str, int] = field(default_factory=dict)
    """How many periods a class of a course takes."""
    missing: dict[str, Var] = field(default_factory=dict)
    """How many classes of a course have no place."""


def solve(problem: Problem, limits: Limits, found: Found) -> tuple[Timetable, bool]:
    """Return the best timetable that was found in time, and whether none is better.

    `found` is called with each better one. The first search places as many classes as it can, and
    takes at most half of the time; the second keeps their number and lowers the cost.
    """
    end = time.monotonic() + limits.seconds
    model, variables = build(problem)
    missing = cp_model.LinearExpr.sum(list(variables.missing.values()))
    model.minimize(missing)
    half = limits._replace(seconds=limits.seconds / 2, enough=0)
    first = _search(model, variables, half, found)
    if not first.missing:  # nothing was found in time, not even a timetable without classes
        return (), False
    model.add(missing <= sum(first.missing.values()))
    model.minimize(costs(problem, model, variables))
    for placement, variable in variables.placed.items():
        model.add_hint(variable, placement in first.timetable)
    second = _search(model, variables, limits._replace(seconds=end - time.monotonic()), found)
    best = second if second.timetable else first
    return best.timetable, first.is_best and second.is_best


def build(problem: Problem) -> tuple[cp_model.CpModel, Variables]:
    """Return the model with the rules that no timetable may break."""
    model, variables = cp_model.CpModel(), Variables()
    for course in problem.courses:
        _add_course(model, variables, problem, course)
    for room in problem.rooms:
        for slot in problem.slots:
            model.add_at_most_one(_holders(variables, problem.courses, room, slot))
    for _, ids in problem.together:
        for slot in problem.slots:
            model.add_at_most_one(_meetings(variables, ids, slot))
    return model, variables


def costs(problem: Problem, model: cp_model.CpModel, variables: Variables) -> Cost:
    """Add the wishes to a model, and return what breaking them costs."""
    weights = problem.weights
    terms: list[Cost] = []
    rooms = {each.id: each for each in problem.rooms}
    courses = {each.id: each for each in problem.courses}
    for placement, variable in variables.placed.items():
        course = courses[placement.course]
        seats = max(0, course.size - rooms[placement.room].capacity)
        dislikes = sum(course.disliked.get(slot, 0) for slot in held(placement.slot, course.length))
        terms.append((seats * weights.capacity + dislikes * weights.dislikes) * variable)
    for course in problem.courses:
        terms.append(weights.days * _days_missing(problem, model, variables, course))
        terms.append(weights.stability * _rooms_more(problem, model, variables, course))
    for group in problem.groups:
        terms += (
            weights.compactness * each for each in _isolated(problem, model, variables, group)
        )
    return cp_model.LinearExpr.sum(terms)


def _add_course(
    model: cp_model.CpModel, variables: Variables, problem: Problem, course: Course
) -> None:
    """Add where a course may be, and that each class is somewhere or missing."""
    variables.lengths[course.id] = course.length
    fitting = [room for room in problem.rooms if course.fits(room)]
    starts = []
    for start in problem.starts(course):
        begins = variables.starts[course.id, start] = model.new_bool_var(f"{course.id} {start}")
        slots = held(start, course.length)
        free = [room for room in fitting if room.unavailable.isdisjoint(slots)]
        here = [_placed(model, variables, course, room, start) for room in free]
        model.add(cp_model.LinearExpr.sum(here) == begins)
        starts.append(begins)
    missing = variables.missing[course.id] = model.new_int_var(0, course.lectures, course.id)
    model.add(cp_model.LinearExpr.sum(starts) + missing == course.lectures)


def _placed(
    model: cp_model.CpModel, variables: Variables, course: Course, room: Room, slot: Slot
) -> Var:
    placement = Placement(course.id, room.id, slot)
    variable = variables.placed[placement] = model.new_bool_var(f"{course.id} {room.id} {slot}")
    return variable


def _holders(variables: Variables, courses: Iterable[Course], room: Room, slot: Slot) -> list[Var]:
    """Return the decisions for classes that would be in a room in a period."""
    return [
        decision
        for course in courses
        for decision in _inside(variables, course, room, begun(slot, course.length))
    ]


def _inside(variables: Variables, course: Course, room: Room, starts: Iterable[Slot]) -> list[Var]:
    """Return the decisions for classes of a course that would begin in a room at some starts."""
    keys = (Placement(course.id, room.id, start) for start in starts)
    return [variables.placed[key] for key in keys if key in variables.placed]


def _beginnings(variables: Variables, ids: Iterable[str], slot: Slot) -> list[Var]:
    return [variables.starts[each, slot] for each in ids if (each, slot) in variables.starts]


def _meetings(variables: Variables, ids: Iterable[str], slot: Slot) -> list[Var]:
    """Return the decisions for classes of some courses that would go on in a period."""
    return [
        decision
        for each in ids
        for start in begun(slot, variables.lengths[each])
        for decision in _beginnings(variables, [each], start)
    ]


def _days_missing(
    problem: Problem, model: cp_model.CpModel, variables: Variables, course: Course
) -> Var:
    """Return how many days a course lacks."""
    days = []
    for day in range(problem.days):
        on = model.new_bool_var(f"{course.id} on {day}")
        slots = (Slot(day, period) for period in range(problem.periods))
        meetings = [m for slot in slots for m in _beginnings(variables, [course.id], slot)]
        model.add(on <= cp_model.LinearExpr.sum(meetings))
        days.append(on)
    lacking: Var = model.new_int_var(0, course.min_days, f"days of {course.id}")
    model.add(lacking >= course.min_days - cp_model.LinearExpr.sum(days))
    return lacking


def _rooms_more(
    problem: Problem, model: cp_model.CpModel, variables: Variables, course: Course
) -> Var:
    """Return how many rooms a course has beyond its first."""
    used = []
    for room in problem.rooms:
        inside = _inside(variables, course, room, problem.slots)
        if inside:
            uses = model.new_bool_var(f"{course.id} in {room.id}")
            model.add_max_equality(uses, inside)
            used.append(uses)
    more: Var = model.new_int_var(0, len(problem.rooms), f"rooms of {course.id}")
    model.add(more >= cp_model.LinearExpr.sum(used) - 1)
    return more


def _isolated(
    problem: Problem, model: cp_model.CpModel, variables: Variables, group: Group
) -> list[Var]:
    """Return for each period, and each length, whether a class of a group that stands alone begins
    there.
    """
    found = []
    by_length: dict[int, list[str]] = {}
    for each in group.courses:
        by_length.setdefault(variables.lengths[each], []).append(each)
    for length, ids in by_length.items():
        for start in problem.slots:
            alone = model.new_bool_var(f"{group.id} alone {start} {length}")
            here = cp_model.LinearExpr.sum(_beginnings(variables, ids, start))
            slots = beside(start, length)
            near = [m for slot in slots for m in _meetings(variables, group.courses, slot)]
            model.add(alone >= here - cp_model.LinearExpr.sum(near))
            found.append(alone)
    return found


class _Searched(NamedTuple):
    timetable: Timetable
    missing: Mapping[str, int]
    is_best: bool


def _search(
    model: cp_model.CpModel, variables: Variables, limits: Limits, found: Found
) -> _Searched:
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(0.1, limits.seconds)
    solver.parameters.num_workers = limits.workers
    solver.parameters.random_seed = limits.seed
    status = solver.solve(model, _Listener(variables, found, limits.enough))
    if status not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        return _Searched((), {}, is_best=False)
    timetable = tuple(p for p, v in variables.placed.items() if solver.boolean_value(v))
    missing = {course: solver.value(v) for course, v in variables.missing.items()}
    return _Searched(timetable, missing, status == cp_model.OPTIMAL)


class _Listener(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
    """Tells of each better timetable, and stops at one that is good enough."""

    def __init__(self, variables: Variables, found: Found, enough: int) -> None:
        super().__init__()
        self._variables, self._found, self._enough = variables, found, enough

    def on_solution_callback(self) -> None:
        """Take the present one."""
        placed = self._variables.placed.items()
        self._found(tuple(p for p, v in placed if self.boolean_value(v)))
        if self.objective_value <= self._enough:
            self.stop_search()
