"""Gaps in the sequences of events: which numbers of a source and key nobody saw."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from chassis.archive.scratch import open_scratch

# Ranges in memory, of some 310 bytes each.
MOST = 50_000


class Gap(NamedTuple):
    """Events that are missing."""

    source: str
    key: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.source}, key {self.key}: sequences {self.first} to {self.last}"


class Sequences:
    """The sequences that were seen, of every source and key; in any order, with repeats.

    It has at most `most` ranges of them in memory, and the others in a file.
    """

    def __init__(self, most: int = MOST) -> None:
        # The ends (start, stop) of the ranges that were seen: in order, one after the other.
        self._ranges: dict[tuple[str, str], list[int]] = {}
        self._count, self._most = 0, most
        self._file = open_scratch()
        # Bytes, because a stranger's text may be none that SQLite stores.
        self._file.execute("CREATE TABLE seen (source BLOB, key BLOB, first INT, last INT)")

    def add(self, source: str, key: str, sequence: int) -> None:
        """Note that an event was seen; those without a sequence (0) have no gaps."""
        if not sequence:
            return
        ends = self._ranges.setdefault((source, key), [])
        before = len(ends)
        _add(ends, sequence)
        self._count += (len(ends) - before) // 2
        if self._count > self._most:
            self._store()

    def gaps(self) -> Iterator[Gap]:
        """Yield the numbers from 1 to each key's greatest that were not seen, ordered by source and
        key.
        """
        self._store()
        rows = self._file.execute("SELECT * FROM seen ORDER BY source, key, first, last")
        for (source, key), ranges in groupby(rows, lambda row: row[:2]):
            seen = 0
            for _, _, first, last in ranges:
                if first > seen + 1:
                    yield Gap(_text(source), _text(key), seen + 1, first - 1)
                seen = max(seen, last)

    def _store(self) -> None:
        """Move all ranges into the file; the same key may have several there, which overlap."""
        self._file.executemany(
            "INSERT INTO seen VALUES (?, ?, ?, ?)",
            (
                (_bytes(source), _bytes(key), start, stop - 1)
                for (source, key), ends in self._ranges.items()
                for start, stop in zip(ends[0::2], ends[1::2], strict=True)
            ),
        )
        self._ranges, self._count = {}, 0


def _add(ends: list[int], sequence: int) -> None:
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


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogatepass")
