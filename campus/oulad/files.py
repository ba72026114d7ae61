"""The dataset's files as they are: one presentation's rows, nothing left out, nothing merged."""

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TextIO

FILES = (
    "courses.csv",
    "studentInfo.csv",
    "studentRegistration.csv",
    "vle.csv",
    "assessments.csv",
    "studentAssessment.csv",
)
# A presentation's letter is the month it starts in: B is February, J is October.
_MONTHS = {"B": 2, "J": 10}


class FilesError(Exception):
    """The folder does not hold what is wanted; the text lists everything that is missing."""


@dataclass(frozen=True)
class Registration:
    """A student of the presentation. Days count from its start and may be negative."""

    student: str
    unregistered: bool


@dataclass(frozen=True)
class Material:
    """Something in the virtual learning environment."""

    site: str
    kind: str


@dataclass(frozen=True)
class Assessment:
    """Something to hand in; `day` is None for an exam whose date is not told."""

    id: str
    kind: str
    day: int | None


@dataclass(frozen=True)
class Submission:
    """A student handed an assessment in."""

    student: str
    assessment: str
    day: int


@dataclass(frozen=True)
class Click:
    """One row of daily clicks. Equal rows are observations of their own, told apart by `row`."""

    row: int
    student: str
    site: str
    day: int


class Presentation:
    """One module presentation in a folder. Raises FilesError when the folder does not hold it."""

    def __init__(self, folder: Path, module: str, presentation: str) -> None:
        self._folder, self.module, self.name = folder, module, presentation
        _check_folder(folder)
        lengths = [int(row["module_presentation_length"]) for row in self._rows("courses.csv")]
        if not lengths:
            raise FilesError(f"courses.csv has no presentation {module} {presentation}")
        self.length = timedelta(days=lengths[0])
        self.start = date(int(presentation[:4]), _MONTHS[presentation[4]], 1)

    def registrations(self) -> list[Registration]:
        """Every student of studentInfo.csv, with what studentRegistration.csv says."""
        left = {
            row["id_student"]: row["date_unregistration"] != ""
            for row in self._rows("studentRegistration.csv")
        }
        students = [row["id_student"] for row in self._rows("studentInfo.csv")]
        return [Registration(student, left.get(student, False)) for student in students]

    def materials(self) -> list[Material]:
        """Every material of vle.csv."""
        return [Material(row["id_site"], row["activity_type"]) for row in self._rows("vle.csv")]

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

    def submissions(self) -> list[Submission]:
        """Every row of studentAssessment.csv about one of our assessments."""
        ours = {assessment.id for assessment in self.assessments()}
        with (self._folder / "studentAssessment.csv").open(newline="") as file:
            return [
                Submission(row["id_student"], row["id_assessment"], int(row["date_submitted"]))
                for row in csv.DictReader(file)
                if row["id_assessment"] in ours
            ]

    def clicks(self) -> Iterator[Click]:
        """Every row of studentVle about this presentation, in the file's order."""
        with _click_table(self._folder) as file:
            for number, row in enumerate(csv.DictReader(file, delimiter="\t")):
                if (row["code_module"], row["code_presentation"]) == (self.module, self.name):
                    yield Click(number, row["id_student"], row["id_site"], int(row["date"]))

    def _rows(self, name: str) -> list[dict[str, str]]:
        with (self._folder / name).open(newline="") as file:
            return [
                row
                for row in csv.DictReader(file)
                if (row["code_module"], row["code_presentation"]) == (self.module, self.name)
            ]


def _check_folder(folder: Path) -> None:
    missing = [name for name in FILES if not (folder / name).is_file()]
    if not (folder / "studentVle.zip").is_file():
        missing.append("studentVle.zip")
    if missing:
        raise FilesError(f"{folder} lacks {', '.join(missing)}")


@contextmanager
def _click_table(folder: Path) -> Iterator[TextIO]:
    """The click table, read from inside its archive: unpacked it would be 32 MB and more."""
    with zipfile.ZipFile(folder / "studentVle.zip") as archive:
        (name,) = archive.namelist()
        with archive.open(name) as raw:
            yield io.TextIOWrapper(raw, encoding="utf-8", newline="")
