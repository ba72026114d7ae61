"""Reads the dataset's tables as rows of text.

Releases of the dataset differ: cells are quoted or not, lines end with CRLF or LF, a file may begin
with a byte order mark, and an empty cell is "" or "?". A row has "" for each of these.
"""

import csv
import io
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

COURSES, CLICKS = "courses.csv", "studentVle.zip"
_OF = ("code_module", "code_presentation")
# The columns that are read, by table.
COLUMNS = {
    COURSES: (*_OF, "module_presentation_length"),
    "studentInfo.csv": (*_OF, "id_student"),
    "studentRegistration.csv": (*_OF, "id_student", "date_unregistration"),
    "vle.csv": (*_OF, "id_site", "activity_type"),
    "assessments.csv": (*_OF, "id_assessment", "assessment_type", "date"),
    "studentAssessment.csv": ("id_assessment", "id_student", "date_submitted"),
    CLICKS: (*_OF, "id_student", "id_site", "date"),
}
# The errors of reading a damaged table.
UNREADABLE = (
    *(OSError, zipfile.BadZipFile, zlib.error, EOFError),
    *(UnicodeDecodeError, csv.Error, sqlite3.Error),
)

NO_CELL = "(no cell)"
"""The value of a cell that an incomplete row lacks: such a row may be a file that was cut."""
_FORMAT: dict[str, Any] = {"restval": NO_CELL, "skipinitialspace": True}
_EMPTY = "?"
_ENCODING = "utf-8-sig"  # without the byte order mark, if there is one

Row = dict[str, str]


def header(folder: Path, table: str) -> list[str]:
    """Return the names of a table's columns. Raises one of UNREADABLE."""
    with _opened(folder, table) as file:
        return list(_reader(file, table).fieldnames or [])


def rows(folder: Path, table: str) -> Iterator[tuple[int, Row]]:
    """Yield each row of a table with its line. Raises one of UNREADABLE."""
    with _opened(folder, table) as file:
        reader = _reader(file, table)
        for row in reader:
            yield reader.line_num, {name: _value(cell) for name, cell in row.items() if name}


def _value(cell: str) -> str:
    value = cell.strip()
    return "" if value == _EMPTY else value


def rows_of(folder: Path, table: str, module: str, presentation: str) -> Iterator[tuple[int, Row]]:
    """Yield each row of one presentation with its line. Raises one of UNREADABLE."""
    for line, row in rows(folder, table):
        if (row["code_module"], row["code_presentation"]) == (module, presentation):
            yield line, row


def _reader(file: TextIO, table: str) -> "csv.DictReader[str]":
    delimiter = "\t" if table == CLICKS else ","
    return csv.DictReader(file, delimiter=delimiter, **_FORMAT)


@contextmanager
def _opened(folder: Path, table: str) -> Iterator[TextIO]:
    if table != CLICKS:
        with (folder / table).open(encoding=_ENCODING, newline="") as file:
            yield file
        return
    # The click table is read inside its archive: unpacked it has 32 MB or more.
    with zipfile.ZipFile(folder / table) as archive:
        members = archive.namelist()
        if len(members) != 1:
            raise zipfile.BadZipFile(f"it has {len(members)} files; expected one")
        with archive.open(members[0]) as raw:
            yield io.TextIOWrapper(raw, encoding=_ENCODING, newline="")
