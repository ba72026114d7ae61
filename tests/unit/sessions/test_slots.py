"""Free slots: none that is offered is taken, and none that is nearer is free."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sessions.domain.civil import civil_violations, instant_of, text_of
from services.sessions.domain.enums import CivilTime, Interval
from services.sessions.domain.slots import (
    Hours,
    Wanted,
    free_slots,
    hours_violations,
    is_free,
    merged,
    slots_text,
)
from tests.unit.sessions.examples import HOUR, NINE

ZONE = "Europe/Dublin"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
# Monday: the clocks change on the Sunday after two weeks.
ASKED = CivilTime("2026-03-16T09:00:00", ZONE)


def busy_times() -> st.SearchStrategy[list[Interval]]:
    """Times of half an hour to ten days, within the month around."""
    start = st.integers(0, 30 * 48).map(lambda half: NINE + half * HOUR / 2)
    length = st.integers(1, 480).map(lambda half: half * HOUR / 2)
    return st.lists(st.builds(lambda s, n: Interval(s, s + n), start, length), max_size=12)


def overlaps(one: Interval, other: Interval) -> bool:
    """Whether two times overlap, in the plain way."""
    return one.start < other.end and other.start < one.end


@settings(max_examples=60)
@given(busy_times(), st.integers(0, 96).map(lambda half: NINE + half * HOUR / 2))
def test_merged_times_are_taken_as_they_were_one_by_one(busy: list[Interval], at: datetime) -> None:
    """A time is free among merged intervals exactly if it overlaps none of the given ones."""
    time = Interval(at, at + HOUR)
    assert is_free(time, merged(busy)) is not any(overlaps(time, each) for each in busy)


@settings(max_examples=15)
@given(busy_times(), st.sampled_from([QUARTER, HOUR, 3 * HOUR]))
def test_slots_are_the_nearest_free_times(busy: list[Interval], duration: timedelta) -> None:
    """They are the first of all times of the grid that are free, by their distance, as a plain
    search finds them."""
    found = free_slots(Wanted([ASKED], duration), busy, LONG_AGO, None, 5)
    asked = instant_of(ASKED)
    free = []
    for quarter in range(-15 * 96, 15 * 96):
        local = datetime(2026, 3, 16, 9) + quarter * QUARTER
        end = local + duration
        day = local.date()
        in_hours = local.hour >= 8 and end <= datetime(day.year, day.month, day.day, 20)
        within = abs((day - datetime(2026, 3, 16).date()).days) <= 14 and local.weekday() < 5
        start = local.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
        if (
            in_hours
            and within
            and not any(overlaps(Interval(start, start + duration), b) for b in busy)
        ):
            free.append(abs(start - asked))
    assert [abs(each.start_time - asked) for each in found] == sorted(free)[:5]
    for each in found:
        assert instant_of(each.starts) == each.start_time == each.end_time - duration
        assert not any(overlaps(Interval(each.start_time, each.end_time), b) for b in busy)


def test_no_slot_is_at_a_time_that_the_clocks_skip() -> None:
    """On the night of the change there are slots before and after the gap."""
    asked = CivilTime("2026-03-29T02:00:00", ZONE)
    wanted = Wanted([asked], QUARTER, Hours("00:00", "24:00", (7,)))
    found = free_slots(wanted, [], datetime(2026, 3, 28, 23, tzinfo=UTC), None, 20)
    assert all(not civil_violations(each.starts, "starts") for each in found)
    assert {each.starts.local[11:16] for each in found} >= {"00:45", "02:00"}


def test_a_series_gets_the_shift_that_most_of_its_sessions_can_make() -> None:
    """Half an hour later two of three are free, and an hour later all are."""
    locals_ = [datetime(2026, 3, day, 9) for day in (2, 9, 16)]
    starts = [CivilTime(text_of(local), "UTC") for local in locals_]
    hours = Hours("08:00", "11:00", (1,))
    nine = [Interval(NINE, NINE + HOUR)]
    later = [Interval(NINE + timedelta(days=7), NINE + timedelta(days=7) + HOUR)]
    first, *others = free_slots(Wanted(starts, HOUR, hours), nine + later, NINE - 2 * HOUR, None, 9)
    assert first.free_sessions == 3
    assert first.starts.local in ("2026-03-02T08:00:00", "2026-03-02T10:00:00")
    assert [each.free_sessions for each in others] == sorted(
        (each.free_sessions for each in others), reverse=True
    )
    assert {each.free_sessions for each in others} == {3, 2, 1}
    assert slots_text([first], 3).endswith("(3 of 3)")
    assert slots_text([], 3) == "none in reach"


def test_slots_keep_to_the_present_the_run_and_the_days() -> None:
    """None starts before now, at the run's end or after it, or on a day that is not asked for."""
    wanted = Wanted([ASKED], HOUR, Hours("08:00", "20:00", (2, 7)))
    asked = instant_of(ASKED)
    until = asked + timedelta(days=5)
    found = free_slots(wanted, [], asked, until, 1000)
    assert {each.start_time.weekday() for each in found} == {1}
    assert all(asked <= each.start_time < until for each in found)
    assert len(found) == 45
    weekend = Wanted([CivilTime("2026-03-15T09:00:00", ZONE)], HOUR)
    assert free_slots(weekend, [], LONG_AGO, None, 1)[0].starts.local == "2026-03-15T09:00:00"


@pytest.mark.parametrize(
    ("hours", "fields"),
    [
        (Hours(), []),
        (Hours("00:00", "24:00", (1, 7)), []),
        (Hours("8:00", "25:00", (0, 8)), ["earliest", "latest", "days[0]", "days[1]"]),
        (Hours("\u0661\u0661:00", "ab:cd"), ["earliest", "latest"]),
        (Hours("12:00", "12:00"), ["latest"]),
        (Hours("12:60", "24:01"), ["earliest", "latest"]),
    ],
)
def test_every_fault_of_hours_is_told(hours: Hours, fields: list[str]) -> None:
    """Hours are times of a day in order, and days are those of a week."""
    assert [each.field for each in hours_violations(hours)] == fields
