"""`tandem timetable` against a real api, with a solver beside it."""

import json
import re
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest
import structlog
from click.testing import CliRunner, Result
from google.protobuf import json_format
from tandem.sessions.v1 import sessions_pb2

from campus.cli import cli
from chassis.edge.methods import Servicer
from chassis.edge.server import Server
from chassis.jobs.runner import Runner
from chassis.testing import Issuer, settings_for
from services.sessions import rights
from tests.integration.sessions.school import School
from tests.integration.sessions.timetables.terms import (
    ANSWER,
    QUICK,
    course,
    problem,
    program,
    runner_of,
)

README = Path(__file__).resolve().parents[4] / "services" / "sessions" / "README.md"


@pytest.fixture
def target(school: School, tmp_path: Path) -> Iterator[list[str]]:
    """The options that lead the command to a real api, beside which a solver works."""
    issuer, token, end = Issuer(), tmp_path / "token", threading.Event()
    token.write_text(issuer.token("registrar", ["registrar"]))
    servicer = Servicer(
        school.api,
        sessions_pb2.DESCRIPTOR.services_by_name["SessionsService"],
        partial(rights.relation, school.database),
    )
    settings = settings_for(issuer.write_jwks(tmp_path / "jwks.json"))
    server = Server(settings, "tests", school.database, [servicer])
    server.start()
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    jobs = runner_of(school, program(tmp_path, QUICK, ANSWER))
    working = threading.Thread(target=_work, args=(jobs, end))
    working.start()
    yield ["--target", f"127.0.0.1:{server.port}", "--token-file", str(token)]
    end.set()
    working.join()
    structlog.reset_defaults()
    server.drain(settings.drain)


def _work(jobs: Runner, end: threading.Event) -> None:
    while not end.wait(0.02):
        jobs.run_due()


def run(*words: object) -> Result:
    """The command's result."""
    return CliRunner().invoke(cli, ["timetable", *map(str, words)])


def put(folder: Path, text: str) -> Path:
    """A file with a problem."""
    file = folder / "problem.json"
    file.write_text(text)
    return file


def test_a_timetable_is_requested_shown_and_applied(
    school: School, target: list[str], tmp_path: Path
) -> None:
    """With its classes, its cost and its picture; applied again, it is as it was."""
    school.room()
    drawn = tmp_path / "week.svg"
    file = put(tmp_path, json_format.MessageToJson(problem(course())))
    done = run("request", file, "--picture", drawn, *target)
    assert done.exit_code == 0, done.output + done.stderr
    for text in ("Spring: SOLVED", "09:00", "Aula", "Motion", "total"):
        assert text in done.stdout
    (timetable_id,) = re.findall(r"SOLVED, (\S+)", done.stdout)
    assert ElementTree.fromstring(drawn.read_text()).tag.endswith("svg")
    assert "Motion 0" in drawn.read_text()
    shown = json.loads(run("show", timetable_id, "--json", *target).stdout)
    assert (shown["id"], len(shown["classes"])) == (timetable_id, 2)
    for _ in range(2):
        applied = run("apply", timetable_id, *target)
        assert applied.exit_code == 0, applied.output + applied.stderr
        assert "APPLIED" in applied.stdout
    assert run("cancel", timetable_id, *target).exit_code == 1


def test_what_has_changed_is_told(school: School, target: list[str], tmp_path: Path) -> None:
    """Each change, as a row; the exit status says that nothing is planned."""
    room = school.room()
    file = put(tmp_path, json_format.MessageToJson(problem(course())))
    done = run("request", file, "--json", *target)
    timetable_id = json.loads(done.stdout)["id"]
    school.staff.RetireRoom(sessions_pb2.RetireRoomRequest(room_id=room))
    applied = run("apply", timetable_id, *target)
    assert applied.exit_code == 1
    assert "What has changed since it was solved" in applied.stdout
    assert "out of use" in applied.stdout
    assert school.database.mongo["series"].count_documents({}) == 0


def test_what_is_wrong_is_told(school: School, target: list[str], tmp_path: Path) -> None:
    """A file that is no problem; a problem that the service refuses; an unknown id."""
    faulty = run("request", put(tmp_path, '{"nam": 1}'), *target)
    assert (faulty.exit_code, "is no TimetableProblem" in faulty.stderr) == (1, True)
    refused = run("request", put(tmp_path, '{"name": "Spring"}'), *target)
    assert (refused.exit_code, "problem.grid" in refused.stderr) == (1, True)
    unknown = run("show", "none", *target)
    assert (unknown.exit_code, "no such timetable" in unknown.stderr) == (1, True)
    assert school.database.mongo["timetables"].count_documents({}) == 0


def test_the_readmes_problem_is_one(target: list[str], tmp_path: Path) -> None:
    """The service takes it, and a solver will."""
    (text,) = re.findall(r"```json\n(.*?)```", README.read_text(), re.DOTALL)
    taken = run("request", put(tmp_path, text), "--no-wait", *target)
    assert taken.exit_code == 0, taken.stderr
    assert "Spring: WAITING" in taken.stdout
