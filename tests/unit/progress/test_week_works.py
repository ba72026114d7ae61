"""What a learner has to do in a week, and when a catch-up may be due."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from chassis.civil import Calendar
from services.progress.domain.catch_ups import CatchUpDue, assigned
from services.progress.domain.enums import ActivityKind, MissedPart, Stretch
from services.progress.domain.path import Run, TimeRule
from services.progress.domain.study_hours import (
    OtherWeek,
    SetStudyHours,
    StudyHours,
    violations_of,
    weeks_of,
)
from services.progress.domain.week_works import (
    dues_to_try,
    effort_of,
    effort_of_catch_up,
    task_of,
    tasks_of,
)
from tests.unit.progress.examples import (
    DAY,
    HOUR,
    MONDAY,
    POLICY,
    RUN,
    activity,
    plan,
    run_state,
    session,
)

WEEK = 7 * DAY
DUE = TimeRule(fixed=MONDAY + DAY)
CATCH_UP = assigned(run_state(), session(), ("film",), MONDAY, CatchUpDue(MONDAY + 3 * DAY))


@pytest.mark.parametrize(
    ("kind", "fields", "effort"),
    [
        (ActivityKind.ITEM, {"item_id": "film"}, timedelta(seconds=100)),
        (ActivityKind.ITEM, {"item_id": "book"}, HOUR),
        (ActivityKind.TASK, {}, 2 * HOUR),
        (ActivityKind.CHECKPOINT, {}, HOUR / 2),
        (ActivityKind.TASK, {"effort": 5 * HOUR}, 5 * HOUR),
        (ActivityKind.SESSION, {}, None),
    ],
)
def test_an_activity_takes_what_its_author_says_or_else_its_kind(
    kind: ActivityKind, fields: dict[str, object], effort: timedelta | None
) -> None:
    """Or its playing time. A class is no work by oneself."""
    assert effort_of(activity("a", kind, **fields), plan()) == effort


def test_a_catch_up_takes_the_parts_that_it_asks_for() -> None:
    """Or all of its items; less what was watched of it."""
    missed = (Stretch(10, 40), Stretch(50, 60))
    assert effort_of_catch_up(CATCH_UP, plan()) == timedelta(seconds=100)
    assert effort_of_catch_up(replace(CATCH_UP, missed=missed), plan()) == timedelta(seconds=40)
    part = MissedPart("film", missed[:1])
    assert effort_of_catch_up(replace(CATCH_UP, missed_parts=(part,)), plan()) == timedelta(
        seconds=30
    )
    both = replace(CATCH_UP, item_ids=("film", "book"))
    assert effort_of_catch_up(both, plan()) == HOUR + timedelta(seconds=100)
    assert task_of(replace(CATCH_UP, watched_share=0.25), plan()).work.seconds == 75


def test_tasks_are_what_is_due_and_not_done() -> None:
    """And open catch-ups; no optional activities, classes, or work without a due."""
    found = tasks_of(
        run_state(completed={"done": MONDAY}),
        [CATCH_UP, replace(CATCH_UP, dropped=True)],
        plan(
            activity("done", deadline=DUE),
            activity("essay", deadline=DUE, release=TimeRule(fixed=MONDAY + HOUR)),
            activity("optional", deadline=DUE, optional=True),
            activity("class", ActivityKind.SESSION, deadline=DUE),
            activity("whenever"),
        ),
        MONDAY,
    )
    assert [(each.title, each.work.begin) for each in found] == [
        ("Essay", MONDAY + HOUR),
        ("Motion", None),
    ]


def test_a_run_that_is_over_asks_for_nothing() -> None:
    """Whatever was left."""
    over = Run(RUN, "Physics", "Europe/Dublin", POLICY, 1, closed_at=MONDAY)
    one = plan(activity("essay", deadline=DUE), run=over)
    assert not list(tasks_of(run_state(), [CATCH_UP], one, MONDAY + HOUR))


@pytest.mark.parametrize(
    ("slack", "ends_after", "count"),
    [(0, None, 1), (6, None, 1), (7, None, 2), (21, None, 4), (21, 12, 2), (21, 1, 1)],
)
def test_dues_are_tried_week_by_week(slack: int, ends_after: int | None, count: int) -> None:
    """As far as the slack, and the run's end; the usual due always."""
    policy = replace(POLICY, catch_up_slack=slack * DAY)
    ends_at = None if ends_after is None else MONDAY + ends_after * DAY
    run = Run(RUN, "Physics", "Europe/Dublin", policy, 1, ends_at=ends_at)
    dues = list(dues_to_try(CatchUpDue(MONDAY + 3 * DAY), plan(run=run)))
    assert [each.at for each in dues] == [MONDAY + 3 * DAY + WEEK * place for place in range(count)]


def test_civil_dues_keep_their_time_when_clocks_change() -> None:
    """Clocks go forward in Dublin on 29 March 2026."""
    policy = replace(POLICY, catch_up_slack=8 * DAY)
    run = Run(RUN, "Physics", "Europe/Dublin", policy, 1)
    calendar = Calendar("Europe/Dublin")
    first = CatchUpDue(calendar.due_of_local("2026-03-27T23:59"), "2026-03-27T23:59")
    _, second = dues_to_try(first, plan(run=run))
    assert second.local == "2026-04-03T23:59"
    assert second.at == first.at + WEEK - HOUR


def test_weeks_have_the_usual_hours_or_others() -> None:
    """From Monday on; of the present one, what is left."""
    other = OtherWeek("2026-03-16", 2 * HOUR)
    hours = StudyHours("ada", 10 * HOUR, (other,))
    weeks = weeks_of(hours, Calendar("Europe/Dublin"), MONDAY, 3, worked=3 * HOUR)
    assert [each.budget / 3600 for each in weeks] == [7, 10, 2]
    assert weeks[0].start == MONDAY.replace(hour=0)
    assert all(one.end == other.start for one, other in pairwise(weeks))


def test_the_present_week_has_no_more_than_its_rest() -> None:
    """Nor less than nothing."""
    hours, calendar = StudyHours("ada", 10 * HOUR), Calendar("UTC")
    sunday = MONDAY.replace(hour=0) + WEEK - 2 * HOUR
    assert weeks_of(hours, calendar, sunday, 1)[0].budget == 2 * 3600
    assert weeks_of(hours, calendar, MONDAY, 1, worked=11 * HOUR)[0].budget == 0


def test_wrong_hours_are_told_all_at_once() -> None:
    """Each with its place."""
    monday, tuesday = OtherWeek("2026-03-02", HOUR), OtherWeek("2026-03-03", 169 * HOUR)
    command = SetStudyHours("ada", -HOUR, (monday, monday, tuesday))
    assert [each.field for each in violations_of(command)] == [
        "time",
        "other_weeks[1].monday",
        "other_weeks[2].time",
        "other_weeks[2].monday",
    ]
