"""Which outbox rows a relay reads next, and which of them it may publish: plain bookkeeping.

The outbox is split into lanes by a hash of the key, and a lane's rows are read in two ways. A relay
that takes a lane scans it once by id, from start to end. From then on, and behind the scan, the
change stream announces each committed row, and these rows are read by their ids. So the relay reads
neither rows in flight again, nor the many deleted rows that MongoDB keeps for its snapshot window.

Order within an aggregate: each row holds the id of the row before it in its aggregate (`after`),
and is published only after that row was published by us or is no longer in the outbox. If it is
still there (it was committed late, below the scan), the aggregate's rows are read by their
sequence. Rows are also read by sequence if one aggregate has many of them (so that others can
overtake it), if they need not wait any longer, or if an older version wrote them, without a lane.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from chassis.messaging.in_flight import InFlight
from chassis.messaging.lane_scans import LaneScans
from chassis.messaging.outbox_reads import CHUNK, ByKey, Named, Notice, Read, Row, Scan

SHARE = 200
"""Rows of one aggregate in one turn; an aggregate with more rows gets a cursor of its own."""
NAMED = 20_000
"""So many announced rows are remembered; if there are more, their lanes are scanned again."""


@dataclass
class _Cursor:
    sequence: int = -1
    reading: bool = False
    """The present read is for it."""
    news: bool = False
    """A row was announced that the present read may not see."""


@dataclass
class Lanes:
    """The lanes that a relay holds, and what it knows about their rows."""

    _scans: LaneScans = field(default_factory=LaneScans)
    _in_flight: InFlight = field(default_factory=InFlight)
    _named: deque[Notice] = field(default_factory=deque)
    _named_by_key: Counter[str] = field(default_factory=Counter)
    _cursors: OrderedDict[str, _Cursor] = field(default_factory=OrderedDict)
    _blocked: set[str] = field(default_factory=set)
    _turn: int = 0

    # Which lanes.

    @property
    def held(self) -> frozenset[int]:
        """The lanes whose rows may be published."""
        return self._scans.held

    def hold(self, lanes: Collection[int], closing: Collection[int] = ()) -> None:
        """Set the lanes that we hold now. A new one is scanned from its start; nothing more is read
        of those that are `closing`.
        """
        self._scans.hold(lanes, closing)
        for key in [key for key in self._cursors if not self._scans.has(key)]:
            del self._cursors[key]

    def idle(self, lanes: Iterable[int]) -> list[int]:
        """Return those of `lanes` that have no row in flight."""
        return [lane for lane in lanes if not self._in_flight.has_lane(lane)]

    def reads(self, lane: int) -> bool:
        """Return whether rows of this lane may still be published."""
        return self._scans.reads(lane)

    @property
    def in_flight(self) -> int:
        """How many rows are in flight."""
        return len(self._in_flight)

    def scan_again(self) -> None:
        """Scan every lane from its start, because an announcement may have been lost."""
        self._scans.all_again()

    # What the change stream and the broker say.

    def announce(self, notice: Notice) -> None:
        """Take note of a committed row."""
        if not self._scans.has(notice.key) or self._in_flight.knows(notice.id):
            return
        if notice.key in self._cursors:
            self._cursors[notice.key].news = True
        elif notice.lane is None:
            self._read_by_key(notice.key)
        elif not self._scans.will_meet(notice):
            self._name(notice)

    def _name(self, notice: Notice) -> None:
        self._named.append(notice)
        self._named_by_key[notice.key] += 1
        if self._named_by_key[notice.key] > SHARE and notice.sequence:
            first = next(each for each in self._named if each.key == notice.key)
            self._read_by_key(notice.key, first.sequence - 1)
            # The stream will announce the rest of a hot aggregate before it announces other rows.
            self._scans.again_from(notice)
        elif len(self._named) > NAMED:
            self._forget_names()

    def _forget_names(self) -> None:
        for notice in self._named:
            self._scans.again_from(notice)
        self._named.clear()
        self._named_by_key.clear()

    def block(self, keys: Iterable[str]) -> None:
        """Block aggregates with a row that can't be published now: their other rows wait."""
        for key in keys:
            self._blocked.add(key)
            self._cursors.pop(key, None)

    @property
    def blocked(self) -> frozenset[str]:
        """The blocked aggregates."""
        return frozenset(self._blocked)

    def unblock(self, keys: Collection[str]) -> set[str]:
        """Unblock these aggregates. Return those that are read again.

        An aggregate with rows in flight stays blocked: they must not overtake the row that was
        left.
        """
        done = self._blocked.intersection(keys).difference(self._in_flight.keys)
        for key in done:
            self._blocked.discard(key)
            self.read_by_key(key)
        return done

    def read_by_key(self, key: str) -> None:
        """Read an aggregate's rows by sequence, if we hold its lane: some have no lane, or were
        left.
        """
        if self._scans.has(key) and key not in self._blocked and key not in self._cursors:
            self._read_by_key(key)

    def _read_by_key(self, key: str, sequence: int = -1) -> None:
        self._cursors[key] = _Cursor(sequence)

    def gone(self, ids: Iterable[str]) -> None:
        """These rows were published, and are removed from the outbox."""
        self._in_flight.gone(ids)

    def left(self, ids: Iterable[str]) -> set[str]:
        """These rows were not published, and stay in the outbox; return their aggregates."""
        return self._in_flight.left(ids)

    # What to read.

    def next_read(self) -> Read | None:
        """Return what to read now; None if no row is known to wait. Then `admit` the rows found."""
        ways: list[Callable[[], Read | None]] = [self._next_named, self._next_scan, self._next_keys]
        self._turn += 1
        turned = ways[self._turn % 3 :] + ways[: self._turn % 3]
        return next((read for way in turned if (read := way())), None)

    def _next_named(self) -> Read | None:
        notices: list[Notice] = []
        while self._named and len(notices) < CHUNK:
            notice = self._named.popleft()
            self._named_by_key[notice.key] -= 1
            if not self._named_by_key[notice.key]:
                del self._named_by_key[notice.key]
            if self._may_be_read(notice.key) and not self._in_flight.knows(notice.id):
                notices.append(notice)
        before = {each.after for each in notices if each.after} - {each.id for each in notices}
        return Named(notices, self._unknown(before)) if notices else None

    def _may_be_read(self, key: str) -> bool:
        """Return whether scans and announcements may read its rows; if it has a cursor, notify
        that.
        """
        if cursor := self._cursors.get(key):
            cursor.news = True
        return cursor is None and self._scans.is_open(key) and key not in self._blocked

    def _next_scan(self) -> Read | None:
        return self._scans.next(self._turn // 3, self._cursors)

    def _next_keys(self) -> Read | None:
        open_ones = [key for key in self._cursors if self._scans.is_open(key)]
        if not open_ones:
            return None
        first = open_ones[0]
        if (begun := self._cursors[first].sequence) >= 0:
            return self._begin([first], begun, SHARE)
        fresh = [key for key in open_ones[:SHARE] if self._cursors[key].sequence < 0]
        return self._begin(fresh, -1, CHUNK)

    def _begin(self, keys: Sequence[str], sequence: int, limit: int) -> Read:
        for key in keys:
            self._cursors[key].reading, self._cursors[key].news = True, False
        return ByKey(keys, sequence, limit)

    # What was found.

    def unsure(self, read: Read, rows: Sequence[Row]) -> list[str]:
        """Return the ids of rows before `rows` of which we don't know whether they still exist."""
        if isinstance(read, Named):
            return []  # the same read has read them
        if isinstance(read, ByKey):  # from the aggregate's start no row can be missing
            rows = rows[: read.sequence >= 0]
        before = {row["after"] for row in rows if row.get("after")}
        return self._unknown(before - {row["_id"] for row in rows})

    def _unknown(self, ids: Iterable[str]) -> list[str]:
        return [each for each in ids if not self._in_flight.knows(each)]

    def admit(
        self, read: Read, rows: Sequence[Row], whole: bool, there: Collection[str]
    ) -> list[Row]:
        """Return those of the rows found that may be published, in this order.

        `whole`: the read found all rows. `there`: those of the `unsure` ids that exist.
        """
        match read:
            case Scan():
                return self._admit_scan(read, rows, whole, there)
            case Named():
                return self._admit_named(read, rows, whole)
            case ByKey():
                return self._admit_keys(read, rows, whole, there)

    def _admit_scan(
        self, read: Scan, rows: Sequence[Row], whole: bool, there: Collection[str]
    ) -> list[Row]:
        return self._admit(rows, there) if self._scans.done(read, rows, whole) else []

    def _admit_named(self, read: Named, rows: Sequence[Row], whole: bool) -> list[Row]:
        """Admit rows that were read by id, in the order of their commits; rows cut off are read
        next.
        """
        by_id = {row["_id"]: row for row in rows}
        if not whole:
            last = rows[-1]["_id"]
            rest = [each for each in read.notices if each.id > last]
            self._named.extendleft(reversed(rest))
            self._named_by_key.update(each.key for each in rest)
        found = [by_id[each.id] for each in read.notices if each.id in by_id]
        return self._admit(found, by_id.keys())

    def _admit(self, rows: Iterable[Row], there: Collection[str]) -> list[Row]:
        admitted: list[Row] = []
        counts: Counter[str] = Counter()
        for row in rows:
            key = row["key"]
            if self._in_flight.knows(row["_id"]) or not self._may_be_read(key):
                continue
            if self._misses(row, there):
                self._read_by_key(key)
            elif counts[key] >= SHARE and row["sequence"]:
                self._read_by_key(key, row["sequence"] - 1)
            else:
                counts[key] += 1
                admitted.append(self._in_flight.take(row))
        return admitted

    def _admit_keys(
        self, read: ByKey, rows: Sequence[Row], whole: bool, there: Collection[str]
    ) -> list[Row]:
        # Without those whose lane closes, or was released meanwhile and perhaps taken again.
        keys = [key for key in read.keys if self._is_read(key)]
        if keys and read.sequence >= 0 and rows and self._misses(rows[0], there):
            self._cursors[keys[0]] = _Cursor()
            return []
        admitted = [self._in_flight.take(row) for row in rows if self._may_go(row)]
        last = {row["key"]: row["sequence"] for row in rows}
        cut = "" if whole else rows[-1]["key"]
        for key in keys:
            cursor = self._cursors[key]
            cursor.sequence, cursor.reading = last.get(key, cursor.sequence), False
            self._cursors.move_to_end(key)
            if (not cut or key < cut) and not cursor.news:
                del self._cursors[key]
        return admitted

    def _is_read(self, key: str) -> bool:
        cursor = self._cursors.get(key)
        return cursor is not None and cursor.reading and self._scans.is_open(key)

    def _may_go(self, row: Row) -> bool:
        return self._is_read(row["key"]) and not self._in_flight.knows(row["_id"])

    def _misses(self, row: Row, there: Collection[str]) -> bool:
        return row.get("after") in there and not self._in_flight.knows(row["after"])
