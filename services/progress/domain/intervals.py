"""Intervals of playing time in seconds. In their union a minute watched twice counts once."""

from collections.abc import Iterable

Interval = tuple[float, float]
"""From, to: from <= to."""

# No player produces so many separate intervals of one item; of more, the longest are kept.
MOST = 2_000


def union(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the union as intervals that neither overlap nor touch, in order, without empty ones.

    Any order and any repeats of the intervals give the same result. Beyond `MOST` intervals the
    shortest are dropped, so that a learner's document stays small whatever is sent.
    """
    merged: list[Interval] = []
    for start, end in sorted(interval for interval in intervals if interval[1] > interval[0]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged) if len(merged) <= MOST else _longest(merged)


def within(intervals: Iterable[Interval], length: float) -> tuple[Interval, ...]:
    """Return the parts of the intervals between 0 and `length`."""
    return tuple((start, min(end, length)) for start, end in intervals if start < length)


def joined(intervals: Iterable[Interval], length: float, gap: float) -> tuple[Interval, ...]:
    """Return intervals of an item of `length` seconds without gaps of up to `gap` seconds.

    That is also between the item's start and the first interval, and between the last one and the
    end. The intervals are in order, don't overlap, and lie within the length. More intervals never
    give less.
    """
    found: list[Interval] = []
    for start, end in intervals:
        if start - (found[-1][1] if found else 0.0) > gap:
            found.append((start, end))
        else:
            found[-1:] = [(found[-1][0] if found else 0.0, end)]
    if found and length - found[-1][1] <= gap:
        found[-1] = (found[-1][0], length)
    return tuple(found)


def covering(intervals: Iterable[Interval], length: float) -> tuple[Interval, ...]:
    """Return the union of the intervals' parts between 0 and `length`."""
    return union((max(start, 0.0), min(end, length)) for start, end in intervals)


def gaps(intervals: Iterable[Interval], length: float) -> tuple[Interval, ...]:
    """Return what lies between 0 and `length` and in none of the intervals."""
    covered = covering(intervals, length)
    starts = (0.0, *(end for _, end in covered))
    ends = (*(start for start, _ in covered), length)
    return tuple((start, end) for start, end in zip(starts, ends, strict=True) if start < end)


def measure(intervals: Iterable[Interval]) -> float:
    """Return the total seconds of intervals that don't overlap."""
    return sum(end - start for start, end in intervals)


def _longest(intervals: list[Interval]) -> tuple[Interval, ...]:
    by_length = sorted(intervals, key=lambda interval: interval[0] - interval[1])
    return tuple(sorted(by_length[:MOST]))
