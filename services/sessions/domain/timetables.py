"""Timetables: what is asked for, and the life of one until its classes are planned."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chassis.errors import FieldViolation
from services.sessions.domain.conflicts import prefixed
from services.sessions.domain.enums import CivilTime, SessionKind
from services.sessions.domain.planning import link_violations
from services.sessions.domain.timetable_grid import Grid, grid_violations

MOST_CLASSES = 2_000
"""Of a week. One unit of work plans them all."""
USUAL_SECONDS = 60
MOST_BEGINNINGS = 3
"""How often a search begins: whatever ends its solvers may end the next one, too."""


class TimetableState(StrEnum):
    """Where a timetable is."""

    WAITING = "WAITING"
    SOLVING = "SOLVING"
    SOLVED = "SOLVED"
    APPLYING = "APPLYING"
    APPLIED = "APPLIED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


TO_SOLVE = (TimetableState.WAITING, TimetableState.SOLVING)
CANCELLABLE = (*TO_SOLVE, TimetableState.SOLVED, TimetableState.CANCELLED)
APPLICABLE = (TimetableState.SOLVED, TimetableState.APPLYING, TimetableState.APPLIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Classes of one kind that are to be placed: of one run or some groups, by one instructor."""

    run_id: str
    group_ids: tuple[str, ...] = ()
    title: str
    activity_id: str = ""
    kind: SessionKind
    join_url: str = ""
    recorded: bool = False
    instructor_id: str
    classes: int
    """How many a week."""
    periods: int = 0
    """How many each takes; 0: one."""
    min_days: int = 0
    seats: int = 0
    """That the room must have; 0: one for each learner who is expected."""
    features: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """Return how many periods a class takes."""
        return self.periods or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a point of each wish costs."""

    capacity: int
    days: int
    compactness: int
    stability: int
    dislikes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is to be placed, where it may go, and for how long a solver may search."""

    name: str
    grid: Grid
    courses: tuple[Course, ...]
    room_ids: tuple[str, ...] = ()
    weights: Weights | None = None
    max_learner_clashes: int = 0
    seconds: int = 0
    enough: int = 0

    @property
    def limit(self) -> timedelta:
        """Return for how long a solver may search."""
        return timedelta(seconds=self.seconds or USUAL_SECONDS)


@dataclass(frozen=True, slots=True)
class Progress:
    """The best timetable so far."""

    seconds: float
    missing: int
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a timetable costs, by its wishes."""

    capacity: int
    days: int
    compactness: int
    stability: int
    dislikes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedClass:
    """A class of the week that has a place."""

    course: int
    """The place of its course among the problem's."""
    room_id: str
    room: str
    weekday: int
    period: int
    starts: CivilTime
    """When the first one of the term starts."""
    duration: timedelta
    left_out: tuple[str, ...] = ()
    """The days on which it is not held: holidays, and absences of the instructor."""
    series_id: str = ""


@dataclass(frozen=True, slots=True)
class UnplacedClasses:
    """Classes of a course that have no place, and why."""

    course: int
    classes: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """One timetable."""

    id: str
    problem: Problem
    state: TimetableState = TimetableState.WAITING
    created_by: str
    created_at: datetime
    beginnings: int = 0
    """How often a search began."""
    begun_at: datetime | None = None
    progress: Progress | None = None
    classes: tuple[PlacedClass, ...] = ()
    score: Score | None = None
    is_best: bool = False
    missing: tuple[UnplacedClasses, ...] = ()
    reason: str = ""
    refusals: tuple[FieldViolation, ...] = ()
    ended_at: datetime | None = None

    @property
    def ends_by(self) -> datetime | None:
        """Return when the search will have ended, at the latest; the solver builds its model
        before.
        """
        return self.begun_at + self.problem.limit if self.begun_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What a search found."""

    classes: tuple[PlacedClass, ...]
    score: Score
    is_best: bool
    missing: tuple[UnplacedClasses, ...]


def problem_violations(problem: Problem, hosts: bool = False) -> list[FieldViolation]:
    """Return everything that is wrong with what is asked for, whatever the state. `hosts`: there
    are meeting servers, so that HYBRID courses need no `join_url`.
    """
    total = sum(each.classes for each in problem.courses)
    wrong = [*prefixed("grid.", grid_violations(problem.grid))]
    if not problem.name.strip():
        wrong.append(FieldViolation("name", "is blank", "what people will read"))
    if total > MOST_CLASSES:
        wrong.append(FieldViolation("courses", f"have {total} classes", f"up to {MOST_CLASSES}"))
    for place, course in enumerate(problem.courses):
        wrong += prefixed(f"courses[{place}].", _course_violations(problem.grid, course, hosts))
    return wrong


def begun(timetable: Timetable, now: datetime) -> Timetable:
    """Return a timetable whose search begins, with nothing of an earlier one."""
    return replace(
        timetable,
        state=TimetableState.SOLVING,
        beginnings=timetable.beginnings + 1,
        begun_at=now,
        progress=None,
    )


def solved(timetable: Timetable, found: Solution, now: datetime) -> Timetable:
    """Return a timetable after its search."""
    return replace(
        timetable,
        state=TimetableState.SOLVED,
        classes=found.classes,
        score=found.score,
        is_best=found.is_best,
        missing=found.missing,
        ended_at=now,
    )


def ended(timetable: Timetable, state: TimetableState, now: datetime) -> Timetable:
    """Return a timetable that ended in a state."""
    return replace(timetable, state=state, ended_at=now)


def missing_classes(timetable: Timetable) -> int:
    """Return how many classes have no place."""
    return sum(each.classes for each in timetable.missing)


def cost(score: Score) -> int:
    """Return what a timetable costs in all."""
    return score.capacity + score.days + score.compactness + score.stability + score.dislikes


def state_violations(timetable: Timetable, *states: TimetableState) -> Iterator[FieldViolation]:
    """Yield a violation if a timetable is in none of some states."""
    if timetable.state not in states:
        wrong = f"the timetable is {timetable.state}"
        yield FieldViolation("timetable_id", wrong, f"one that is {' or '.join(states)}")


def _course_violations(grid: Grid, course: Course, hosts: bool) -> Iterator[FieldViolation]:
    if not course.title.strip():
        yield FieldViolation("title", "is blank", "what people will read")
    if course.kind is SessionKind.ONLINE:
        yield FieldViolation("kind", "is ONLINE", "IN_ROOM or HYBRID: these need a room")
    yield from link_violations(course.kind, course.join_url, hosts)
    if course.length > len(grid.periods):
        right = f"up to {len(grid.periods)}, as a day has"
        yield FieldViolation("periods", f"{course.length} are asked for", right)
    for name, values in (("group_ids", course.group_ids), ("features", course.features)):
        if len(set(values)) < len(values):
            yield FieldViolation(name, "names one twice", "each once")
