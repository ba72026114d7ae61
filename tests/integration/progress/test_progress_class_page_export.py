"""The class page as CSV: what is exported, by whom, and the command."""

import csv
import io
import random
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import grpc
from click.testing import CliRunner
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import progress_pb2, resources_pb2

from campus import progress_command
from services.progress import api_class_page
from tests.integration.progress.class_pages import (
    DENIED,
    GROUPS,
    INVALID,
    LEARNERS,
    List,
    begun,
    column,
    listed,
    tutor_of,
)
from tests.integration.progress.classroom import RUN, Classroom, Stub, refused, task


def exported(stub: Stub, **fields: Any) -> list[list[str]]:
    """The lines of an export, read as CSV."""
    pieces = stub.ExportRunProgress(progress_pb2.ExportRunProgressRequest(run_id=RUN, **fields))
    return list(csv.reader(io.StringIO("".join(piece.csv for piece in pieces), newline="")))


def test_an_export_has_what_the_list_has(classroom: Classroom, monkeypatch: Any) -> None:
    """In pieces that are smaller than the run, an export has a header and a line for each row of
    the same list.
    """
    monkeypatch.setattr(api_class_page, "PIECE", 5)
    begun(classroom, random.Random(7))
    result = resources_pb2.Result(scaled_score=0.12345678)
    classroom.record(classroom.said(LEARNERS[3], "completed", activity_id="essay", result=result))
    classroom.settle()
    order: dict[str, Any] = {"order_by": column("COMPLETED"), "descending": True}
    header, *lines = exported(classroom.staff, **order)
    rows = listed(classroom.staff, List(run_id=RUN, **order))
    assert [line[0] for line in lines] == [row.learner_id for row in rows]
    (row,) = (row for row in rows if row.learner_id == LEARNERS[3])
    (line,) = (line for line in lines if line[0] == LEARNERS[3])
    at = classroom.clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    assert dict(zip(header, line, strict=True)) == {
        "learner_id": LEARNERS[3],
        "mode": "ONLINE",
        "groups": "",
        "enrolled_at": at,
        "completed": str(row.completed),
        "required": "3",
        "overdue": "0",
        "open_catch_ups": str(row.open_catch_ups),
        "missed_catch_ups": "0",
        "last_seen_at": at,
        "time_on_task": "0",
        "mean_score": "0.123457",
        "behind_since": "",
        "completed_at": "",
    }
    some = exported(classroom.staff, filter=progress_pb2.ProgressFilter(overdue=1))
    assert some == [header]


def test_the_command_writes_the_export(
    classroom: Classroom, monkeypatch: Any, tmp_path: Path
) -> None:
    """`tandem progress export RUN` writes the file as it comes; for an unknown run it fails, and
    writes nothing.
    """
    classroom.open(task(), learners=LEARNERS)
    channel = classroom.channel_for("curie", "registrar")
    monkeypatch.setattr(progress_command, "channel_to", lambda *_: nullcontext(channel))
    file, none = tmp_path / "run.csv", tmp_path / "none.csv"
    command = progress_command.progress
    result = CliRunner().invoke(command, ["export", RUN, "--output", str(file)])
    assert result.exit_code == 0
    assert file.read_bytes().count(b"\r\n") == len(LEARNERS) + 1
    with file.open(newline="", encoding="utf-8") as written:
        assert list(csv.reader(written)) == exported(classroom.staff)
    result = CliRunner().invoke(command, ["export", "unknown", "--output", str(none)])
    assert (result.exit_code, none.exists()) == (1, False)


def test_an_export_has_no_formula(classroom: Classroom) -> None:
    """Ids that a spreadsheet would take for formulas, or that have quotes, commas and lines, come
    as texts.
    """
    ids = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", 'a "b", c', "a\r\nb", "Zoë 🎓"]
    classroom.open(task(), learners=ids)
    found = {line[0] for line in exported(classroom.staff)[1:]}
    assert found == {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", 'a "b", c', "a\r\nb", "Zoë 🎓"}


def test_who_may_export(classroom: Classroom) -> None:
    """Staff of a group export the group's learners; others are refused, and so is a bad request."""
    begun(classroom, random.Random(8))
    for place, learner in enumerate(LEARNERS[2:]):
        changed = catalog.GroupMemberChanged(
            enrolment_id=f"e-{learner}",
            run_id=RUN,
            learner_id=learner,
            group_ids=[GROUPS[place % 2]],
        )
        classroom.hear("plans", changed)
    tutor_of(classroom, GROUPS[0])
    lise = Stub(classroom.channel_for("lise"))
    assert [line[0] for line in exported(lise)[1:]] == LEARNERS[2::2]
    other = progress_pb2.ProgressFilter(group_id=GROUPS[1])
    assert refused(lambda: exported(lise, filter=other))[0] is DENIED
    stranger = Stub(classroom.channel_for("mallory", "learner"))
    assert refused(lambda: exported(stranger))[0] is DENIED
    nothing = progress_pb2.ProgressFilter()
    assert refused(lambda: exported(classroom.staff, filter=nothing))[0] is INVALID
    unknown = progress_pb2.ExportRunProgressRequest(run_id="unknown")
    status, _ = refused(lambda: list(classroom.staff.ExportRunProgress(unknown)))
    assert status is grpc.StatusCode.NOT_FOUND
