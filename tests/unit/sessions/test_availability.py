"""When people can teach: weekly hours on the wall, days away, and the days when clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from services.sessions.domain.availability import (
    Absence,
    Availability,
    SetAvailability,
    TeachingWindow,
    availability_violations,
    can_teach,
    says_the_same,
    teaching_hours,
    told,
)
from services.sessions.domain.enums import Interval

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
DUBLIN = "Europe/Dublin"
# No clock of these zones changes in this week.
MONDAY, ZONES = date(2026, 6, 1), ["Europe/Dublin", "Asia/Kathmandu", "America/St_Johns", "UTC"]
DAYS, QUARTERS = st.integers(1, 7), st.integers(0, 96)


def clock(quarter: int) -> str:
    """So many quarters of an hour after midnight, as HH:MM."""
    return f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"


def teacher(
    *hours: TeachingWindow, zone: str = DUBLIN, away: tuple[Absence, ...] = ()
) -> Availability:
    """What was told of a person."""
    command = SetAvailability(person_id="bohr", zone=zone, hours=hours, away=away)
    return told(command, "bohr", NOW)


def window(weekday: int, start: str, end: str, is_preferred: bool = False) -> TeachingWindow:
    """Hours of a week."""
    return TeachingWindow(weekday, start, end, is_preferred)


def local(text: str, fold: int = 0) -> datetime:
    """The instant of a time in Dublin."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(DUBLIN), fold=fold).astimezone(UTC)


def violations(*hours: TeachingWindow, away: tuple[Absence, ...] = ()) -> list[str]:
    """The fields that are wrong."""
    command = SetAvailability(person_id="bohr", zone=DUBLIN, hours=hours, away=away)
    return [each.field for each in availability_violations(command)]


WINDOWS = st.builds(
    lambda day, ends, liked: window(day, clock(min(ends)), clock(max(ends)), liked),
    DAYS,
    st.tuples(QUARTERS, QUARTERS).filter(lambda ends: ends[0] != ends[1]),
    st.booleans(),
)


@settings(max_examples=60)
@given(
    st.lists(WINDOWS, max_size=8),
    st.sets(st.integers(0, 6), max_size=2),
    st.sampled_from(ZONES),
    st.integers(0, 6 * 96),
    st.integers(1, 96),
)
def test_a_person_can_teach_exactly_while_the_wall_shows_hours(
    hours: list[TeachingWindow], away: set[int], zone: str, start: int, length: int
) -> None:
    """As a look at the wall in each quarter of the span tells."""
    days = [(MONDAY + timedelta(days=each)).isoformat() for each in away]
    person = teacher(*hours, zone=zone, away=tuple(Absence(day, day) for day in days))
    begin = datetime.combine(MONDAY, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
    begin += start * QUARTER
    walls = [(begin + each * QUARTER).astimezone(ZoneInfo(zone)) for each in range(length)]

    def is_open(wall: datetime) -> bool:
        return wall.date().isoformat() not in days and any(
            each.weekday == wall.isoweekday() and each.start <= f"{wall:%H:%M}" < each.end
            for each in hours
        )

    assert can_teach(person, begin, begin + length * QUARTER) is all(map(is_open, walls))


@settings(max_examples=60)
@given(
    st.lists(WINDOWS, max_size=8),
    st.sampled_from(["2026-03-29", "2026-10-25"]),
    st.integers(0, 92),
    st.integers(2, 40),
    st.data(),
)
def test_who_can_teach_a_span_can_teach_its_parts(
    hours: list[TeachingWindow], day: str, start: int, length: int, data: st.DataObject
) -> None:
    """On the days when clocks change, too; and hours are in order and apart."""
    person, begin = teacher(*hours), local(f"{day}T00:00") + start * QUARTER
    first = data.draw(st.integers(0, length - 1))
    last = data.draw(st.integers(first + 1, length))
    if can_teach(person, begin, begin + length * QUARTER):
        assert can_teach(person, begin + first * QUARTER, begin + last * QUARTER)
    found = teaching_hours(person, Interval(begin, begin + length * QUARTER))
    bounds = [instant for each in found for instant in (each.start, each.end)]
    assert bounds == sorted(bounds)


def test_who_told_nothing_can_always_teach_and_who_told_no_hours_never() -> None:
    """Without a document always; with an empty one never."""
    assert can_teach(None, NOW, NOW + HOUR)
    assert not can_teach(teacher(), NOW, NOW + HOUR)


def test_hours_keep_their_wall_time_across_clock_changes() -> None:
    """Nine o'clock is nine o'clock, in winter and in summer."""
    person = teacher(window(1, "09:00", "10:00"))
    for monday in ("2026-03-23", "2026-03-30"):
        nine = local(f"{monday}T09:00")
        assert can_teach(person, nine, nine + HOUR)
        assert not can_teach(person, nine - QUARTER, nine + HOUR)
        assert not can_teach(person, nine, nine + HOUR + QUARTER)


def test_a_time_that_comes_twice_begins_a_window_first_and_ends_it_second() -> None:
    """From one to two on that night are two hours; in spring they are none."""
    person = teacher(window(7, "01:00", "02:00"))
    first = local("2026-10-25T01:00")
    assert can_teach(person, first, first + 2 * HOUR)
    assert not can_teach(person, first, first + 2 * HOUR + QUARTER)
    spring = local("2026-03-29T00:45") + QUARTER
    assert not can_teach(person, spring, spring + QUARTER)


def test_windows_that_touch_are_one_also_at_midnight() -> None:
    """A class may last past midnight if both days have hours."""
    person = teacher(window(1, "22:00", "24:00"), window(2, "00:00", "01:00"))
    late = local("2026-03-02T23:00")
    assert can_teach(person, late, late + 2 * HOUR)
    assert not can_teach(person, late, late + 2 * HOUR + QUARTER)


def test_absences_include_their_last_day() -> None:
    """Whatever the weekly hours are."""
    always = [window(day, "00:00", "24:00") for day in range(1, 8)]
    person = teacher(*always, away=(Absence("2026-03-02", "2026-03-03"),))
    assert can_teach(person, local("2026-03-01T23:00"), local("2026-03-02T00:00"))
    assert not can_teach(person, local("2026-03-03T23:00"), local("2026-03-04T00:00"))
    assert can_teach(person, local("2026-03-04T00:00"), local("2026-03-04T01:00"))


def test_preferred_hours_are_a_part_of_the_hours() -> None:
    """Hours that touch are one, unless only the preferred ones are asked for."""
    person = teacher(window(1, "09:00", "10:00", is_preferred=True), window(1, "10:00", "12:00"))
    day = Interval(local("2026-03-02T00:00"), local("2026-03-03T00:00"))
    nine = local("2026-03-02T09:00")
    assert teaching_hours(person, day) == [Interval(nine, nine + 3 * HOUR)]
    assert teaching_hours(person, day, preferred=True) == [Interval(nine, nine + HOUR)]


def test_every_fault_is_listed() -> None:
    """Windows that end before they begin, or overlap on their day, and absences."""
    found = violations(
        window(1, "12:00", "11:00"),
        window(2, "09:00", "12:00"),
        window(2, "11:00", "11:30"),
        window(3, "11:00", "11:30"),
        window(2, "11:45", "13:00"),
        window(2, "13:00", "14:00"),
        away=(Absence("2026-03-03", "2026-03-02"),),
    )
    assert found == ["hours[0].end", "hours[2].start", "hours[4].start", "away[0].end_date"]


def test_the_order_of_what_is_told_makes_no_difference() -> None:
    """Nor does who told it, or an absence that is told twice."""
    one, other = window(1, "09:00", "10:00"), window(2, "09:00", "10:00")
    away = Absence("2026-03-02", "2026-03-03")
    assert says_the_same(teacher(one, other, away=(away, away)), teacher(other, one, away=(away,)))
    assert not says_the_same(teacher(one), teacher(one, zone="UTC"))
