"""The bridge: an absence becomes study, and study repairs the absence."""

import itertools
from datetime import datetime, timedelta
from functools import partial

import pytest
from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.testing import figure
from services.progress.timers import miss
from services.progress.worker import subscriptions
from tests.deep import DEEP, deep, only_deep
from tests.integration.progress.classroom import (
    ABSENT,
    BOOK,
    CAUGHT_UP,
    DAY,
    FILM,
    HOUR,
    PARTIAL,
    PRESENT,
    RUN,
    Classroom,
    amended,
    available,
    ended,
    enrolled,
    finalised,
    lecture,
    opened,
    path,
    recorded,
    scheduled,
    stamp,
)

ASSIGNED = resources_pb2.CATCH_UP_STATE_ASSIGNED
COMPLETED = resources_pb2.CATCH_UP_STATE_COMPLETED
MISSED = resources_pb2.CATCH_UP_STATE_MISSED


def after_class(classroom: Classroom, *learners: str) -> None:
    """A class that ada missed, and its recording can be watched."""
    classroom.open(lecture(), learners=["ada", "bob", *learners])
    classroom.hold_class(ada=ABSENT, bob=PRESENT, **dict.fromkeys(learners, ABSENT))
    classroom.hear("attendance", recorded())
    classroom.settle()


def test_the_absent_get_the_recording_with_a_deadline(classroom: Classroom) -> None:
    """Each absent learner gets one catch-up, due after the run's time; others get none."""
    after_class(classroom)
    found = classroom.catch_up("ada")
    assert list(found.item_ids) == [FILM]
    assert (found.state, found.watched_share) == (ASSIGNED, 0)
    assert found.due == stamp(classroom.clock.now() + timedelta(days=3))
    assert classroom.catch_ups("bob") == []
    (assigned,) = classroom.published(events_pb2.CatchUpAssigned)
    assert (assigned.catch_up_id, assigned.enrolment_id, assigned.title) == (
        found.id,
        "e-ada",
        "Motion",
    )
    assert classroom.states("bob") == {"lecture": "COMPLETED"}
    assert classroom.summary().open_catch_ups == 1


@pytest.mark.parametrize("attached_first", [True, False])
def test_it_is_measured_when_a_recording_can_be_played(
    classroom: Classroom, attached_first: bool
) -> None:
    """Once a class, from its end until its recording is both named and found good."""
    counted = partial(figure, "tandem_progress_recording_playable_seconds_count")
    waited = partial(figure, "tandem_progress_recording_playable_seconds_sum")
    classroom.open(lecture(), learners=["ada"])
    classroom.hold_class(ada=ABSENT)
    count, seconds = counted(), waited()
    updates = [recorded("another film"), available("another film", 3600)]
    first, second = updates if attached_first else reversed(updates)
    classroom.clock.forward(hours=1)
    classroom.hear("attendance", first)
    assert counted() == count
    classroom.clock.forward(hours=1)
    classroom.hear("attendance", second)
    classroom.hear("attendance", available(BOOK))
    assert (counted(), waited()) == (count + 1, seconds + 2 * 3600)


def test_a_recording_that_never_comes_is_late_and_counted_once(classroom: Classroom) -> None:
    """Once it is waited for no longer; one that comes after that is not counted again."""
    counted = partial(figure, "tandem_progress_recording_playable_seconds_count")
    early = partial(figure, "tandem_progress_recording_playable_seconds_bucket", le="14400.0")
    classroom.open(lecture(), learners=["ada"])
    classroom.hold_class(ada=ABSENT)
    count, in_time = counted(), early()
    classroom.clock.forward(days=1, hours=1)
    for _ in range(2):
        classroom.settle()
    assert (counted(), early()) == (count + 1, in_time)
    classroom.hear("attendance", recorded("another film"), available("another film", 3600))
    assert counted() == count + 1


def test_watching_enough_by_the_union_completes_it(classroom: Classroom) -> None:
    """Half an hour ten times is half; the missing stretch completes it, once, in time."""
    after_class(classroom)
    classroom.record(*(classroom.watched("ada", "0[.]1800") for _ in range(10)))
    classroom.settle()
    assert classroom.catch_up("ada").watched_share == pytest.approx(0.5)
    assert classroom.catch_up("ada").state == ASSIGNED
    classroom.record(classroom.watched("ada", "1700[.]3300"))
    classroom.settle()
    assert classroom.catch_up("ada").state == COMPLETED
    (published,) = classroom.published(events_pb2.CatchUpCompleted)
    assert published.in_time
    classroom.record(classroom.watched("ada", "0[.]3600"))
    classroom.settle()
    assert classroom.catch_up("ada").watched_share == 1
    assert len(classroom.published(events_pb2.CatchUpCompleted)) == 1
    summary = classroom.summary()
    assert (summary.open_catch_ups, summary.completed_catch_ups) == (0, 1)


def test_an_absence_that_was_caught_up_completes_the_activity(classroom: Classroom) -> None:
    """Sessions' answer, CAUGHT_UP, leaves one completion of the SESSION activity."""
    after_class(classroom)
    classroom.record(classroom.watched("ada", "0[.]3600"))
    classroom.settle()
    classroom.hear("attendance", amended("ada", CAUGHT_UP))
    assert classroom.states("ada") == {"lecture": "COMPLETED"}
    published = classroom.published(events_pb2.ActivityCompleted)
    assert sorted(each.learner_id for each in published) == ["ada", "bob"]
    assert classroom.summary().completed_path == 2


def test_a_deadline_that_passes_is_missed_and_study_counts_late(classroom: Classroom) -> None:
    """At its due the catch-up is MISSED, with the share; studied later it is COMPLETED, late."""
    after_class(classroom)
    classroom.record(classroom.watched("ada", "0[.]900"))
    classroom.settle()
    classroom.clock.forward(days=3)
    classroom.settle()
    assert classroom.catch_up("ada").state == ASSIGNED
    classroom.clock.forward(seconds=1)
    classroom.settle()
    classroom.settle()
    assert classroom.catch_up("ada").state == MISSED
    (published,) = classroom.published(events_pb2.CatchUpMissed)
    assert published.watched_share == pytest.approx(0.25)
    assert classroom.summary().missed_catch_ups == 1
    classroom.record(classroom.watched("ada", "900[.]3600"))
    classroom.settle()
    assert classroom.catch_up("ada").state == COMPLETED
    (late,) = classroom.published(events_pb2.CatchUpCompleted)
    assert not late.in_time
    assert classroom.summary().open_catch_ups == 0


def test_a_lagging_broker_makes_nobody_miss_a_deadline(classroom: Classroom) -> None:
    """Statements that were accepted before the due count, even if their event came later."""
    after_class(classroom, "cyd")
    classroom.clock.forward(days=3)
    classroom.record(classroom.watched("ada", "0[.]3600"), classroom.watched("cyd", "0[.]1800"))
    classroom.clock.forward(seconds=1)
    classroom.record(classroom.watched("cyd", "1800[.]3600"))
    miss(classroom.database)
    assert classroom.catch_up("ada").state == COMPLETED
    assert classroom.catch_up("cyd").state == MISSED
    classroom.settle()
    assert [each.learner_id for each in classroom.published(events_pb2.CatchUpMissed)] == ["cyd"]
    published = {each.learner_id: each for each in classroom.published(events_pb2.CatchUpCompleted)}
    assert {who: each.in_time for who, each in published.items()} == {"ada": True, "cyd": False}
    assert classroom.summary().statements == 3


@only_deep
def test_hundreds_are_missed_together(classroom: Classroom) -> None:
    """A thousand and more catch-ups whose due passed are each missed once."""
    learners = [f"l{number:04d}" for number in range(1100)]
    classroom.open(lecture(), learners=learners)
    classroom.hold_class(**dict.fromkeys(learners, ABSENT))
    classroom.hear("attendance", recorded())
    classroom.settle()
    assert classroom.summary().open_catch_ups == 1100
    classroom.clock.forward(days=4)
    classroom.settle()
    classroom.settle()
    assert len(classroom.published(events_pb2.CatchUpMissed)) == 1100
    summary = classroom.summary()
    assert (summary.open_catch_ups, summary.missed_catch_ups) == (0, 1100)


def test_what_was_watched_before_counts(classroom: Classroom) -> None:
    """A learner who had watched the item before has completed the catch-up at once."""
    classroom.open(lecture(), learners=["ada"])
    classroom.record(classroom.watched("ada", "0[.]3600"))
    classroom.settle()
    classroom.hear("attendance", recorded())
    classroom.hold_class(ada=ABSENT)
    assert classroom.catch_up("ada").state == COMPLETED
    assert len(classroom.published(events_pb2.CatchUpAssigned)) == 1
    assert len(classroom.published(events_pb2.CatchUpCompleted)) == 1


def test_who_only_waited_for_a_seat_catches_up_too(classroom: Classroom) -> None:
    """Without being absent; who was there by late presence need not."""
    classroom.open(lecture(), learners=["ada", "bob"])
    now = classroom.clock.now()
    classroom.hear("plans", scheduled(now - HOUR), ended(now))
    told = finalised(now, {})
    told.learners.add(learner_id="ada", waited=True)
    told.learners.add(learner_id="bob", waited=True)
    classroom.hear("attendance", told, recorded())
    classroom.settle()
    assert [each.learner_id for each in classroom.catch_ups()] == ["ada", "bob"]
    classroom.hear("attendance", amended("bob", PRESENT))
    classroom.record(classroom.watched("ada", "0[.]3600"))
    classroom.settle()
    assert [each.learner_id for each in classroom.catch_ups()] == ["ada"]
    assert classroom.catch_up("ada").state == COMPLETED
    classroom.hear("attendance", amended("ada", CAUGHT_UP))
    classroom.settle()
    assert classroom.catch_up("ada").state == COMPLETED
    none = types_pb2.ATTENDANCE_VERDICT_UNSPECIFIED  # it was not studied after all
    classroom.hear("attendance", amended("ada", none))
    assert [each.learner_id for each in classroom.catch_ups()] == ["ada"]


@pytest.mark.parametrize("first", ["policy", "attendance"])
def test_a_part_that_was_missed_is_caught_up_by_policy(classroom: Classroom, first: str) -> None:
    """Or counts, or neither; a change of the policy evaluates the run again."""
    asks = opened(partial_attendance=catalog_resources.PARTIAL_ATTENDANCE_CATCH_UP)
    classroom.open(lecture(), learners=["ada"])
    if first == "policy":
        classroom.hear("plans", asks)
    classroom.hold_class(ada=PARTIAL)
    classroom.hear("attendance", recorded())
    if first == "attendance":
        classroom.settle_for_good()
        assert (classroom.catch_ups(), classroom.states("ada")) == ([], {"lecture": "OPEN"})
        classroom.hear("plans", asks)
    classroom.settle_for_good()
    assert classroom.catch_up("ada").state == ASSIGNED
    counts = opened(partial_attendance=catalog_resources.PARTIAL_ATTENDANCE_COUNTS)
    classroom.hear("plans", counts)
    classroom.settle_for_good()
    assert (classroom.catch_ups(), classroom.states("ada")) == ([], {"lecture": "COMPLETED"})


@pytest.mark.parametrize("known_first", [True, False])
def test_a_help_session_is_never_caught_up(classroom: Classroom, known_first: bool) -> None:
    """Who came for a part of it, or was not in the run yet, gets no catch-up; one that was assigned
    before its purpose was known is withdrawn. The timeline tells the purpose.
    """
    asks = opened(partial_attendance=catalog_resources.PARTIAL_ATTENDANCE_CATCH_UP)
    classroom.open(lecture(), learners=["ada"])
    now = classroom.clock.now()
    plan = scheduled(now - HOUR, activity_id="", purpose=types_pb2.SESSION_PURPOSE_HELP)
    held = (asks, plan, ended(now)) if known_first else (asks, ended(now))
    classroom.hear("plans", *held)
    classroom.hear("attendance", finalised(now, {"ada": PARTIAL}), recorded())
    classroom.settle_for_good()
    assert len(classroom.catch_ups()) == (0 if known_first else 1)
    if not known_first:
        classroom.hear("plans", plan)
        classroom.settle_for_good()
        assert len(classroom.published(events_pb2.CatchUpWithdrawn)) == 1
    request = progress_pb2.GetTimelineRequest(
        learner_id="ada", from_time=stamp(now - DAY), until_time=stamp(now + DAY)
    )
    [entry] = [e for e in classroom.staff.GetTimeline(request).entries if e.session_id]
    assert entry.purpose == types_pb2.SESSION_PURPOSE_HELP


def ends(day: str, closed_at: datetime | None = None) -> catalog.RunUpdated | catalog.RunClosed:
    """News of the run: its last day, or that it was closed."""
    facts = catalog.RunFacts(run_id=RUN, title="Physics", zone="Europe/Dublin", end_date=day)
    facts.policy.CopyFrom(opened().policy)
    if closed_at is None:
        return catalog.RunUpdated(run_id=RUN, run=facts)
    facts.closed_at.CopyFrom(stamp(closed_at))
    return catalog.RunClosed(run_id=RUN, run=facts)


def test_an_empty_class_is_finalised_too(classroom: Classroom) -> None:
    """An empty part changes nothing; a large class comes in parts, each learner once."""
    classroom.open(lecture(), learners=["ada", "bob"])
    now = classroom.clock.now()
    classroom.hear("attendance", finalised(now, {}), recorded())
    classroom.hear("attendance", finalised(now, {"bob": ABSENT}, part=2, parts=2))
    classroom.hear("attendance", finalised(now, {"ada": ABSENT}, part=1, parts=2))
    classroom.settle()
    assert sorted(each.learner_id for each in classroom.catch_ups()) == ["ada", "bob"]


def _story(classroom: Classroom) -> list[tuple[str, Message]]:
    """The events that lead to one catch-up of ada's, each with its queue."""
    now = classroom.clock.now()
    return [
        ("plans", opened()),
        ("plans", path(lecture())),
        ("plans", enrolled("ada", now)),
        ("plans", scheduled(now - HOUR)),
        ("plans", ended(now)),
        ("attendance", finalised(now, {"ada": ABSENT})),
        ("attendance", recorded()),
        ("attendance", available(FILM, 3600)),
    ]


@deep
@pytest.mark.parametrize("turn", range(0, 8, 1 if DEEP else 3))
def test_any_order_gives_exactly_one_catch_up(classroom: Classroom, turn: int) -> None:
    """In any order of its causes, also reversed and repeated, there is one catch-up."""
    story = [(queue, classroom.event(data)) for queue, data in _story(classroom)]
    turned = story[turn:] + story[:turn]
    for queue, event in itertools.chain(reversed(turned), turned):
        classroom.apply(queue, [event])
        classroom.settle()
    assert classroom.catch_up("ada").state == ASSIGNED
    assert len(classroom.published(events_pb2.CatchUpAssigned)) == 1
    assert classroom.summary().open_catch_ups == 1


def test_the_queues_are_those_of_the_contract() -> None:
    """The service listens by the queues that the others know."""
    names = {each.name.removeprefix("progress.") for each in subscriptions()}
    assert names == {"statements", "plans", "attendance", "erasures"}
