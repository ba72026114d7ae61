"""The command, with the real solver in its own environment."""

import json
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from campus import timetable_command
from campus.cli import cli
from tests.deep import only_deep
from timetabler import documents, generate, itc
from timetabler.problem import Problem
from timetabler.score import score, violations

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "itc2007"
SOLVER = Path(timetable_command.ROOT / ".venv-timetabler")
pytestmark = pytest.mark.skipif(
    not SOLVER.exists() and not os.environ.get("CI"), reason="`make timetabler` installs the solver"
)


def run(*words: object) -> Result:
    """The command's result."""
    return CliRunner().invoke(cli, ["timetable", *map(str, words)])


def put(folder: Path, problem: Problem) -> Path:
    """A file with a problem."""
    file = folder / "problem.json"
    file.write_text(json.dumps(documents.document_of(problem)))
    return file


def test_all_classes_get_a_place(tmp_path: Path) -> None:
    """A made problem is solved whole; the timetable, its picture and its check agree."""
    problem = generate.problem(7, courses=12, rooms=3)
    out, drawn = tmp_path / "timetable.sol", tmp_path / "timetable.svg"
    file = put(tmp_path, problem)
    done = run(
        "solve", file, "--seconds", 600, "--enough", 50, "--out", out, "--picture", drawn, "--json"
    )
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    found = documents.timetable_of(result["classes"])
    assert list(violations(problem, found)) == []
    assert len(found) == sum(each.lectures for each in problem.courses)
    assert result["score"]["total"] == score(problem, found).total
    assert sorted(itc.read_solution(out.read_text())) == sorted(found)
    assert ElementTree.fromstring(drawn.read_text()).tag.endswith("svg")
    checked = run("check", file, out)
    assert checked.exit_code == 0
    assert f"total        {result['score']['total']}" in checked.output


def test_classes_of_several_periods_get_places(tmp_path: Path) -> None:
    """Two of two periods and a third of one fill a day with a taken period, and its only room."""
    courses = [
        {"id": each, "teacher": each, "lectures": 1, "length": length, "seats": 20}
        for each, length in (("a", 2), ("b", 2), ("c", 1))
    ]
    rooms = [{"id": "R", "capacity": 20, "unavailable": [[0, 2]]}, {"id": "S", "capacity": 19}]
    document = {"days": 1, "periods": 6, "rooms": rooms, "courses": courses}
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(document))
    done = run("solve", file, "--seconds", 600, "--json")
    assert done.exit_code == 0, done.output
    found = documents.timetable_of(json.loads(done.stdout)["classes"])
    assert list(violations(documents.problem_of(document), found)) == []
    assert {each.room for each in found} == {"R"}
    assert len(found) == len(courses)


def test_a_class_without_a_place_is_named_with_the_reason(tmp_path: Path) -> None:
    """One that needs what no room has; the others get their places."""
    problem = generate.problem(3, courses=4, rooms=2)
    document = documents.document_of(problem)
    document["courses"][0]["needs"] = ["crane"]
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(document))
    done = run("solve", file, "--seconds", 600, "--enough", 1000, "--json")
    assert done.exit_code == 1
    course = problem.courses[0]
    assert json.loads(done.stdout)["missing"] == [
        {
            "course": course.id,
            "classes": course.lectures,
            "reasons": ["no room has all of crane"],
        }
    ]


def test_a_faulty_problem_is_refused(tmp_path: Path) -> None:
    """With every fault and the file, before any search."""
    file = tmp_path / "problem.json"
    file.write_text('{"days": 5}')
    done = run("solve", file)
    assert done.exit_code == 1
    assert done.stderr.count(f"{file}: ") == 3
    assert "periods: is missing" in done.stderr


def test_a_broken_timetable_is_told(tmp_path: Path) -> None:
    """The check names the rule, and exits with 1."""
    problem = generate.problem(7, courses=4, rooms=2)
    course, room = problem.courses[0], problem.rooms[0]
    slot = min(course.unavailable)
    (tmp_path / "bad.sol").write_text(f"{course.id} {room.id} {slot.day} {slot.period}\n")
    done = run("check", put(tmp_path, problem), tmp_path / "bad.sol")
    assert done.exit_code == 1
    assert f"{course.id} is not available on day {slot.day + 1}" in done.output


def test_a_search_ends_with_its_parent() -> None:
    """It waits for its problem, and its parent is killed: nobody would read what it finds."""
    child = f"{SOLVER}/bin/python -m timetabler --parent $$ <&0 & echo $!; exec sleep 600"
    with subprocess.Popen(
        ["sh", "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid = parent.stdout.readline().strip()
        parent.kill()
        assert parent.stdout.read() == ""  # its end closes the last copy of this pipe
    assert not Path(f"/proc/{pid}/exe").exists()


@only_deep
@pytest.mark.skipif(not DATA.exists(), reason="the files of ITC-2007 are not here")
@pytest.mark.parametrize("name", ["toy", "comp01", "comp04"])
def test_real_instances_are_feasible(name: str) -> None:
    """Every class has a place, whatever it costs; the README tells what ten minutes reach."""
    done = run("solve", DATA / f"{name}.ctt", "--seconds", 900, "--enough", 1000, "--json")
    assert done.exit_code == 0, done.output
    problem = itc.read_problem((DATA / f"{name}.ctt").read_text())
    found = documents.timetable_of(json.loads(done.stdout)["classes"])
    assert list(violations(problem, found)) == []
