"""Opens a OneRoster archive that a stranger sent: a ZIP of CSV files, read without a disk."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import IO

from chassis.errors import FieldViolation
from services.catalog.domain.oneroster import manifest as manifests
from services.catalog.domain.oneroster.files import (
    COLUMNS,
    File,
    canonical,
    header_violations,
    quoted,
    unknown_columns,
)
from services.catalog.domain.oneroster.rows import ImportRow, Result
from services.catalog.oneroster_records import UTF_8, WINDOWS, Record, encoding_of, records
from services.catalog.usecases.oneroster.archive import ArchiveError, RawRow, Unreadable

MOST_ENTRIES = 1_000
ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError)


class ZipArchive:
    """An archive in memory; `most` bytes may its files have unpacked."""

    def __init__(self, content: bytes, most: int) -> None:
        """Raises ArchiveError if it is no archive that may be read."""
        self.notes: list[ImportRow] = []
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except _BROKEN as error:
            raise ArchiveError(f"the file is no ZIP archive: {error}") from error
        self._entries = self._listed(most)
        present = {file for file in File if file.csv.lower() in self._entries}
        self.manifest = self._manifest(present)
        self._note_all(manifests.NAME, self.manifest.notes)

    def rows(self, file: File) -> Iterator[RawRow]:
        """Yield the rows of a file, in order. Raises Unreadable where it can't go on."""
        if file.csv.lower() not in self._entries:
            return
        try:
            yield from self._rows(file)
        except _BROKEN as error:
            fault = FieldViolation("", f"can't be unpacked: {error}", "a ZIP archive that is whole")
            raise Unreadable([fault]) from error

    def _listed(self, most: int) -> dict[str, zipfile.ZipInfo]:
        """Return the files by their names without folder, in lower case."""
        infos = self._zip.infolist()
        if len(infos) > MOST_ENTRIES:
            raise ArchiveError(f"the archive has {len(infos)} entries; expected the CSV files only")
        found: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            name = PurePosixPath(info.filename.replace("\\", "/")).name.lower()
            if info.is_dir() or not name.endswith(".csv") or name.startswith("."):
                continue
            if info.flag_bits & ENCRYPTED:
                raise ArchiveError(
                    f"{quoted(info.filename)} is encrypted; expected an archive that is not"
                )
            if name in found:
                raise ArchiveError(f"{quoted(name)} is there twice; expected each file once")
            found[name] = info
        if not found:
            raise ArchiveError("the archive has no CSV file; expected those of OneRoster 1.2")
        _check_size(found, most)
        return found

    def _manifest(self, present: set[File]) -> manifests.Manifest:
        if manifests.NAME not in self._entries:
            return manifests.without_manifest(present)
        try:
            rows = [record.fields for record in self._records(manifests.NAME)]
        except _BROKEN as error:
            raise ArchiveError(f"the manifest can't be unpacked: {error}") from error
        found = manifests.read_manifest(rows, present)
        if wrong := list(manifests.version_violations(found)):
            raise ArchiveError("; ".join(map(str, wrong)))
        return found

    def _rows(self, file: File) -> Iterator[RawRow]:
        found = self._records(file.csv)
        names = self._header(file, next(found, None))
        wanted = [(place, name) for place, name in enumerate(names) if name in _USED[file]]
        empty = True
        for record in found:
            empty = False
            yield _raw(record, names, wanted)
        if empty:
            fault = FieldViolation("", "has no rows", "rows, or no file (absent in the manifest)")
            raise Unreadable([fault])

    def _header(self, file: File, record: Record | None) -> list[str]:
        if record is None:
            raise Unreadable([FieldViolation("", "is empty", "a header and rows")])
        names = [canonical(file, each) for each in record.fields]
        faults = [*record.violations, *header_violations(file, names)]
        if faults:
            raise Unreadable(faults)
        unlike = [name for name, was in zip(names, record.fields, strict=True) if name != was]
        right = "the names of the binding, which tells upper and lower case apart"
        self._note_all(file.csv, [FieldViolation(n, "is written otherwise", right) for n in unlike])
        unknown = unknown_columns(file, names)
        self._note_all(file.csv, [FieldViolation(n[:64], _UNKNOWN, "") for n in unknown])
        return names

    def _records(self, name: str) -> Iterator[Record]:
        open_ = partial(self._open, name)
        encoding = encoding_of(open_)
        if encoding not in (UTF_8, "utf-8-sig"):
            told = "Windows-1252" if encoding == WINDOWS else "UTF-16"
            self._note_all(name, [FieldViolation("", f"is read as {told}", "UTF-8 (RFC 3629)")])
        return records(open_, encoding)

    def _open(self, name: str) -> IO[bytes]:
        return self._zip.open(self._entries[name.lower()])

    def _note_all(
        self, file: str, notes: "list[FieldViolation] | tuple[FieldViolation, ...]"
    ) -> None:
        known = {(row.file, row.violations) for row in self.notes}
        self.notes += [
            ImportRow(file=file, line=1, result=Result.NOTED, violations=(note,))
            for note in notes
            if (file, (note,)) not in known
        ]


_UNKNOWN = "is not a column of OneRoster 1.2, and is not read"
_USED: Mapping[File, set[str]] = {
    file: {column.name for column in columns} for file, columns in COLUMNS.items()
}


def _check_size(entries: Mapping[str, zipfile.ZipInfo], most: int) -> None:
    # zipfile never unpacks more than an entry announces.
    size = sum(info.file_size for info in entries.values())
    if size > most:
        raise ArchiveError(f"the files have {size} bytes unpacked; expected at most {most}")


def _raw(record: Record, names: list[str], wanted: list[tuple[int, str]]) -> RawRow:
    if record.violations:
        return RawRow(record.line, {}, record.violations)
    if len(record.fields) != len(names):
        wrong = f"has {len(record.fields)} fields"
        fault = FieldViolation("", wrong, f"{len(names)}, as the header")
        return RawRow(record.line, {}, (fault,))
    return RawRow(record.line, {name: record.fields[place] for place, name in wanted})
