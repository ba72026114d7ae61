"""In which periods of a week that repeats a person can teach."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter

from services.sessions.domain.availability import Availability, teaching_hours
from services.sessions.domain.enums import Interval
from services.sessions.domain.timetable_grid import Grid, Slot
from services.sessions.domain.timetable_problem import TeacherTimes

_START = attrgetter("start")


def times_of(availability: Availability, grid: Grid) -> TeacherTimes:
    """Return when a person can teach: in periods that are in the person's hours on each date.

    A person who prefers some hours dislikes the other ones. Days of absences are left out instead:
    they are those of the grid's zone.
    """
    usual = replace(availability, away=())
    away = frozenset(
        day
        for dates in grid.dates
        for day in dates
        if any(absence.holds(day) for absence in availability.away)
    )
    unavailable = frozenset(_outside(grid, teaching_hours(usual, grid.span)))
    preferred = teaching_hours(usual, grid.span, preferred=True)
    outside = frozenset(_outside(grid, preferred)) if preferred else frozenset[Slot]()
    return TeacherTimes(unavailable=unavailable, disliked=outside - unavailable, away=away)


def _outside(grid: Grid, hours: Sequence[Interval]) -> Iterator[Slot]:
    """Yield the periods that are not within some hours on one of their dates."""
    for place, dates in enumerate(grid.dates):
        days = [day for day in dates if day not in grid.days_off]
        for period in range(len(grid.periods)):
            slot = Slot(place, period)
            if not all(_is_within(grid.interval(day, slot), hours) for day in days):
                yield slot


def _is_within(interval: Interval, hours: Sequence[Interval]) -> bool:
    place = bisect_right(hours, interval.start, key=_START) - 1
    return place >= 0 and interval.end <= hours[place].end
