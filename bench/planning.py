"""A university's week, planned class by class; and one more check in ten times that calendar."""

import itertools
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import rig
from bench.figures import Figure, at_most, told
from chassis import ids, roles
from chassis.data.store import connect
from chassis.errors import FailedPrecondition
from chassis.operations.settings import load
from services.sessions.domain.enums import (
    AttendanceMode,
    CivilTime,
    EnrolmentState,
    Interval,
    SessionKind,
)
from services.sessions.domain.planning import Schedule, planned
from services.sessions.domain.roster import Enrolment, EnrolmentUpdate, Policy, Run
from services.sessions.domain.session import Room, Session
from services.sessions.settings import Settings
from services.sessions.store import SessionsStore
from services.sessions.usecases import clashes, placing, planning, rosters, slots
from services.sessions.usecases.limits import Limits
from services.sessions.usecases.slots import FindSlots

PROGRAMMES, RUNS, CLASSES, LEARNERS, ROOMS = 40, 5, 5, 325, 80
WEEKS, CHECKS, BATCH = 10, 200, 500
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
DATABASE = "bench_planning"
SETTINGS = {"TANDEM_MONGO_DATABASE": DATABASE, "TANDEM_OPS_ADDRESS": "127.0.0.1:0"}
# A year in which no class is past while this runs.
MONDAY = datetime.fromisoformat("2090-03-06T00:00:00")
ZONE = "Europe/Dublin"


def measure() -> Iterator[Figure]:
    """40 programmes of 325 learners, each with five runs of five hours a week; 80 rooms."""
    database, random_ = _university(), random.Random(39)
    wishes = [_wish(run, number, random_) for run in _runs() for number in range(CLASSES)]
    random_.shuffle(wishes)
    took, refused = _timed(lambda: _plan_all(database, wishes))
    name = f"a week of {len(wishes)} sessions"
    yield at_most(f"{name}: all planned", took, "s", 60)
    yield told(f"{name}: refused at first, planned in a slot that was found", refused, "sessions")
    checks = [_session(_wish(run, 9, random_)) for run in itertools.islice(_runs(), CHECKS)]
    one = _median(database, checks)
    _repeat(database)
    many = _median(database, checks)
    yield told("one check in a week's calendar, median", one * 1000, "ms")
    yield at_most(f"the same in {WEEKS} weeks' calendar", many / one, "times", 1.5)
    took, _ = _timed(lambda: _import(database))
    yield told("an import of 10,000 enrolments", took, "s")
    took, _ = _timed(lambda: _check_all(database))
    yield told("their clashes, found by the worker's checks", took, "s")


def _university() -> Any:
    """An empty database with its rooms, runs and learners."""
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(DATABASE)
    rig.run("services.sessions", "migrate", settings=SETTINGS)
    settings = load(Settings, {**rig.environment(), **SETTINGS}, "worker")
    database = roles.open_database(settings, "sessions", SessionsStore)
    rooms = [Room(f"room-{number}", f"Room {number}", 400) for number in range(ROOMS)]
    runs = [Run(run, (f"teacher-{run}",), Policy(), 1) for run in _runs()]
    database.transact(lambda store: [*map(store.put_room, rooms)])
    database.transact(lambda store: store.put_replicas(runs))
    for run in _runs():
        rows = [_enrolment(run, learner) for learner in _learners(run)]
        database.transact(lambda store, rows=rows: store.put_enrolments(rows))  # type: ignore[misc]
    return database


def _runs() -> Iterator[str]:
    return (f"run-{programme:02d}-{run}" for programme in range(PROGRAMMES) for run in range(RUNS))


def _learners(run: str) -> list[str]:
    """The learners of a run's programme."""
    return [f"learner-{run[4:6]}-{number:03d}" for number in range(LEARNERS)]


def _enrolment(run: str, learner: str) -> Enrolment:
    return Enrolment(run, learner, EnrolmentState.ENROLLED, 1, AttendanceMode.CLASSROOM, 1)


def _import(database: Any) -> None:
    """10,000 learners of the first programmes come to a run of the last one."""
    learners = [who for run in _runs() if run.endswith("-0") for who in _learners(run)]
    news = [
        EnrolmentUpdate("run-39-0", who, 1, EnrolmentState.ENROLLED, AttendanceMode.CLASSROOM)
        for who in learners[:10_000]
    ]
    for first in range(0, len(news), BATCH):
        some = news[first : first + BATCH]
        database.transact(lambda store, some=some: rosters.note_enrolments(store, some))


def _check_all(database: Any) -> None:
    while database.transact(clashes.do_checks):
        pass


def _wish(run: str, number: int, random_: random.Random) -> Schedule:
    """A request for some room at some hour of the week, from 8 to 18."""
    start = MONDAY + timedelta(days=random_.randrange(5), hours=random_.randrange(8, 18))
    return Schedule(
        run_id=run,
        activity_id=f"lecture-{number}",
        title="Lecture",
        kind=SessionKind.IN_ROOM,
        room_id=f"room-{random_.randrange(ROOMS)}",
        instructor_id=f"teacher-{run}",
        starts=CivilTime(start.isoformat(), ZONE),
        duration=HOUR,
        room_seats=0,
        online_seats=0,
        join_url="",
        recorded=False,
        material_item_ids=(),
    )


def _plan_all(database: Any, wishes: Sequence[Schedule]) -> int:
    """Plan all sessions; return how many had to go to a slot that was found."""
    refused = 0
    for wish in wishes:
        try:
            database.transact(lambda store, wish=wish: planning.schedule(store, wish))
        except FailedPrecondition:
            refused += 1
            slot = slots.find_slots(database.reader(), _search(wish))[0]
            better = replace(wish, starts=slot.starts, room_id=slot.room_id)
            database.transact(lambda store, better=better: planning.schedule(store, better))
    return refused


def _search(wish: Schedule) -> FindSlots:
    return FindSlots(
        run_id=wish.run_id,
        session_id="",
        series_id="",
        kind=wish.kind,
        room_id=wish.room_id,
        instructor_id=wish.instructor_id,
        group_ids=(),
        activity_id=wish.activity_id,
        starts=wish.starts,
        duration=wish.duration,
        room_seats=0,
        online_seats=0,
        max_learner_clashes=0,
        earliest="08:00",
        latest="18:00",
        days=(1, 2, 3, 4, 5),
    )


def _session(wish: Schedule) -> Session:
    return planned(wish, Room(wish.room_id, "", 400), "new", "")


def _median(database: Any, sessions: Sequence[Session]) -> float:
    """Seconds of one check of a plan, of those that clash with nothing: no slots are looked for."""
    times = []
    for session in (*sessions, *sessions, *sessions):
        took, wrong = _timed(lambda session=session: _check(database.reader(), session))  # type: ignore[misc]
        times += [] if wrong else [took]
    return statistics.median(times)


def _check(store: SessionsStore, session: Session) -> list[Any]:
    return list(placing.time_violations(store, {"": session}, {"": session}, Limits()))


def _repeat(database: Any) -> None:
    """The same week again, as often as it takes to have ten times the sessions."""
    start = MONDAY.replace(tzinfo=UTC)
    week = database.reader().overlapping([Interval(start, start + WEEK)])
    for number in range(1, WEEKS):
        shift = number * WEEK
        later = [
            replace(
                each,
                id=ids.new_id(),
                start_time=each.start_time + shift,
                end_time=each.end_time + shift,
            )
            for each in week
        ]
        database.transact(lambda store, later=later: store.put_sessions(later))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result
