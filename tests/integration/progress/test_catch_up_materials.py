"""What is studied in place of a class: the recording, or else the materials."""

from datetime import UTC, timedelta
from typing import Any

import pytest
from tandem.library.v1 import events_pb2 as library
from tandem.progress.v1 import events_pb2

from tests.integration.progress.classroom import (
    ABSENT,
    BOOK,
    DAY,
    FILM,
    HOUR,
    Classroom,
    available,
    ended,
    failed,
    finalised,
    lecture,
    recorded,
    scheduled,
    stamp,
)
from tests.integration.progress.test_progress_catch_ups import ASSIGNED, COMPLETED, after_class


def test_without_recording_the_materials_are_studied(classroom: Classroom) -> None:
    """A class that was not recorded gives its materials; reading them completes the catch-up."""
    classroom.open(lecture(), learners=["ada"])
    now = classroom.clock.now()
    plain: dict[str, Any] = {"recorded": False, "material_item_ids": [BOOK, "unknown"]}
    classroom.hear("plans", scheduled(now - HOUR, **plain))
    classroom.hear("attendance", finalised(now, {"ada": ABSENT}, **plain))
    classroom.settle()
    assert list(classroom.catch_up("ada").item_ids) == [BOOK]
    classroom.record(classroom.said("ada", "experienced", item_id=BOOK))
    classroom.settle()
    assert classroom.catch_up("ada").state == COMPLETED


def test_a_failed_recording_gives_way_to_materials(classroom: Classroom) -> None:
    """When the recording's item was refused, the materials stand in."""
    classroom.open(lecture(), learners=["ada"])
    now = classroom.clock.now()
    classroom.hear("plans", scheduled(now - HOUR, material_item_ids=[BOOK]))
    classroom.hear("attendance", finalised(now, {"ada": ABSENT}, material_item_ids=[BOOK]))
    classroom.hear("attendance", recorded("torn"))
    classroom.settle()
    assert classroom.catch_ups("ada") == []
    classroom.hear("attendance", failed("torn"))
    classroom.settle()
    assert list(classroom.catch_up("ada").item_ids) == [BOOK]


def test_a_retired_recording_gives_way_to_materials(classroom: Classroom) -> None:
    """Nobody is told to study what nobody can read."""
    classroom.open(lecture(), learners=["ada"])
    now = classroom.clock.now()
    classroom.hear("plans", scheduled(now - HOUR, material_item_ids=[BOOK]), ended(now))
    classroom.hear("attendance", finalised(now, {"ada": ABSENT}, material_item_ids=[BOOK]))
    classroom.hear("attendance", recorded())
    classroom.settle()
    assert list(classroom.catch_up("ada").item_ids) == [FILM]
    classroom.hear("attendance", library.ItemRetired(item_id=FILM, reason="outdated"))
    classroom.settle_for_good()
    assert list(classroom.catch_up("ada").item_ids) == [BOOK]


def test_a_recording_that_never_comes_gives_way_to_materials(classroom: Classroom) -> None:
    """A day after the class the materials stand in, also where an item was attached meanwhile."""
    classroom.open(lecture(), learners=["ada"])
    now = classroom.clock.now()
    classroom.hear("plans", scheduled(now - HOUR, material_item_ids=[BOOK]), ended(now))
    classroom.hear("attendance", finalised(now, {"ada": ABSENT}, material_item_ids=[BOOK]))
    classroom.hear("attendance", recorded("stuck"))
    classroom.clock.forward(hours=23, minutes=59)
    classroom.settle()
    assert classroom.catch_ups("ada") == []
    classroom.clock.forward(minutes=1)
    classroom.settle()
    assert list(classroom.catch_up("ada").item_ids) == [BOOK]
    assert classroom.catch_up("ada").due == stamp(classroom.clock.now() + timedelta(days=3))
    assert len(classroom.published(events_pb2.CatchUpAssigned)) == 1


def test_a_replaced_recording_takes_its_place(classroom: Classroom) -> None:
    """A learner who has not studied the old one enough studies the new one, and has time for it. It
    is shorter, so nothing is carried over.
    """
    after_class(classroom, "cyd")
    before = classroom.catch_up("ada")
    classroom.record(classroom.watched("ada", "0[.]1800"), classroom.watched("cyd", "0[.]3600"))
    classroom.settle()
    classroom.clock.forward(hours=1)
    classroom.hear("attendance", available("again", 3000), recorded("again"))
    classroom.settle()
    after = classroom.catch_up("ada")
    assert (list(after.item_ids), after.watched_share) == (["again"], 0)
    hour_later = before.due.ToDatetime(tzinfo=UTC) + HOUR
    assert after.due.ToDatetime(tzinfo=UTC) == hour_later
    assert classroom.catch_up("cyd").state == COMPLETED
    classroom.record(classroom.watched("ada", "1800[.]3600"))
    classroom.settle()
    assert classroom.catch_up("ada").state == ASSIGNED
    classroom.record(classroom.watched("ada", "0[.]3600", item_id="again"))
    classroom.settle()
    assert classroom.catch_up("ada").state == COMPLETED
    assert len(classroom.published(events_pb2.CatchUpAssigned)) == 2


def test_a_material_that_comes_later_is_studied_too(classroom: Classroom) -> None:
    """A material that becomes available later is required, too, and there is time for it."""
    classroom.open(lecture(), learners=["ada"])
    now = classroom.clock.now()
    plain: dict[str, Any] = {"recorded": False, "material_item_ids": [BOOK, "slides"]}
    classroom.hear("plans", scheduled(now - HOUR, **plain))
    classroom.hear("attendance", finalised(now, {"ada": ABSENT}, **plain))
    classroom.settle()
    due = classroom.catch_up("ada").due.ToDatetime(tzinfo=UTC)
    classroom.clock.forward(hours=1)
    classroom.hear("attendance", available("slides"))
    classroom.settle()
    mine = classroom.catch_up("ada")
    assert list(mine.item_ids) == [BOOK, "slides"]
    assert mine.due.ToDatetime(tzinfo=UTC) == due + HOUR
    classroom.record(classroom.said("ada", "experienced", item_id=BOOK))
    classroom.settle()
    assert classroom.catch_up("ada").watched_share == pytest.approx(0.5)
    classroom.record(classroom.said("ada", "experienced", item_id="slides"))
    classroom.settle()
    assert classroom.catch_up("ada").state == COMPLETED


def test_with_nothing_to_study_there_is_no_catch_up_until_there_is(classroom: Classroom) -> None:
    """A class without recording and materials assigns nothing, until a recording is attached."""
    classroom.open(lecture(), learners=["ada"])
    now = classroom.clock.now()
    classroom.hear("plans", scheduled(now - HOUR, recorded=False))
    classroom.hear("attendance", finalised(now, {"ada": ABSENT}, recorded=False))
    classroom.settle()
    assert classroom.catch_ups() == []
    classroom.clock.forward(days=1)
    classroom.hear("attendance", recorded())
    classroom.settle()
    assert classroom.catch_up("ada").due == stamp(classroom.clock.now() + timedelta(days=3))


def test_a_recording_that_is_replaced_gives_its_time_again(classroom: Classroom) -> None:
    """The new one is another film to watch; it is told."""
    after_class(classroom)
    classroom.clock.forward(days=2)
    now = classroom.clock.now()
    classroom.hear("attendance", available("cut", 3600), recorded("cut"))
    classroom.settle_for_good()
    mine = classroom.catch_up("ada")
    assert (list(mine.item_ids), mine.due.ToDatetime(tzinfo=UTC)) == (["cut"], now + 3 * DAY)
    [told] = classroom.published(events_pb2.CatchUpChanged)
    assert (list(told.item_ids), told.due) == (["cut"], mine.due)
