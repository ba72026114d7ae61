"""Civil times as instants, on the days when clocks change too."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.civil import (
    Calendar,
    day_of_week,
    end_of_day,
    is_working_day,
    local_due,
    start_of_day,
    week_of,
    zone_fingerprint,
)

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# Clock changes at midnight, by half an hour, by two hours, over a whole day, in winter.
ZONES = [
    "Europe/Dublin",
    "Africa/Cairo",
    "America/Havana",
    "America/Sao_Paulo",
    "America/New_York",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "",
]
ANY_ZONE = st.sampled_from(ZONES)
ANY_DAY = st.dates(date(2008, 1, 1), date(2030, 12, 31))
ANY_TIME = st.times().map(lambda each: each.strftime("%H:%M"))


def _local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone or "UTC")).replace(tzinfo=None)


def _instants(day: date, at: str, zone: str) -> list[datetime]:
    """All instants at which the clocks of a zone show a civil time, found by looking at each."""
    wanted = datetime.fromisoformat(f"{day}T{at}")
    first = wanted.replace(tzinfo=UTC) - timedelta(hours=30)
    # Offsets are whole quarters of an hour in these years.
    each = (first + timedelta(minutes=15 * place) for place in range(4 * 60))
    return [one for one in each if _local(one, zone) == wanted]


@given(ANY_DAY, ANY_TIME, ANY_ZONE)
def test_a_deadline_is_the_last_instant_with_its_time_and_a_release_the_first(
    day: date, at: str, zone: str
) -> None:
    """Of none, both are the instant at which the clock jumps over it."""
    calendar = Calendar(zone)
    due, opening = calendar.due(day, at), calendar.opening(day, at)
    shown = _instants(day, at, zone)
    if shown:
        assert (opening, due) == (min(shown), max(shown))
    else:
        wanted = datetime.fromisoformat(f"{day}T{at}")
        assert due == opening
        assert _local(due - timedelta(microseconds=1), zone) < wanted < _local(due, zone)


@given(ANY_DAY, ANY_ZONE)
def test_a_day_ends_where_the_next_one_begins(day: date, zone: str) -> None:
    """Its first instant and every one until its end are of that day; the end ends it."""
    calendar, text = Calendar(zone), day.isoformat()
    start, end = start_of_day(text, zone), end_of_day(text, zone)
    assert start == calendar.opening(day)
    assert end == calendar.due(day) == start_of_day((day + DAY).isoformat(), zone)
    if start == end:  # the day that Samoa left out
        assert (zone, day) == ("Pacific/Apia", date(2011, 12, 30))
        return
    assert calendar.day_of(start) == calendar.day_of(start + (end - start) / 2) == day
    assert calendar.day_until(end) == day
    assert calendar.day_of(start - timedelta(microseconds=1)) < day < calendar.day_of(end)


@given(ANY_DAY, ANY_TIME | st.just(""), ANY_ZONE)
def test_a_due_is_read_as_it_was_written(day: date, at: str, zone: str) -> None:
    """The end of a day is written as 24:00."""
    calendar = Calendar(zone)
    assert calendar.due_of_local(local_due(day, at)) == calendar.due(day, at)
    assert local_due(date(2026, 3, 5)) == "2026-03-05T24:00"


@pytest.mark.parametrize(
    ("zone", "day", "at", "due", "opening"),
    [
        ("Europe/Dublin", date(2026, 3, 29), "01:30", "2026-03-29T01:00Z", "2026-03-29T01:00Z"),
        ("Europe/Dublin", date(2026, 10, 25), "01:30", "2026-10-25T01:30Z", "2026-10-25T00:30Z"),
        ("Africa/Cairo", date(2026, 4, 24), "00:00", "2026-04-23T22:00Z", "2026-04-23T22:00Z"),
        ("America/Havana", date(2026, 11, 1), "00:00", "2026-11-01T05:00Z", "2026-11-01T04:00Z"),
        (
            "Australia/Lord_Howe",
            date(2026, 4, 5),
            "01:45",
            "2026-04-04T15:15Z",
            "2026-04-04T14:45Z",
        ),
    ],
)
def test_clock_changes_that_one_can_check_by_hand(
    zone: str, day: date, at: str, due: str, opening: str
) -> None:
    """A gap at night, a fold at night, a gap and a fold at midnight, a fold of half an hour."""
    calendar = Calendar(zone)
    assert calendar.due(day, at) == datetime.fromisoformat(due)
    assert calendar.opening(day, at) == datetime.fromisoformat(opening)


def test_the_end_of_a_day_whose_midnight_comes_twice_is_the_first() -> None:
    """After it the clocks show the next day, and so they do after the second one."""
    assert end_of_day("2026-10-31", "America/Havana") == datetime(2026, 11, 1, 4, tzinfo=UTC)


@given(ANY_DAY, st.integers(1, 30), st.sets(ANY_DAY, max_size=9))
def test_working_days_are_counted_one_by_one(day: date, days: int, holidays: set[date]) -> None:
    """Between a day and the one so many working days later are as many, and that is one of them."""
    calendar = Calendar("UTC", frozenset(each.isoformat() for each in holidays))
    last = calendar.later(day, days, working_days=True)
    between = [day + n * DAY for n in range(1, (last - day).days + 1)]
    assert sum(is_working_day(each, calendar.holidays) for each in between) == days
    assert is_working_day(last, calendar.holidays)
    assert calendar.later(day, days) == day + days * DAY


def test_no_working_day_later_is_the_day_itself_or_the_next_working_day() -> None:
    """A weekend and a holiday are passed over."""
    calendar = Calendar("UTC", frozenset({"2026-03-09"}))
    friday, saturday, tuesday = date(2026, 3, 6), date(2026, 3, 7), date(2026, 3, 10)
    assert calendar.later(friday, 0, working_days=True) == friday
    assert calendar.later(saturday, 0, working_days=True) == tuesday
    assert calendar.later(saturday, 1, working_days=True) == tuesday


def test_weeks_begin_on_monday_and_the_first_holds_the_first_day() -> None:
    """Whatever day of the week the run begins on."""
    for first in ("2026-03-02", "2026-03-05", "2026-03-08"):
        assert day_of_week(first, 1, 1) == date(2026, 3, 2)
        assert day_of_week(first, 4, 5) == date(2026, 3, 27)
    assert day_of_week("2026-03-09", 1, 1) == date(2026, 3, 9)


def test_a_zone_has_another_fingerprint_when_its_clocks_show_another_time() -> None:
    """London and Dublin show the same; Lisbon too; Berlin does not."""
    years = range(2025, 2028)
    of = {
        name: zone_fingerprint(f"Europe/{name}", years) for name in ("London", "Dublin", "Berlin")
    }
    assert of["London"] == of["Dublin"] != of["Berlin"]
    assert zone_fingerprint("Europe/Berlin", range(2026, 2028)) != of["Berlin"]


@given(st.dates(date(1950, 1, 1), date(2150, 1, 1)), st.integers(1, 60), st.integers(1, 7))
def test_the_week_of_a_day_is_the_one_that_names_it(first: date, week: int, weekday: int) -> None:
    """Also in the week of the first day, before that day."""
    assert week_of(first.isoformat(), day_of_week(first.isoformat(), week, weekday)) == week
