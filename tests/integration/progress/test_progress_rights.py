"""Who sees what of which run; the table of all RPCs is in test_access.py."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import progress_pb2
from tandem.types.v1 import types_pb2

from tests.integration.progress.classroom import (
    RUN,
    Classroom,
    Stub,
    available,
    enrolled,
    finalised,
    opened,
    path,
    scheduled,
    stamp,
    task,
)

OTHER = "run-2"
ABSENT = types_pb2.ATTENDANCE_VERDICT_ABSENT


@pytest.fixture
def two_runs(classroom: Classroom) -> Classroom:
    """Ada misses a class in each of two runs, and has a task in each."""
    now = classroom.clock.now()
    classroom.hear("attendance", available("slides"))
    for run_id, teacher in ((RUN, "lise"), (OTHER, "bohr")):
        due = catalog.RunOpened()
        due.CopyFrom(opened())
        due.run_id = run_id
        due.instructor_ids.append(teacher)
        essay = task()
        essay.deadline.fixed.CopyFrom(stamp(now + timedelta(days=2)))
        steps, learner = path(essay), enrolled("ada", now - timedelta(days=1))
        steps.run_id = learner.run_id = run_id
        learner.enrolment_id = f"e-ada-{run_id}"
        lesson = scheduled(
            now - timedelta(hours=1),
            recorded=False,
            session_id=f"class-{run_id}",
            run_id=run_id,
            material_item_ids=["slides"],
        )
        classroom.hear("plans", due, steps, learner, lesson)
        absence = finalised(
            now,
            {"ada": ABSENT},
            session_id=f"class-{run_id}",
            run_id=run_id,
            recorded=False,
            material_item_ids=["slides"],
        )
        classroom.hear("attendance", absence)
    classroom.settle()
    return classroom


def test_catch_ups_of_a_learner_are_cut_to_the_callers_runs(two_runs: Classroom) -> None:
    """Each teacher sees the own run's; the learner sees both; others are denied."""

    def seen(person: str, **fields: Any) -> list[str]:
        request = progress_pb2.ListCatchUpsRequest(learner_id="ada", **fields)
        rows = Stub(two_runs.channel_for(person)).ListCatchUps(request).catch_ups
        return sorted(row.run_id for row in rows)

    assert (seen("lise"), seen("bohr"), seen("ada")) == ([RUN], [OTHER], [RUN, OTHER])
    refused: list[tuple[str, dict[str, Any]]] = [("lise", {"run_id": OTHER}), ("eve", {})]
    for person, fields in refused:
        with pytest.raises(grpc.RpcError) as error:
            seen(person, **fields)
        assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_a_timeline_is_cut_to_the_callers_runs(two_runs: Classroom) -> None:
    """A teacher sees of the learner's week what is of the own run: class, deadline, catch-up."""
    now = two_runs.clock.now()
    request = progress_pb2.GetTimelineRequest(
        learner_id="ada",
        from_time=stamp(now - timedelta(days=1)),
        until_time=stamp(now + timedelta(days=30)),
    )

    def seen(person: str) -> list[str]:
        entries = Stub(two_runs.channel_for(person)).GetTimeline(request).entries
        return sorted(each.run_id for each in entries)

    whole = seen("ada")
    assert whole == [RUN] * 3 + [OTHER] * 3
    assert (seen("lise"), seen("bohr")) == (whole[:3], whole[3:])
    with pytest.raises(grpc.RpcError) as error:
        seen("eve")
    assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
