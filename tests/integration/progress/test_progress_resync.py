"""A resync of progress' plans: copies are whole again, and nobody is told anything twice."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.progress.v1 import events_pb2

from chassis.messaging.inbox_processor import Kind
from tests.integration.progress.classroom import (
    DAY,
    HOUR,
    RUN,
    Classroom,
    enrolled,
    opened,
    path,
    stamp,
    task,
    withdrawn,
)

TOLD = (
    events_pb2.DueApproaching,
    events_pb2.DueMissed,
    events_pb2.DuesChanged,
    events_pb2.ActivitiesOpened,
)


@pytest.fixture
def activities(classroom: Classroom) -> list[catalog_resources.Activity]:
    """An essay that is due in an hour, and a report that opens in two, and is due in ten days."""

    def at(hours: float) -> catalog_resources.TimeRule:
        return catalog_resources.TimeRule(fixed=stamp(classroom.clock.now() + hours * HOUR))

    return [
        task("essay", deadline=at(1)),
        task("report", release=at(2), deadline=at(240)),
    ]


def resync(classroom: Classroom, *state: Message, sequence: int = 0) -> None:
    """Apply events of a resync, and all that follows."""
    told = [replace(classroom.event(each, sequence), resync="resync-1") for each in state]
    assert set(classroom.apply("plans", told)) == {Kind.APPLIED}
    classroom.settle_for_good()


def said(classroom: Classroom) -> list[Any]:
    """All that learners were told."""
    return [each for kind in TOLD for each in classroom.published(kind)]


def test_a_resync_of_whole_copies_tells_nobody_and_changes_nothing(
    classroom: Classroom, activities: list[catalog_resources.Activity]
) -> None:
    """Not even if it comes twice, and where the learner has left meanwhile."""
    classroom.open(*activities, learners=["ada", "bob"])
    came = classroom.clock.now()
    classroom.clock.forward(hours=3)
    classroom.hear("plans", withdrawn("bob"))
    classroom.settle_for_good()
    before, progress = said(classroom), classroom.progress("ada")
    assert before
    for _ in range(2):
        resync(classroom, opened(), path(*activities), enrolled("ada", came), withdrawn("bob"))
    assert said(classroom) == before
    assert classroom.progress("ada") == progress
    assert classroom.summary().learners == 1


def test_who_is_a_learner_again_by_a_resync_is_told_what_comes_and_not_what_was(
    classroom: Classroom, activities: list[catalog_resources.Activity]
) -> None:
    """The essay was missed and the report has opened before the loss; the report is still to come.
    An older event that is on its way changes nothing.
    """
    classroom.open(*activities, learners=["ada"])
    came = classroom.clock.now()
    classroom.clock.forward(hours=3)
    classroom.settle_for_good()
    before = said(classroom)
    for name in ("runs", "paths", "plans", "plan_revisits", "standings", "summaries"):
        classroom.database.mongo[name].delete_many({})
    # The enrolment may come before its run.
    longer = catalog.DueExtended(
        enrolment_id="e-ada",
        run_id=RUN,
        learner_id="ada",
        activity_id="report",
        until=stamp(came + timedelta(days=20)),
    )
    resync(classroom, enrolled("ada", came), longer, sequence=1_000)
    resync(classroom, opened(), path(*activities))
    assert said(classroom) == before
    assert classroom.due("ada", "report") == came + timedelta(days=20)
    old = classroom.event(withdrawn("ada"), 999)
    assert classroom.apply("plans", [old]) == [Kind.APPLIED]
    assert classroom.summary().learners == 1
    classroom.clock.forward(days=19, hours=12)
    classroom.settle_for_good()
    news = [each for each in said(classroom) if each not in before]
    assert [type(each) for each in news] == [events_pb2.DueApproaching]
    assert news[0].activity_id == "report"


def test_news_that_was_lost_has_its_effect_by_a_resync(
    classroom: Classroom, activities: list[catalog_resources.Activity]
) -> None:
    """Nobody was told of a new version of the path: its learners are, once."""
    classroom.open(*activities, learners=["ada"])
    classroom.settle_for_good()
    assert classroom.published(events_pb2.DuesChanged) == []
    later = classroom.clock.now() + 5 * DAY
    moved = task("essay", deadline=catalog_resources.TimeRule(fixed=stamp(later)))
    for _ in range(2):
        resync(classroom, opened(), path(moved, activities[1], version=2))
    (told,) = classroom.published(events_pb2.DuesChanged)
    assert [each.activity_id for each in told.changes] == ["essay"]
    assert classroom.due("ada", "essay") == later
