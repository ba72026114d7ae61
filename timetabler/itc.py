"""The competition's formats: .ctt for problems, .sol for timetables.

Fields are separated by white space. A .ctt has a head of `Name: value` lines, then the sections
COURSES (id, teacher, classes, least days, learners), ROOMS (id, seats), CURRICULA (id, count,
course ids), UNAVAILABILITY_CONSTRAINTS (course, day, period) and END. A line of a .sol is a course,
a room, a day and a period. Days and periods count from 0. (ITC-2007, track 3, "Format of the
files".)
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from timetabler.problem import Course, Group, Placement, Problem, Room, Slot, Timetable

SECTIONS: Mapping[str, int] = {
    "COURSES:": 5,
    "ROOMS:": 2,
    "CURRICULA:": 3,
    "UNAVAILABILITY_CONSTRAINTS:": 3,
}
"""Each section with the fewest fields of its lines."""


class Unreadable(ValueError):
    """A file that is not in its format. `faults`: a line each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Line:
    """The fields of a line, with its number."""

    number: int
    fields: tuple[str, ...]


def read_problem(text: str) -> Problem:
    """Return the problem of a .ctt. Raises Unreadable with every fault."""
    head, sections = _parts(text)
    faults = [*_head_faults(head), *_line_faults(sections)]
    if faults:
        raise Unreadable(faults)
    unavailable: dict[str, set[Slot]] = {}
    for line in sections["UNAVAILABILITY_CONSTRAINTS:"]:
        course, day, period = line.fields[:3]
        unavailable.setdefault(course, set()).add(Slot(int(day), int(period)))
    return Problem(
        name=head.get("Name", ""),
        days=int(head["Days"]),
        periods=int(head["Periods_per_day"]),
        rooms=tuple(Room(f[0], int(f[1])) for f in _fields(sections["ROOMS:"])),
        courses=tuple(
            Course(
                id=f[0],
                teacher=f[1],
                lectures=int(f[2]),
                min_days=int(f[3]),
                size=int(f[4]),
                unavailable=frozenset(unavailable.get(f[0], ())),
            )
            for f in _fields(sections["COURSES:"])
        ),
        groups=tuple(Group(f[0], f[2:]) for f in _fields(sections["CURRICULA:"])),
    )


def write_problem(problem: Problem) -> str:
    """Return a problem as a .ctt, which has no features and no dislikes."""
    unavailable = [
        (course.id, *slot) for course in problem.courses for slot in sorted(course.unavailable)
    ]
    rows: list[Iterable[object]] = [
        ("Name:", problem.name),
        ("Courses:", len(problem.courses)),
        ("Rooms:", len(problem.rooms)),
        ("Days:", problem.days),
        ("Periods_per_day:", problem.periods),
        ("Curricula:", len(problem.groups)),
        ("Constraints:", len(unavailable)),
        (),
        ("COURSES:",),
        *((c.id, c.teacher, c.lectures, c.min_days, c.size) for c in problem.courses),
        (),
        ("ROOMS:",),
        *((room.id, room.capacity) for room in problem.rooms),
        (),
        ("CURRICULA:",),
        *((group.id, len(group.courses), *group.courses) for group in problem.groups),
        (),
        ("UNAVAILABILITY_CONSTRAINTS:",),
        *unavailable,
        (),
        ("END.",),
    ]
    return "".join(" ".join(map(str, row)) + "\n" for row in rows)


def read_solution(text: str) -> Timetable:
    """Return the timetable of a .sol. Raises Unreadable with every fault."""
    lines = [line for line in _lines(text) if line.fields]
    faults = [
        f"line {line.number}: expected a course, a room, a day and a period"
        for line in lines
        if len(line.fields) != 4 or not _are_numbers(line.fields[2:])
    ]
    if faults:
        raise Unreadable(faults)
    return tuple(
        Placement(course, room, Slot(int(day), int(period)))
        for course, room, day, period in _fields(lines)
    )


def write_solution(timetable: Timetable) -> str:
    """Return a timetable as a .sol."""
    return "".join(
        f"{each.course} {each.room} {each.slot.day} {each.slot.period}\n" for each in timetable
    )


def _lines(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.splitlines(), 1):
        yield Line(number, tuple(line.split()))


def _fields(lines: Iterable[Line]) -> Iterator[tuple[str, ...]]:
    return (line.fields for line in lines)


def _parts(text: str) -> tuple[dict[str, str], dict[str, list[Line]]]:
    """Return the values of the head, and the lines of each section."""
    head: dict[str, str] = {}
    sections: dict[str, list[Line]] = {name: [] for name in SECTIONS}
    section = ""
    for line in _lines(text):
        first = line.fields[0] if line.fields else ""
        if first in SECTIONS:
            section = first
        elif first == "END.":
            break
        elif section and first:
            sections[section].append(line)
        elif first.endswith(":"):
            head[first.removesuffix(":")] = " ".join(line.fields[1:])
    return head, sections


def _head_faults(head: Mapping[str, str]) -> Iterator[str]:
    for name in ("Days", "Periods_per_day"):
        if not _are_numbers([head.get(name, "")]) or int(head[name]) < 1:
            yield f"{name}: is {head.get(name, 'missing')!r}, expected a number from 1"


def _line_faults(sections: Mapping[str, Sequence[Line]]) -> Iterator[str]:
    courses = {line.fields[0] for line in sections["COURSES:"]}
    for name, lines in sections.items():
        for line in lines:
            place = f"line {line.number} ({name.removesuffix(':')})"
            yield from (f"{place}: {fault}" for fault in _faults_of(name, line.fields, courses))
    for name in ("COURSES:", "ROOMS:"):
        ids = Counter(line.fields[0] for line in sections[name])
        if not ids:
            yield f"{name} is empty, expected one line or more"
        yield from (f"{name} names {each!r} twice" for each, count in ids.items() if count > 1)


def _faults_of(section: str, fields: Sequence[str], courses: Set[str]) -> Iterator[str]:
    if len(fields) < SECTIONS[section] or not _are_numbers(_numbers(section, fields)):
        yield f"has {' '.join(fields)!r}, expected {SECTIONS[section]} fields or more"
        return
    named = {"CURRICULA:": fields[2:], "UNAVAILABILITY_CONSTRAINTS:": fields[:1]}
    for course in named.get(section, ()):
        if course not in courses:
            yield f"there is no course {course!r}"


def _numbers(section: str, fields: Sequence[str]) -> Sequence[str]:
    """Return the fields of a line that are numbers."""
    first, last = {
        "COURSES:": (2, 5),
        "ROOMS:": (1, 2),
        "CURRICULA:": (1, 2),
        "UNAVAILABILITY_CONSTRAINTS:": (1, 3),
    }[section]
    return fields[first:last]


def _are_numbers(texts: Iterable[str]) -> bool:
    return all(text.isascii() and text.isdigit() for text in texts)
