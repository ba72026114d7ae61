"""The task that an absence creates."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.civil import Calendar, CivilSpan
from services.progress.domain import catch_ups
from services.progress.domain.catch_ups import CatchUp, CatchUpDue, Studied, catch_up_id
from services.progress.domain.enums import (
    AttendanceMode,
    AttendanceStatus,
    CatchUpState,
    EnrolmentState,
    PartialAttendance,
    SessionState,
    Stretch,
)
from services.progress.domain.events import (
    CatchUpAssigned,
    CatchUpChanged,
    CatchUpCompleted,
    CatchUpMissed,
    CatchUpReopened,
    CatchUpWithdrawn,
)
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.path import Policy, Run
from services.progress.domain.plan import Plan
from services.progress.domain.sessions import Session
from tests.unit.progress.examples import (
    DAY,
    HOUR,
    MONDAY,
    attendance_with,
    plan,
    run_state,
    session,
)

WITHIN = 3 * DAY
ABSENT = run_state(attendance=attendance_with(AttendanceStatus.ABSENT))
DUE = CatchUpDue(MONDAY + WITHIN)
GIVEN: CatchUp = catch_ups.assigned(ABSENT, session(), ("film",), MONDAY, DUE)
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
    """Until it is completed, it asks for the present substitutes; there is time for new ones."""
    half = catch_ups.judged(GIVEN, HALF, MONDAY)
    other = catch_ups.restocked(half, ("film-2", "book"))
    assert (other.item_ids, other.watched_share) == (("film-2", "book"), 0.0)
    assert (other.due, _names(half, other)) == (GIVEN.due, [CatchUpChanged])
    later = CatchUpDue(GIVEN.due + DAY)
    in_time = catch_ups.with_time_for(half, other, later, GIVEN.due)
    assert in_time.due == GIVEN.due + DAY
    for due, now in ((GIVEN.due - DAY, MONDAY), (GIVEN.due + DAY, GIVEN.due + SECOND)):
        assert catch_ups.with_time_for(half, other, CatchUpDue(due), now) == other
    assert catch_ups.with_time_for(half, half, later, MONDAY) == half
    done = catch_ups.judged(GIVEN, ENOUGH, MONDAY)
    for same in (catch_ups.restocked(half, ()), catch_ups.restocked(half, ("film",))):
        assert same == half
    assert catch_ups.restocked(done, ("book",)) == done


def kept_up(
    catch_up: CatchUp, state: LearnerRunState, now: datetime, over_since: datetime | None = None
) -> CatchUp:
    """The catch-up by a run's policy, in a run that is over since then."""
    run = Run("run-1", "Physics", "UTC", Policy(WITHIN), 1, closed_at=over_since)
    return catch_ups.kept_up(catch_up, state, (), now, plan(run=run))


@pytest.mark.parametrize(
    "other",
    [
        replace(ABSENT, state=EnrolmentState.WITHDRAWN),
        replace(ABSENT, attendance=attendance_with(AttendanceStatus.EXCUSED)),
        replace(ABSENT, attendance=attendance_with(AttendanceStatus.PRESENT)),
    ],
)
def test_it_is_withdrawn_when_nobody_wants_it(other: LearnerRunState) -> None:
    """After a withdrawal or a corrected absence; taken back, it comes again with a fresh due."""
    gone = kept_up(GIVEN, other, MONDAY)
    assert gone.dropped
    assert _names(GIVEN, gone) == [CatchUpWithdrawn]
    assert catch_ups.judged(gone, ENOUGH, MONDAY) == gone
    again = kept_up(gone, ABSENT, MONDAY + 9 * DAY)
    assert again == replace(GIVEN, assigned_at=MONDAY + 9 * DAY, due=MONDAY + 12 * DAY)
    assert _names(gone, again) == [CatchUpAssigned]


COMPLETED = catch_ups.judged(GIVEN, ENOUGH, MONDAY)
MISSED = catch_ups.judged(GIVEN, HALF, GIVEN.due + DAY)


@pytest.mark.parametrize("was", [COMPLETED, MISSED])
def test_one_that_has_ended_is_withdrawn_too(was: CatchUp) -> None:
    """An absence that is none was never to be caught up, whenever that is told; taken back, it is
    as it was.
    """
    present = replace(ABSENT, attendance=attendance_with(AttendanceStatus.PRESENT))
    gone = kept_up(was, present, MONDAY)
    assert gone.dropped
    assert _names(was, gone) == [CatchUpWithdrawn]
    assert _names(gone, gone) == []
    back = kept_up(gone, ABSENT, MONDAY + 9 * DAY)
    assert back == was
    ended = CatchUpCompleted if was is COMPLETED else CatchUpMissed
    assert _names(gone, back) == [CatchUpAssigned, ended]


LATER = CatchUpDue(GIVEN.due + DAY)


def test_what_was_not_studied_after_all_is_open_again() -> None:
    """With its due; of other items than those that were studied, with time for them."""
    assert catch_ups.reopened(COMPLETED, ("film",), LATER) == GIVEN
    assert _names(COMPLETED, GIVEN) == [CatchUpReopened, CatchUpChanged]
    assert _names(COMPLETED, MISSED) == [CatchUpReopened, CatchUpMissed]
    other = catch_ups.reopened(COMPLETED, ("again",), LATER)
    assert (other.item_ids, other.due) == (("again",), LATER.at)
    assert catch_ups.reopened(COMPLETED, ("again",), CatchUpDue(MONDAY)).due == GIVEN.due


@pytest.mark.parametrize("late", [False, True])
def test_one_that_is_withdrawn_is_reopened_as_it_was_then(late: bool) -> None:
    """Missed, if its due had passed before; nothing but the taking back is told."""
    present = replace(ABSENT, attendance=attendance_with(AttendanceStatus.PRESENT))
    gone = kept_up(COMPLETED, present, GIVEN.due + DAY if late else MONDAY)
    back = catch_ups.reopened(gone, ("film",), LATER)
    assert (back.state, back.dropped) == (MISSED.state if late else GIVEN.state, True)
    assert _names(gone, back) == [CatchUpReopened]


def test_the_remaining_evidence_tells_when_it_was_studied() -> None:
    """Never earlier than with all of it; in time by the own time of a statement that is trusted."""
    assert catch_ups.completed_anew(COMPLETED, MONDAY, None) == COMPLETED
    late = catch_ups.completed_anew(COMPLETED, GIVEN.due + DAY, None)
    assert (late.completed_at, late.in_time) == (GIVEN.due + DAY, False)
    assert _names(COMPLETED, late) == [CatchUpReopened, CatchUpCompleted]
    trusted = catch_ups.completed_anew(COMPLETED, GIVEN.due + DAY, GIVEN.due)
    assert (trusted.completed_at, trusted.in_time) == (GIVEN.due, True)
    assert _names(COMPLETED, trusted) == []


def test_a_run_that_is_over_withdraws_what_is_open() -> None:
    """Not what was completed or missed, nor what was due before; a run that goes on brings it
    back.
    """
    over = GIVEN.due
    gone = kept_up(GIVEN, ABSENT, over + DAY, over)
    assert (gone.dropped, _names(GIVEN, gone)) == (True, [CatchUpWithdrawn])
    assert kept_up(gone, ABSENT, over + DAY, over) == gone
    assert kept_up(gone, ABSENT, over + DAY).due == over + DAY + WITHIN
    for stays in (COMPLETED, MISSED):
        assert kept_up(stays, ABSENT, over + DAY, over) == stays
    later = GIVEN.due + timedelta(milliseconds=1)
    assert kept_up(GIVEN, ABSENT, later, later) == GIVEN


def test_what_was_caught_up_ends_no_catch_up() -> None:
    """CAUGHT_UP is what the catch-up itself brought."""
    caught_up = run_state(attendance=attendance_with(AttendanceStatus.CAUGHT_UP))
    assert kept_up(GIVEN, caught_up, MONDAY) == GIVEN
    assert not catch_ups.is_due_to(caught_up, "s1", (), Policy())


LATE = Policy(WITHIN, late_from=datetime.min.replace(tzinfo=UTC))


def held(number: int, **fields: Any) -> Session:
    """The class of a day, which has ended."""
    at = MONDAY + number * DAY
    return session(f"c{number}", start_time=at, end_time=at + HOUR, ended_at=at + HOUR, **fields)


def late_in(plan_: Plan, at: datetime, **fields: Any) -> list[str]:
    """The sessions that were held before a learner came."""
    return list(catch_ups.late_sessions(run_state(enrolled_at=at, **fields), plan_))


def test_who_comes_late_missed_what_was_held_before() -> None:
    """By their ends; not what is yet to end, or was cancelled; and only who usually attends."""
    classes = [held(2), held(0), held(1), held(3, state=SessionState.CANCELLED)]
    by = replace(plan(sessions=tuple(classes)), run=run_with(LATE))
    assert late_in(by, MONDAY + 9 * DAY) == ["c0", "c1", "c2"]
    assert late_in(by, MONDAY + DAY + HOUR) == ["c0", "c1"]
    assert late_in(by, MONDAY) == []
    assert late_in(by, MONDAY + 9 * DAY, mode=AttendanceMode.SELF_PACED) == []
    since = replace(by, run=run_with(replace(LATE, late_from=MONDAY + DAY)))
    assert late_in(since, MONDAY + 9 * DAY) == ["c1", "c2"]
    none = replace(by, run=run_with(Policy(WITHIN)))
    assert late_in(none, MONDAY + 9 * DAY) == []


def run_with(policy: Policy, ends_at: datetime | None = None) -> Run:
    """A run with a policy and an end."""
    return Run("run-1", "Physics", "UTC", policy, 1, ends_at=ends_at)


def test_dues_of_late_joiners_are_spread_out() -> None:
    """One after the other, and closer together where the run's end leaves less time."""
    late = ["c0", "c1", "c2"]

    def days(ends_at: datetime | None) -> list[float]:
        of = plan(run=run_with(LATE, ends_at))
        return [(catch_ups.due_of(each, late, MONDAY, of).at - MONDAY) / DAY for each in late]

    assert days(None) == days(MONDAY + 60 * DAY) == [3, 6, 9]
    assert days(MONDAY + 6 * DAY) == [2, 4, 6]
    assert days(MONDAY + DAY) == [1, 2, 3]
    other = catch_ups.due_of("other", late, MONDAY, plan(run=run_with(LATE)))
    assert other == CatchUpDue(MONDAY + WITHIN)


def test_a_civil_due_of_a_catch_up_is_kept_as_a_civil_time() -> None:
    """Two working days after Thursday 18:00; those of late joiners one after the other."""
    span, thursday = CivilSpan(2, working_days=True, time="18:00"), MONDAY + 3 * DAY
    late = ["c0", "c1", "c2"]

    def dues(ends_at: datetime | None, *ids: str) -> list[str]:
        of = plan(run=run_with(replace(LATE, catch_up_due=span), ends_at))
        found = [catch_ups.due_of(each, late, thursday, of) for each in ids]
        assert all(Calendar("UTC").due_of_local(each.local) == each.at for each in found)
        return [each.local for each in found]

    assert dues(None, "other") == ["2026-03-09T18:00"]
    assert dues(None, *late) == ["2026-03-09T18:00", "2026-03-11T18:00", "2026-03-13T18:00"]
    # The run ends at the end of Tuesday: five days for three.
    end = datetime(2026, 3, 11, tzinfo=UTC)
    assert dues(end, *late) == ["2026-03-09T18:00", "2026-03-09T18:00", "2026-03-10T18:00"]
    whole = plan(run=run_with(replace(LATE, catch_up_due=CivilSpan(1))))
    assert catch_ups.due_of("c", (), MONDAY, whole) == CatchUpDue(
        datetime(2026, 3, 4, tzinfo=UTC), "2026-03-03T24:00"
    )


def test_a_civil_due_moves_when_the_law_of_the_zone_does() -> None:
    """An open one moves, and its event says why; others, and those by an instant, stay."""
    dublin = Calendar("Europe/Dublin")
    # It was 18:00 by summer time, as the law was; now it is winter time.
    was = datetime(2026, 3, 5, 17, tzinfo=UTC)
    given = replace(GIVEN, due=was, due_local="2026-03-05T18:00", due_local_at=was)
    moved = catch_ups.rezoned(given, dublin)
    assert moved.due == datetime(2026, 3, 5, 18, tzinfo=UTC)
    (told,) = catch_ups.events_between(given, moved)
    assert isinstance(told, CatchUpChanged)
    assert (told.due, told.reason) == (moved.due, catch_ups.ZONE_CHANGED)
    assert catch_ups.rezoned(moved, dublin) is moved
    extended = catch_ups.extended(moved, moved.due + DAY)
    (told,) = catch_ups.events_between(moved, extended)
    assert isinstance(told, CatchUpChanged)
    assert told.reason == ""
    missed = replace(given, state=CatchUpState.MISSED)
    by_older_version = replace(given, due=given.due + DAY)  # it knows of no civil time
    for other in (GIVEN, extended, missed, by_older_version, replace(given, dropped=True)):
        assert catch_ups.rezoned(other, dublin) is other


@pytest.mark.parametrize(
    ("means", "due", "done"),
    [
        (None, False, False),
        (PartialAttendance.COUNTS, False, True),
        (PartialAttendance.CATCH_UP, True, False),
    ],
)
def test_what_a_part_of_a_class_means_is_the_runs_policy(
    means: PartialAttendance | None, due: bool, done: bool
) -> None:
    """It counts, or gives a catch-up, or in older runs neither."""
    policy = Policy(WITHIN, partial_attendance=means)
    there = run_state(attendance=attendance_with(AttendanceStatus.PARTIAL))
    assert catch_ups.is_due_to(there, "s1", (), policy) is due
    assert (AttendanceStatus.PARTIAL in policy.attended) is done
    assert catch_ups.is_due_to(ABSENT, "s1", (), policy)


def test_evidence_that_comes_late_takes_back_a_miss() -> None:
    """Whether it was missed or studied late; one event tells it, and nothing else changes it."""
    due, before = GIVEN.due, GIVEN.due - HOUR
    missed = catch_ups.judged(GIVEN, HALF, due + SECOND)
    late = catch_ups.judged(missed, ENOUGH, due + DAY)
    for counted in (missed, late):
        after = catch_ups.in_time_after_all(counted, before)
        assert (after.state, after.in_time, after.completed_at) == (
            CatchUpState.COMPLETED,
            True,
            before,
        )
        (event,) = catch_ups.events_between(counted, after)
        assert isinstance(event, CatchUpCompleted)
        assert (event.in_time, event.was_missed, event.completed_at) == (True, True, before)
        assert catch_ups.in_time_after_all(after, due) == after
    (told,) = catch_ups.events_between(missed, late)
    assert isinstance(told, CatchUpCompleted)
    assert (told.in_time, told.was_missed) == (False, False)
    gone = replace(missed, dropped=True)
    assert catch_ups.in_time_after_all(gone, before) == gone
    assert catch_ups.in_time_after_all(GIVEN, before) == GIVEN


def test_the_share_is_exact_where_all_evidence_is_at_hand() -> None:
    """An attendance that was corrected may take some away; not from a completed catch-up."""
    half = catch_ups.judged(GIVEN, HALF, MONDAY)
    less = Studied(0.25, enough=False, at_hand=True)
    assert catch_ups.judged(half, less, MONDAY).watched_share == 0.25
    done = catch_ups.judged(GIVEN, ENOUGH, MONDAY)
    assert catch_ups.judged(done, less, MONDAY) == done


def test_other_missed_parts_are_told_while_it_is_open() -> None:
    """As other items or another due are; a withdrawn one stays as it is."""
    parts = (Stretch(0.0, 60.0),)
    other = catch_ups.asking_for(GIVEN, parts)
    (event,) = catch_ups.events_between(GIVEN, other)
    assert isinstance(event, CatchUpChanged)
    assert event.missed == parts
    done = catch_ups.judged(GIVEN, ENOUGH, MONDAY)
    assert _names(done, catch_ups.asking_for(done, parts)) == []
    gone = replace(GIVEN, dropped=True)
    assert catch_ups.asking_for(gone, parts) == gone
