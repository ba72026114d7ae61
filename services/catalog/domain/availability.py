"""When people can teach: a replica of what sessions tells, and how much of a week it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

_HOUR = 60


@dataclass(frozen=True, slots=True, order=True)
class TeachingWindow:
    """Hours of each week; HH:MM on the wall, the end not included and up to 24:00."""

    weekday: int
    """ISO 8601: Monday is 1."""
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Absence:
    """Days without any hours: the first and the last one, YYYY-MM-DD, both included."""

    start_date: str
    end_date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """When a person can teach; without any hours never."""

    id: str
    """The person's."""
    hours: tuple[TeachingWindow, ...]
    away: tuple[Absence, ...]
    sequence: int


@dataclass(frozen=True, slots=True)
class TeachingTime:
    """How long people can teach in a week, in minutes on the wall."""

    minutes: int = 0
    """Of all of them together."""
    longest: int = 0
    """The longest stretch of one of them."""

    def __add__(self, other: "TeachingTime") -> "TeachingTime":
        """Return the time of two people."""
        return TeachingTime(self.minutes + other.minutes, max(self.longest, other.longest))


def teaching_time(availability: Availability, days: Iterable[str]) -> TeachingTime:
    """Return how long a person can teach on some days (YYYY-MM-DD in the person's zone).

    Clock changes are passed over: they make an hour of difference on one night.
    """
    found = TeachingTime()
    for day in days:
        if not any(each.start_date <= day <= each.end_date for each in availability.away):
            stretches = _stretches(availability.hours, date.fromisoformat(day).isoweekday())
            found += TeachingTime(sum(stretches), max(stretches, default=0))
    return found


def _stretches(hours: Sequence[TeachingWindow], weekday: int) -> list[int]:
    """Return the lengths of a day's stretches, in minutes; windows that touch are one."""
    stretches: list[tuple[int, int]] = []
    for window in sorted(each for each in hours if each.weekday == weekday):
        start, end = _minutes(window.start), _minutes(window.end)
        if stretches and stretches[-1][1] == start:
            start, _ = stretches.pop()
        stretches.append((start, end))
    return [end - start for start, end in stretches]


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * _HOUR + int(minutes)
