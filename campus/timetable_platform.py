"""`tandem timetable request|show|apply|cancel`: timetables of the platform, by its services."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import grpc
from google.protobuf import json_format
from rich.text import Text
from tandem.sessions.v1 import timetables_pb2
from tandem.sessions.v1.sessions_pb2_grpc import SessionsServiceStub
from tandem.sessions.v1.timetables_pb2 import Timetable

from campus.output import JSON_OPTION, console, fail, printable, show_rows, steps
from campus.remote import Where, channel_to, reaching
from timetabler import picture
from timetabler.problem import Course, Placement, Problem, Room, Slot

LOOK_EVERY = 0.5
STATE = timetables_pb2.TimetableState
AT_WORK = (
    STATE.TIMETABLE_STATE_WAITING,
    STATE.TIMETABLE_STATE_SOLVING,
    STATE.TIMETABLE_STATE_APPLYING,
)
WEEK = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
PICTURE = click.option(
    "--picture", "drawn", type=click.Path(path_type=Path), help="Draw it as SVG."
)
Said = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Placed:
    """A class of the week, as a row."""

    day: str
    start: str
    minutes: int
    room: str
    title: str
    instructor: str
    first: str
    left_out: str
    series: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what a timetable costs."""

    part: str
    cost: int


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Classes without a place."""

    title: str
    classes: int
    reasons: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What has changed since a timetable was solved."""

    field: str
    wrong: str
    right: str


@click.command()
@click.argument("problem_file", metavar="PROBLEM", type=FILE)
@click.option("--wait/--no-wait", default=True, help="Wait for the end of the search.")
@PICTURE
@reaching
@JSON_OPTION
def request(
    problem_file: Path, wait: bool, drawn: Path | None, where: Where, as_json: bool
) -> None:
    """Let the platform search for a timetable of PROBLEM, and show it.

    PROBLEM is a TimetableProblem as JSON: services/sessions/README.md has one. Rooms, instructors
    and learners are those of the platform. Exits with 1 if a class has no place.
    """
    asked = timetables_pb2.SolveTimetableRequest(problem=_problem(problem_file))
    with _sessions(where) as sessions, steps(as_json) as said:
        found = sessions.SolveTimetable(asked)
        said(f"timetable {found.id}")
        if wait:
            found = _followed(sessions, found, said)
    _end(found, drawn, as_json)


@click.command()
@click.argument("timetable_id", metavar="ID")
@PICTURE
@reaching
@JSON_OPTION
def show(timetable_id: str, drawn: Path | None, where: Where, as_json: bool) -> None:
    """Show a timetable of the platform: its state, classes, cost, and what has no place."""
    with _sessions(where) as sessions:
        found = _get(sessions, timetable_id)
    _end(found, drawn, as_json)


@click.command()
@click.argument("timetable_id", metavar="ID")
@reaching
@JSON_OPTION
def apply(timetable_id: str, where: Where, as_json: bool) -> None:
    """Plan the classes of a timetable as series, all of them or none.

    Exits with 1, and tells all that has changed since it was solved, if it is refused.
    """
    asked = timetables_pb2.ApplyTimetableRequest(timetable_id=timetable_id)
    with _sessions(where) as sessions, steps(as_json) as said:
        found = _followed(sessions, sessions.ApplyTimetable(asked), said)
    _end(found, None, as_json)


@click.command()
@click.argument("timetable_id", metavar="ID")
@reaching
@JSON_OPTION
def cancel(timetable_id: str, where: Where, as_json: bool) -> None:
    """End the search for a timetable that nobody wants."""
    asked = timetables_pb2.CancelTimetableRequest(timetable_id=timetable_id)
    with _sessions(where) as sessions:
        found = sessions.CancelTimetable(asked)
    _show(found, as_json)


@contextmanager
def _sessions(where: Where) -> Iterator[SessionsServiceStub]:
    """Yield the service; end the command with the reason if it refuses a request."""
    with channel_to("sessions", where) as channel:
        try:
            yield SessionsServiceStub(channel)
        except grpc.RpcError as error:
            fail(str(error.details()))


def _problem(path: Path) -> timetables_pb2.TimetableProblem:
    try:
        return json_format.Parse(path.read_text(), timetables_pb2.TimetableProblem())
    except (json_format.ParseError, ValueError) as error:
        fail(f"{path}: is no TimetableProblem: {error}")


def _get(sessions: SessionsServiceStub, timetable_id: str) -> Timetable:
    return sessions.GetTimetable(timetables_pb2.GetTimetableRequest(timetable_id=timetable_id))


def _followed(sessions: SessionsServiceStub, found: Timetable, said: Said) -> Timetable:
    """Return a timetable when no solver works on it any more, and tell its progress."""
    told = ""
    while found.state in AT_WORK:
        if (now := _progress(found)) != told:
            said(now)
            told = now
        time.sleep(LOOK_EVERY)
        found = _get(sessions, found.id)
    return found


def _progress(found: Timetable) -> str:
    if not found.HasField("progress"):
        return _state(found)
    progress = found.progress
    return f"{_state(found)}: {progress.missing} without a place, cost {progress.cost}"


def _state(found: Timetable) -> str:
    return STATE.Name(found.state).removeprefix("TIMETABLE_STATE_")


def _end(found: Timetable, drawn: Path | None, as_json: bool) -> None:
    """Show a timetable, and end the command: with 1 if something is not as it was asked for."""
    if drawn:
        drawn.write_text(picture.svg(*_drawable(found)))
    _show(found, as_json)
    sys.exit(1 if found.missing or found.refusals or found.reason else 0)


def _show(found: Timetable, as_json: bool) -> None:
    if as_json:
        click.echo(json_format.MessageToJson(found, preserving_proto_field_name=True))
        return
    name = printable(found.problem.name)
    console.print(Text(f"{name}: {_state(found)}, {found.id}"), soft_wrap=True)
    if found.reason:
        console.print(Text(printable(found.reason)), soft_wrap=True)
    if found.classes:
        show_rows("Classes", [_row(found, each) for each in found.classes], as_json=False)
    if found.HasField("score"):
        parts = [Part(field.name, getattr(found.score, field.name))
                 for field in found.score.DESCRIPTOR.fields]  # fmt: skip
        total = Part("total", sum(each.cost for each in parts))
        show_rows("Cost", [*parts, total], as_json=False)
    _show_faults(found)


def _show_faults(found: Timetable) -> None:
    missing = [
        Unplaced(_course(found, each.course).title, each.classes, "; ".join(each.reasons))
        for each in found.missing
    ]
    if missing:
        show_rows("Classes without a place", missing, as_json=False)
    refusals = [Refusal(each.field, each.wrong, each.right) for each in found.refusals]
    if refusals:
        show_rows("What has changed since it was solved", refusals, as_json=False)


def _course(found: Timetable, place: int) -> timetables_pb2.TimetableCourse:
    return found.problem.courses[place]


def _row(found: Timetable, placed: timetables_pb2.PlacedClass) -> Placed:
    course = _course(found, placed.course)
    return Placed(
        day=WEEK[placed.weekday - 1],
        start=found.problem.grid.periods[placed.period],
        minutes=placed.duration.seconds // 60,
        room=placed.room,
        title=course.title,
        instructor=course.instructor_id,
        first=placed.starts.local[:10],
        left_out=" ".join(placed.left_out),
        series=placed.series_id or "-",
    )


def _drawable(found: Timetable) -> tuple[Problem, tuple[Placement, ...]]:
    """Return a timetable as the timetabler's picture needs it, with names in the place of ids."""
    grid = found.problem.grid
    names = {each.room_id: each.room for each in found.classes}
    titles = [f"{each.title} {place}" for place, each in enumerate(found.problem.courses)]
    courses = tuple(
        Course(id=title, teacher=each.instructor_id, lectures=each.classes, min_days=0, size=0,
               length=each.periods or 1)
        for title, each in zip(titles, found.problem.courses, strict=True)
    )  # fmt: skip
    problem = Problem(
        name=found.problem.name,
        days=len(grid.weekdays),
        periods=len(grid.periods),
        rooms=tuple(Room(name, 0) for name in sorted(names.values())),
        courses=courses,
    )
    weekdays = list(grid.weekdays)
    return problem, tuple(
        Placement(titles[each.course], each.room, Slot(weekdays.index(each.weekday), each.period))
        for each in found.classes
    )
