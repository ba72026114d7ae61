"""Sittings: when a learner was at work. Time on task and streaks follow from them.

A statement tells an instant, or with a duration a stretch that ends there. Stretches with a break
of at most `BREAK` between them are one sitting. So the same statements give the same sittings, in
any order and repeated. Learning analytics measures time on task this way, because statements tell
seldom when somebody stopped.

Sittings are stored packed, eight bytes each: every statement of a learner writes them.
"""

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta

from chassis.civil import Calendar

Sitting = tuple[int, int]
"""From, to: whole seconds since 1970; both may be the same."""

BREAK = 10 * 60
"""Seconds. Longer breaks end a sitting."""
LONGEST_TOLD = timedelta(hours=4)
"""Of the duration that one statement tells: nobody works longer without a break."""
MOST = 2_000
"""No term has so many sittings of one learner; of more, the longest are kept, so that a learner's
document stays small whatever is sent.
"""
_LATEST = 2**32 - 1
_DAY = timedelta(days=1)


def with_stretch(packed: bytes, at: datetime, duration: timedelta | None) -> bytes:
    """Return the sittings with one more stretch, which ends at `at` after `duration`."""
    end = at.timestamp()
    told = min(max(duration or timedelta(), timedelta()), LONGEST_TOLD)
    return _with(packed, _second(end - told.total_seconds()), _second(end))


def united(one: bytes, other: bytes) -> bytes:
    """Return the sittings of both."""
    for start, end in sittings_of(other):
        one = _with(one, start, end)
    return one


def sittings_of(packed: bytes) -> list[Sitting]:
    """Return the sittings, by time."""
    times = _unpacked(packed)
    return list(zip(times[::2], times[1::2], strict=True))


def time_on_task(packed: bytes) -> timedelta:
    """Return how long the learner was at work."""
    times = _unpacked(packed)
    return timedelta(seconds=sum(times[1::2]) - sum(times[::2]))


def time_between(packed: bytes, begin: datetime, end: datetime) -> timedelta:
    """Return how long the learner was at work between two instants."""
    first, last = int(begin.timestamp()), int(end.timestamp())
    parts = (min(to, last) - max(since, first) for since, to in sittings_of(packed))
    return timedelta(seconds=sum(part for part in parts if part > 0))


def days_of(packed: bytes, calendar: Calendar) -> set[date]:
    """Return the days on which the learner was at work."""
    return {
        day
        for start, end in sittings_of(packed)
        for day in _days_between(calendar.day_of(_instant(start)), calendar.day_of(_instant(end)))
    }


def streaks(days: Collection[date], today: date) -> tuple[int, int]:
    """Return the number of consecutive days with work until today, or until yesterday, and the
    longest such number. Today may still bring work, so a day without any ends no streak yet.
    """
    lengths: dict[date, int] = {}
    for day in sorted(days):
        lengths[day] = lengths.get(day - _DAY, 0) + 1
    return lengths.get(today) or lengths.get(today - _DAY, 0), max(lengths.values(), default=0)


def _with(packed: bytes, start: int, end: int) -> bytes:
    times = _unpacked(packed)
    starts, ends = times[::2], times[1::2]
    first, after = bisect_left(ends, start - BREAK), bisect_right(starts, end + BREAK)
    if first < after:
        start, end = min(start, starts[first]), max(end, ends[after - 1])
    if first + 1 == after and (start, end) == (starts[first], ends[first]):
        return packed
    times[2 * first : 2 * after] = array("I", (start, end))
    return _packed(times) if len(times) <= 2 * MOST else _longest(times)


def _longest(times: "array[int]") -> bytes:
    pairs = zip(times[::2], times[1::2], strict=True)
    kept = sorted(sorted(pairs, key=lambda each: each[0] - each[1])[:MOST])
    return _packed(array("I", [second for each in kept for second in each]))


def _packed(times: "array[int]") -> bytes:
    return _little(times).tobytes()


def _unpacked(packed: bytes) -> "array[int]":
    times = array("I")
    times.frombytes(packed)
    return _little(times)


def _little(times: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        times.byteswap()
    return times


def _second(at: float) -> int:
    return min(max(int(at), 0), _LATEST)


def _instant(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _days_between(first: date, last: date) -> Iterable[date]:
    return (first + _DAY * number for number in range((last - first).days + 1))
