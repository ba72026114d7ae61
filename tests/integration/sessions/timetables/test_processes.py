"""Real solver processes: one that works and stops, one that is killed, and a university's week."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import SystemClock
from chassis.data.store import Database
from chassis.jobs.runner import Runner
from services.sessions.domain.enums import AttendanceMode, EnrolmentState, SessionKind
from services.sessions.domain.roster import Enrolment, Policy, Run
from services.sessions.domain.session import Room
from services.sessions.domain.timetable_grid import Grid
from services.sessions.domain.timetables import Course, Problem, Timetable, TimetableState
from services.sessions.solving import solving
from services.sessions.store import SessionsStore
from services.sessions.usecases import timetables as use
from tests.conftest import MakeDatabase
from tests.deep import only_deep
from tests.integration.processes import RoleProcess, eventually
from tests.integration.sessions.timetables.terms import program, real
from tests.mongo import long_transactions

WEEKS = 12
BUILDINGS, ROOMS_OF_ONE = 4, 10
CLASSES, CLASSES_OF_RUN, LEARNERS_OF_RUN = 1_000, 5, 20
# Each class is in the next free place of its building: those of a run follow each other.
PLACES = """
problem = json.load(sys.stdin)
slots = [(day, period) for day in range(problem["days"]) for period in range(problem["periods"])]
places = {}
for room in problem["rooms"]:
    places.setdefault(room["features"][0], []).extend((room["id"], *slot) for slot in slots)
classes = []
for course in problem["courses"]:
    room, day, period = places[course["needs"][0]].pop(0)
    classes.append({"course": course["id"], "room": room, "day": day, "period": period})
print(json.dumps({"result": {"classes": classes}}))
"""
ENDLESS = (
    "import time",
    "parent = int(sys.argv[sys.argv.index('--parent') + 1])",
    "while os.getppid() == parent: time.sleep(0.1)",
)
"""A search without an end, but that of its parent, which may have ended already."""
Start = Callable[..., RoleProcess]


@pytest.fixture
def database(make_database: MakeDatabase) -> Database[SessionsStore]:
    """A database on the system's clock: the solver has no other."""
    made = make_database(SessionsStore)
    return Database(made.client, made.mongo.name, SessionsStore, SystemClock())


@pytest.fixture
def start(database: Database[SessionsStore], stack: dict[str, str]) -> Iterator[Start]:
    """Starts one more solver of sessions."""
    environment = {
        **stack,
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_MONGO_DATABASE": database.mongo.name,
        "TANDEM_OPS_ADDRESS": "127.0.0.1:0",
    }
    started: list[RoleProcess] = []

    def one(**more: str) -> RoleProcess:
        started.append(RoleProcess(["-m", "services.sessions", "solver"], environment | more))
        return started[-1]

    yield one
    for each in started:
        each.kill()


def problem() -> Problem:
    """Two classes a week from next week on, for some weeks; the first timetable will do."""
    first = datetime.now(UTC).date() + timedelta(days=7)
    grid = Grid(
        zone="Europe/Dublin",
        start_date=str(first),
        end_date=str(first + timedelta(weeks=WEEKS) - timedelta(days=1)),
        weekdays=(1, 2, 3, 4, 5),
        periods=("09:00", "10:00", "11:00", "12:00", "14:00"),
        period_length=timedelta(minutes=50),
    )
    course = Course(
        run_id="run", title="Motion", kind=SessionKind.IN_ROOM, instructor_id="curie", classes=2
    )
    return Problem(name="Spring", grid=grid, courses=(course,), seconds=600, enough=10**6)


def ask(database: Database[SessionsStore], asked: Problem) -> str:
    """The id of a timetable that waits for a solver."""
    command = use.SolveTimetable(asked)
    return database.transact(lambda store: use.solve(store, command, "registrar")).id


def furnish(database: Database[SessionsStore]) -> None:
    """One room, and one run."""
    run = Run("run", ("curie",), Policy(), 1)
    database.transact(lambda store: store.put_room(Room("aula", "Aula", 30)))
    database.transact(lambda store: store.put_replicas([run]))


def state(database: Database[SessionsStore], timetable_id: str) -> Timetable:
    """A timetable as it is now."""
    return use.get(database.reader(), timetable_id)


@real
def test_a_solver_solves_applies_and_stops(database: Database[SessionsStore], start: Start) -> None:
    """The role, which needs no broker, ends at SIGTERM."""
    furnish(database)
    timetable_id = ask(database, problem())
    solver = start()
    eventually(lambda: state(database, timetable_id).state is TimetableState.SOLVED)
    database.transact(lambda store: use.request_apply(store, timetable_id))
    eventually(lambda: state(database, timetable_id).state is TimetableState.APPLIED)
    assert solver.stop() == 0
    assert database.mongo["sessions"].count_documents({}) == 2 * WEEKS


@only_deep
@real
def test_a_killed_search_begins_anew(
    database: Database[SessionsStore], start: Start, tmp_path: Path
) -> None:
    """Another process takes it over when the claim ends, and solves it; one that is stopped gives
    it back at once.
    """
    furnish(database)
    timetable_id = ask(database, problem())
    endless = program(tmp_path, *ENDLESS).python
    for beginnings, end in ((1, RoleProcess.kill), (2, RoleProcess.stop)):
        solver = start(TANDEM_TIMETABLER_PYTHON=str(endless))
        eventually(partial(_has_begun, database, timetable_id, beginnings))
        end(solver)
        if end is RoleProcess.kill:
            change = {"$set": {"job.due": datetime.now(UTC)}}
            database.mongo["timetables"].update_one({"_id": timetable_id}, change)
    start()
    eventually(lambda: state(database, timetable_id).state is TimetableState.SOLVED)
    assert state(database, timetable_id).beginnings == 3


def _has_begun(database: Database[SessionsStore], timetable_id: str, times: int) -> bool:
    return state(database, timetable_id).beginnings == times


@only_deep
def test_a_universitys_week_is_applied_in_one_act(
    database: Database[SessionsStore], tmp_path: Path
) -> None:
    """1,000 classes of 200 runs, for twelve weeks: all of them are planned, with their events; a
    second timetable for the same rooms is refused whole. A cache that is too small refuses it, too.
    """
    asked = _university(database)
    jobs = Runner(database, solving(program(tmp_path, PLACES)))
    first, second = ask(database, asked), ask(database, asked)
    jobs.run_due()
    with long_transactions(database.client), cache_of(database.client, "64M"):
        database.transact(partial(use.request_apply, timetable_id=first))
        jobs.run_due()
    (small,) = state(database, first).refusals
    assert small.wrong.startswith("are too many sessions for one transaction")
    assert database.mongo["sessions"].count_documents({}) == 0
    began = datetime.now(UTC)
    with long_transactions(database.client), cache_of(database.client, "2G"):
        for timetable_id in (first, second):
            database.transact(partial(use.request_apply, timetable_id=timetable_id))
            jobs.run_due()
            print(f"\n{datetime.now(UTC) - began} until {state(database, timetable_id).state}")
    assert state(database, first).state is TimetableState.APPLIED, state(database, first).refusals
    assert database.mongo["sessions"].count_documents({}) == CLASSES * WEEKS
    assert database.mongo["series"].count_documents({}) == CLASSES
    types = database.mongo["outbox"].distinct("type")
    counted = {each: database.mongo["outbox"].count_documents({"type": each}) for each in types}
    assert counted["tandem.sessions.session.scheduled.v1"] == CLASSES * WEEKS
    assert counted["tandem.sessions.series.scheduled.v1"] == CLASSES
    refused = state(database, second)
    assert refused.state is TimetableState.SOLVED
    assert "more violations" in refused.refusals[-1].wrong


@contextmanager
def cache_of(client: Any, size: str) -> Iterator[None]:
    """The server's cache has a size meanwhile."""
    known = client.admin.command("serverStatus")["wiredTiger"]["cache"]
    usual = known["maximum bytes configured"]
    name = "wiredTigerEngineRuntimeConfig"
    client.admin.command({"setParameter": 1, name: f"cache_size={size}"})
    try:
        yield
    finally:
        client.admin.command({"setParameter": 1, name: f"cache_size={usual}"})


def _university(database: Database[SessionsStore]) -> Problem:
    """The week of a university, with its rooms, runs and learners."""
    runs = [f"run-{number:03d}" for number in range(CLASSES // CLASSES_OF_RUN)]
    rooms = [
        Room(f"{building}-{number}", f"{building}-{number}", 30, features=(f"{building}",))
        for building in range(BUILDINGS)
        for number in range(ROOMS_OF_ONE)
    ]
    enrolments = [
        Enrolment(run, f"{run}-{number}", EnrolmentState.ENROLLED, 1, AttendanceMode.CLASSROOM, 1)
        for run in runs
        for number in range(LEARNERS_OF_RUN)
    ]

    def store_all(store: SessionsStore) -> None:
        for room in rooms:
            store.put_room(room)
        store.put_replicas([Run(run, ("curie",), Policy(), 1) for run in runs])
        store.put_enrolments(enrolments)

    database.transact(store_all)
    one = problem()
    courses = tuple(
        replace(
            one.courses[0],
            run_id=runs[number // CLASSES_OF_RUN],
            instructor_id="curie" if number == 0 else f"teacher-{number}",
            title=f"Class {number}",
            classes=1,
            features=(str(number * BUILDINGS // CLASSES),),
        )
        for number in range(CLASSES)
    )
    staff = [
        Run(run, tuple(each.instructor_id for each in courses if each.run_id == run), Policy(), 2)
        for run in runs
    ]
    database.transact(lambda store: store.put_replicas(staff))
    return replace(one, courses=courses)
