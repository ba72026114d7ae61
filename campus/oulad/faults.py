"""Finds all errors in a folder of the dataset before anything is sent."""

import re
from collections.abc import Iterator
from pathlib import Path

from campus.oulad.clicks import Clicks
from campus.oulad.tables import CLICKS, COLUMNS, UNREADABLE, header, rows, rows_of


def folder_faults(folder: Path) -> list[str]:
    """Return a line for each table that is missing, or lacks columns, or can't be read."""
    missing = [name for name in COLUMNS if not (folder / name).is_file()]
    return [f"{folder} lacks {', '.join(missing)}"] if missing else list(_of_headers(folder))


def faults(folder: Path, module: str, presentation: str, clicks: Clicks) -> list[str]:
    """Return a line for each error, with its place. The rows are read if the folder is right."""
    if not re.fullmatch(r"(19|20)\d\d[BJ]", presentation):
        return [f"{presentation!r} is not a presentation; expected for example 2013B or 2013J"]
    return folder_faults(folder) or _Rows(folder, module, presentation, clicks).faults()


def _of_headers(folder: Path) -> Iterator[str]:
    for table, columns in COLUMNS.items():
        try:
            lacking = [name for name in columns if name not in header(folder, table)]
        except UNREADABLE as error:
            yield f"{table} can't be read: {error}"
        else:
            if lacking:
                yield f"{table} lacks the column{'s' * (len(lacking) > 1)} {', '.join(lacking)}"


class _Rows:
    """Checks the rows of one presentation; its tables have their columns."""

    def __init__(self, folder: Path, module: str, presentation: str, clicks: Clicks) -> None:
        self._folder, self._of, self._all_clicks = folder, (module, presentation), clicks
        self._known_students: set[str] = set()
        self._known_sites: set[str] = set()
        self._known_assessments: set[str] = set()

    def faults(self) -> list[str]:
        """Return every error of every row."""
        checks = {
            "courses.csv": self._length,
            "studentInfo.csv": self._students,
            "studentRegistration.csv": self._registrations,
            "vle.csv": self._sites,
            "assessments.csv": self._assessments,
            "studentAssessment.csv": self._submissions,
            CLICKS: self._clicks,
        }
        found: list[str] = []
        for table, check in checks.items():
            try:
                found += check()
            except UNREADABLE as error:
                return [*found, f"{table} can't be read: {error}"]
        return found

    def _length(self) -> Iterator[str]:
        lengths = dict(self._rows("courses.csv", "module_presentation_length"))
        if not lengths:
            yield f"courses.csv has no presentation {' '.join(self._of)}"
        for line, length in lengths.items():
            if not re.fullmatch(r"\d{1,4}", length):
                yield _wrong(
                    "courses.csv", line, "module_presentation_length", length, "a number of days"
                )

    def _students(self) -> Iterator[str]:
        yield from self._read_ids("studentInfo.csv", "id_student", self._known_students)

    def _registrations(self) -> Iterator[str]:
        for line, day in self._rows("studentRegistration.csv", "date_unregistration"):
            if day:  # otherwise still registered
                yield from _of_day("studentRegistration.csv", line, "date_unregistration", day)

    def _sites(self) -> Iterator[str]:
        yield from self._read_ids("vle.csv", "id_site", self._known_sites)

    def _assessments(self) -> Iterator[str]:
        yield from self._read_ids("assessments.csv", "id_assessment", self._known_assessments)
        for line, day in self._rows("assessments.csv", "date"):
            if day:  # an exam may have none
                yield from _of_day("assessments.csv", line, "date", day)

    def _submissions(self) -> Iterator[str]:
        table = "studentAssessment.csv"
        for line, row in rows(self._folder, table):
            if row["id_assessment"] in self._known_assessments:
                if row["date_submitted"]:  # otherwise not submitted
                    yield from _of_day(table, line, "date_submitted", row["date_submitted"])
                yield from self._of_student(table, line, row["id_student"])

    def _clicks(self) -> Iterator[str]:
        for line, row in self._all_clicks.rows_of(self._of):
            yield from _of_day(CLICKS, line, "date", row["date"])
            yield from self._of_student(CLICKS, line, row["id_student"])
            if row["id_site"] not in self._known_sites:
                yield _wrong(CLICKS, line, "id_site", row["id_site"], "a site of vle.csv")

    def _of_student(self, table: str, line: int, student: str) -> Iterator[str]:
        if student not in self._known_students:
            yield _wrong(table, line, "id_student", student, "a student of studentInfo.csv")

    def _read_ids(self, table: str, column: str, known: set[str]) -> Iterator[str]:
        """Collect the ids of a table; yield an error for an id that is used twice."""
        for line, value in self._rows(table, column):
            if not value or value in known:
                yield _wrong(table, line, column, value, "a unique id")
            known.add(value)

    def _rows(self, table: str, column: str) -> Iterator[tuple[int, str]]:
        return ((line, row[column]) for line, row in rows_of(self._folder, table, *self._of))


def _of_day(table: str, line: int, column: str, day: str) -> Iterator[str]:
    if not re.fullmatch(r"-?\d{1,4}", day):
        yield _wrong(table, line, column, day, "a number of days from the start")


def _wrong(table: str, line: int, column: str, value: str, expected: str) -> str:
    return f"{table}, line {line}: {column} is {value!r}; expected {expected}"
