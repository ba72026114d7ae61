"""Stretches of playing time in seconds, as the union that makes a minute watched twice a minute."""

from collections.abc import Iterable

Interval = tuple[float, float]
"""From, to: from <= to."""

# No player leaves so many separate stretches of one item; who sends more gets the longest.
MOST = 2_000


def union(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The same seconds in stretches that neither overlap nor touch, in order; empty ones vanish.

    Any order and any repeats of the intervals give the same answer. Beyond `MOST` stretches, the
    shortest are let go, so that what is kept of a learner stays small whatever is sent.
    """
    merged: list[Interval] = []
    for start, end in sorted(interval for interval in intervals if interval[1] > interval[0]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged) if len(merged) <= MOST else _longest(merged)


def within(intervals: Iterable[Interval], length: float) -> tuple[Interval, ...]:
    """What of the intervals lies between 0 and `length`."""
    return tuple((start, min(end, length)) for start, end in intervals if start < length)


def measure(intervals: Iterable[Interval]) -> float:
    """Seconds in all, of intervals that don't overlap."""
    return sum(end - start for start, end in intervals)


def _longest(intervals: list[Interval]) -> tuple[Interval, ...]:
    by_length = sorted(intervals, key=lambda interval: interval[0] - interval[1])
    return tuple(sorted(by_length[:MOST]))
