"""The bridge: an absence becomes study, and study repairs the absence."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.library.v1 import events_pb2 as library
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2

from chassis.testing import figure
from services.progress.domain.catch_ups import catch_up_id
from services.progress.timers import end_runs, miss
from services.progress.worker import subscriptions
from tests.deep import deep, only_deep, orders
from tests.integration.progress.classroom import (
    ABSENT,
    BOOK,
    CAUGHT_UP,
    CLASS,
    DAY,
    EXCUSED,
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
    failed,
    finalised,
    lecture,
    opened,
    path,
    recorded,
    scheduled,
    stamp,
    withdrawn,
)

ASSIGNED = resources_pb2.CATCH_UP_STATE_ASSIGNED
COMPLETED = resources_pb2.CATCH_UP_STATE_COMPLETED
MISSED = resources_pb2.CATCH_UP_STATE_MISSED
INVALID, PRECONDITION = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION


def _after_class(classroom: Classroom, *learners: str) -> None:
    """A class that ada missed, and its recording can be watched."""
    classroom.open(lecture(), learners=["ada", "bob", *learners])
    classroom.hold_class(ada=ABSENT, bob=PRESENT, **dict.fromkeys(learners, ABSENT))
    classroom.hear("attendance", recorded())
    classroom.settle()


def test_the_absent_get_the_recording_with_a_deadline(classroom: Classroom) -> None:
    """Each absent learner gets one catch-up, due after the run's time; others get none."""
    _after_class(classroom)
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
    _after_class(classroom)
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
    _after_class(classroom)
    classroom.record(classroom.watched("ada", "0[.]3600"))
    classroom.settle()
    classroom.hear("attendance", amended("ada", CAUGHT_UP))
    assert classroom.states("ada") == {"lecture": "COMPLETED"}
    published = classroom.published(events_pb2.ActivityCompleted)
    assert sorted(each.learner_id for each in published) == ["ada", "bob"]
    assert classroom.summary().completed_path == 2


def test_a_deadline_that_passes_is_missed_and_study_counts_late(classroom: Classroom) -> None:
    """At its due the catch-up is MISSED, with the share; studied later it is COMPLETED, late."""
    _after_class(classroom)
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
    _after_class(classroom, "cyd")
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
    _after_class(classroom, "cyd")
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


def test_a_withdrawal_drops_open_catch_ups(classroom: Classroom) -> None:
    """A learner who withdrew has no open catch-up, gets none, and misses none."""
    _after_class(classroom, "cyd")
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
    _after_class(classroom)
    classroom.hear("attendance", amended("ada", verdict))
    assert classroom.catch_ups("ada") == []
    assert classroom.states("ada") == {"lecture": "COMPLETED"}


@pytest.mark.parametrize("corrected_first", [True, False])
def test_the_latest_of_corrected_and_amended_counts(
    classroom: Classroom, corrected_first: bool
) -> None:
    """Both have the sequence of the learner in the session, and may come in any order."""
    _after_class(classroom)
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
    _after_class(classroom)
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
    _after_class(classroom)
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
    _after_class(classroom)
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
    _after_class(classroom)
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


def test_a_recording_that_is_replaced_gives_its_time_again(classroom: Classroom) -> None:
    """The new one is another film to watch; it is told."""
    _after_class(classroom)
    classroom.clock.forward(days=2)
    now = classroom.clock.now()
    classroom.hear("attendance", available("cut", 3600), recorded("cut"))
    classroom.settle_for_good()
    mine = classroom.catch_up("ada")
    assert (list(mine.item_ids), mine.due.ToDatetime(tzinfo=UTC)) == (["cut"], now + 3 * DAY)
    [told] = classroom.published(events_pb2.CatchUpChanged)
    assert (list(told.item_ids), told.due) == (["cut"], mine.due)


def refused(call: Callable[[], object]) -> grpc.StatusCode:
    """The status of a call that must fail."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    code: grpc.StatusCode = error.value.code()
    return code


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


def late_run() -> catalog.RunOpened:
    """A run that gives late joiners what was held before they came."""
    return opened(late_catch_ups=catalog_resources.LATE_CATCH_UPS_ALL)


@deep
@pytest.mark.parametrize("order", orders(4))
def test_a_late_joiner_catches_up_on_what_was_held(
    classroom: Classroom, order: tuple[int, ...]
) -> None:
    """In whatever order the class, its attendance, its recording and the enrolment are told."""
    now = classroom.clock.now()
    early = enrolled("ada", now - 2 * DAY)
    classroom.hear("plans", late_run(), path(lecture()), early)
    told: list[tuple[str, list[Message]]] = [
        ("plans", [scheduled(now - DAY - HOUR), ended(now - DAY)]),
        ("attendance", [finalised(now - DAY, {"ada": PRESENT})]),
        ("attendance", [recorded(), available(FILM, 3600)]),
        ("plans", [enrolled("bob", now)]),
    ]
    for each in order:
        classroom.hear(told[each][0], *told[each][1])
    classroom.settle_for_good()
    [mine] = classroom.catch_ups("bob")
    assert (mine.session_id, list(mine.item_ids)) == (CLASS, [FILM])
    assert mine.due.ToDatetime(tzinfo=UTC) == now + 3 * DAY
    assert classroom.catch_ups("ada") == []
    classroom.record(classroom.watched("bob", "0[.]3600"))
    classroom.settle()
    [done] = classroom.published(events_pb2.CatchUpCompleted)
    assert (done.learner_id, done.session_id) == ("bob", CLASS)
    assert classroom.states("bob") == {"lecture": "COMPLETED"}


def test_a_late_joiner_who_was_there_has_no_catch_up(classroom: Classroom) -> None:
    """An attendance says more than the enrolment's time; so does a policy that gives none."""
    now = classroom.clock.now()
    classroom.hear("plans", late_run(), path(lecture()), scheduled(now - HOUR), ended(now))
    classroom.hear("attendance", recorded(), available(FILM, 3600))
    later = now + HOUR
    classroom.hear("plans", enrolled("ada", later), enrolled("bob", later))
    classroom.settle()
    assert len(classroom.catch_ups()) == 2
    classroom.hear("attendance", finalised(now, {"ada": PRESENT}))
    classroom.settle()
    assert [each.learner_id for each in classroom.catch_ups()] == ["bob"]
    classroom.hear("plans", opened())
    classroom.settle_for_good()
    assert classroom.catch_ups() == []
    assert len(classroom.published(events_pb2.CatchUpWithdrawn)) == 2


def ends(day: str, closed_at: datetime | None = None) -> catalog.RunUpdated | catalog.RunClosed:
    """News of the run: its last day, or that it was closed."""
    facts = catalog.RunFacts(run_id=RUN, title="Physics", zone="Europe/Dublin", end_date=day)
    facts.policy.CopyFrom(opened().policy)
    if closed_at is None:
        return catalog.RunUpdated(run_id=RUN, run=facts)
    facts.closed_at.CopyFrom(stamp(closed_at))
    return catalog.RunClosed(run_id=RUN, run=facts)


def _end_run(classroom: Classroom) -> None:
    """The clock passes the run's last day, and the timers run."""
    end_runs(classroom.database)
    classroom.settle_for_good()


def test_the_end_of_a_run_withdraws_what_is_open(classroom: Classroom) -> None:
    """The day after the last one in the run's zone; what was due before is missed as ever."""
    _after_class(classroom)
    classroom.hear("plans", ends("2026-03-03"))
    _end_run(classroom)
    assert len(classroom.catch_ups("ada")) == 1
    classroom.clock.forward(days=2)  # it is Wednesday; the due is on Thursday
    _end_run(classroom)
    assert classroom.catch_ups("ada") == []
    classroom.clock.forward(days=3)
    classroom.settle()
    assert classroom.published(events_pb2.CatchUpMissed) == []
    assert len(classroom.published(events_pb2.CatchUpWithdrawn)) == 1
    summary = classroom.summary()
    assert (summary.open_catch_ups, summary.missed_catch_ups) == (0, 0)


@pytest.mark.parametrize("missed_first", [True, False])
def test_what_was_due_before_the_end_is_missed(classroom: Classroom, missed_first: bool) -> None:
    """Whichever timer runs first after both instants."""
    _after_class(classroom)
    classroom.hear("plans", ends("2026-03-05"))
    classroom.clock.forward(days=6)
    first, second = (miss, end_runs) if missed_first else (end_runs, miss)
    first(classroom.database)
    second(classroom.database)
    classroom.settle_for_good()
    assert len(classroom.published(events_pb2.CatchUpMissed)) == 1
    assert classroom.published(events_pb2.CatchUpWithdrawn) == []


def test_a_closed_run_gives_no_catch_ups_and_a_reopened_one_does(classroom: Classroom) -> None:
    """What was open is withdrawn, and comes back with a new due; so do absences of meanwhile."""
    classroom.open(lecture(), learners=["ada", "bob"])
    classroom.hold_class(ada=ABSENT)
    classroom.hear("attendance", recorded())
    classroom.settle_for_good()
    classroom.hear("plans", ends("2099-12-31", classroom.clock.now()))
    classroom.hear("attendance", amended("bob", ABSENT))
    classroom.settle_for_good()
    assert classroom.catch_ups() == []
    assert len(classroom.published(events_pb2.CatchUpAssigned)) == 1
    classroom.clock.forward(days=1)
    classroom.hear("plans", ends("2099-12-31"))
    classroom.settle_for_good()
    dues = {each.learner_id: each.due.ToDatetime(tzinfo=UTC) for each in classroom.catch_ups()}
    due = classroom.clock.now() + 3 * DAY
    assert dues == {"ada": due, "bob": due}


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


@pytest.mark.parametrize("turn", range(8))
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
    """The service listens by the three queues that the others know."""
    names = {each.name for each in subscriptions()}
    assert names == {"progress.statements", "progress.plans", "progress.attendance"}


def test_attendance_that_was_taken_back_is_none(classroom: Classroom) -> None:
    """An amendment to UNSPECIFIED removes the attendance."""
    classroom.open(lecture(), learners=["ada"])
    classroom.hold_class()
    classroom.hear("attendance", amended("ada", PRESENT))
    classroom.hear("attendance", amended("ada", types_pb2.ATTENDANCE_VERDICT_UNSPECIFIED))
    (lesson,) = classroom.progress("ada").activities
    assert lesson.attendance == types_pb2.ATTENDANCE_VERDICT_UNSPECIFIED
