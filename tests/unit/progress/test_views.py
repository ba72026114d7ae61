"""The API's views: progress and timelines."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.progress.domain import timeline
from services.progress.domain.catch_ups import CatchUpDue, assigned
from services.progress.domain.enums import (
    ActivityKind,
    AttendanceStatus,
    CivilTime,
    SessionState,
    TimelineKind,
    Weekday,
)
from services.progress.domain.learner_run_state import Extension
from services.progress.domain.path import CivilRule, TimeRule, WeekDay
from services.progress.domain.timeline import TimelineInterval
from services.progress.domain.views import activity_progress, learner_progress
from tests.unit.progress.examples import (
    ADA,
    DAY,
    HOUR,
    MONDAY,
    activity,
    attendance_with,
    learner,
    plan,
    run_state,
    session,
    watched,
)

CLASS = activity("class", ActivityKind.SESSION)
FILM = activity("see", ActivityKind.ITEM, item_id="film", deadline=TimeRule(fixed=MONDAY))
EXTRA = activity("extra", optional=True, deadline=TimeRule(fixed=MONDAY))
WEEK = TimelineInterval(ADA, MONDAY, MONDAY + 7 * DAY, "")


def test_a_learner_in_short() -> None:
    """Required activities only are counted, completed or overdue."""
    by = plan(FILM, EXTRA, CLASS)
    row = learner_progress(run_state(completed={"extra": MONDAY}), by, MONDAY + HOUR)
    assert (row.completed, row.required, row.overdue, row.completed_at) == (0, 2, 1, None)
    assert learner_progress(run_state(), by, MONDAY).overdue == 0


def test_activity_by_activity() -> None:
    """In the path's order, with due, share and attendance."""
    ada = learner(watched("0[.]50"), attendance=attendance_with(AttendanceStatus.PARTIAL))
    rows = activity_progress(ada, plan(FILM, CLASS, sessions=(session(),)), MONDAY)
    assert [row.activity_id for row in rows] == ["see", "class"]
    assert (rows[0].watched_share, rows[0].due) == (0.5, MONDAY)
    assert rows[1].attendance is AttendanceStatus.PARTIAL
    assert rows[1].watched_share == 0


def test_the_best_of_several_sessions_is_told() -> None:
    """Absent from one, present at the other: present."""
    attendance = {
        **attendance_with(AttendanceStatus.ABSENT),
        **attendance_with(AttendanceStatus.PRESENT, "s2"),
    }
    by = plan(CLASS, sessions=(session(), session("s2")))
    (row,) = activity_progress(learner(attendance=attendance), by, MONDAY)
    assert row.attendance is AttendanceStatus.PRESENT


def test_classes_and_dues_stand_in_a_timeline() -> None:
    """From the first instant of the stretch until before its last."""
    by = plan(FILM, CLASS, sessions=(session(), session("s2", start_time=MONDAY + 7 * DAY)))
    lines = timeline.by_time(timeline.lines_of_run(learner(), by, WEEK, MONDAY))
    assert [(line.kind, line.at) for line in lines] == [
        (TimelineKind.DUE, MONDAY),
        (TimelineKind.SESSION, MONDAY),
    ]


def test_a_civil_due_stands_at_its_instant_in_a_timeline() -> None:
    """At the end of its day in the run's zone."""
    due = TimeRule(civil=CivilRule(days_after_enrolment=2))
    by = plan(activity("essay", deadline=due))
    (line,) = timeline.lines_of_run(learner(), by, WEEK, MONDAY)
    assert line.kind is TimelineKind.DUE
    assert line.local == CivilTime("2026-03-04T00:00:00", "Europe/Dublin")


@pytest.mark.parametrize(
    ("zone", "local"),
    [
        ("", CivilTime("2026-03-02T09:00:00", "Europe/Dublin")),
        ("Asia/Kolkata", CivilTime("2026-03-02T14:30:00", "Asia/Kolkata")),
        ("America/New_York", CivilTime("2026-03-02T04:00:00", "America/New_York")),
    ],
)
def test_lines_are_on_the_learners_wall(zone: str, local: CivilTime) -> None:
    """Lines are in the requested time zone, or else in the run's."""
    (line,) = timeline.lines_of_run(learner(), plan(FILM), replace(WEEK, zone=zone), MONDAY)
    assert line.local == local


def test_a_cancelled_class_shows_what_takes_its_place() -> None:
    """Something is left to do as long as the substitute is not studied."""
    off = session(state=SessionState.CANCELLED, substitute_item_id="book")
    by = plan(CLASS, sessions=(off,))
    (line,) = timeline.lines_of_run(learner(), by, WEEK, MONDAY)
    assert (line.cancelled, line.substitute_item_id, line.done) == (True, "book", False)
    (line,) = timeline.lines_of_run(learner(completed={"class": MONDAY}), by, WEEK, MONDAY)
    assert line.done


def test_a_catch_up_stands_at_its_due() -> None:
    """It is listed with the session that was missed."""
    given = assigned(run_state(), session(), ("film",), MONDAY, CatchUpDue(MONDAY + DAY))
    line = timeline.localized(timeline.line_of_catch_up(given, plan()), "")
    assert (line.at, line.session_id, line.done) == (MONDAY + DAY, "s1", False)
    assert line.local == CivilTime("2026-03-03T09:00:00", "UTC")


@pytest.mark.parametrize(
    ("length", "right"),
    [
        (timedelta(), False),
        (-DAY, False),
        (timedelta(milliseconds=1), True),
        (400 * DAY, True),
        (400 * DAY + timedelta(milliseconds=1), False),
    ],
)
def test_a_stretch_is_a_stretch(length: timedelta, right: bool) -> None:
    """It ends after it begins, at most 400 days later."""
    assert (
        not list(timeline.violations_of(TimelineInterval(ADA, MONDAY, MONDAY + length, "")))
    ) is right


def test_a_mixed_week_is_told_as_one_week() -> None:
    """A class, a reading and a quiz of week 2, by days of the week; what is due at the end of
    Sunday is of the week that ends. An extension into week 3 moves the activity there.
    """

    def on(week: int, weekday: Weekday, time: str = "") -> TimeRule:
        return TimeRule(civil=CivilRule(week_day=WeekDay(week, weekday), time=time))

    held = session(start_time=MONDAY + 9 * DAY, end_time=MONDAY + 9 * DAY + HOUR)
    by = plan(
        CLASS,
        activity("reading", deadline=on(2, Weekday.MONDAY, "18:00")),
        activity("quiz", ActivityKind.CHECKPOINT, deadline=on(2, Weekday.SUNDAY)),
        activity("opens", release=on(3, Weekday.MONDAY)),
        activity("free"),
        sessions=(held,),
    )
    by = replace(by, run=replace(by.run, start_date="2026-03-04"))
    weeks = {"class": 2, "reading": 2, "quiz": 2, "opens": 3, "free": 0}
    assert {row.activity_id: row.week for row in activity_progress(learner(), by, MONDAY)} == weeks
    interval = replace(WEEK, until_time=MONDAY + 99 * DAY)
    lines = timeline.by_time(timeline.lines_of_run(learner(), by, interval, MONDAY))
    assert [(line.activity_id, line.week) for line in lines] == [
        ("reading", 2),
        ("class", 2),
        ("quiz", 2),
    ]
    late = learner(extensions={"quiz": Extension(MONDAY + 15 * DAY, 1)})
    assert {row.week for row in activity_progress(late, by, MONDAY)} == {0, 2, 3}
    no_first_day = replace(by, run=replace(by.run, start_date=""))
    assert {row.week for row in activity_progress(late, no_first_day, MONDAY)} == {0}
