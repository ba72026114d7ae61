"""The rules of time zones, as calendars carry them (VTIMEZONE, RFC 5545, section 3.6.5).

The library icalendar makes them too, but tells a change to summer time by the wall after it
(version 7.3.2), and the standard wants the wall before it: readers would change an hour late.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)
_DAY_SECONDS = 86_400


@lru_cache(maxsize=256)
def vtimezone(zone: str, first_year: int, last_year: int) -> Timezone:
    """Return what the clocks of a zone (an IANA name) do in some years, both included."""
    info = ZoneInfo(zone)
    start = datetime(first_year, 1, 1, tzinfo=UTC) - _DAY
    end = datetime(last_year + 1, 1, 1, tzinfo=UTC) + _DAY
    found = Timezone()
    found.add("tzid", zone)
    found.add_component(_observance(info, start, start))
    for change in _changes(info, start, end):
        found.add_component(_observance(info, change - _SECOND, change))
    return found


def years_of(days: Collection[date]) -> tuple[int, int]:
    """Return the first and the last year of some days, and one more on both sides."""
    return min(days).year - 1, max(days).year + 1


def _observance(
    info: ZoneInfo, before: datetime, at: datetime
) -> TimezoneStandard | TimezoneDaylight:
    """Return what holds from an instant on; it begins on the wall of before."""
    old, new = before.astimezone(info), at.astimezone(info)
    observance = TimezoneDaylight() if new.dst() else TimezoneStandard()
    from_ = old.utcoffset() or timedelta()
    observance.add("dtstart", (at + from_).replace(tzinfo=None))
    observance.add("tzoffsetfrom", from_)
    observance.add("tzoffsetto", new.utcoffset() or timedelta())
    observance.add("tzname", new.tzname() or info.key)
    return observance


def _changes(info: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the instants at which the clocks change; no zone does so twice within a day."""
    at = start
    while at < end:
        before = _rule(info, at)
        if _rule(info, at + _DAY) != before:
            yield at + _SECOND * _first_after(info, at)
        at += _DAY


def _first_after(info: ZoneInfo, at: datetime) -> int:
    """Return after how many seconds the clocks change, which they do within a day."""
    before = _rule(info, at)
    return bisect_left(
        range(_DAY_SECONDS), True, key=lambda passed: _rule(info, at + passed * _SECOND) != before
    )


def _rule(info: ZoneInfo, at: datetime) -> tuple[timedelta | None, str | None]:
    local = at.astimezone(info)
    return local.utcoffset(), local.tzname()
