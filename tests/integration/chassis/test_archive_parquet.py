"""The archive's events as Parquet, in a real S3 store."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from campus.cli import cli
from chassis.archive import layout, parquet, segments
from chassis.archive.archive import Archive
from chassis.archive.layout import SEGMENTS, Span
from chassis.archive.segments import Piece
from chassis.archive.store import Bucket
from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.messaging.history import Message
from tests.integration.chassis.bus import NOW, TYPE, an_event

FIRST, TODAY = date(2026, 3, 1), date(2026, 3, 4)
KEY = f"parquet/2026-03-02/{TYPE}.parquet"


def a_message(offset: int, event: Event[Any] | None = None, body: bytes = b"") -> Message:
    """A message of the history."""
    event = event or an_event(f"e{offset}", sequence=offset + 1)
    return Message(
        offset,
        events.headers_of(event),
        body or events.body_of(event.data),
        events.CONTENT_TYPE,
    )


def archived(bucket: Bucket, *messages: Message) -> None:
    """Add a segment to the archive."""
    span = Span(messages[0].offset, messages[-1].offset)
    segment, contents = segments.pack(Piece(span, messages, []), {})
    for key, content in contents.items():
        bucket.put(key, content)
    bucket.put(layout.key_of(SEGMENTS, span), segments.write(segment))


def rows(bucket: Bucket, folder: Path, key: str = KEY) -> list[dict[str, Any]]:
    """What another program reads."""
    bucket.get_file(key, folder / "read")
    found: list[dict[str, Any]] = pyarrow.parquet.read_table(folder / "read").to_pylist()
    return found


def write(bucket: Bucket) -> parquet.Report:
    """Write what is missing."""
    return parquet.write(Archive(bucket), FIRST, TODAY)


def verified(bucket: Bucket) -> parquet.Report:
    """Compare the rows with the lines."""
    return parquet.verify(Archive(bucket), FIRST, TODAY)


@pytest.fixture
def filled(bucket: Bucket) -> Bucket:
    """An archive with two segments: two types, three days, a body that is no JSON, and a message
    that is no event.
    """
    bucket.prepare()
    another = replace(an_event("c"), type="tandem.catalog.course.updated.v1", sequence=0)
    today = replace(an_event("late"), time=datetime(2026, 3, 4, 8, tzinfo=UTC))
    strange = Message(3, {"when": "noon"}, b"\xff", None)
    archived(bucket, a_message(0), a_message(1, another), a_message(2, body=b"\xff"), strange)
    archived(bucket, a_message(4), a_message(5, today), a_message(6))
    return bucket


def test_every_event_of_a_day_that_is_over_is_a_row(filled: Bucket, tmp_path: Path) -> None:
    """By day and type, in order, with its attributes; once, however often it is written."""
    assert vars(write(filled)) == {"written": 2, "current": 0, "rows": 5, "faults": []}
    found = rows(filled, tmp_path)
    assert [row["offset"] for row in found] == [0, 2, 4, 6]
    first = found[0]
    assert (first["type"], first["source"], first["time"]) == (TYPE, "/tandem/catalog", NOW)
    assert (first["subject"], first["partitionkey"], first["sequence"]) == ("e0", "run", 1)
    assert json.loads(first["data"]) == {"enrolmentId": "e0", "runId": "run", "learnerId": "l"}
    assert [(row["data"] is None, row["body"]) for row in found[:2]] == [
        (False, None),
        (True, b"\xff"),
    ]
    [other] = rows(filled, tmp_path, KEY.replace(TYPE, "tandem.catalog.course.updated.v1"))
    assert other["sequence"] is None
    assert len(list(filled.listed("parquet/"))) == 2
    assert vars(write(filled)) == {"written": 0, "current": 2, "rows": 0, "faults": []}
    assert vars(verified(filled)) == {"written": 0, "current": 2, "rows": 5, "faults": []}


def test_events_that_come_late_are_added(
    filled: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their day is written again; segments that overlap give each event once, as do rows in several
    groups.
    """
    write(filled)
    archived(filled, a_message(6), a_message(7))
    assert [fault.kind for fault in verified(filled).faults] == ["missing"]
    monkeypatch.setattr(parquet, "MOST_ROWS", 2)
    assert (write(filled).written, verified(filled).faults) == (1, [])
    assert [row["offset"] for row in rows(filled, tmp_path)] == [0, 2, 4, 6, 7]


def test_a_segment_that_is_not_finished_has_no_rows(filled: Bucket, tmp_path: Path) -> None:
    """Its files belong to nothing yet."""
    filled.remove(layout.key_of(SEGMENTS, Span(4, 6)))
    assert write(filled).faults == []
    assert [row["offset"] for row in rows(filled, tmp_path)] == [0, 2]


@pytest.mark.parametrize("harm", ["damaged", "removed", "emptied"])
def test_rows_are_not_lost_with_the_lines(filled: Bucket, tmp_path: Path, harm: str) -> None:
    """What was written stays, and the fault is told, until the lines are mended."""
    write(filled)
    archived(filled, a_message(7))
    file = layout.file_key(Span(4, 6), f"events/2026-03-02/{TYPE}/")
    whole = filled.get(file)
    if harm == "removed":
        filled.remove(file)
    else:
        filled.put(file, whole + b"x" if harm == "damaged" else b"")
    report = write(filled)
    assert (report.written, [fault.kind for fault in report.faults]) == (0, ["damaged"])
    assert [row["offset"] for row in rows(filled, tmp_path)] == [0, 2, 4, 6]
    filled.put(file, whole)
    assert (write(filled).written, verified(filled).faults) == (1, [])


def test_rows_that_differ_are_found(filled: Bucket, tmp_path: Path) -> None:
    """One that is changed, and one that is missing."""
    write(filled)
    notes = filled.notes(KEY)
    table = pyarrow.parquet.read_table(_fetched(filled, tmp_path))
    for changed in (table.slice(1), table.set_column(5, "subject", [["x"] * 4])):
        pyarrow.parquet.write_table(changed, tmp_path / "changed")
        filled.put_file(KEY, tmp_path / "changed", notes)
        [fault] = verified(filled).faults
        assert (fault.kind, "offset 0 differs" in fault.what) == ("damaged", True)
    filled.put_file(KEY, Path(__file__), notes)
    assert [fault.kind for fault in verified(filled).faults] == ["damaged"]


def _fetched(bucket: Bucket, folder: Path) -> Path:
    bucket.get_file(KEY, folder / "fetched")
    return folder / "fetched"


def test_the_command_writes_and_verifies(
    filled: Bucket, stack: dict[str, str], tmp_path: Path
) -> None:
    """Status 1 if there is a fault."""
    environment = {**stack, "TANDEM_ARCHIVE_BUCKET": filled.name}
    words = ["events", "archive", "parquet", "--json", "--data", str(tmp_path)]

    def runs(*more: str) -> Result:
        return CliRunner().invoke(cli, [*words, *more], env=environment)

    done = runs("--since", "2026-03-01")
    assert (done.exit_code, json.loads(done.stdout)["written"]) == (0, 3)
    assert json.loads(runs("--verify").stdout)["rows"] == 6
    filled.remove(KEY)
    bad = runs("--verify")
    assert (bad.exit_code, len(json.loads(bad.stdout)["faults"])) == (1, 1)
