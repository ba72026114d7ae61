"""The heaviest events that can be: each is applied, far from MongoDB's limits."""

import uuid
from collections.abc import Callable

import pytest
from google.protobuf.message import Message
from tandem.progress.v1 import events_pb2
from tandem.sessions.v1 import events_pb2 as sessions

from chassis.contracts import events
from chassis.messaging.inbox_processor import Kind
from tests.deep import only_deep
from tests.integration.progress.classroom import (
    ABSENT,
    CLASS,
    FILM,
    HOUR,
    RUN,
    Classroom,
    ended,
    finalised,
    lecture,
    scheduled,
    task,
)

pytestmark = pytest.mark.usefixtures("unhurried")


def largest(make: Callable[[int], Message]) -> int:
    """How many rows an event may have until it is refused for its size."""
    low, high = 1, 20_000
    while low < high:
        middle = (low + high + 1) // 2
        try:
            events.body_of(make(middle))
        except ValueError:
            high = middle - 1
        else:
            low = middle
    return low


@only_deep
def test_the_largest_attendance_is_applied(classroom: Classroom) -> None:
    """All of its learners are absent, and get their catch-ups by one event, at once."""
    now = classroom.clock.now()
    names = [f"learner-{number:05}" for number in range(20_000)]
    rows = largest(lambda count: finalised(now, dict.fromkeys(names[:count], ABSENT)))
    assert rows > 2_500
    absent = names[:rows]
    classroom.open(lecture(), learners=absent)
    classroom.hear("plans", scheduled(now - HOUR), ended(now))
    recording = sessions.RecordingAttached(session_id=CLASS, run_id=RUN, item_id=FILM)
    attendance = finalised(now, dict.fromkeys(absent, ABSENT))
    assert classroom.hear("attendance", recording, attendance) == [Kind.APPLIED] * 2
    classroom.settle()
    assigned = classroom.published(events_pb2.CatchUpAssigned)
    assert sorted(each.learner_id for each in assigned) == absent


def test_the_largest_event_of_statements_is_applied(classroom: Classroom) -> None:
    """An event with the most statements completes all activities that they name."""
    classroom.open(*(task(f"task-{number:03}") for number in range(200)), learners=["ada"])

    def recorded(count: int) -> events_pb2.StatementsRecorded:
        said = [
            classroom.said("ada", "completed", id=str(uuid.UUID(int=number)), activity_id=activity)
            for number in range(count)
            for activity in [f"task-{number % 200:03}"]
        ]
        return events_pb2.StatementsRecorded(learner_id="ada", statements=said)

    count = largest(recorded)
    assert count > 500
    assert classroom.hear("statements", recorded(count)) == [Kind.APPLIED]
    assert set(classroom.states("ada").values()) == {"COMPLETED"}
