"""Catch-ups that are withdrawn, corrected, given more time or waived."""

from collections.abc import Callable
from datetime import UTC, datetime

import grpc
import pytest
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2

from services.progress.domain.catch_ups import catch_up_id
from tests.integration.progress.classroom import (
    ABSENT,
    CLASS,
    DAY,
    EXCUSED,
    FILM,
    PRESENT,
    RUN,
    Classroom,
    amended,
    lecture,
    stamp,
    withdrawn,
)
from tests.integration.progress.test_progress_catch_ups import (
    ASSIGNED,
    COMPLETED,
    MISSED,
    after_class,
    ends,
)

INVALID, PRECONDITION = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION


def test_a_withdrawal_drops_open_catch_ups(classroom: Classroom) -> None:
    """A learner who withdrew has no open catch-up, gets none, and misses none."""
    after_class(classroom, "cyd")
    classroom.hear("plans", withdrawn("ada"))
    assert classroom.catch_ups("ada") == []
    classroom.record(classroom.watched("ada", "0[.]3600"))
    classroom.clock.forward(days=4)
    classroom.settle()
    assert [each.learner_id for each in classroom.published(events_pb2.CatchUpMissed)] == ["cyd"]
    assert classroom.published(events_pb2.CatchUpCompleted) == []
    summary = classroom.summary()
    assert (summary.learners, summary.missed_catch_ups, summary.statements) == (2, 1, 1)


@pytest.mark.parametrize("verdict", [EXCUSED, PRESENT])
def test_an_absence_that_is_none_needs_no_study(
    classroom: Classroom, verdict: types_pb2.AttendanceVerdict.ValueType
) -> None:
    """EXCUSED or PRESENT after all drops the open catch-up and completes the activity."""
    after_class(classroom)
    classroom.hear("attendance", amended("ada", verdict))
    assert classroom.catch_ups("ada") == []
    assert classroom.states("ada") == {"lecture": "COMPLETED"}


@pytest.mark.parametrize("corrected_first", [True, False])
def test_the_latest_of_corrected_and_amended_counts(
    classroom: Classroom, corrected_first: bool
) -> None:
    """Both have the sequence of the learner in the session, and may come in any order."""
    after_class(classroom)
    excused = sessions.AttendanceCorrected(
        session_id=CLASS, run_id=RUN, learner_id="ada", to_verdict=EXCUSED
    )
    batch = [classroom.event(amended("ada", ABSENT), 101), classroom.event(excused, 102)]
    for each in reversed(batch) if corrected_first else batch:
        classroom.hear("attendance", each)
    assert classroom.states("ada") == {"lecture": "COMPLETED"}
    assert classroom.catch_ups("ada") == []


@pytest.mark.parametrize("missed_first", [True, False])
def test_an_absence_that_is_corrected_was_never_missed(
    classroom: Classroom, missed_first: bool
) -> None:
    """Amended before or after the due has passed: the end is the same."""
    after_class(classroom)
    if missed_first:
        classroom.clock.forward(days=4)
        classroom.settle()
        assert classroom.summary().missed_catch_ups == 1
    classroom.hear("attendance", amended("ada", PRESENT))
    classroom.clock.forward(days=4)
    classroom.settle()
    assert classroom.catch_ups("ada") == []
    assert (classroom.summary().missed_catch_ups, classroom.summary().open_catch_ups) == (0, 0)
    [gone] = classroom.published(events_pb2.CatchUpWithdrawn)
    assert (gone.learner_id, gone.state) == ("ada", MISSED if missed_first else ASSIGNED)


def extend(classroom: Classroom, until: datetime, **more: str) -> resources_pb2.CatchUp:
    """More time for ada's catch-up, by staff."""
    request = progress_pb2.ExtendCatchUpRequest(
        catch_up_id=catch_up_id(CLASS, "ada"), until=stamp(until), reason="ill", **more
    )
    return classroom.staff.ExtendCatchUp(request)


def waive(classroom: Classroom, **more: str) -> resources_pb2.CatchUp:
    """Ada need not study it, by staff."""
    request = progress_pb2.WaiveCatchUpRequest(
        catch_up_id=catch_up_id(CLASS, "ada"), reason="did it elsewhere", **more
    )
    return classroom.staff.WaiveCatchUp(request)


@pytest.mark.parametrize("missed_first", [True, False])
def test_staff_give_more_time(classroom: Classroom, missed_first: bool) -> None:
    """One that was missed is open again; the event tells who and why; it is missed later."""
    after_class(classroom)
    if missed_first:
        classroom.clock.forward(days=4)
        classroom.settle()
        assert classroom.summary().missed_catch_ups == 1
    until = classroom.clock.now() + 9 * DAY
    given = extend(classroom, until, request_id="e1")
    assert (given.state, given.due.ToDatetime(tzinfo=UTC)) == (ASSIGNED, until)
    assert extend(classroom, until, request_id="e1") == given
    [told] = classroom.published(events_pb2.CatchUpChanged)
    assert (told.reason, told.changed_by, list(told.item_ids)) == ("ill", "curie", [FILM])
    assert (classroom.summary().missed_catch_ups, classroom.summary().open_catch_ups) == (0, 1)
    classroom.clock.forward(days=8)
    classroom.settle()
    assert classroom.catch_up("ada").state == ASSIGNED
    classroom.clock.forward(days=2)
    classroom.settle()
    assert classroom.catch_up("ada").state == MISSED


def test_more_time_needs_an_open_catch_up_and_a_later_due(classroom: Classroom) -> None:
    """Not shorter, not past, not beyond the run, not for one that is completed or is none."""
    after_class(classroom)
    due = classroom.catch_up("ada").due.ToDatetime(tzinfo=UTC)
    for wrong in (due, classroom.clock.now() - DAY):
        assert refused(lambda wrong=wrong: extend(classroom, wrong)) is INVALID  # type: ignore[misc]
    classroom.hear("plans", ends("2026-03-20"))
    assert refused(lambda: extend(classroom, due + 99 * DAY)) is PRECONDITION
    classroom.record(classroom.watched("ada", "0[.]3600"))
    classroom.settle()
    assert classroom.catch_up("ada").state == COMPLETED
    assert refused(lambda: extend(classroom, due + DAY)) is PRECONDITION
    assert refused(lambda: waive(classroom)) is PRECONDITION
    unknown = progress_pb2.WaiveCatchUpRequest(catch_up_id="none", reason="none")
    assert refused(lambda: classroom.staff.WaiveCatchUp(unknown)) is grpc.StatusCode.NOT_FOUND


def test_a_waived_catch_up_never_comes_back(classroom: Classroom) -> None:
    """Whatever is told of the attendance afterwards; nothing counts, and it is told once."""
    after_class(classroom)
    assert waive(classroom).dropped
    assert waive(classroom).dropped
    classroom.hear("attendance", amended("ada", PRESENT))
    classroom.hear("attendance", amended("ada", ABSENT))
    classroom.clock.forward(days=9)
    classroom.settle()
    assert classroom.catch_ups("ada") == []
    [told] = classroom.published(events_pb2.CatchUpWithdrawn)
    assert (told.reason, told.waived_by) == ("did it elsewhere", "curie")
    assert classroom.published(events_pb2.CatchUpMissed) == []
    summary = classroom.summary()
    assert (summary.open_catch_ups, summary.missed_catch_ups) == (0, 0)


def refused(call: Callable[[], object]) -> grpc.StatusCode:
    """The status of a call that must fail."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    code: grpc.StatusCode = error.value.code()
    return code


def test_attendance_that_was_taken_back_is_none(classroom: Classroom) -> None:
    """An amendment to UNSPECIFIED removes the attendance."""
    classroom.open(lecture(), learners=["ada"])
    classroom.hold_class()
    classroom.hear("attendance", amended("ada", PRESENT))
    classroom.hear("attendance", amended("ada", types_pb2.ATTENDANCE_VERDICT_UNSPECIFIED))
    (lesson,) = classroom.progress("ada").activities
    assert lesson.attendance == types_pb2.ATTENDANCE_VERDICT_UNSPECIFIED
