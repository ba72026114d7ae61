"""Solves and applies timetables; each timetable is a job."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from chassis.data.store import Database, is_too_large
from chassis.errors import FieldViolation
from chassis.jobs import Batch, GiveBack, Jobs, Work
from services.sessions import metrics
from services.sessions.domain.session import Room
from services.sessions.domain.timetable_grid import Slot
from services.sessions.domain.timetable_plans import placed_class
from services.sessions.domain.timetable_problem import Facts, document_of, size_violations
from services.sessions.domain.timetables import (
    PlacedClass,
    Problem,
    Progress,
    Score,
    Solution,
    Timetable,
    TimetableState,
    UnplacedClasses,
)
from services.sessions.recurrences import instances
from services.sessions.solver_child import Ended, Solver
from services.sessions.store import SessionsStore
from services.sessions.store_timetables import APPLY, SOLVE
from services.sessions.usecases import timetable_applying as applying
from services.sessions.usecases import timetable_facts as facts
from services.sessions.usecases import timetables as use
from timetabler import documents, reasons
from timetabler import problem as timetabling
from timetabler.score import score, unknown, violations

# Seconds between two events, and two notes, of a search.
TELL_EVERY = 10.0
NOTE_EVERY = 1.0

Document = dict[str, Any]

TOO_LARGE = FieldViolation(
    "classes",
    "are too many sessions for one transaction in the cache of this MongoDB",
    "fewer classes or weeks, or a larger cache (docs/operators.md)",
)

log = structlog.get_logger()


def solving(solver: Solver, online_limit: int = 0) -> Jobs[SessionsStore]:
    """Return the jobs that solve and apply timetables, one of each at once in a process."""

    @contextmanager
    def work(database: Database[SessionsStore]) -> Iterator[Work]:
        yield partial(process, database, solver, online_limit)

    return Jobs(
        "sessions.timetable", "timetables", {SOLVE: 1, APPLY: 1}, ((SOLVE,), (APPLY,)), work
    )


def process(
    database: Database[SessionsStore], solver: Solver, online_limit: int, batch: Batch
) -> int:
    """Work on the timetable of a batch until it ends; return how many have.

    After a crash another process begins anew. Raises GiveBack if this one is to end.
    """
    (timetable_id,) = batch.ids
    try:
        if batch.lane == APPLY:
            found = _apply(database, online_limit, batch)
        else:
            found = _solve(database, solver, batch)
    except use.TakenOver:
        log.warning("a timetable was taken over or cancelled", timetable_id=timetable_id)
        return 0
    metrics.TIMETABLES.labels(_end_of(found)).inc()
    log.info("timetable", timetable_id=found.id, state=found.state, reason=found.reason)
    return 1


def _end_of(found: Timetable) -> str:
    return "REFUSED" if found.refusals else found.state


def _apply(database: Database[SessionsStore], online_limit: int, batch: Batch) -> Timetable:
    (timetable_id,) = batch.ids
    store, claim = database.reader(), batch.claim
    prepared = applying.prepare(store, instances, use.claimed(store, timetable_id, claim))
    try:
        return database.transact(
            lambda store: applying.apply(store, timetable_id, claim, prepared, online_limit)
        )
    except applying.Outdated as error:
        raise GiveBack("a room has changed meanwhile") from error
    except PyMongoError as error:
        if not is_too_large(error):
            raise
        return database.transact(
            lambda store: applying.refuse(store, timetable_id, claim, TOO_LARGE)
        )


def _solve(database: Database[SessionsStore], solver: Solver, batch: Batch) -> Timetable:
    (timetable_id,) = batch.ids
    claim = batch.claim
    found = database.transact(lambda store: use.begin(store, timetable_id, claim))
    if found.state is TimetableState.FAILED:
        return found
    try:
        solution = _solution(database, solver, batch, found.problem)
    except Ended as why:
        text = str(why)
        return database.transact(lambda store: use.fail(store, timetable_id, claim, text))
    return database.transact(lambda store: use.finish(store, timetable_id, claim, solution))


def _solution(
    database: Database[SessionsStore], solver: Solver, batch: Batch, problem: Problem
) -> Solution:
    """Return what a search finds. Raises Ended if there is nothing."""
    known = facts.gather(database.reader(), problem)
    if wrong := [*map(str, size_violations(problem, known))]:
        raise Ended("; ".join(wrong))
    document = document_of(problem, known)
    telling = _Telling(database, batch)
    result: Document = {}
    limit = problem.limit.total_seconds()
    for line in solver.lines(document, limit, problem.enough, telling.tick):
        telling.note(line.get("progress"))
        result = line.get("result", result)
    return checked(problem, known, document, result)


def checked(
    problem: Problem, known: Facts, document: Document, result: Mapping[str, Any]
) -> Solution:
    """Return the solution of a solver's result, of which only the places are believed: rules, costs
    and reasons are computed anew. Raises Ended if it breaks a rule.
    """
    asked = documents.problem_of(document)
    try:
        timetable = documents.timetable_of(result["classes"])
    except (KeyError, TypeError) as error:
        raise Ended("the solver gave no timetable") from error
    if broken := unknown(asked, timetable) or [*violations(asked, timetable)]:
        raise Ended(f"the solver's timetable breaks rules: {'; '.join(broken[:5])}")
    rooms = {each.id: each for each in known.rooms}
    return Solution(
        classes=tuple(
            _placed(problem, known, rooms, each) for each in sorted(timetable, key=_time)
        ),
        score=_score(asked, timetable),
        is_best=bool(result.get("is_best")),
        missing=tuple(_missing(asked, timetable)),
    )


def _time(placement: timetabling.Placement) -> tuple[object, ...]:
    return placement.slot, placement.room, placement.course


def _placed(
    problem: Problem, known: Facts, rooms: Mapping[str, Room], each: timetabling.Placement
) -> PlacedClass:
    slot = Slot(each.slot.day, each.slot.period)
    return placed_class(problem, known, int(each.course), rooms[each.room], slot)


def _score(asked: timetabling.Problem, timetable: timetabling.Timetable) -> Score:
    told = documents.score_of(score(asked, timetable))
    del told["total"]
    return Score(**told)


def _missing(
    asked: timetabling.Problem, timetable: timetabling.Timetable
) -> Iterator[UnplacedClasses]:
    courses = {each.id: each for each in asked.courses}
    for course, count in reasons.missing(asked, timetable).items():
        why = tuple(reasons.reasons(asked, timetable, courses[course]))
        yield UnplacedClasses(int(course), count, why)


class _Telling:
    """Stores and tells how far a search is, now and then, and ends it if nobody wants it."""

    def __init__(self, database: Database[SessionsStore], batch: Batch) -> None:
        self._database, self._batch = database, batch
        (self._id,) = batch.ids
        self._told = self._noted = float("-inf")
        self._latest: Progress | None = None

    def tick(self) -> None:
        """Raise GiveBack if the process is to end, and TakenOver if the search is to."""
        self._batch.go_on()
        now = time.monotonic()
        if now >= self._noted + NOTE_EVERY:
            self._noted = now
            use.claimed(self._database.reader(), self._id, self._batch.claim)
            self._tell(now)

    def note(self, progress: Mapping[str, Any] | None) -> None:
        """Take a better timetable's cost. The first one is told at once."""
        if progress is not None:
            self._latest = Progress(
                float(progress["seconds"]), int(progress["missing"]), int(progress["cost"])
            )
            self._tell(time.monotonic())

    def _tell(self, now: float) -> None:
        if self._latest is not None and now >= self._told + TELL_EVERY:
            self._told, latest, self._latest = now, self._latest, None
            claim = self._batch.claim
            self._database.transact(lambda store: use.note_progress(store, self._id, claim, latest))
