"""The task that an absence creates."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.progress.domain import catch_ups
from services.progress.domain.catch_ups import CatchUp, Studied, catch_up_id
from services.progress.domain.enums import AttendanceStatus, CatchUpState, EnrolmentState
from services.progress.domain.events import CatchUpAssigned, CatchUpCompleted, CatchUpMissed
from tests.unit.progress.examples import DAY, MONDAY, attendance_with, run_state, session

WITHIN = 3 * DAY
ABSENT = run_state(attendance=attendance_with(AttendanceStatus.ABSENT))
GIVEN: CatchUp = catch_ups.assigned(ABSENT, session(), ("film",), MONDAY, WITHIN)
ENOUGH, HALF = Studied(1.0, True), Studied(0.5, False)
SECOND = timedelta(seconds=1)


def _names(before: CatchUp | None, after: CatchUp) -> list[type]:
    return [type(event) for event in catch_ups.events_between(before, after)]


def test_it_is_due_after_the_time_that_the_run_gives() -> None:
    """From the moment at which it can be studied."""
    assert (GIVEN.assigned_at, GIVEN.due) == (MONDAY, MONDAY + WITHIN)
    assert _names(None, GIVEN) == [CatchUpAssigned]


def test_there_is_one_for_each_session_and_learner() -> None:
    """Its id is made of the two."""
    assert catch_up_id("s1", "ada") == catch_up_id("s1", "ada") == GIVEN.id
    assert len({catch_up_id("s1", "ada"), catch_up_id("s2", "ada"), catch_up_id("s1", "bo")}) == 3


@pytest.mark.parametrize(("late", "in_time"), [(timedelta(), True), (SECOND, False)])
def test_studied_is_studied(late: timedelta, in_time: bool) -> None:
    """At the due itself is in time; afterwards is late, and counts all the same."""
    at = GIVEN.due + late
    done = catch_ups.judged(GIVEN, ENOUGH, at)
    assert (done.state, done.completed_at, done.in_time) == (CatchUpState.COMPLETED, at, in_time)
    (event,) = catch_ups.events_between(GIVEN, done)
    assert isinstance(event, CatchUpCompleted)
    assert (event.item_ids, event.due) == (("film",), GIVEN.due)
    assert catch_ups.judged(done, HALF, at + DAY) == done


def test_it_is_missed_after_its_due_and_may_be_studied_later() -> None:
    """Half is not enough; what was missed is completed late."""
    assert catch_ups.judged(GIVEN, HALF, GIVEN.due).state is CatchUpState.ASSIGNED
    missed = catch_ups.judged(GIVEN, HALF, GIVEN.due + SECOND)
    assert (missed.state, missed.watched_share) == (CatchUpState.MISSED, 0.5)
    (event,) = catch_ups.events_between(GIVEN, missed)
    assert isinstance(event, CatchUpMissed)
    assert (event.watched_share, event.item_ids, event.due) == (0.5, ("film",), GIVEN.due)
    done = catch_ups.judged(missed, ENOUGH, GIVEN.due + DAY)
    assert (done.state, done.in_time) == (CatchUpState.COMPLETED, False)
    assert _names(missed, done) == [CatchUpCompleted]


def test_what_was_studied_before_is_completed_at_once() -> None:
    """Both events are published."""
    done = catch_ups.judged(GIVEN, ENOUGH, MONDAY)
    assert _names(None, done) == [CatchUpAssigned, CatchUpCompleted]


def test_the_share_never_falls() -> None:
    """Judging with less of the evidence at hand takes nothing away."""
    half = catch_ups.judged(GIVEN, HALF, MONDAY)
    assert catch_ups.judged(half, Studied(0.0, False), MONDAY).watched_share == 0.5


def test_it_asks_for_what_stands_in_at_present() -> None:
    """Until it is completed, it asks for the present substitutes; its due stays."""
    half = catch_ups.judged(GIVEN, HALF, MONDAY)
    other = catch_ups.restocked(half, ("film-2", "book"))
    assert (other.item_ids, other.watched_share) == (("film-2", "book"), 0.0)
    assert (other.due, _names(half, other)) == (GIVEN.due, [])
    done = catch_ups.judged(GIVEN, ENOUGH, MONDAY)
    for same in (catch_ups.restocked(half, ()), catch_ups.restocked(half, ("film",))):
        assert same == half
    assert catch_ups.restocked(done, ("book",)) == done


@pytest.mark.parametrize(
    "other",
    [
        replace(ABSENT, state=EnrolmentState.WITHDRAWN),
        replace(ABSENT, attendance=attendance_with(AttendanceStatus.EXCUSED)),
        replace(ABSENT, attendance=attendance_with(AttendanceStatus.PRESENT)),
    ],
)
def test_an_open_one_is_dropped_when_nobody_wants_it(other: object) -> None:
    """After a withdrawal or a corrected absence; taken back, it comes again with a fresh due."""
    dropped = catch_ups.kept_up(GIVEN, other, MONDAY, WITHIN)  # type: ignore[arg-type]
    assert dropped.dropped
    assert _names(GIVEN, dropped) == []
    assert catch_ups.judged(dropped, ENOUGH, MONDAY) == dropped
    again = catch_ups.kept_up(dropped, ABSENT, MONDAY + 9 * DAY, WITHIN)
    assert again == replace(GIVEN, assigned_at=MONDAY + 9 * DAY, due=MONDAY + 12 * DAY)
    assert _names(dropped, again) == [CatchUpAssigned]


def test_one_that_is_over_is_not_dropped() -> None:
    """A completed or missed one stays so; CAUGHT_UP ends no catch-up."""
    gone = replace(ABSENT, state=EnrolmentState.WITHDRAWN)
    for over in (
        catch_ups.judged(GIVEN, ENOUGH, MONDAY),
        catch_ups.judged(GIVEN, HALF, GIVEN.due + DAY),
    ):
        assert catch_ups.kept_up(over, gone, MONDAY, WITHIN) == over
    caught_up = run_state(attendance=attendance_with(AttendanceStatus.CAUGHT_UP))
    assert catch_ups.kept_up(GIVEN, caught_up, MONDAY, WITHIN) == GIVEN
    assert not catch_ups.is_due_to(caught_up, "s1")
