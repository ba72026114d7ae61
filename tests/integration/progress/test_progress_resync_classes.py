"""A resync of classes and attendance: progress is as it was, and nobody is told anything twice."""

import random
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message
from tandem.progress.v1 import events_pb2
from tandem.progress.v1 import resources_pb2 as progress_resources
from tandem.sessions.v1 import resources_pb2 as sessions_resources

from chassis.messaging.inbox_processor import Kind
from tests.integration.progress.classroom import (
    ABSENT,
    BOOK,
    EXCUSED,
    FILM,
    HOUR,
    PRESENT,
    Classroom,
    amended,
    available,
    cancelled,
    ended,
    enrolled,
    finalised,
    lecture,
    opened,
    path,
    recorded,
    scheduled,
)

TOLD = (
    events_pb2.CatchUpAssigned,
    events_pb2.CatchUpChanged,
    events_pb2.CatchUpCompleted,
    events_pb2.CatchUpMissed,
    events_pb2.CatchUpWithdrawn,
)
LEARNERS = ("ada", "bob", "cyd", "dan")


def resync(classroom: Classroom, queue: str, *state: Message) -> None:
    """Apply each event of a resync in a unit of work of its own, and all that follows."""
    for each in state:
        told = replace(classroom.event(each, 90), resync="resync-1")
        assert classroom.apply(queue, [told]) == [Kind.APPLIED]
        classroom.settle_for_good()


def said(classroom: Classroom) -> list[Any]:
    """All that learners were told of catch-ups."""
    return [each for kind in TOLD for each in classroom.published(kind)]


def state_of_class(classroom: Classroom) -> list[tuple[str, Message]]:
    """What a resync tells of the class that is over now, each with its queue."""
    end, over = classroom.clock.now(), sessions_resources.SESSION_STATE_ENDED
    settled: Any = {"ada": ABSENT, "bob": PRESENT, "cyd": EXCUSED}
    told = finalised(end, settled, part=0, parts=0)
    told.learners.add(learner_id="dan", waited=True)
    return [
        ("plans", scheduled(end - HOUR, state=over)),
        ("plans", ended(end)),
        ("attendance", recorded()),
        ("attendance", told),
        ("attendance", amended("cyd", EXCUSED)),
    ]


@pytest.fixture
def after_class(classroom: Classroom) -> Classroom:
    """A recorded class is over: ada missed it, cyd was excused, dan only waited for a seat."""
    classroom.open(lecture(), learners=LEARNERS)
    end = classroom.clock.now()
    settled: Any = finalised(end, {"ada": ABSENT, "bob": PRESENT, "cyd": ABSENT})
    settled.learners.add(learner_id="dan", waited=True)
    classroom.hear("plans", scheduled(end - HOUR), ended(end))
    classroom.hear("attendance", settled, recorded(), amended("cyd", EXCUSED))
    classroom.settle_for_good()
    assert learners(classroom) == ["ada", "dan"]
    return classroom


def learners(classroom: Classroom) -> list[str]:
    """Who has an open catch-up."""
    is_open = progress_resources.CATCH_UP_STATE_ASSIGNED
    found = [each for each in classroom.catch_ups() if each.state == is_open]
    return sorted(each.learner_id for each in found)


def test_a_resync_of_whole_copies_changes_nothing(after_class: Classroom) -> None:
    """Not after any of its events: a class that is over is at no moment one that is to come."""
    before = said(after_class), after_class.catch_ups(), after_class.summary()
    for _ in range(2):
        for queue, each in state_of_class(after_class):
            resync(after_class, queue, each)
            assert (said(after_class), after_class.catch_ups(), after_class.summary()) == before


@pytest.mark.parametrize("seed", range(4))
def test_who_missed_a_class_has_the_same_catch_up_after_a_loss(
    after_class: Classroom, seed: int
) -> None:
    """Progress has lost all it knew, and hears of the university in any order."""
    before = after_class.catch_ups()
    told: list[tuple[str, Message]] = [
        ("plans", opened()),
        ("plans", path(lecture())),
        ("attendance", available(FILM, 3600)),
        *(("plans", enrolled(each, after_class.clock.now())) for each in LEARNERS),
        *state_of_class(after_class),
    ]
    mongo = after_class.database.mongo
    for name in mongo.list_collection_names():
        if name != "migrations":
            mongo[name].delete_many({})
    random.Random(seed).shuffle(told)
    for queue, each in told:
        resync(after_class, queue, each)
    assert learners(after_class) == ["ada", "dan"]
    assert {each.id: each.item_ids for each in after_class.catch_ups()} == {
        each.id: each.item_ids for each in before
    }


def test_news_that_was_lost_has_its_effect_by_a_resync(after_class: Classroom) -> None:
    """Ada was excused, and nobody told progress: her catch-up ends, once. What was amended before
    and comes late changes nothing.
    """
    late = after_class.event(amended("ada", ABSENT), 89)
    resync(after_class, "attendance", amended("ada", EXCUSED))
    assert learners(after_class) == ["dan"]
    assert after_class.apply("attendance", [late]) == [Kind.APPLIED]
    resync(after_class, "attendance", amended("ada", EXCUSED))
    assert learners(after_class) == ["dan"]
    withdrawn = after_class.published(events_pb2.CatchUpWithdrawn)
    assert [each.learner_id for each in withdrawn].count("ada") == 1


@pytest.mark.parametrize("known", ["", BOOK], ids=["unknown", "known"])
def test_a_cancelled_class_keeps_its_substitute(classroom: Classroom, known: str) -> None:
    """An older version of sessions did not keep it: then a resync does not name it, and takes
    nothing away.
    """
    classroom.open(lecture(), learners=LEARNERS)
    start = classroom.clock.now() + HOUR
    classroom.hear("plans", scheduled(start), cancelled(start, substitute=BOOK))
    off = sessions_resources.SESSION_STATE_CANCELLED
    for _ in range(2):
        resync(classroom, "plans", scheduled(start, state=off), cancelled(start, substitute=known))
        (copy,) = classroom.database.mongo["sessions"].find()
        assert (copy["state"], copy["substitute_item_id"]) == ("CANCELLED", BOOK)
