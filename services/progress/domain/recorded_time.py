"""The time of a class and the seconds of its recorded files.

A file contains stretches of the class's time, one after the other; the recorder paused in between.
"""

from collections.abc import Iterable, Iterator

from services.progress.domain.intervals import Interval

Stretches = tuple[tuple[float, float], ...]
"""Where each stretch begins, in seconds from the class's real start, and its length."""


def in_class(stretches: Stretches, watched: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return which times of the class some seconds of a file show."""
    intervals = [*watched]
    return tuple(
        (begin + start - before, begin + end - before)
        for begin, length, before in _placed(stretches)
        for start, end in _within(intervals, before, before + length)
    )


def in_file(stretches: Stretches, heard: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return which seconds of a file show some times of the class."""
    intervals = [*heard]
    return tuple(
        (before + start - begin, before + end - begin)
        for begin, length, before in _placed(stretches)
        for start, end in _within(intervals, begin, begin + length)
    )


def _placed(stretches: Stretches) -> Iterator[tuple[float, float, float]]:
    """Yield where each stretch begins in the class, its length, and where it begins in the file."""
    before = 0.0
    for begin, length in stretches:
        yield begin, length, before
        before += length


def _within(intervals: Iterable[Interval], start: float, end: float) -> Iterator[Interval]:
    for one, other in intervals:
        if max(one, start) < min(other, end):
            yield max(one, start), min(other, end)
