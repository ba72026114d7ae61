"""The week of a timetable, which repeats: its periods, and the days on which they come."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chassis.errors import FieldViolation
from services.sessions.domain.civil import instant_of, text_of
from services.sessions.domain.enums import CivilTime, Interval
from services.sessions.domain.session import Session

LONGEST_TERM = timedelta(days=371)
_DAY = timedelta(days=1)


class Slot(NamedTuple):
    """A period: the place of its day in the grid's weekdays, and of itself in the day."""

    day: int
    period: int


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The periods of a week, and the weeks in which they come."""

    zone: str
    start_date: str
    end_date: str
    holidays: tuple[str, ...] = ()
    weekdays: tuple[int, ...]
    """1 is Monday."""
    periods: tuple[str, ...]
    """When they begin, HH:MM on the wall."""
    period_length: timedelta

    @cached_property
    def dates(self) -> tuple[tuple[date, ...], ...]:
        """Return the dates of each weekday, holidays included, in order."""
        first, last = map(date.fromisoformat, (self.start_date, self.end_date))
        days = [first + _DAY * more for more in range((last - first).days + 1)]
        return tuple(
            tuple(each for each in days if each.isoweekday() == weekday)
            for weekday in self.weekdays
        )

    @cached_property
    def days_off(self) -> frozenset[date]:
        """Return the holidays."""
        return frozenset(map(date.fromisoformat, self.holidays))

    def starts(self, day: date, slot: Slot) -> CivilTime:
        """Return when a class begins on a day."""
        local = datetime.combine(day, time.fromisoformat(self.periods[slot.period]))
        return CivilTime(text_of(local), self.zone)

    def duration(self, period: int, length: int) -> timedelta:
        """Return how long a class of so many periods takes from one on, breaks included."""
        first, last = self.periods[period], self.periods[period + length - 1]
        return _since_midnight(last) - _since_midnight(first) + self.period_length

    def interval(self, day: date, slot: Slot) -> Interval:
        """Return when a period is on a day."""
        start = instant_of(self.starts(day, slot))
        return Interval(start, start + self.period_length)

    @property
    def span(self) -> Interval:
        """Return the time in which all classes are; some hours more, because zones differ."""
        first, last = map(date.fromisoformat, (self.start_date, self.end_date))
        midnights = (CivilTime(text_of(datetime.combine(each, time())), self.zone)
                     for each in (first - _DAY, last + _DAY * 2))  # fmt: skip
        return Interval(*map(instant_of, midnights))


def grid_violations(grid: Grid) -> Iterator[FieldViolation]:
    """Yield everything that is wrong with a grid."""
    first, last = map(date.fromisoformat, (grid.start_date, grid.end_date))
    if timedelta() <= last - first <= LONGEST_TERM:
        yield from _weekday_violations(grid)
    else:
        wrong = f"{grid.end_date} is {(last - first).days} days after the first day"
        yield FieldViolation("end_date", wrong, f"0 to {LONGEST_TERM.days} days after it")
    if sorted(set(grid.weekdays)) != list(grid.weekdays):
        yield FieldViolation("weekdays", "are not in order", "each day once, from 1 to 7")
    yield from _period_violations(grid)


def busy_slots(grid: Grid, sessions: Iterable[Session]) -> Iterator[tuple[Session, Slot]]:
    """Yield the periods of the week that each session overlaps on one of its days, holidays left
    out.
    """
    places = {day: place for place, dates in enumerate(grid.dates) for day in dates}
    for session in sessions:
        for day in _days_of(session, ZoneInfo(grid.zone)):
            if day in places and day not in grid.days_off:
                yield from (
                    (session, slot) for slot in _overlapped(grid, session, places[day], day)
                )


def _overlapped(grid: Grid, session: Session, place: int, day: date) -> Iterator[Slot]:
    for period in range(len(grid.periods)):
        slot = Slot(place, period)
        interval = grid.interval(day, slot)
        if interval.start < session.end_time and session.start_time < interval.end:
            yield slot


def _days_of(session: Session, zone: ZoneInfo) -> Iterator[date]:
    """Yield the days of a session, and the one before: a period may last until after midnight."""
    day = session.start_time.astimezone(zone).date() - _DAY
    last = session.end_time.astimezone(zone).date()
    while day <= last:
        yield day
        day += _DAY


def _weekday_violations(grid: Grid) -> Iterator[FieldViolation]:
    for place, (weekday, dates) in enumerate(zip(grid.weekdays, grid.dates, strict=True)):
        if grid.days_off.issuperset(dates):
            wrong = f"day {weekday} of the week does not come, or is a holiday each time"
            yield FieldViolation(f"weekdays[{place}]", wrong, "a day that comes")


def _period_violations(grid: Grid) -> Iterator[FieldViolation]:
    length, whole = grid.period_length, not grid.period_length.microseconds
    if not (timedelta(minutes=1) <= length <= _DAY and whole):
        wrong = f"{length.total_seconds():g} s"
        yield FieldViolation("period_length", wrong, "whole seconds, from a minute to 24 hours")
        return
    ends = [*map(_since_midnight, grid.periods[1:]), _DAY]
    for place, (begins, ends_by) in enumerate(zip(grid.periods, ends, strict=True)):
        if _since_midnight(begins) + length > ends_by:
            right = "periods in order that end before the next begins, and before midnight"
            yield FieldViolation(f"periods[{place}]", f"{begins} is too late", right)


def _since_midnight(text: str) -> timedelta:
    clock = time.fromisoformat(text)
    return timedelta(hours=clock.hour, minutes=clock.minute)
