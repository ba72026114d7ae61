"""`tandem timetable`: places classes in rooms and periods, and checks timetables.

`solve` and `check` work on files; timetable_platform.py has the commands for a platform.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.text import Text

import timetabler
from campus.output import JSON_OPTION, console, fail, printable, show_rows, steps
from campus.timetable_platform import apply, cancel, request, show
from timetabler import documents, itc, picture, reasons
from timetabler.problem import Problem, Timetable
from timetabler.score import score, unknown, violations

ROOT = Path(timetabler.__file__).parent.parent
PYTHON = "TANDEM_TIMETABLER"
# CP-SAT's kinds of search differ: eight threads find more than two, on two cores as well.
WORKERS = 8
PROBLEM = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def timetable() -> None:
    """Place classes in rooms and periods, and check timetables.

    `solve` and `check` work on files: problems are JSON (timetabler/README.md) or .ctt files of
    ITC-2007, timetables are JSON or .sol. The other commands work on a platform.
    """


for command in (request, show, apply, cancel):
    timetable.add_command(command)


@timetable.command()
@click.argument("problem_file", metavar="PROBLEM", type=PROBLEM)
@click.option("--seconds", type=click.FloatRange(min=1), default=60.0, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), default=WORKERS, show_default=True)
@click.option("--enough", type=click.IntRange(min=0), default=0, help="End at this cost.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the timetable, as .json or .sol."
)
@click.option("--picture", "drawn", type=click.Path(path_type=Path), help="Draw it as SVG.")
@JSON_OPTION
def solve(
    problem_file: Path,
    seconds: float,
    workers: int,
    enough: int,
    out: Path | None,
    drawn: Path | None,
    as_json: bool,
) -> None:
    """Search for a timetable for so many seconds: all classes first, then a lower cost.

    Exits with 1 if a class has no place.
    """
    problem = _problem(problem_file)
    with steps(as_json) as said:
        result = _solved(problem, _options(seconds, workers, enough), said)
    found = documents.timetable_of(result["classes"])
    if out:
        _write(out, found)
    if drawn:
        drawn.write_text(picture.svg(problem, found))
    if as_json:
        click.echo(json.dumps(result))
    else:
        _show(problem, found)
        said_best = (
            "No timetable is better." if result["is_best"] else "More time may find a better one."
        )
        console.print(said_best)
    sys.exit(1 if result["missing"] else 0)


@timetable.command()
@click.argument("problem_file", metavar="PROBLEM", type=PROBLEM)
@click.argument("timetable_file", metavar="TIMETABLE", type=PROBLEM)
def check(problem_file: Path, timetable_file: Path) -> None:
    """Tell what a timetable costs, and which rules it breaks. Exits with 1 if it breaks any."""
    problem, found = _problem(problem_file), _timetable(timetable_file)
    if strange := unknown(problem, found):
        fail("\n".join(strange))
    _show(problem, found)
    broken = list(violations(problem, found))
    for each in broken:
        console.print(Text(printable(each)))
    sys.exit(1 if broken else 0)


@dataclass(frozen=True, slots=True)
class Part:
    """A row of the score."""

    part: str
    cost: int


@dataclass(frozen=True, slots=True)
class Missing:
    """Classes without a place."""

    course: str
    classes: int
    reasons: str


def _show(problem: Problem, found: Timetable) -> None:
    parts = documents.score_of(score(problem, found))
    show_rows(problem.name or "Timetable", [Part(*each) for each in parts.items()], as_json=False)
    courses = {each.id: each for each in problem.courses}
    rows = [
        Missing(course, count, "; ".join(reasons.reasons(problem, found, courses[course])))
        for course, count in reasons.missing(problem, found).items()
    ]
    if rows:
        show_rows("Classes without a place", rows, as_json=False)


def _problem(path: Path) -> Problem:
    with _readable(path) as text:
        if path.suffix == ".ctt":
            return itc.read_problem(text)
        return documents.problem_of(json.loads(text))


def _timetable(path: Path) -> Timetable:
    with _readable(path) as text:
        if path.suffix == ".sol":
            return itc.read_solution(text)
        return documents.timetable_of(json.loads(text))


@contextmanager
def _readable(path: Path) -> Iterator[str]:
    """Yield the text of a file; end the command if it is not in its format."""
    try:
        yield path.read_text()
    except (itc.Unreadable, documents.Invalid) as error:
        fail("\n".join(f"{path}: {fault}" for fault in error.faults))
    except (ValueError, KeyError, TypeError) as error:
        fail(f"{path}: is not in its format: {error}")


def _write(path: Path, found: Timetable) -> None:
    if path.suffix == ".sol":
        path.write_text(itc.write_solution(found))
    else:
        path.write_text(json.dumps(documents.rows_of(found), indent=1) + "\n")


def _solved(problem: Problem, options: list[str], said: Callable[[str], None]) -> dict[str, Any]:
    """Return the result of the solver's process, whose progress is told."""
    command = [_python(), "-m", "timetabler", *options]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        json.dump(documents.document_of(problem), process.stdin)
        process.stdin.close()
        told: dict[str, Any] = {}
        for line in process.stdout:
            told = json.loads(line)
            if progress := told.get("progress"):
                said(f"{progress['missing']} without a place, cost {progress['cost']}")
    if "result" not in told:
        faults = told.get("faults", [f"it ended with {process.returncode}"])
        fail("the solver found nothing: " + "\n".join(faults))
    result: dict[str, Any] = told["result"]
    return result


def _options(seconds: float, workers: int, enough: int) -> list[str]:
    given = {"--seconds": seconds, "--workers": workers, "--enough": enough}
    return [word for name, value in given.items() for word in (name, str(value))]


def _python() -> str:
    """Return the Python that has OR-Tools: its protobuf is older than ours."""
    python = os.environ.get(PYTHON) or str(ROOT / ".venv-timetabler" / "bin" / "python")
    if not Path(python).exists():
        fail(f"there is no {python}: `make timetabler` installs the solver, or {PYTHON} names it")
    return python
