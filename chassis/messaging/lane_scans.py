"""The lanes that a relay holds, and how far each was scanned: plain bookkeeping."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from chassis.data.numbering import lane_of
from chassis.messaging.outbox_reads import Notice, Row, Scan


@dataclass
class _Lane:
    position: str | None = ""
    """The id up to which it was scanned; None after it was scanned to its end."""
    reading: bool = False
    again: str | None = None
    """It must be scanned once more, from after this id."""
    closing: bool = False
    """It will be released: nothing more of it is read."""


class LaneScans:
    """Plans one scan of each lane by id, and further scans on demand."""

    def __init__(self) -> None:
        self._lanes: dict[int, _Lane] = {}

    @property
    def held(self) -> frozenset[int]:
        """The lanes that we hold."""
        return frozenset(self._lanes)

    def hold(self, lanes: Collection[int], closing: Collection[int]) -> None:
        """Set the lanes that we hold now. A new one is scanned from its start; nothing more is read
        of those that are `closing`.
        """
        before, self._lanes = self._lanes, {}
        for lane in lanes:
            known = before.get(lane)
            fresh = known is None or (known.closing and lane not in closing)
            self._lanes[lane] = _Lane() if known is None or fresh else known
            self._lanes[lane].closing = lane in closing

    def has(self, key: str) -> bool:
        """Return whether we hold the aggregate's lane."""
        return lane_of(key) in self._lanes

    def reads(self, lane: int) -> bool:
        """Return whether rows of this lane may still be published."""
        return lane in self._lanes and not self._lanes[lane].closing

    def is_open(self, key: str) -> bool:
        """Return whether the aggregate's rows may still be published."""
        return self.reads(lane_of(key))

    def all_again(self) -> None:
        """Scan every lane from its start."""
        for lane in self._lanes.values():
            lane.again = ""

    def again_from(self, notice: Notice) -> None:
        """Scan the row's lane again, from this row on."""
        if lane := self._lanes.get(lane_of(notice.key)):
            # The scan reads greater ids; an id is greater than a prefix of it.
            start = notice.id[:-1]
            lane.again = start if lane.again is None else min(lane.again, start)

    def will_meet(self, notice: Notice) -> bool:
        """Return whether a scan will still reach the row, whose lane we hold."""
        lane = self._lanes[lane_of(notice.key)]
        # The present read may be of a moment before this commit, and may miss the row.
        return not lane.reading and lane.position is not None and notice.id > lane.position

    def next(self, turn: int, without: Iterable[str]) -> Scan | None:
        """Return the next read, without these aggregates; None if none is due. `turn` counts up, so
        that the lanes take turns.
        """
        for number in self._rotated(turn):
            lane = self._lanes[number]
            if lane.position is None and lane.again is not None:
                lane.position, lane.again = lane.again, None
            if lane.position is not None and not lane.closing:
                lane.reading = True
                mine = [key for key in without if lane_of(key) == number]
                return Scan(number, lane.position, mine)
        return None

    def _rotated(self, turn: int) -> list[int]:
        lanes = sorted(self._lanes)
        first = turn % len(lanes) if lanes else 0
        return lanes[first:] + lanes[:first]

    def done(self, read: Scan, rows: Sequence[Row], whole: bool) -> bool:
        """Take note of a read's rows (`whole`: these are all). Return whether they count: the lane
        may have been released meanwhile, and perhaps taken again.
        """
        lane = self._lanes.get(read.lane)
        if lane is None or not lane.reading or lane.position != read.after:
            return False
        lane.reading = False
        lane.position = None if whole else rows[-1]["_id"]
        return True
