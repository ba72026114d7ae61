"""Civil dates and times of a zone as instants: days, working days, the days when clocks change.

Domains and use cases may import this module: it needs only the standard library. Instants are
aware, in UTC. Days are texts (YYYY-MM-DD) or `date`s, times are texts (HH:MM), zones IANA names; an
empty zone is UTC.

Clock changes: of a time that does not exist, the instant at which the clock jumps over it counts. A
time may come twice: then the first counts for what begins, the second for what ends.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
SATURDAY = 6  # ISO 8601: Monday is 1
_MIDNIGHT = "24:00"


@dataclass(frozen=True, slots=True)
class CivilTime:
    """A civil time: local ISO 8601 without offset, and an IANA zone."""

    local: str
    zone: str


@dataclass(frozen=True, slots=True)
class CivilSpan:
    """Some days later, at a time of that day."""

    days: int
    working_days: bool = False
    time: str = ""
    """HH:MM; empty: the end of the day."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The calendar of a zone; working days are Monday to Friday, without the holidays."""

    zone: str
    holidays: frozenset[str] = frozenset()

    def day_of(self, at: datetime) -> date:
        """Return the day of an instant; an instant between two days is of the second."""
        return at.astimezone(_zone(self.zone)).date()

    def day_until(self, at: datetime) -> date:
        """Return the day of an instant; an instant between two days is of the first: it ends it."""
        return self.day_of(at.astimezone(UTC) - timedelta(microseconds=1))

    def later(self, day: date, days: int, working_days: bool = False) -> date:
        """Return the day so many days after a day; of 0 working days the next one, or this one.

        Raises OverflowError beyond the last day that Python has.
        """
        if working_days:
            return _working_day_later(day, days, self.holidays)
        return day + timedelta(days=days)

    def due(self, day: date, at: str = "") -> datetime:
        """Return the instant until which something is in time; without a time, the day's end."""
        if not at:
            return end_of_day(day.isoformat(), self.zone)
        return _instant(datetime.combine(day, time.fromisoformat(at)), self.zone, second=True)

    def opening(self, day: date, at: str = "") -> datetime:
        """Return the instant at which something opens; without a time, the day's beginning."""
        local = datetime.combine(day, time.fromisoformat(at) if at else time())
        return _instant(local, self.zone)

    def due_of_local(self, local: str) -> datetime:
        """Return the due of a civil time as `local_due` writes it."""
        day, _, at = local.partition("T")
        return self.due(date.fromisoformat(day), "" if at == _MIDNIGHT else at)


def is_working_day(day: date, holidays: frozenset[str]) -> bool:
    """Return whether a day is a working day."""
    return day.isoweekday() < SATURDAY and day.isoformat() not in holidays


def local_due(day: date, at: str = "") -> str:
    """Return a due as a civil time (ISO 8601); the end of a day is 24:00."""
    return f"{day.isoformat()}T{at or _MIDNIGHT}"


def day_of_week(first_day: str, week: int, weekday: int) -> date:
    """Return a day of a week; week 1 holds `first_day`, and weeks begin on Monday (1).

    Raises OverflowError beyond the last day that Python has.
    """
    first = date.fromisoformat(first_day)
    monday = first - timedelta(days=first.isoweekday() - 1)
    return monday + timedelta(weeks=week - 1, days=weekday - 1)


def week_of(first_day: str, day: date) -> int:
    """Return the week that holds a day; week 1 holds `first_day`, and weeks begin on Monday."""
    first = date.fromisoformat(first_day)
    monday = first - DAY * first.weekday()
    return (day - monday).days // 7 + 1


def start_of_day(day: str, zone: str) -> datetime:
    """Return the instant at which a day (YYYY-MM-DD) begins in a zone (an IANA name)."""
    return _instant(datetime.combine(date.fromisoformat(day), time()), zone)


def end_of_day(day: str, zone: str) -> datetime:
    """Return the instant at which a day (YYYY-MM-DD) is over in a zone (an IANA name)."""
    # The calendar of Python has no day after the last one.
    last = min(date.fromisoformat(day), date.max - 2 * DAY)
    return start_of_day((last + DAY).isoformat(), zone)


@cache
def zone_fingerprint(zone: str, years: range) -> str:
    """Return a text that differs if the clocks of a zone show other times in some of these years.

    It looks at each hour, because clocks change at full hours, with exceptions that don't matter
    here.
    """
    info, at = _zone(zone), datetime(years.start, 1, 1, tzinfo=UTC)
    hours = int((datetime(years.stop, 1, 1, tzinfo=UTC) - at) / timedelta(hours=1))
    offsets = (at + timedelta(hours=hour) for hour in range(hours))
    changes = sha256()
    last: timedelta | None = None
    for each in offsets:
        offset = info.utcoffset(each.astimezone(info))
        if offset != last:
            changes.update(f"{each:%FT%H}={offset};".encode())
            last = offset
    return changes.hexdigest()


# Many people share a deadline.
@lru_cache(maxsize=16_384)
def _working_day_later(day: date, days: int, holidays: frozenset[str]) -> date:
    day = day if days else day - DAY
    for _ in range(days or 1):
        day += DAY
        while not is_working_day(day, holidays):
            day += DAY
    return day


@lru_cache(maxsize=16_384)
def _instant(local: datetime, zone: str, second: bool = False) -> datetime:
    """Return the instant of a civil time; of two, the second if `second` (PEP 495)."""
    info = _zone(zone)
    first, other = (local.replace(tzinfo=info, fold=fold).astimezone(UTC) for fold in (False, True))
    if first > other:
        return _jump(other, first, info)
    return other if second else first


def _jump(low: datetime, high: datetime, info: ZoneInfo) -> datetime:
    """Return the instant at which the offset changes, after `low` and not after `high`."""
    before = low.astimezone(info).utcoffset()
    seconds = range(int((high - low) / SECOND))
    passed = bisect_left(
        seconds, True, key=lambda each: (low + each * SECOND).astimezone(info).utcoffset() != before
    )
    return low + passed * SECOND


@lru_cache(maxsize=1024)
def known_zone(name: str) -> str:
    """Return a zone's name; UTC if this system does not know the zone."""
    try:
        return _zone(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name or "UTC")
