"""Timetables that can't be solved, and solvers that are not trusted."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tandem.sessions.v1 import events_pb2, timetables_pb2
from tandem.types.v1 import types_pb2

from chassis.errors import Invalid
from chassis.jobs.runner import Runner
from chassis.testing import figure
from tests.integration.sessions.school import School, race, refused
from tests.integration.sessions.timetables.terms import (
    ANSWER,
    CANCELLED,
    FAILED,
    GRID,
    PRECONDITION,
    QUICK,
    ask,
    course,
    get,
    problem,
    program,
    runner_of,
)


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
