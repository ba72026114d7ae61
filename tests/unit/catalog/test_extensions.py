"""When a learner's deadline is, and how it can move."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain.enums import ActivityKind
from services.catalog.domain.extensions import ExtendDue, due_of, extension_violations
from services.catalog.domain.path import (
    Activity,
    AfterActivity,
    CivilRule,
    DaysAfterActivity,
    TimeRule,
)
from tests.unit.catalog.test_path import a_run

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY = timedelta(days=1)
TASK, SESSION = ActivityKind.TASK, ActivityKind.SESSION


def after(activity: str, days: int) -> TimeRule:
    return TimeRule(after_activity=AfterActivity(activity, days * DAY))


def due(*activities: Activity, extended: dict[str, datetime] | None = None) -> datetime | None:
    """When the last activity of a path is due for a learner who enrolled a day ago."""
    by_id = {activity.id: activity for activity in activities}
    return due_of(activities[-1], by_id, NOW - DAY, extended or {}, a_run())


FIXED = Activity("fixed", "F", TASK, deadline=TimeRule(fixed=NOW + DAY))
OWN = Activity("own", "O", TASK, deadline=TimeRule(after_enrolment=7 * DAY))
CLASS = Activity("class", "C", SESSION, deadline=TimeRule(fixed=NOW + DAY))
FREE = Activity("free", "F", TASK)


def test_a_due_is_followed_to_where_it_begins() -> None:
    """A fixed time or the enrolment, through as many activities as there are."""
    assert due(FIXED) == NOW + DAY
    assert due(OWN) == NOW + 6 * DAY
    second = Activity("second", "S", TASK, deadline=after("own", 2))
    third = Activity("third", "T", TASK, deadline=after("second", 3))
    assert due(OWN, second, third) == NOW + 11 * DAY


def test_what_counts_from_a_class_is_not_known() -> None:
    """Neither is an activity without a deadline, nor one that counts from such an activity."""
    assert due(FREE) is None
    for other in (CLASS, FREE):
        assert due(other, Activity("t", "T", TASK, deadline=after(other.id, 1))) is None
    extended = {"t": NOW + 3 * DAY}
    assert due(CLASS, Activity("t", "T", TASK, deadline=after("class", 1)), extended=extended) == (
        NOW + 3 * DAY
    )


def test_a_due_beyond_the_calendar_is_none() -> None:
    """Durations may be thousands of years long."""
    assert due(Activity("t", "T", TASK, deadline=TimeRule(after_enrolment=3_000_000 * DAY))) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(-9, 99)), min_size=1))
def test_an_extension_moves_what_depends_on_it(steps: list[tuple[int, int | None]]) -> None:
    """Along a chain each due is the later of rule and extension, and the next counts from that."""
    path, extended, expected = [FIXED], {}, NOW + DAY
    for place, (offset, extension) in enumerate(steps):
        name = f"t{place}"
        path.append(Activity(name, "T", TASK, deadline=after(path[-1].id, offset)))
        expected += offset * DAY
        if extension is not None:
            extended[name] = NOW + extension * DAY
            expected = max(expected, extended[name])
    assert due(*path, extended=extended) == expected


@pytest.mark.parametrize(
    ("activity", "now_due", "until", "fields"),
    [
        (FIXED, NOW + DAY, NOW + 2 * DAY, []),
        (FIXED, NOW + DAY, NOW + DAY, ["until"]),
        (FIXED, NOW - DAY, NOW, ["until"]),
        (FIXED, NOW - DAY, NOW + DAY, []),
        (OWN, None, NOW, ["until"]),
        (OWN, None, NOW + DAY, []),
        (FREE, None, NOW + 2 * DAY, ["activity_id"]),
    ],
)
def test_an_extension_lies_ahead_and_is_later_than_what_holds(
    activity: Activity, now_due: datetime | None, until: datetime, fields: list[str]
) -> None:
    """Only a deadline that is there can move, and only to later."""
    command = ExtendDue(
        run_id="run", learner_id="l", activity_id=activity.id, until=until, reason="r"
    )
    found = extension_violations(command, activity, now_due, NOW)
    assert [violation.field for violation in found] == fields


def test_a_civil_due_is_followed_too() -> None:
    """Two days after a due that ends Tuesday, which an extension moves to Wednesday."""
    first = Activity("first", "F", TASK, deadline=TimeRule(civil=CivilRule(date="2026-03-03")))
    civil = CivilRule(after_activity=DaysAfterActivity("first", 2), time="18:00")
    second = Activity("second", "S", TASK, deadline=TimeRule(civil=civil))
    assert due(first) == datetime(2026, 3, 4, tzinfo=UTC)
    assert due(first, second) == datetime(2026, 3, 5, 18, tzinfo=UTC)
    moved = {"first": datetime(2026, 3, 4, 10, tzinfo=UTC)}
    assert due(first, second, extended=moved) == datetime(2026, 3, 6, 18, tzinfo=UTC)
    own = CivilRule(days_after_enrolment=3, time="23:59")
    assert due(Activity("own", "O", TASK, deadline=TimeRule(civil=own))) == datetime(
        2026, 3, 4, 23, 59, tzinfo=UTC
    )
