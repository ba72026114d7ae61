"""Reads the dataset's files: all rows of one presentation."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from campus.oulad.clicks import Clicks
from campus.oulad.faults import faults, folder_faults
from campus.oulad.tables import COURSES, UNREADABLE, Row, rows, rows_of

# A presentation's letter is the month it starts in: B is February, J is October.
_MONTHS = {"B": 2, "J": 10}
_SHOWN = 20  # errors in one message


class FilesError(Exception):
    """The folder does not have the presentation, or has errors; the message lists all."""


@dataclass(frozen=True)
class Registration:
    """A student of the presentation."""

    student: str
    unregistered: bool


@dataclass(frozen=True)
class Material:
    """A material in the virtual learning environment."""

    site: str
    kind: str


@dataclass(frozen=True)
class Assessment:
    """An assessment; `day` is None for an exam without a date."""

    id: str
    kind: str
    day: int | None


@dataclass(frozen=True)
class Submission:
    """A student submitted an assessment."""

    student: str
    assessment: str
    day: int


@dataclass(frozen=True)
class Click:
    """One row of daily clicks. Equal rows are separate observations; `nth` distinguishes them."""

    student: str
    site: str
    day: int
    nth: int


def presentations(
    folder: Path, module: str | None = None, presentation: str | None = None
) -> list[tuple[str, str]]:
    """Return the presentations of courses.csv, as module and name, or those of them that are meant.

    Raises FilesError if there are none, and with all errors of tables and their columns.
    """
    _check(folder_faults(folder))
    try:
        named = [(row["code_module"], row["code_presentation"]) for _, row in rows(folder, COURSES)]
    except UNREADABLE as error:
        raise FilesError(f"{COURSES} can't be read: {error}") from error
    wanted = (module, presentation)
    found = [
        each
        for each in named
        if all(part in (None, own) for part, own in zip(wanted, each, strict=True))
    ]
    if not found:
        raise FilesError(f"{COURSES} has no presentation {' '.join(filter(None, wanted))}")
    return found


class Presentation:
    """One module presentation in a folder. Days count from its start and may be negative.

    Raises FilesError with all errors of the folder.
    """

    def __init__(
        self,
        folder: Path,
        module: str,
        presentation: str,
        clicks: Clicks | None = None,
        only_clicked: bool = False,
    ) -> None:
        """`clicks`: those of several presentations, so that their table is read only once;
        `only_clicked`: without materials that nobody clicked.
        """
        self._folder, self.module, self.name = folder, module, presentation
        self._clicks = clicks or Clicks(folder, [(module, presentation)])
        self._only_clicked = only_clicked
        _check(faults(folder, module, presentation, self._clicks))
        (course, *_) = self._rows(COURSES)
        self.length = timedelta(days=int(course["module_presentation_length"]))
        self.start = date(int(presentation[:4]), _MONTHS[presentation[4]], 1)

    @cached_property
    def registrations(self) -> list[Registration]:
        """Every student of studentInfo.csv, with the dates of studentRegistration.csv."""
        left = {
            row["id_student"]: row["date_unregistration"] != ""
            for row in self._rows("studentRegistration.csv")
        }
        students = [row["id_student"] for row in self._rows("studentInfo.csv")]
        return [Registration(student, left.get(student, False)) for student in students]

    @cached_property
    def materials(self) -> list[Material]:
        """Every material of vle.csv, or those that were clicked."""
        if not self._only_clicked:
            return self._all_materials
        clicked = self._clicks.sites_of((self.module, self.name))
        return [each for each in self._all_materials if each.site in clicked]

    @property
    def never_clicked(self) -> int:
        """How many materials were left out, because nobody clicked them."""
        return len(self._all_materials) - len(self.materials)

    @cached_property
    def assessments(self) -> list[Assessment]:
        """Every assessment of assessments.csv."""
        return [
            Assessment(
                row["id_assessment"],
                row["assessment_type"],
                int(row["date"]) if row["date"] else None,
            )
            for row in self._rows("assessments.csv")
        ]

    @cached_property
    def submissions(self) -> list[Submission]:
        """Every row of studentAssessment.csv about one of the assessments that has a day, each
        student's together.
        """
        found = (
            Submission(row["id_student"], row["id_assessment"], int(row["date_submitted"]))
            for row in self._handed_in
            if row["date_submitted"]
        )
        return sorted(found, key=attrgetter("student"))

    @property
    def never_submitted(self) -> int:
        """How many of these rows have no day: some releases tell so what was not handed in."""
        return len(self._handed_in) - len(self.submissions)

    def clicks(self, lane: int = 0, lanes: int = 1) -> Iterator[Click]:
        """Yield every row of studentVle about this presentation, each student's together.

        `lane` of `lanes`: only those of a part of the students.
        """
        found = self._clicks.rows_of((self.module, self.name), lane, lanes)
        for _, own in groupby(found, _student):
            seen: Counter[tuple[str, str, int]] = Counter()
            for _, row in own:
                what = row["id_student"], row["id_site"], int(row["date"])
                seen[what] += 1
                yield Click(*what, seen[what])

    @cached_property
    def _all_materials(self) -> list[Material]:
        return [Material(row["id_site"], row["activity_type"]) for row in self._rows("vle.csv")]

    @cached_property
    def _handed_in(self) -> list[Row]:
        ours = {assessment.id for assessment in self.assessments}
        return [
            row
            for _, row in rows(self._folder, "studentAssessment.csv")
            if row["id_assessment"] in ours
        ]

    def _rows(self, table: str) -> Iterator[Row]:
        return (row for _, row in rows_of(self._folder, table, self.module, self.name))


def _student(numbered: tuple[int, Row]) -> str:
    return numbered[1]["id_student"]


def _check(found: list[str]) -> None:
    """Raise FilesError with the first errors, and the number of the others."""
    if found:
        more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise FilesError("\n".join(found[:_SHOWN] + more))
