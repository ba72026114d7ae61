"""Deadlines of one learner."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.progress.domain.dues import Due, Dues
from services.progress.domain.enums import ActivityKind, SessionState, Weekday
from services.progress.domain.learner_run_state import Extension
from services.progress.domain.path import (
    CivilRule,
    DaysAfterActivity,
    Run,
    TimeRule,
    WeekDay,
)
from services.progress.domain.plan import Plan
from tests.unit.progress.examples import (
    DAY,
    HOUR,
    MONDAY,
    POLICY,
    RUN,
    activity,
    after,
    plan,
    run_state,
    session,
)

CLASS = activity("class", ActivityKind.SESSION)
FIRST = activity("first", deadline=TimeRule(fixed=MONDAY))
SECOND = activity("second", deadline=after("first", DAY))
THIRD = activity("third", deadline=after("second", DAY))
HOMEWORK = activity("homework", deadline=after("class", 2 * DAY))


def _due(one: Plan, activity_id: str, **fields: object) -> Due:
    return Dues(one, run_state(**fields)).of(activity_id)


def test_rules_are_fixed_or_count_from_something() -> None:
    """From a date, from the enrolment, from another due, from the end of a class."""
    own = activity("own", deadline=TimeRule(after_enrolment=7 * DAY))
    one = plan(FIRST, SECOND, own, CLASS, HOMEWORK, sessions=(session(),))
    assert _due(one, "first") == Due(MONDAY)
    assert _due(one, "second") == Due(MONDAY + DAY)
    assert _due(one, "own") == Due(MONDAY + 6 * DAY)
    assert _due(one, "homework") == Due(MONDAY + HOUR + 2 * DAY)
    assert _due(one, "class") == Due()
    assert _due(one, "unheard-of") == Due()


def test_what_is_due_to_all_alike() -> None:
    """Common are the deadlines by an instant and by a day of the calendar, not those that count
    from the learner or another due, nor of an activity that was added on the way.
    """
    by_day = activity("by-day", deadline=TimeRule(civil=CivilRule(date="2026-03-03")))
    own = activity("own", deadline=TimeRule(after_enrolment=7 * DAY))
    added = activity("added", deadline=TimeRule(fixed=MONDAY), added_at=MONDAY)
    one = plan(FIRST, SECOND, by_day, own, added, activity("free"))
    assert one.common_dues == {"first": MONDAY, "by-day": datetime(2026, 3, 4, tzinfo=UTC)}
    early, late = MONDAY - DAY, MONDAY + DAY
    assert _due(one, "added", enrolled_at=early) != _due(one, "added", enrolled_at=late)


def test_an_extension_moves_what_depends_on_it() -> None:
    """The chain behind moves along; only the activity itself is called extended."""
    one = plan(FIRST, SECOND, THIRD)
    moved = {"first": Extension(MONDAY + 5 * DAY, 1)}
    assert _due(one, "first", extensions=moved) == Due(MONDAY + 5 * DAY, extended=True)
    assert _due(one, "third", extensions=moved) == Due(MONDAY + 7 * DAY)


def test_an_extension_never_brings_a_deadline_forward() -> None:
    """Should the rule's own instant come to lie later, that one counts."""
    one = plan(FIRST, SECOND)
    early = {"second": Extension(MONDAY, 1)}
    assert _due(one, "second", extensions=early) == Due(MONDAY + DAY)
    without = plan(activity("free"))
    assert _due(without, "free", extensions={"free": Extension(MONDAY, 1)}) == Due(MONDAY, True)


def test_a_moved_class_moves_its_dues() -> None:
    """The last of a class's sessions that were not cancelled counts."""
    moved = session(start_time=MONDAY + DAY, end_time=MONDAY + DAY + HOUR)
    off = session("s2", end_time=MONDAY + 9 * DAY, state=SessionState.CANCELLED)
    assert _due(plan(CLASS, HOMEWORK, sessions=(moved, off)), "homework") == Due(
        MONDAY + 3 * DAY + HOUR
    )


def test_dues_of_a_class_without_a_session_to_come() -> None:
    """If all sessions were cancelled the planned end counts; without one, there is no due."""
    off = session(end_time=MONDAY + 9 * DAY, state=SessionState.CANCELLED)
    assert _due(plan(CLASS, HOMEWORK, sessions=(off,)), "homework") == Due(MONDAY + 11 * DAY)
    assert _due(plan(CLASS, HOMEWORK), "homework") == Due()


def test_without_enrolment_time_nothing_counts_from_it() -> None:
    """A rule that counts from what is not known has no due."""
    own = activity("own", deadline=TimeRule(after_enrolment=DAY))
    assert _due(plan(own), "own", enrolled_at=None) == Due()


def test_a_chain_of_a_thousand_is_worked_out() -> None:
    """The chain may be long, and may be computed from either end."""
    steps = [FIRST, *(activity(f"s{n}", deadline=after(f"s{n - 1}", DAY)) for n in range(1, 1000))]
    steps[1] = activity("s1", deadline=after("first", DAY))
    dues = Dues(plan(*steps), run_state())
    assert dues.of("s999").at == MONDAY + 999 * DAY
    assert dues.of("s1").at == MONDAY + DAY


def test_a_cycle_ends() -> None:
    """Catalog refuses cycles; should one come, it has no end and no due."""
    one = plan(activity("a", deadline=after("b", DAY)), activity("b", deadline=after("a", DAY)))
    assert _due(one, "a") == _due(one, "b") == Due()


def test_beyond_the_calendar_is_never() -> None:
    """An offset that leads past the last year there is gives no due."""
    end = datetime(9999, 12, 1, tzinfo=UTC)
    one = plan(
        activity("a", deadline=TimeRule(fixed=end)),
        activity("b", deadline=after("a", timedelta(days=36_000))),
        activity("c", deadline=after("a")),
    )
    assert _due(one, "b") == Due()
    assert _due(one, "c") == Due(end)


def test_release_follows_the_same_rules() -> None:
    """An activity may open after another's due, or with the run."""
    one = plan(FIRST, activity("next", release=after("first", HOUR)))
    dues = Dues(one, run_state())
    assert dues.release_of("next") == MONDAY + HOUR
    assert dues.release_of("first") is None


def civil(**fields: Any) -> TimeRule:
    """A civil time."""
    return TimeRule(civil=CivilRule(**fields))


TERM = Run(
    RUN, "Physics", "Europe/Dublin", POLICY, 1, start_date="2026-03-04", holidays=("2026-03-17",)
)


def test_civil_rules_as_universities_write_them() -> None:
    """The third day, 23:59; Friday of week 4, 18:00; two working days after the seminar."""
    one = plan(
        activity("third", deadline=civil(days_after_enrolment=3, time="23:59")),
        activity("friday", deadline=civil(week_day=WeekDay(4, Weekday.FRIDAY), time="18:00")),
        CLASS,
        activity("report", deadline=civil(after_activity=DaysAfterActivity("class", 2))),
        activity(
            "essay",
            deadline=civil(after_activity=DaysAfterActivity("class", 12), working_days=True),
        ),
        activity("fixed", deadline=civil(date="2026-03-29")),
        sessions=(session(),),
        run=TERM,
    )
    assert _due(one, "third").at == datetime(2026, 3, 4, 23, 59, tzinfo=UTC)
    assert _due(one, "friday").at == datetime(2026, 3, 27, 18, tzinfo=UTC)
    assert _due(one, "report").at == datetime(2026, 3, 5, tzinfo=UTC)
    assert _due(one, "essay").at == datetime(2026, 3, 20, tzinfo=UTC)
    assert _due(one, "fixed").at == datetime(2026, 3, 29, 23, tzinfo=UTC)  # summer time


def test_civil_dues_hang_on_others_and_move_with_them() -> None:
    """A day after a due that ends Tuesday is Wednesday; extensions move what depends on them."""
    one = plan(
        activity("first", deadline=civil(date="2026-03-03")),
        activity("second", deadline=civil(after_activity=DaysAfterActivity("first", 1))),
        activity("third", deadline=after("second", HOUR)),
        run=TERM,
    )
    assert _due(one, "second").at == datetime(2026, 3, 5, tzinfo=UTC)
    assert _due(one, "third").at == datetime(2026, 3, 5, 1, tzinfo=UTC)
    moved = {"first": Extension(datetime(2026, 3, 5, 12, tzinfo=UTC), 1)}
    assert _due(one, "second", extensions=moved).at == datetime(2026, 3, 7, tzinfo=UTC)


def test_of_a_time_that_comes_twice_a_release_is_the_first_and_a_deadline_the_second() -> None:
    """Clocks go back on 25 October; a release without a time is at the day's beginning."""
    night = civil(date="2026-10-25", time="01:30")
    one = plan(
        activity("a", release=night, deadline=night),
        activity("b", release=civil(date="2026-10-25")),
        run=TERM,
    )
    dues = Dues(one, run_state())
    assert dues.release_of("a") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert dues.of("a").at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert dues.release_of("b") == datetime(2026, 10, 24, 23, tzinfo=UTC)


def test_what_a_civil_rule_counts_from_may_be_unknown() -> None:
    """An enrolment, a class that is not scheduled, a first day, a weekday, a calendar's end."""
    rules = (
        civil(days_after_enrolment=1),
        civil(after_activity=DaysAfterActivity("class", 1)),
        civil(week_day=WeekDay(1, Weekday.MONDAY)),
        civil(week_day=WeekDay(1, None)),
        civil(),
    )
    for rule in rules:
        one = plan(CLASS, activity("task", deadline=rule))
        assert _due(one, "task", enrolled_at=None) == Due()
    far = activity("task", deadline=civil(days_after_enrolment=3_000_000))
    assert _due(plan(far), "task") == Due()
