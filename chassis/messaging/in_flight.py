"""The rows that a relay has in flight: plain bookkeeping."""

from collections import Counter
from collections.abc import Collection, Iterable

from chassis.data.numbering import lane_of
from chassis.messaging.outbox_reads import Row

REMEMBERED = 50_000
"""So many ids are remembered after their rows were published, so that a late announcement of one
causes no read."""


class InFlight:
    """The rows in flight, and the last ones that were published."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._by_lane: Counter[int] = Counter()
        self._gone: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def keys(self) -> Collection[str]:
        """The aggregates of the rows, one entry for each row."""
        return self._keys.values()

    def has_lane(self, lane: int) -> bool:
        """Return whether a row of this lane is in flight."""
        return self._by_lane[lane] > 0

    def knows(self, event_id: str) -> bool:
        """Return whether the row is in flight, or was published."""
        return event_id in self._keys or event_id in self._gone

    def take(self, row: Row) -> Row:
        """Put a row in flight; return it."""
        self._keys[row["_id"]] = row["key"]
        self._by_lane[lane_of(row["key"])] += 1
        return row

    def gone(self, ids: Iterable[str]) -> None:
        """These rows were published, and are removed from the outbox."""
        for each, _ in self._put_down(ids):
            self._gone[each] = None
        while len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]

    def left(self, ids: Iterable[str]) -> set[str]:
        """These rows were not published, and stay in the outbox; return their aggregates."""
        return {key for _, key in self._put_down(ids)}

    def _put_down(self, ids: Iterable[str]) -> Iterable[tuple[str, str]]:
        for each in ids:
            if (key := self._keys.pop(each, None)) is not None:
                self._by_lane[lane_of(key)] -= 1
                yield each, key
