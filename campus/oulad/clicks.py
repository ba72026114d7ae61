"""Sorts the clicks by student, in a temporary file.

The table has ten million rows, in the order of days, for all presentations. It is read once. The
rows of one student then come together: a batch of them has few learners, so it becomes few events.
"""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path

from campus.oulad.tables import CLICKS, Row, rows

Name = tuple[str, str]
"""A presentation: its module, and its own name."""
_COLUMNS = ("code_module", "code_presentation", "id_student", "id_site", "date")
_ROWS = """
    SELECT * FROM clicks WHERE code_module = ? AND code_presentation = ?
    AND abs(CAST(id_student AS INTEGER)) % ? = ? ORDER BY id_student, line
"""
_SITES = "SELECT DISTINCT id_site FROM clicks WHERE code_module = ? AND code_presentation = ?"
# An empty name is a temporary file, which nobody else sees and which goes when it is closed
# (sqlite.org/inmemorydb.html). Its sorter writes to temporary files, too.
_TEMPORARY = ""


class Clicks:
    """The rows of some presentations, read when they are first asked for."""

    def __init__(self, folder: Path, wanted: Collection[Name]) -> None:
        self._folder, self._wanted = folder, frozenset(wanted)

    def rows_of(self, name: Name, lane: int = 0, lanes: int = 1) -> Iterator[tuple[int, Row]]:
        """Yield a presentation's rows with their lines: each student's together, in the file's
        order. Raises one of UNREADABLE.

        `lane` of `lanes`: only those of a part of the students.
        """
        with closing(self._sorted.execute(_ROWS, (*name, lanes, lane))) as found:
            for line, *cells in found:
                yield line, dict(zip(_COLUMNS, cells, strict=True))

    def sites_of(self, name: Name) -> frozenset[str]:
        """Return the materials that someone clicked. Raises one of UNREADABLE."""
        return frozenset(site for (site,) in self._sorted.execute(_SITES, name))

    def close(self) -> None:
        """Remove the temporary file."""
        if opened := self.__dict__.pop("_sorted", None):
            opened.close()

    @cached_property
    def _sorted(self) -> sqlite3.Connection:
        table = sqlite3.connect(_TEMPORARY)
        try:
            table.execute(f"CREATE TABLE clicks (line INTEGER, {', '.join(_COLUMNS)})")
            table.executemany("INSERT INTO clicks VALUES (?, ?, ?, ?, ?, ?)", self._read())
        except BaseException:
            table.close()
            raise
        return table

    def _read(self) -> Iterator[tuple[int | str, ...]]:
        for line, row in rows(self._folder, CLICKS):
            if (row["code_module"], row["code_presentation"]) in self._wanted:
                yield line, *(row[column] for column in _COLUMNS)
