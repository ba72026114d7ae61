"""Terms whose classes get a timetable."""

import os
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import resources_pb2, sessions_pb2, timetables_pb2
from tandem.types.v1 import types_pb2

from chassis.jobs.runner import Runner
from services.sessions.solver_child import USUAL_PYTHON, Solver
from services.sessions.solving import solving
from tests.integration.sessions.school import RUN, TEACHER, School

real = pytest.mark.skipif(
    not USUAL_PYTHON.exists() and not os.environ.get("CI"),
    reason="`make timetabler` installs the solver",
)
SOLVER = Solver(USUAL_PYTHON, 4 * 2**30, workers=1)
STATE = timetables_pb2.TimetableState
SOLVED, APPLIED = STATE.TIMETABLE_STATE_SOLVED, STATE.TIMETABLE_STATE_APPLIED
FAILED, CANCELLED = STATE.TIMETABLE_STATE_FAILED, STATE.TIMETABLE_STATE_CANCELLED
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
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
