"""What the Open University dataset tells of each student, day by day.

Days count from the start of a presentation. What happened on a day is known at the beginning of the
next: at day 54, everything until day 53.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import accumulate
from pathlib import Path

from campus.oulad.tables import CLICKS, Row, rows

NEVER = 1_000_000
"""The day of what has not happened."""
ALWAYS = -NEVER
FAILED = {"Withdrawn", "Fail"}
EXAM = "Exam"
# A day's clicks are told without an hour.
NOON = timedelta(hours=12)


@dataclass(frozen=True)
class Work:
    """An assessment that a student had to hand in; `handed_in` is NEVER if they did not."""

    due: int
    handed_in: int


@dataclass(frozen=True, eq=False)
class Student:
    """A student of one presentation; all days are sorted."""

    registered: int
    """ALWAYS if the files don't tell it."""
    left: int
    failed: bool
    """Whether they withdrew or failed in the end."""
    work: tuple[Work, ...]
    """What was due since they came."""
    clicks: tuple[int, ...]
    hand_ins: tuple[int, ...]
    """The days of hand-ins, but of what was taken over."""
    seen: tuple[int, ...]
    """The days with clicks or hand-ins."""
    dues: tuple[int, ...]
    settled: tuple[int, ...]
    """For each hand-in, its day or its due, whichever is later."""
    done: tuple[int, ...]
    """The days on which work was handed in, or was taken over."""
    least_delays: tuple[int, ...]
    """For each of these, by how many days the most punctual until then was late, or (below zero)
    early."""

    def is_registered(self, day: int) -> bool:
        """Return whether the student was registered at the beginning of a day."""
        return self.registered < day <= self.left

    def due_until(self, day: int) -> int:
        """Return how many dues had passed."""
        return bisect_left(self.dues, day)

    def overdue(self, day: int) -> int:
        """Return how much work was past its due and not handed in."""
        return bisect_left(self.dues, day) - bisect_left(self.settled, day)

    def least_delay(self, day: int) -> timedelta:
        """Return how long after its due the most punctual work was handed in; zero: in time, or
        nothing was.
        """
        before = bisect_left(self.done, day)
        days = self.least_delays[before - 1] if before else 0
        # A due is at the end of its day.
        return max(timedelta(), timedelta(days=days) - NOON)

    def silence(self, day: int) -> timedelta:
        """Return the time since the student last did anything, at most since they came."""
        came = timedelta(days=day - max(0, self.registered))
        before = bisect_left(self.seen, day)
        return min(came, timedelta(days=day - self.seen[before - 1]) - NOON) if before else came

    def without_clicks(self) -> "Student":
        """Return the student as if nothing was known of clicks."""
        return replace(self, clicks=(), seen=self.hand_ins)


def made(
    registered: int,
    left: int,
    failed: bool,
    work: Iterable[Work],
    clicks: Collection[int],
    hand_ins: Collection[int] = (),
) -> Student:
    """Return a student; of the work, what was due since they came."""
    asked = sorted((each for each in work if each.due >= registered), key=lambda each: each.due)
    done = sorted((each.handed_in, each.due) for each in asked if each.handed_in < NEVER)
    return Student(
        registered=registered,
        left=left,
        failed=failed,
        work=tuple(asked),
        clicks=tuple(sorted(clicks)),
        hand_ins=tuple(sorted(set(hand_ins))),
        seen=tuple(sorted({*clicks, *hand_ins})),
        dues=tuple(each.due for each in asked),
        settled=tuple(sorted(max(each.due, each.handed_in) for each in asked)),
        done=tuple(day for day, _ in done),
        least_delays=tuple(accumulate((day - due for day, due in done), min)),
    )


@dataclass(frozen=True)
class Presentation:
    """One module presentation."""

    name: str
    length: int
    """In days."""
    students: tuple[Student, ...]
    has_clicks: bool

    def at(self, fifth: int) -> int:
        """Return the day at which so many fifths of it are over."""
        return self.length * fifth // 5

    def by_hand_ins(self) -> "Presentation":
        """Return it as if nothing was known of clicks."""
        students = tuple(each.without_clicks() for each in self.students)
        return replace(self, students=students, has_clicks=False)


def read(folder: Path, with_clicks: bool = True) -> dict[str, Presentation]:
    """Return all presentations by name, such as "AAA 2013J". Raises one of tables.UNREADABLE."""
    dues = _dues(folder)
    handed_in = _handed_in(folder)
    clicks = _clicks(folder) if with_clicks else {}
    dates = {_who(row): row for row in _rows(folder, "studentRegistration.csv")}
    clicked = {name for name, _ in clicks}
    students: dict[str, list[Student]] = {}
    for row in _rows(folder, "studentInfo.csv"):
        who = _who(row)
        done = {each: handed_in.get((each, who[1])) for each in dues.get(who[0], ())}
        student = _student(row, dates[who], dues.get(who[0], {}), done, clicks.get(who, set()))
        students.setdefault(who[0], []).append(student)
    return {
        _name(row): Presentation(
            _name(row),
            int(row["module_presentation_length"]),
            tuple(students.get(_name(row), ())),
            _name(row) in clicked,
        )
        for row in _rows(folder, "courses.csv")
    }


@dataclass(frozen=True)
class _HandIn:
    day: int
    banked: bool
    """Whether its result was taken over from an earlier presentation."""


def _student(
    info: Row,
    dates: Row,
    dues: Mapping[str, int],
    done: Mapping[str, _HandIn | None],
    clicks: Collection[int],
) -> Student:
    registered = _day(dates["date_registration"], ALWAYS)
    # Work that was taken over is done, but no sign of life.
    hand_ins = [each.day for each in done.values() if each is not None and not each.banked]
    return made(
        registered,
        _day(dates["date_unregistration"], NEVER),
        info["final_result"] in FAILED,
        _work((due, done[each]) for each, due in dues.items()),
        clicks,
        hand_ins,
    )


def _work(dues: Iterable[tuple[int, _HandIn | None]]) -> Iterator[Work]:
    return (Work(due, done.day if done else NEVER) for due, done in dues)


def _dues(folder: Path) -> dict[str, dict[str, int]]:
    """Return the day of each assessment by presentation. Exams are none: they are held, and the
    files tell only of those who came.
    """
    found: dict[str, dict[str, int]] = {}
    for row in _rows(folder, "assessments.csv"):
        if row["date"] and row["assessment_type"] != EXAM:
            found.setdefault(_name(row), {})[row["id_assessment"]] = _day(row["date"], NEVER)
    return found


def _handed_in(folder: Path) -> dict[tuple[str, str], _HandIn]:
    """Return each hand-in that has a day, by assessment and student."""
    return {
        (row["id_assessment"], row["id_student"]): _HandIn(
            int(row["date_submitted"]), row["is_banked"] == "1"
        )
        for row in _rows(folder, "studentAssessment.csv")
        if row["date_submitted"]
    }


def _clicks(folder: Path) -> dict[tuple[str, str], set[int]]:
    """Return the days on which each student clicked."""
    found: dict[tuple[str, str], set[int]] = {}
    for row in _rows(folder, CLICKS):
        found.setdefault(_who(row), set()).add(int(row["date"]))
    return found


def _rows(folder: Path, table: str) -> Iterable[Row]:
    return (row for _, row in rows(folder, table))


def _name(row: Row) -> str:
    return f"{row['code_module']} {row['code_presentation']}"


def _who(row: Row) -> tuple[str, str]:
    return _name(row), row["id_student"]


def _day(cell: str, otherwise: int) -> int:
    """Return a day; some releases write it as a float."""
    return int(float(cell)) if cell else otherwise
