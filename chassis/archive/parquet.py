"""The archive's events as Parquet, one file for each UTC day and type, for programs that analyse.

It is written from the files of lines, which stay what counts: `parquet/<day>/<type>.parquet` has
the same events, each once, in the order of their offsets. A day is written when it is over, by one
PUT, and again if events of that day were archived later. The object says from which files it was
written, so it can be told whether it is current.

It needs pyarrow, which the services don't have (pyproject.toml, extra `parquet`).
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date
from functools import lru_cache
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow
from pyarrow.parquet import ParquetFile, ParquetWriter

from chassis.archive import layout, segments
from chassis.archive.archive import Archive
from chassis.archive.layout import EVENTS, Span
from chassis.archive.segments import DamagedSegment, File
from chassis.archive.store import NoSuchObject
from chassis.archive.verifying import Fault
from chassis.contracts import cloudevents
from chassis.messaging.history import Message

PARQUET = "parquet/"
ENDING = ".parquet"
# A row group ends after so many rows, or bytes of their bodies: so much is in memory.
MOST_ROWS, MOST_BYTES = 20_000, 16 * 2**20
# What an object says of itself.
SOURCES, ROWS = "tandem-sources", "tandem-rows"

TEXT = pyarrow.string()
SCHEMA = pyarrow.schema(
    [
        pyarrow.field("offset", pyarrow.int64(), nullable=False),
        pyarrow.field("id", TEXT, nullable=False),
        pyarrow.field("source", TEXT, nullable=False),
        pyarrow.field("type", TEXT, nullable=False),
        pyarrow.field("time", pyarrow.timestamp("us", "UTC"), nullable=False),
        pyarrow.field("subject", TEXT),
        pyarrow.field("partitionkey", TEXT),
        pyarrow.field("sequence", pyarrow.int64()),
        pyarrow.field("traceparent", TEXT),
        pyarrow.field("data", TEXT),  # JSON
        pyarrow.field("body", pyarrow.binary()),  # in place of `data`, if it is no JSON
    ]
)

Row = dict[str, Any]


class Group(NamedTuple):
    """The files of lines of a day and type."""

    folder: str
    """events/<day>/<type>/"""
    files: tuple[File, ...]

    @property
    def key(self) -> str:
        """The key of its Parquet."""
        return f"{PARQUET}{self.folder.removeprefix(EVENTS).rstrip('/')}{ENDING}"

    @property
    def sources(self) -> str:
        """What recognizes these files with this content."""
        named = "".join(f"{file.key} {file.sha256}\n" for file in self.files)
        return hashlib.sha256(named.encode()).hexdigest()


@dataclass
class Report:
    """What was done, and what is wrong."""

    written: int = 0
    """Files."""
    current: int = 0
    """Files that were current."""
    rows: int = 0
    """Of the files that were written, or compared."""
    faults: list[Fault] = field(default_factory=list)


def write(archive: Archive, since: date, before: date) -> Report:
    """Write what is missing or not current of the days from `since` to the one before `before`.

    A day and type with a file that is damaged, or with fewer events than its Parquet has, is left
    as it is, and a fault. Raises StoreAway.
    """
    report = Report()
    for group in _groups(archive, since, before, report):
        known = _notes(archive, group)
        if known.get(SOURCES) == group.sources:
            report.current += 1
            continue
        with tempfile.TemporaryDirectory() as folder, _telling(report, group):
            path = Path(folder) / "rows"
            rows = _write(path, _rows(archive, group))
            if rows < int(known.get(ROWS, 0)):
                raise DamagedSegment(f"its lines have {rows} events, fewer than its Parquet")
            archive.bucket.put_file(group.key, path, {SOURCES: group.sources, ROWS: str(rows)})
            report.written += 1
            report.rows += rows
    return report


def verify(archive: Archive, since: date, before: date) -> Report:
    """Compare the Parquet of these days with the lines, row by row.

    Faults are of the kinds `damaged` (a file of lines, or rows that differ from the lines) and
    `missing` (there is no Parquet, or files of lines came later: write it). Raises StoreAway.
    """
    report = Report()
    for group in _groups(archive, since, before, report):
        if _notes(archive, group).get(SOURCES) != group.sources:
            report.faults.append(Fault("missing", f"{group.key} does not have all events"))
            continue
        with tempfile.TemporaryDirectory() as folder, _telling(report, group):
            path = Path(folder) / "rows"
            archive.bucket.get_file(group.key, path)
            for row, wanted in zip_longest(_read(path), _rows(archive, group)):
                if row != wanted:
                    raise DamagedSegment(f"offset {(wanted or row)['offset']} differs")
                report.rows += 1
            report.current += 1
    return report


@contextmanager
def _telling(report: Report, group: Group) -> Iterator[None]:
    """Turn what is damaged into a fault of the report."""
    try:
        yield
    except (ValueError, NoSuchObject, pyarrow.ArrowException) as error:
        report.faults.append(Fault("damaged", f"{group.key}: {error}"))


def _groups(archive: Archive, since: date, before: date, report: Report) -> Iterator[Group]:
    """Yield the files of each day and type that belong to the archive, in order."""

    @lru_cache(maxsize=1_000)
    def files_of(span: Span) -> dict[str, File]:
        try:
            return {file.key: file for file in archive.segment(span).files}
        except NoSuchObject:
            return {}  # it is being written, or never was
        except DamagedSegment as error:
            report.faults.append(Fault("damaged", str(error)))
            return {}

    def known(key: str) -> File | None:
        span = layout.span_of_file(key)
        return files_of(span).get(key) if span else None

    for folder, keys in groupby(_keys(archive, since, before), lambda key: key.rpartition("/")[0]):
        files = tuple(file for file in map(known, keys) if file)
        if files:
            yield Group(f"{folder}/", files)


def _keys(archive: Archive, since: date, before: date) -> Iterator[str]:
    first, end = f"{EVENTS}{since}/", f"{EVENTS}{before}/"
    return (each.key for each in archive.bucket.listed(EVENTS) if first <= each.key < end)


def _notes(archive: Archive, group: Group) -> Mapping[str, str]:
    """Return what the Parquet of a group says of itself; nothing if there is none."""
    try:
        return archive.bucket.notes(group.key)
    except NoSuchObject:
        return {}


def _rows(archive: Archive, group: Group) -> Iterator[Row]:
    """Yield the rows of a group in the order of their offsets, each once.

    Raises DamagedSegment, DamagedLine or NoSuchObject if a file is not what was archived.
    """
    by_span = {layout.span_of_file(file.key): file for file in group.files}
    for spans in layout.overlapping(span for span in by_span if span):
        files = [by_span[span] for span in spans]
        messages = [
            message
            for file in files
            for message in segments.unpack(file, archive.bucket.get(file.key))
        ]
        found = {message.offset: message for message in messages}
        yield from (_row(found[offset]) for offset in sorted(found))


def _row(message: Message) -> Row:
    attributes = cloudevents.read(message.headers, message.content_type)
    return {
        "offset": message.offset,
        "id": attributes.id,
        "source": attributes.source,
        "type": attributes.type,
        "time": attributes.time.astimezone(UTC),
        "subject": attributes.subject,
        "partitionkey": attributes.partition_key,
        "sequence": attributes.sequence or None,
        "traceparent": attributes.traceparent,
        **_data(message.body),
    }


def _data(body: bytes) -> Row:
    try:
        orjson.loads(body)
    except ValueError:
        return {"data": None, "body": body}
    return {"data": body.decode(), "body": None}


def _write(path: Path, rows: Iterable[Row]) -> int:
    """Write a file; return the number of its rows."""
    count = 0
    with ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for chunk in _chunks(rows):
            writer.write_table(pyarrow.Table.from_pylist(chunk, SCHEMA))
            count += len(chunk)
    return count


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += len(row["data"] or row["body"])
        if len(chunk) >= MOST_ROWS or size >= MOST_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _read(path: Path) -> Iterator[Row]:
    with ParquetFile(path) as file:
        for batch in file.iter_batches(MOST_ROWS):
            yield from batch.to_pylist()
