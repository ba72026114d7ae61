"""Gaps in the sequences of events: which numbers of a source and key nobody saw."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple


class Gap(NamedTuple):
    """Events that are missing."""

    source: str
    key: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.source}, key {self.key}: sequences {self.first} to {self.last}"


class Sequences:
    """The sequences that were seen, of every source and key; in any order, with repeats."""

    def __init__(self) -> None:
        # The ends (start, stop) of the ranges that were seen: in order, one after the other.
        self._ranges: dict[tuple[str, str], list[int]] = {}

    def add(self, source: str, key: str, sequence: int) -> None:
        """Note that an event was seen; those without a sequence (0) have no gaps."""
        if not sequence:
            return
        ends = self._ranges.setdefault((source, key), [])
        if ends and ends[-1] == sequence:  # the usual case: the next one
            ends[-1] += 1
            return
        at = bisect_right(ends, sequence)
        if at % 2:
            return  # within a range
        joins_before = at > 0 and ends[at - 1] == sequence
        joins_after = at < len(ends) and ends[at] == sequence + 1
        if joins_before and joins_after:
            del ends[at - 1 : at + 1]
        elif joins_before:
            ends[at - 1] += 1
        elif joins_after:
            ends[at] -= 1
        else:
            ends[at:at] = [sequence, sequence + 1]

    def gaps(self) -> Iterator[Gap]:
        """Yield the numbers from 1 to each key's greatest that were not seen."""
        for (source, key), ends in self._ranges.items():
            starts, stops = ends[0::2], [1, *ends[1::2]]
            for stop, start in zip(stops, starts, strict=False):
                if stop < start:
                    yield Gap(source, key, stop, start - 1)
