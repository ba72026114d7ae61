"""Timelines: what a learner sees of live classes and of the own study."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import progress_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from tests.integration.progress.classroom import (
    ABSENT,
    BOOK,
    HOUR,
    Classroom,
    after,
    cancelled,
    lecture,
    recorded,
    refused,
    scheduled,
    stamp,
    task,
    withdrawn,
)


def _timeline(
    classroom: Classroom, learner: str, days: float = 7, **fields: Any
) -> Sequence[resources_pb2.TimelineEntry]:
    now = classroom.clock.now()
    request = progress_pb2.GetTimelineRequest(
        learner_id=learner,
        from_time=stamp(now - timedelta(days=1)),
        until_time=stamp(now + timedelta(days=days)),
        **fields,
    )
    return classroom.learner(learner).GetTimeline(request).entries


def test_a_timeline_tells_times_in_the_learners_zone(classroom: Classroom) -> None:
    """Across a change of its clocks; a zone that is asked for outdoes it, the run's stands in."""
    classroom.open(lecture(), learners=["ada"])
    for day in (7, 9):  # in New York the clocks change on Sunday, the 8th of March 2026
        start = datetime(2026, 3, day, 14, tzinfo=UTC)
        classroom.hear("plans", scheduled(start, session_id=f"class-{day}"))

    def times(**fields: Any) -> list[str]:
        return [each.local.local[:16] for each in _timeline(classroom, "ada", 9, **fields)]

    assert times() == ["2026-03-07T14:00", "2026-03-09T14:00"]
    classroom.hear("plans", catalog.PersonUpserted(person_id="ada", zone="America/New_York"))
    assert times() == ["2026-03-07T09:00", "2026-03-09T10:00"]
    assert times(zone="Asia/Kolkata") == ["2026-03-07T19:30", "2026-03-09T19:30"]


def test_a_timeline_shows_the_class_that_takes_place(classroom: Classroom) -> None:
    """One that began before the stretch and ends in it; one that ends as it begins is over."""
    classroom.open(lecture(), learners=["ada"])
    begins = classroom.clock.now() - timedelta(days=1)
    for name, start in (("now", begins - HOUR / 2), ("over", begins - HOUR)):
        classroom.hear("plans", scheduled(start, session_id=name))
    assert [each.session_id for each in _timeline(classroom, "ada")] == ["now"]


def test_a_timeline_shows_all_that_comes_in_its_order(classroom: Classroom) -> None:
    """A missed class, its catch-up and a due stand together, by time, on the run's wall."""
    classroom.open(lecture(), task(deadline=after("lecture", 24)), learners=["ada"])
    classroom.hold_class(ada=ABSENT)
    classroom.hear("attendance", recorded())
    classroom.settle()
    lines = _timeline(classroom, "ada")
    kinds = [resources_pb2.TimelineKind.Name(each.kind).partition("KIND_")[2] for each in lines]
    assert kinds == ["SESSION", "DUE", "CATCH_UP"]
    assert lines[0].local == types_pb2.CivilTime(local="2026-03-02T07:00:00", zone="Europe/Dublin")
    assert lines[0].until.ToDatetime(tzinfo=UTC) == classroom.clock.now()
    assert [each.session_id for each in lines] == ["class-1", "", "class-1"]
    there = _timeline(classroom, "ada", zone="Asia/Tokyo")
    assert there[0].local == types_pb2.CivilTime(local="2026-03-02T16:00:00", zone="Asia/Tokyo")


def test_a_cancelled_class_shows_what_takes_its_place(classroom: Classroom) -> None:
    """The line stays, cancelled, with the substitute; studying that completes the activity."""
    start = classroom.clock.now() + HOUR
    classroom.open(lecture(), learners=["ada"])
    classroom.hear("plans", scheduled(start), cancelled(start, substitute=BOOK))
    (line,) = _timeline(classroom, "ada")
    assert (line.cancelled, line.substitute_item_id, line.done) == (True, BOOK, False)
    classroom.record(classroom.said("ada", "experienced", item_id=BOOK))
    classroom.settle()
    (line,) = _timeline(classroom, "ada")
    assert line.done


def test_a_timeline_is_one_of_at_most_400_days(classroom: Classroom) -> None:
    """A stretch that ends before it starts, or is longer, is refused."""
    for days in (-2, 400):
        status, text = refused(lambda days=days: _timeline(classroom, "ada", days))  # type: ignore[misc]
        assert status is grpc.StatusCode.INVALID_ARGUMENT
        assert "until_time" in text
    assert list(_timeline(classroom, "ada", 399)) == []


def test_who_left_sees_nothing_of_the_run(classroom: Classroom) -> None:
    """A timeline holds the runs in which the learner is enrolled."""
    start = classroom.clock.now() + HOUR
    classroom.open(lecture(), learners=["ada"])
    classroom.hear("plans", scheduled(start), withdrawn("ada"))
    assert list(_timeline(classroom, "ada")) == []
