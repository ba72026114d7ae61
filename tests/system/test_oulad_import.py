"""`tandem import oulad` of several presentations, killed and begun again."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from campus.platform import Platform
from campus.waiting import wait_until
from chassis.data.store import connect
from tests import oulad_files
from tests.deep import only_deep
from tests.system.classes import PATIENCE, TANDEM, run_tandem, surroundings

# The modules are ours alone: other tests import those of the dataset into the same platform.
ROWS = {
    "courses.csv": [
        "XAA,2013J,268",
        "XAA,2014J,268",
        "XBB,2013J,long",
        "XCC,2014J,9",
        "XDD,2014J,9",
    ],
    "studentInfo.csv": ["XAA,2013J,1", "XAA,2013J,2", "XAA,2013J,3", "XAA,2014J,1", "XBB,2013J,1"],
    "studentRegistration.csv": ["XAA,2013J,3,12", "XBB,2013J,1,NA"],
    "vle.csv": ["7,XAA,2013J,quiz", "8,XAA,2013J,url", "9,XAA,2014J,quiz"],
    "assessments.csv": [
        "XAA,2013J,x50,TMA,19",
        "XAA,2013J,x51,Exam,",
        "XAA,2014J,x60,TMA,5",
        "XDD,2014J,X 70,TMA,5",
    ],
    "studentAssessment.csv": ["x50,1,18", "x50,2,?", "x60,1,4"],
}
CLICKED = ["XAA,2013J,1,7,-5", "XAA,2013J,2,7,0", "XAA,2013J,1,7,-5", "XAA,2013J,3,7,1"]
NO_CLICKS = "studentVle.zip has no clicks of it"


def test_presentations_are_imported_or_left_out(platform: Platform, tmp_path: Path) -> None:
    """The table tells the numbers of each, what was left out, and why; a second import of what is
    right stores nothing.
    """
    folder = oulad_files.write(tmp_path, ROWS, CLICKED)
    command = ("import", "oulad", folder, "--only-clicked", "--data", platform.folder)
    done = run_tandem(*command, "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert [tuple(row.values()) for row in json.loads(done.stdout)] == [
        ("XAA 2013J", "people", 3, 3, 0, ""),
        ("XAA 2013J", "items", 2, 1, 1, "nobody clicked these materials"),
        ("XAA 2013J", "activities", 4, 3, 1, "nobody clicked these materials"),
        ("XAA 2013J", "enrolments that stay", 2, 2, 0, ""),
        ("XAA 2013J", "learners in progress", 2, 2, 0, ""),
        ("XAA 2013J", "deadlines of each", 1, 1, 0, ""),
        (
            *("XAA 2013J", "statements", 6, 5, 1),
            "rows of studentAssessment.csv without a day tell of no submission",
        ),
        ("XAA 2014J", "people", 1, 1, 0, ""),
        ("XAA 2014J", "items", 1, 0, 1, "nobody clicked these materials"),
        ("XAA 2014J", "activities", 2, 1, 1, "nobody clicked these materials"),
        ("XAA 2014J", "enrolments that stay", 1, 1, 0, ""),
        ("XAA 2014J", "learners in progress", 1, 1, 0, ""),
        ("XAA 2014J", "deadlines of each", 1, 1, 0, ""),
        ("XAA 2014J", "statements", 1, 1, 0, NO_CLICKS),
        (
            *("XBB 2013J", "presentations", 1, 0, 1),
            "courses.csv, line 4: module_presentation_length is 'long'; expected a number of days\n"
            "studentRegistration.csv, line 3: date_unregistration is 'NA'; expected a number of "
            "days from the start",
        ),
        (
            *("XCC 2014J", "presentations", 1, 0, 1),
            "it has no activities: neither materials nor assessments",
        ),
        (
            *("XDD 2014J", "presentations", 1, 0, 1),
            "a service answered INVALID_ARGUMENT: the request is not valid: activities[0].id: is "
            "'assessment-X 70'; text that matches [a-z0-9][a-z0-9_-]*",
        ),
    ]
    again = run_tandem(*command, "--module", "XAA")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "5 statements, 0 of them new" in again.stderr
    assert "1 statements, 0 of them new" in again.stderr


STUDENTS, CLICKS_EACH = 40, 100


@only_deep
@pytest.mark.timeout(900)
def test_an_import_that_is_killed_goes_on(platform: Platform, tmp_path: Path) -> None:
    """Killed at each of its steps, and among its statements, the import that comes to its end finds
    everything once.
    """
    folder, before = _many(tmp_path, "XKK"), _statements(platform)
    for step in ("people", "materials", "a path", "enrolments", "withdrawals", "waiting"):
        with _importing(platform, folder, "XKK") as (process, lines):
            assert any(step in line for line in lines)
            if step == "enrolments":
                assert wait_until(partial(_has_more, platform, before), PATIENCE)
            process.send_signal(signal.SIGKILL)
    _is_whole(platform, folder, "XKK")


@only_deep
@pytest.mark.timeout(900)
def test_an_import_outlives_the_death_of_a_service(whole: Platform, tmp_path: Path) -> None:
    """The api of progress is killed among the statements, and started again: the same command comes
    to its end.
    """
    folder, before = _many(tmp_path, "XLL"), _statements(whole)
    with _importing(whole, folder, "XLL") as (process, lines):
        assert any("enrolments" in line for line in lines)
        assert wait_until(partial(_has_more, whole, before), PATIENCE)
        whole.roles["progress-api"].process.kill()
        whole.restart("progress-api")
        assert list(lines)
        assert process.wait() == 0
    _is_whole(whole, folder, "XLL")


def _is_whole(platform: Platform, folder: Path, module: str) -> None:
    """Import it once more, and check the numbers."""
    done = run_tandem(*_command(platform, folder, module), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {row["what"]: row["platform"] for row in json.loads(done.stdout)}
    assert found["statements"] == STUDENTS * CLICKS_EACH
    assert (found["people"], found["learners in progress"]) == (STUDENTS, STUDENTS - 1)


def _many(folder: Path, module: str) -> Path:
    """A presentation of which a kill finds something to interrupt; one student has withdrawn."""
    name = f"{module},2013J"
    rows = {
        "courses.csv": [f"{name},268"],
        "studentInfo.csv": [f"{name},{number}" for number in range(STUDENTS)],
        "studentRegistration.csv": [f"{name},0,12"],
        "vle.csv": [f"{site},{name},quiz" for site in range(10)],
        "assessments.csv": [f"{name},{module.lower()}-1,TMA,19"],
    }
    clicks = [
        f"{name},{number % STUDENTS},{number % 10},{number // STUDENTS}"
        for number in range(STUDENTS * CLICKS_EACH)
    ]
    return oulad_files.write(folder, rows, clicks)


def _command(platform: Platform, folder: Path, module: str) -> tuple[str, ...]:
    return ("import", "oulad", str(folder), "--module", module, "--data", str(platform.folder))


@contextmanager
def _importing(
    platform: Platform, folder: Path, module: str
) -> Iterator[tuple["subprocess.Popen[str]", Iterator[str]]]:
    """An import as a process, and the lines that it says."""
    with subprocess.Popen(
        [TANDEM, *_command(platform, folder, module)],
        env=surroundings(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        yield process, iter(process.stderr)


def _has_more(platform: Platform, before: int) -> bool:
    return _statements(platform) > before


def _statements(platform: Platform) -> int:
    with connect(platform.environment()["TANDEM_MONGO_URL"], "test") as client:
        return int(client["tandem_progress"]["statements"].estimated_document_count())
