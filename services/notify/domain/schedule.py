"""When e-mail is sent: the windows of digests, and quiet hours, by the clock of a person's zone.

Clock changes (chassis/civil.py): of a time that does not exist, the instant at which the clock
jumps over it counts. Of a time that comes twice, the first sends a daily or weekly digest and
begins quiet hours, and the second ends them; each of both ends an hour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from chassis.civil import DAY, Calendar
from services.notify.domain.enums import Frequency, Weekday

HOUR = timedelta(hours=1)
_WEEKDAYS = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class DigestTime:
    """When daily and weekly digests are sent, by the local clock."""

    hour: int = 7
    weekday: Weekday = Weekday.MONDAY


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours of each day in which only urgent e-mail is sent; they may go over midnight."""

    start: str
    """HH:MM, by the local clock."""
    end: str
    """HH:MM; another time than `start`."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a person gets e-mail that is not urgent."""

    zone: str
    """IANA, known to this system."""
    digest_time: DigestTime = DigestTime()
    quiet_hours: QuietHours | None = None

    def send_at(self, frequency: Frequency, at: datetime) -> datetime:
        """Return when e-mail that is ready at an instant is sent: with the digest after it, or
        when it is not quiet.
        """
        if frequency is Frequency.IMMEDIATE:
            return self.quiet_until(at)
        return _digest_after(self, frequency, at)

    def quiet_until(self, at: datetime) -> datetime:
        """Return the end of the quiet hours that an instant is in; itself if it is in none."""
        return _quiet_until(self, at)


# A broadcast asks the same for many people of a zone.
@lru_cache(maxsize=16_384)
def _digest_after(schedule: Schedule, frequency: Frequency, at: datetime) -> datetime:
    """Return the end of the window that an instant is in.

    A window that ends in quiet hours goes on until they end. So windows follow each other without
    a gap, and those that end in the same quiet hours are one.
    """
    ends = map(schedule.quiet_until, _window_ends(schedule, frequency, at))
    return min(end for end in ends if end > at)


def _window_ends(schedule: Schedule, frequency: Frequency, at: datetime) -> Iterator[datetime]:
    """Return ends of windows: at least the last until an instant, and the next after it."""
    calendar = Calendar(schedule.zone)
    if frequency is Frequency.HOURLY:
        local = at.astimezone(ZoneInfo(schedule.zone)).replace(
            tzinfo=None, fold=0, minute=0, second=0, microsecond=0
        )
        for each in (local + hours * HOUR for hours in range(-2, 4)):
            yield calendar.opening(each.date(), f"{each:%H:%M}")
            yield calendar.due(each.date(), f"{each:%H:%M}")
        return
    hour = f"{time(schedule.digest_time.hour):%H:%M}"
    for day in _days_around(calendar.day_of(at), 8):
        if frequency is Frequency.DAILY or _weekday(day) is schedule.digest_time.weekday:
            yield calendar.opening(day, hour)


@lru_cache(maxsize=16_384)
def _quiet_until(schedule: Schedule, at: datetime) -> datetime:
    ends = [end for begin, end in _quiet_times(schedule, at) if begin <= at < end]
    # Where the clock goes back, the next day's quiet hours may begin before these end.
    return _quiet_until(schedule, max(ends)) if ends else at


def _quiet_times(schedule: Schedule, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Return when the quiet hours around an instant begin and end."""
    calendar = Calendar(schedule.zone)
    if hours := schedule.quiet_hours:
        nights = 1 if hours.end < hours.start else 0
        for day in _days_around(calendar.day_of(at), 1):
            yield calendar.opening(day, hours.start), calendar.due(day + nights * DAY, hours.end)


def _days_around(day: date, days: int) -> Iterator[date]:
    return (day + number * DAY for number in range(-days, days + 1))


def _weekday(day: date) -> Weekday:
    return _WEEKDAYS[day.weekday()]
