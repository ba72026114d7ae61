"""What an export as CSV holds while its caller reads, and after the caller has gone."""

from threading import Event
from typing import Any

import pytest
from tandem.progress.v1 import progress_pb2

from chassis.edge.grpc.streams import Stream
from chassis.testing import figure
from services.progress import api_class_page
from tests.integration.processes import PATIENCE, eventually
from tests.integration.progress.classroom import RUN, Classroom, task

LEARNERS = [f"l{number:02}" for number in range(14)]


def cursors(classroom: Classroom) -> list[Any]:
    """The cursors on the learners that MongoDB keeps open between two requests."""
    mongo = classroom.database.mongo
    wanted = {"type": "idleCursor", "ns": f"{mongo.name}.standings"}
    stages: list[dict[str, Any]] = [
        {"$currentOp": {"idleCursors": True, "allUsers": True}},
        {"$match": wanted},
    ]
    return list(mongo.client.admin.aggregate(stages))


def open_streams() -> float:
    """The streams that the server of this test has open."""
    return figure("tandem_grpc_streams_open", service="tests")


def test_a_caller_who_leaves_midway(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two pieces, for which a slow reader may let the server wait, no cursor is open; and
    after the caller has gone no further piece is read, and the stream's thread is free again.
    """
    classroom.open(task(), learners=LEARNERS)
    monkeypatch.setattr(api_class_page, "PIECE", 2)
    is_active, asked, left = Stream.is_active, list[Any](), Event()

    def asked_again(stream: Stream) -> bool:
        asked.append(cursors(classroom))
        if len(asked) == 3:
            assert left.wait(PATIENCE)
            eventually(lambda: not is_active(stream), "the server knows that the caller has gone")
        return is_active(stream)

    monkeypatch.setattr(Stream, "is_active", asked_again)
    pieces = classroom.staff.ExportRunProgress(progress_pb2.ExportRunProgressRequest(run_id=RUN))
    assert next(iter(pieces)).csv.count("\r\n") == 3
    eventually(lambda: len(asked) == 3, "two pieces are read")
    assert open_streams() == 1
    pieces.cancel()
    left.set()
    eventually(lambda: open_streams() == 0, "the stream is closed")
    assert asked == [[], [], []]
