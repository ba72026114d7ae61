"""The lanes that a relay holds, and up to where each of them was scanned: plain bookkeeping."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from chassis.data.numbering import lane_of
from chassis.messaging.outbox_reads import Notice, Row, Scan


@dataclass
class _Lane:
    position: str | None = ""
    """The id up to which it was scanned; None once it is scanned to its end."""
    reading: bool = False
    again: str | None = None
    """It must be scanned once more, from after this id."""
    closing: bool = False
    """It will be released: nothing more is read."""


class LaneScans:
    """Scans each lane once by id; then, where it is told to, again."""

    def __init__(self) -> None:
        self._lanes: dict[int, _Lane] = {}

    @property
    def held(self) -> frozenset[int]:
        """The lanes that are ours."""
        return frozenset(self._lanes)

    def hold(self, lanes: Collection[int], closing: Collection[int]) -> None:
        """These lanes are ours now, no others. A new one is scanned from its start; of those that
        are `closing` nothing more is read.
        """
        before, self._lanes = self._lanes, {}
        for lane in lanes:
            known = before.get(lane)
            fresh = known is None or (known.closing and lane not in closing)
            self._lanes[lane] = _Lane() if known is None or fresh else known
            self._lanes[lane].closing = lane in closing

    def has(self, key: str) -> bool:
        """Whether the aggregate's lane is ours."""
        return lane_of(key) in self._lanes

    def reads(self, lane: int) -> bool:
        """Whether rows of this lane may still be let through."""
        return lane in self._lanes and not self._lanes[lane].closing

    def is_open(self, key: str) -> bool:
        """Whether the aggregate's rows may still be let through."""
        return self.reads(lane_of(key))

    def all_again(self) -> None:
        """Scan every lane from its start."""
        for lane in self._lanes.values():
            lane.again = ""

    def again_from(self, notice: Notice) -> None:
        """Scan the row's lane again, from this row on."""
        if lane := self._lanes.get(lane_of(notice.key)):
            # The scan reads what is greater; an id is greater than its beginning.
            start = notice.id[:-1]
            lane.again = start if lane.again is None else min(lane.again, start)

    def will_meet(self, notice: Notice) -> bool:
        """Whether a scan is still to come by the row, whose lane is ours."""
        lane = self._lanes[lane_of(notice.key)]
        # The read in hand may be of a moment before this commit, and may pass by it.
        return not lane.reading and lane.position is not None and notice.id > lane.position

    def next(self, turn: int, without: Iterable[str]) -> Scan | None:
        """The next read, without these aggregates; None where none is due. `turn` counts up, and
        so the lanes come in turn.
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
        """The read found these rows, `whole`: all there are. Return whether they count: a lane may
        have been given up meanwhile, and perhaps taken again.
        """
        lane = self._lanes.get(read.lane)
        if lane is None or not lane.reading or lane.position != read.after:
            return False
        lane.reading = False
        lane.position = None if whole else rows[-1]["_id"]
        return True
