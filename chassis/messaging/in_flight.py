"""The rows that a relay let through, until they are gone or left: plain bookkeeping."""

from collections import Counter
from collections.abc import Collection, Iterable

from chassis.data.numbering import lane_of
from chassis.messaging.outbox_reads import Row

REMEMBERED = 50_000
"""So many ids are remembered after their rows are gone: a late announcement reads nothing."""


class InFlight:
    """The rows in hand, and the last ones that are gone."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._by_lane: Counter[int] = Counter()
        self._gone: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def keys(self) -> Collection[str]:
        """The aggregates of the rows, one entry a row."""
        return self._keys.values()

    def has_lane(self, lane: int) -> bool:
        """Whether a row of this lane is in hand."""
        return self._by_lane[lane] > 0

    def knows(self, event_id: str) -> bool:
        """Whether the row is in hand, or was and is gone."""
        return event_id in self._keys or event_id in self._gone

    def take(self, row: Row) -> Row:
        """The row is let through."""
        self._keys[row["_id"]] = row["key"]
        self._by_lane[lane_of(row["key"])] += 1
        return row

    def gone(self, ids: Iterable[str]) -> None:
        """These rows were published, and are removed."""
        for each, _ in self._put_down(ids):
            self._gone[each] = None
        while len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]

    def left(self, ids: Iterable[str]) -> set[str]:
        """These rows were not published, and stay; return their aggregates."""
        return {key for _, key in self._put_down(ids)}

    def _put_down(self, ids: Iterable[str]) -> Iterable[tuple[str, str]]:
        for each in ids:
            if (key := self._keys.pop(each, None)) is not None:
                self._by_lane[lane_of(key)] -= 1
                yield each, key
