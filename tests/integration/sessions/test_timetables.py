"""Timetables through the real edge and MongoDB, with the real solver in its own environment."""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2, timetables_pb2
from tandem.types.v1 import types_pb2

from chassis.errors import Invalid
from chassis.jobs.runner import Runner
from chassis.testing import figure
from services.sessions.join_pages import Doors
from services.sessions.meeting_pool import MeetingPool
from services.sessions.recurrences import instances
from services.sessions.solver_child import USUAL_PYTHON, Solver
from services.sessions.solving import solving
from services.sessions.usecases import timetable_applying
from services.sessions.usecases import timetables as use
from tests.integration.sessions.school import RUN, TEACHER, School, race, refused

real = pytest.mark.skipif(
    not USUAL_PYTHON.exists() and not os.environ.get("CI"),
    reason="`make timetabler` installs the solver",
)
SOLVER = Solver(USUAL_PYTHON, 4 * 2**30, workers=1)
STATE = timetables_pb2.TimetableState
SOLVED, APPLIED = STATE.TIMETABLE_STATE_SOLVED, STATE.TIMETABLE_STATE_APPLIED
FAILED, CANCELLED = STATE.TIMETABLE_STATE_FAILED, STATE.TIMETABLE_STATE_CANCELLED
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
INVALID = grpc.StatusCode.INVALID_ARGUMENT
OPTICS = "run-2"
# Monday is the school's today; noon is in four hours.
# A program in the solver's place that starts in no time: each class is in the first room, in a row.
QUICK = """
problem = json.load(sys.stdin)
times = [(day, period) for day in range(problem["days"]) for period in range(problem["periods"])]
names = [each["id"] for each in problem["courses"] for _ in range(each["lectures"])]
room = problem["rooms"][0]["id"]
classes = [
    {"course": name, "room": room, "day": day, "period": period}
    for name, (day, period) in zip(names, times)
]
"""
ANSWER = 'print(json.dumps({"result": {"classes": classes}}))'
ONE_PERIOD = {"weekdays": [3], "periods": ["09:00"]}
GRID: dict[str, Any] = {
    "zone": "Europe/Dublin",
    "start_date": "2026-03-03",
    "end_date": "2026-04-05",
    "holidays": ["2026-03-17"],
    "weekdays": [2, 3],
    "periods": ["09:00", "10:00", "11:30"],
    "period_length": Duration(seconds=3000),
}


def runner_of(school: School, solver: Solver) -> Runner:
    """The jobs of a solver process, run by the test."""
    return Runner(school.database, solving(solver))


def program(folder: Path, *lines: str) -> Solver:
    """A Python program in the solver's place."""
    python = folder / "python"
    python.write_text("\n".join([f"#!{sys.executable} -IS", "import json, os, sys", *lines]))
    python.chmod(0o755)
    return Solver(python, 2**30, 1)


@pytest.fixture
def quick(school: School, tmp_path: Path) -> Runner:
    """What runs jobs with the program that starts in no time."""
    return runner_of(school, program(tmp_path, QUICK, ANSWER))


@pytest.fixture
def runner(school: School) -> Runner:
    """What runs jobs with the real solver."""
    return runner_of(school, SOLVER)


def course(**changes: Any) -> timetables_pb2.TimetableCourse:
    """Two classes a week of the school's run."""
    fields: dict[str, Any] = {
        "run_id": RUN,
        "title": "Motion",
        "kind": types_pb2.SESSION_KIND_IN_ROOM,
        "instructor_id": TEACHER,
        "classes": 2,
    }
    return timetables_pb2.TimetableCourse(**{**fields, **changes})


def problem(
    *courses: timetables_pb2.TimetableCourse, grid: dict[str, Any] = GRID, **changes: Any
) -> timetables_pb2.TimetableProblem:
    """A problem of some courses; its search ends with the first timetable."""
    fields: dict[str, Any] = {
        "name": "Spring",
        "grid": timetables_pb2.TimetableGrid(**grid),
        "courses": courses or [course()],
        "seconds": 600,
        "enough": 1_000_000,
    }
    return timetables_pb2.TimetableProblem(**{**fields, **changes})


def ask(school: School, *courses: timetables_pb2.TimetableCourse, **changes: Any) -> str:
    """The id of a timetable that waits for a solver."""
    asked = timetables_pb2.SolveTimetableRequest(problem=problem(*courses, **changes))
    return school.staff.SolveTimetable(asked).id


def get(school: School, timetable_id: str) -> timetables_pb2.Timetable:
    """A timetable as it is now."""
    return school.staff.GetTimetable(timetables_pb2.GetTimetableRequest(timetable_id=timetable_id))


def solve(
    school: School, runner: Runner, *courses: timetables_pb2.TimetableCourse, **changes: Any
) -> timetables_pb2.Timetable:
    """A timetable after its search."""
    timetable_id = ask(school, *courses, **changes)
    runner.run_due()
    return get(school, timetable_id)


def request_apply(school: School, timetable: timetables_pb2.Timetable) -> timetables_pb2.Timetable:
    """A timetable that is to be applied."""
    return school.staff.ApplyTimetable(
        timetables_pb2.ApplyTimetableRequest(timetable_id=timetable.id)
    )


def apply(
    school: School, runner: Runner, timetable: timetables_pb2.Timetable
) -> timetables_pb2.Timetable:
    """A timetable after an attempt to apply it."""
    request_apply(school, timetable)
    runner.run_due()
    return get(school, timetable.id)


def sessions(school: School) -> list[resources_pb2.Session]:
    """All sessions of the school."""
    wanted = sessions_pb2.ListSessionsRequest(run_id=RUN, page_size=1000)
    return list(school.staff.ListSessions(wanted).sessions)


def refusals(timetable: timetables_pb2.Timetable) -> str:
    """Why a timetable could not be applied."""
    assert timetable.state == SOLVED
    assert timetable.refusals
    assert not any(each.series_id for each in timetable.classes)
    return "\n".join(f"{each.field}: {each.wrong}" for each in timetable.refusals)


# Solving and applying


@real
def test_a_term_is_solved_and_applied(school: School, runner: Runner) -> None:
    """The classes have a room and different times; each becomes a weekly series without the
    holiday; events tell the progress and the end.
    """
    room = school.room(capacity=30)
    school.enrol("ada", "bea")
    done = solve(school, runner)
    assert done.state == SOLVED, done
    assert {each.room_id for each in done.classes} == {room}
    assert len({(each.weekday, each.period) for each in done.classes}) == 2
    assert not done.missing
    assert done.progress.missing == 0
    assert not sessions(school)
    (progressed,) = school.published(events_pb2.TimetableProgressed)
    (solved,) = school.published(events_pb2.TimetableSolved)
    assert (progressed.timetable_id, progressed.name) == (done.id, "Spring")
    assert (solved.placed, solved.missing) == (2, 0)

    applied = apply(school, runner, done)
    assert applied.state == APPLIED, applied.refusals
    series = [each.series_id for each in applied.classes]
    told = school.published(events_pb2.SeriesScheduled)
    assert sorted(each.series_id for each in told) == sorted(series)
    planned = sessions(school)
    assert len(planned) == 2 * 5 - sum(each.weekday == 2 for each in applied.classes)
    assert "2026-03-17" not in {each.starts.local[:10] for each in planned}
    for each in applied.classes:
        of_one = [one for one in planned if one.series_id == each.series_id]
        assert of_one[0].starts == each.starts
        assert {one.room_id for one in of_one} == {room}


@real
def test_a_timetable_keeps_what_is_planned(school: School, runner: Runner) -> None:
    """A room, an instructor and a learner are busy in one week each: only two periods are left."""
    room = school.room(capacity=30)
    other = school.room("Lab", capacity=1)
    school.open_run(OPTICS)
    school.enrol("ada", "bea")
    school.enrol("ada", run_id=OPTICS)

    plan_at(school, "2026-03-10T09:30:00", room_id=room, instructor_id="bohr")
    plan_at(school, "2026-03-18T08:30:00", room_id=other)
    starts = "2026-03-25T12:00:00"
    plan_at(school, starts, room_id=other, instructor_id="bohr", run_id=OPTICS)
    done = solve(school, runner)
    times = {(each.weekday, each.period) for each in done.classes}
    assert times == {(2, 2), (3, 1)}, done
    assert apply(school, runner, done).state == APPLIED


@real
def test_instructors_teach_in_their_hours(school: School, runner: Runner) -> None:
    """Absences leave dates out; too few hours leave a class without a place, with the reason."""
    school.room()
    available(school, ("10:00", "10:50", False), ("11:30", "12:20", True))
    done = solve(school, runner, course(classes=3))
    assert len(done.classes) == 2
    assert {tuple(each.left_out) for each in done.classes} == {("2026-03-11", "2026-03-18")}
    (missing,) = done.missing
    assert (missing.course, missing.classes) == (0, 1)
    assert list(missing.reasons) == [
        "in 4 of 6 periods it is not available",
        "in 2 of 6 periods it has a class already",
    ]
    assert school.published(events_pb2.TimetableSolved)[-1].missing == 1
    applied = apply(school, runner, done)
    assert applied.state == APPLIED
    days = {each.starts.local[:10] for each in sessions(school)}
    assert days == {"2026-03-04", "2026-03-25", "2026-04-01"}


@real
def test_rooms_have_what_courses_need(school: School, runner: Runner) -> None:
    """Seats for all who are expected, features, and as many periods as a class has."""
    small = school.room("Lab", capacity=1)
    large = school.room("Aula", capacity=2)
    school.staff.UpdateRoom(sessions_pb2.UpdateRoomRequest(room_id=small, features=["piano"]))
    school.enrol("ada", "bea")
    courses = [
        course(classes=1, periods=2),
        course(classes=1, seats=1, features=["piano"], title="Sound", activity_id="sound"),
        course(classes=1, features=["piano"], title="Choir", instructor_id="bohr"),
    ]
    done = solve(school, runner, *courses)
    rooms = {each.course: each.room_id for each in done.classes}
    assert rooms == {0: large, 1: small}
    lengths = {each.course: each.duration.seconds for each in done.classes}
    assert lengths[1] == 3000
    assert lengths[0] in {110 * 60, 140 * 60}
    (missing,) = done.missing
    assert missing.course == 2
    assert list(missing.reasons) == ["no room has all of piano and 2 seats"]


@real
def test_courses_with_learners_in_common_are_apart(school: School, runner: Runner) -> None:
    """Of two rooms and one period a week, the second course has no place."""
    for name in ("Lab", "Aula"):
        school.room(name)
    school.open_run(OPTICS)
    school.enrol("ada", "bea")
    school.enrol("ada", run_id=OPTICS)
    grid = GRID | ONE_PERIOD
    one = course(classes=1)
    two = course(classes=1, run_id=OPTICS, title="Optics", instructor_id="bohr")
    apart = solve(school, runner, one, two, grid=grid)
    (missing,) = apart.missing
    assert list(missing.reasons) == ["in 1 of 1 periods group 1 (Motion, Optics) has another class"]


# What has changed meanwhile


def retire(school: School, room: str) -> None:
    """Its room goes out of use."""
    school.staff.RetireRoom(sessions_pb2.RetireRoomRequest(room_id=room))


def shrink(school: School, room: str) -> None:
    """Its room has one seat, and learners are two."""
    school.staff.UpdateRoom(sessions_pb2.UpdateRoomRequest(room_id=room, capacity=1))


def strip(school: School, room: str) -> None:
    """Its room loses what the course needs."""
    school.staff.UpdateRoom(sessions_pb2.UpdateRoomRequest(room_id=room, no_features=True))


def book(school: School, room: str) -> None:
    """Its room is taken by another class in the last week."""
    plan_at(school, "2026-04-01T09:30:00", room_id=room, instructor_id="bohr")


def occupy(school: School, _: str) -> None:
    """Its instructor has another class in the last week."""
    plan_at(school, "2026-04-01T09:30:00", room_id=school.room("Lab"))


def engage(school: School, _: str) -> None:
    """A learner has another class then."""
    school.open_run(OPTICS)
    school.enrol("ada", run_id=OPTICS)
    room = school.room("Lab")
    plan_at(school, "2026-04-01T09:30:00", room_id=room, instructor_id="bohr", run_id=OPTICS)


def free(school: School, _: str) -> None:
    """Its instructor does not teach then any more."""
    available(school, ("13:00", "14:00", False))


def leave(school: School, _: str) -> None:
    """Its instructor is away on days when it is to be held."""
    available(school, ("09:00", "12:20", False))


def close(school: School, _: str) -> None:
    """Its run is closed."""
    facts = catalog.RunFacts(run_id=RUN, instructor_ids=[TEACHER], closed_at=school.at())
    school.hear("rosters", catalog.RunClosed(run_id=RUN, run=facts))


def pass_by(school: School, _: str) -> None:
    """Its first class is over."""
    school.clock.forward(days=3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (retire, "classes[0].room_id: room 'Aula' is out of use"),
        (shrink, "classes[0].room_id: room 'Aula' seats 1"),
        (strip, "classes[0].room_id: room 'Aula' has no piano any more"),
        (book, "classes[0].occurrences[4].room_id: room 'Aula' is taken by session"),
        (occupy, "classes[0].occurrences[4].instructor_id: instructor 'curie' is taken by session"),
        (engage, "classes[0].occurrences[4].starts: 1 learners are expected in session"),
        (free, "classes[0].instructor_id: 'curie' is not available then any more"),
        (leave, "classes[0].left_out: 'curie' is away on other days than when it was solved"),
        (close, "classes[0].run_id: run 'run-1' is closed"),
        (pass_by, "classes[0].occurrences[0].starts: the session would have ended at"),
    ],
)
def test_what_has_changed_refuses_it(
    school: School, quick: Runner, change: Callable[[School, str], None], told: str
) -> None:
    """All of it: nothing is planned, the change is named, and it may be tried again."""
    room = school.room()
    school.staff.UpdateRoom(sessions_pb2.UpdateRoomRequest(room_id=room, features=["piano"]))
    school.enrol("ada", "bea")
    grid = GRID | ONE_PERIOD
    done = solve(school, quick, course(classes=1, features=["piano"]), grid=grid)
    change(school, room)
    before = len(sessions(school))
    assert told in refusals(apply(school, quick, done))
    assert len(sessions(school)) == before
    assert not school.published(events_pb2.SeriesScheduled)


def test_what_was_refused_may_be_applied_later(school: School, quick: Runner) -> None:
    """A class that stood in the way is cancelled: then nothing is refused."""
    room = school.room()
    grid = GRID | ONE_PERIOD
    done = solve(school, quick, course(classes=1), grid=grid)
    clash = plan_at(school, "2026-04-01T09:30:00", room_id=room, instructor_id="bohr")
    assert "is taken by" in refusals(apply(school, quick, done))
    school.staff.CancelSession(sessions_pb2.CancelSessionRequest(session_id=clash.id, reason="ill"))
    applied = apply(school, quick, done)
    assert applied.state == APPLIED
    assert not applied.refusals


def test_hybrid_classes_have_meetings_where_there_are_servers(
    school: School, quick: Runner, tmp_path: Path
) -> None:
    """A course without a URL is refused where there are none; with servers its classes are planned,
    each with a meeting to be made.
    """
    room, hybrid = school.room(), course(kind=types_pb2.SESSION_KIND_HYBRID, classes=1)
    code, text = refused(lambda: ask(school, hybrid))
    assert (code, "problem.courses[0].join_url" in text) == (INVALID, True)
    file = tmp_path / "servers.toml"
    file.write_text(
        '[servers.alpha]\nprovider = "BIGBLUEBUTTON"\ncapacity = 100\n'
        'url = "https://bbb.example.edu/bigbluebutton"\nsecret = "a secret"\n'
    )
    school.api._doors = Doors(school.database, MeetingPool(file, "https://pages.example.edu"))
    done = solve(school, quick, hybrid, grid=GRID | ONE_PERIOD)
    assert done.state == SOLVED, done
    assert apply(school, quick, done).state == APPLIED
    planned = sessions(school)
    assert {(each.room_id, each.join_url) for each in planned} == {(room, "")}
    reader = school.database.reader()
    assert all(reader.meeting(each.id) for each in planned)


# Repeats and races


def test_a_repeat_changes_nothing(school: School, quick: Runner) -> None:
    """Of the request, by its id; and of applying, before and after it is done."""
    school.room()
    asked = timetables_pb2.SolveTimetableRequest(request_id="r1", problem=problem())
    first = school.staff.SolveTimetable(asked)
    assert school.staff.SolveTimetable(asked).id == first.id
    quick.run_due()
    request_apply(school, first)
    request_apply(school, first)
    quick.run_due()
    applied = get(school, first.id)
    planned = sessions(school)
    assert request_apply(school, first) == applied
    quick.run_due()
    assert sessions(school) == planned


def test_of_two_timetables_for_one_room_one_is_applied(school: School, quick: Runner) -> None:
    """At once, in two processes: the other one names its clashes, and plans nothing."""
    school.room()
    grid = GRID | ONE_PERIOD
    asked = [course(classes=1), course(classes=1, instructor_id="bohr")]
    both = [solve(school, quick, each, grid=grid) for each in asked]
    for each in both:
        request_apply(school, each)
    runners = [quick, runner_of(school, SOLVER)]
    race(lambda each: each.run_due(), runners)
    states = sorted(get(school, each.id).state for each in both)
    assert states == sorted([SOLVED, APPLIED])
    assert len({each.series_id for each in sessions(school)}) == 1


def test_plans_of_a_room_that_changes_are_made_anew(school: School, quick: Runner) -> None:
    """They are made before the transaction, which finds that they are outdated; nothing is planned
    then, and the next attempt plans the room as it is.
    """
    room = school.room()
    done = solve(school, quick)
    request_apply(school, done)
    timetables = school.database.mongo["timetables"]
    timetables.update_one({"_id": done.id}, {"$set": {"job.claim": "c"}})
    reader = school.database.reader()
    prepared = timetable_applying.prepare(reader, instances, use.get(reader, done.id))
    school.staff.UpdateRoom(sessions_pb2.UpdateRoomRequest(room_id=room, name="Hall"))
    with pytest.raises(timetable_applying.Outdated):
        school.database.transact(
            lambda store: timetable_applying.apply(store, done.id, "c", prepared)
        )
    assert not sessions(school)
    quick.run_due()
    assert get(school, done.id).state == APPLIED
    told = school.published(events_pb2.SeriesScheduled)
    assert {each.room for each in told} == {"Hall"}


def test_a_timetable_that_nobody_wants_is_cancelled(school: School, quick: Runner) -> None:
    """Before its search, so that no solver takes it; after it, so that nobody can apply it."""
    school.room()

    def cancel(timetable_id: str) -> timetables_pb2.Timetable:
        asked = timetables_pb2.CancelTimetableRequest(timetable_id=timetable_id)
        return school.staff.CancelTimetable(asked)

    waiting = ask(school)
    assert cancel(waiting).state == CANCELLED
    assert quick.run_due() == 0
    done = solve(school, quick)
    assert cancel(done.id) == cancel(done.id) == get(school, done.id)
    assert refused(lambda: request_apply(school, done))[0] == PRECONDITION
    applied = apply(school, quick, solve(school, quick))
    code, text = refused(lambda: cancel(applied.id))
    assert (code, "the timetable is APPLIED" in text) == (PRECONDITION, True)


# What can't be solved


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("sys.exit(3)", "the solver ended with status 3"),
        ("os.kill(os.getpid(), 9)", "the solver was ended by signal 9; it may need more memory"),
        ("bytearray(2**31)", "the solver ended with status 1"),
        ("print('nonsense')", "the solver answered with rubbish"),
        ("print('{}')", "the solver gave no timetable"),
        ("print('x' * 5_000_000, flush=True)", "the solver says too much"),
        ("classes[0]['room'] = 'none'", "the solver's timetable breaks rules: 0 in none, day 0"),
        ("classes[1] = classes[0]", "the solver's timetable breaks rules: room "),
    ],
)
def test_a_solver_is_not_trusted(school: School, tmp_path: Path, line: str, reason: str) -> None:
    """Whatever it does, the timetable has FAILED with the reason, and an event tells it."""
    school.room()
    timetable_id = ask(school)
    failed = figure("tandem_sessions_timetables_total", state="FAILED")
    answer = ANSWER if line.startswith("classes") else ""
    runner_of(school, program(tmp_path, QUICK, line, answer)).run_due()
    done = get(school, timetable_id)
    assert (done.state, done.reason[: len(reason)]) == (FAILED, reason)
    (told,) = school.published(events_pb2.TimetableFailed)
    assert told.reason == done.reason
    assert figure("tandem_sessions_timetables_total", state="FAILED") == failed + 1


def test_a_search_begins_three_times_at_most(school: School, quick: Runner) -> None:
    """If its processes die with it, which leaves its claim to end, the next one gives it up."""
    school.room()
    timetable_id = ask(school)
    timetables = school.database.mongo["timetables"]
    timetables.update_one({"_id": timetable_id}, {"$set": {"beginnings": 3, "state": "SOLVING"}})
    quick.run_due()
    done = get(school, timetable_id)
    assert (done.state, done.reason) == (
        FAILED,
        "its solvers ended 3 times before they were done",
    )


def test_a_cancelled_search_ends_its_solver(school: School, tmp_path: Path) -> None:
    """The process that searches is gone, and nothing is told of a timetable that nobody wants."""
    school.room()
    timetable_id = ask(school)
    pid = tmp_path / "pid"
    told = f"open({str(pid)!r} + '.new', 'w').write(str(os.getpid()))"
    moved = f"os.rename({str(pid)!r} + '.new', {str(pid)!r})"
    sleeper = program(tmp_path, told, moved, "import time; time.sleep(600)")

    def cancel_when_begun() -> None:
        while not pid.exists() and not worked.done():
            time.sleep(0.01)
        asked = timetables_pb2.CancelTimetableRequest(timetable_id=timetable_id)
        school.staff.CancelTimetable(asked)

    with ThreadPoolExecutor(1) as pool:
        worked = pool.submit(runner_of(school, sleeper).run_due)
        cancel_when_begun()
        assert worked.result() == 0
    assert get(school, timetable_id).state == CANCELLED
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()
    assert not school.published(events_pb2.TimetableFailed)


def test_what_is_unknown_closed_or_past_is_refused_at_once(school: School) -> None:
    """All of it, each with its place; nothing waits for a solver then."""
    wrong = course(run_id="none", group_ids=["g"], instructor_id="nobody")
    grid = GRID | {"start_date": "2026-02-23"}
    asked = timetables_pb2.SolveTimetableRequest(
        problem=problem(course(), wrong, grid=grid, room_ids=["x"])
    )
    code, text = refused(lambda: school.staff.SolveTimetable(asked))
    assert code == PRECONDITION
    for field in ("room_ids[0]", "courses[0].starts", "courses[1].run_id"):
        assert f"problem.{field}" in text, text
    assert school.database.mongo["timetables"].count_documents({}) == 0


def test_a_faulty_request_is_refused_with_every_fault(school: School) -> None:
    """In the grid and in the courses."""
    grid = GRID | {
        "end_date": "2026-03-02",
        "weekdays": [3, 2],
        "periods": ["09:00", "09:30", "23:30"],
    }
    faulty = [
        course(kind=types_pb2.SESSION_KIND_ONLINE),
        course(periods=4, features=["a", "a"], classes=50),
    ]
    asked = timetables_pb2.SolveTimetableRequest(problem=problem(*faulty, grid=grid))
    with pytest.raises(Invalid) as error:
        race(lambda _: school.api.SolveTimetable(asked, None), [None])
    assert [each.field.removeprefix("problem.") for each in error.value.violations] == [
        "grid.end_date", "grid.weekdays", "grid.periods[0]", "grid.periods[2]", "courses[0].kind",
        "courses[0].join_url", "courses[1].periods", "courses[1].features",
    ]  # fmt: skip


def plan_at(school: School, local: str, **changes: Any) -> resources_pb2.Session:
    """An hour's class of another run, unless `changes` say otherwise."""
    if "run_id" not in changes:
        school.open_run("run-3")
    starts = types_pb2.CivilTime(local=local, zone="Europe/Dublin")
    return school.schedule(**{"run_id": "run-3", "starts": starts, **changes})


def available(school: School, *hours: tuple[str, str, bool]) -> None:
    """The instructor teaches on Wednesdays in some hours, and is away for a week."""
    person = catalog.PersonUpserted(person_id=TEACHER, roles=[options_pb2.ROLE_INSTRUCTOR])
    school.hear("rosters", person)
    school.staff.SetAvailability(
        sessions_pb2.SetAvailabilityRequest(
            person_id=TEACHER,
            zone="Europe/Dublin",
            hours=[
                resources_pb2.TeachingWindow(weekday=3, start=start, end=end, is_preferred=liked)
                for start, end, liked in hours
            ],
            away=[resources_pb2.Absence(start_date="2026-03-11", end_date="2026-03-18")],
        )
    )
