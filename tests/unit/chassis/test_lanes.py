"""Which rows a relay reads next and may publish, as a pure rule, against an outbox in memory."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.data.numbering import LANES, lane_of
from chassis.messaging import lanes
from chassis.messaging.lanes import Lanes
from chassis.messaging.outbox_reads import ByKey, Named, Notice, Read, Scan

KEYS = ("a", "b", "c", "d")
CHUNK = 3
ALL = range(LANES)


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterable[None]:
    """Limits so small that they are met."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "CHUNK", CHUNK)
        patch.setattr(lanes, "SHARE", 2)
        patch.setattr(lanes, "NAMED", 4)
        yield


class World:
    """An outbox with its change stream, writers whose clocks differ, a broker, and one relay."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.stream: list[Notice] = []
        self.last: dict[str, tuple[int, str | None]] = {}
        self.lanes = Lanes()
        self.lanes.hold(ALL)
        self.reading: tuple[Read, list[dict[str, Any]], bool] | None = None
        self.flying: list[dict[str, Any]] = []
        self.published: list[dict[str, Any]] = []
        self.made = 0

    def commit(self, key: str, clock: int, older: bool = False) -> None:
        """A writer commits an event; its clock shows `clock`. An older version notes no ids."""
        self.made += 1
        sequence, before = self.last.get(key, (0, ""))
        event_id = str(uuid.UUID(int=clock << 60 | self.made << 20))
        if before and not older:
            event_id = max(event_id, str(uuid.UUID(int=uuid.UUID(before).int + 1)))
        named = not older and before is not None
        lane, after = (lane_of(key), before) if named else (None, None)
        row = {"_id": event_id, "key": key, "lane": lane, "after": after, "sequence": sequence + 1}
        self.last[key] = sequence + 1, None if older else event_id
        self.rows[event_id] = row
        self.stream.append(Notice(event_id, key, lane, after, sequence + 1))

    def hear(self) -> None:
        """The next announcement arrives."""
        if self.stream:
            self.lanes.announce(self.stream.pop(0))

    def look(self) -> None:
        """A read begins; what it sees is of this moment."""
        if self.reading is None and (read := self.lanes.next_read()):
            self.reading = (read, *self._find(read))

    def take(self) -> None:
        """The read ends; what may go is in flight."""
        if self.reading:
            read, rows, whole = self.reading
            there = [each for each in self.lanes.unsure(read, rows) if each in self.rows]
            self.reading = None
            self.flying += self.lanes.admit(read, rows, whole, there)

    def confirm(self) -> None:
        """The broker has the first that is in flight."""
        if self.flying:
            row = self.flying.pop(0)
            self.published.append(row)
            self.rows.pop(row["_id"], None)
            self.lanes.gone([row["_id"]])

    def refuse(self) -> None:
        """The broker refuses the first in flight: the later ones of its aggregate are not sent."""
        if self.flying:
            key = self.flying[0]["key"]
            left = [row["_id"] for row in self.flying if row["key"] == key]
            self.flying = [row for row in self.flying if row["key"] != key]
            self.lanes.block(self.lanes.left(left))

    def offer_again(self) -> None:
        """Offer the refused rows again."""
        self.lanes.unblock(self.lanes.blocked)

    def poll(self) -> None:
        """The relay looks for rows without a lane."""
        for row in list(self.rows.values()):
            if row["lane"] is None:
                self.lanes.read_by_key(row["key"])

    def hand_over(self, key: str) -> None:
        """A lane goes to another relay and comes back; rows in flight were confirmed before."""
        while self.flying:
            self.confirm()
        self.lanes.hold(set(ALL) - {lane_of(key)})
        self.lanes.hold(ALL)

    def lose(self, key: str) -> None:
        """A lane's lease ends while rows wait to be sent, and is ours again."""
        self.lanes.hold(set(ALL) - {lane_of(key)})
        lost = [row for row in self.flying if lane_of(row["key"]) == lane_of(key)]
        self.flying = [row for row in self.flying if row not in lost]
        self.lanes.left(row["_id"] for row in lost)
        self.lanes.hold(ALL)

    def close(self, key: str) -> None:
        """A lane is to be given up."""
        self.lanes.hold(ALL, [lane_of(key)])

    def reopen(self) -> None:
        """It is not, after all."""
        self.lanes.hold(ALL)

    def finish(self) -> None:
        """Nothing new happens, until nothing waits."""
        self.reopen()
        while self.stream:
            self.hear()
        self.offer_again()
        self.poll()
        for _ in range(1_000):
            self.take()
            while self.flying:
                self.confirm()
            self.look()
            if self.reading is None:
                return
        raise AssertionError("it never ends")

    def _find(self, read: Read) -> tuple[list[dict[str, Any]], bool]:
        match read:
            case Scan(lane, after, without):
                mine = [row for row in self.rows.values() if row["lane"] == lane]
                found = [r for r in mine if r["_id"] > after and r["key"] not in without]
                return _cut(sorted(found, key=lambda row: row["_id"]), CHUNK)
            case Named():
                named = [self.rows[each] for each in read.ids if each in self.rows]
                return _cut(sorted(named, key=lambda row: row["_id"]), CHUNK)
            case ByKey(keys, sequence, limit):
                mine = [r for r in self.rows.values() if r["key"] in keys]
                found = [row for row in mine if row["sequence"] > sequence]
                return _cut(sorted(found, key=lambda r: (r["key"], r["sequence"])), limit)


def _cut(rows: list[dict[str, Any]], limit: int) -> tuple[list[dict[str, Any]], bool]:
    return rows[:limit], len(rows) <= limit


COMMIT = st.tuples(
    st.just("commit"), st.sampled_from(KEYS), st.integers(0, 9), st.just(False)
) | st.tuples(st.just("commit"), st.just("a"), st.integers(0, 9), st.booleans())
STEP = st.one_of(
    COMMIT,
    COMMIT,
    *(st.tuples(st.just(name)) for name in ("hear", "hear", "look", "take", "confirm", "confirm")),
    *(st.tuples(st.just(name)) for name in ("refuse", "offer_again", "poll")),
    st.tuples(st.sampled_from(("hand_over", "lose", "close")), st.sampled_from(KEYS)),
    st.tuples(st.just("reopen")),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(STEP, max_size=60))
def test_every_row_goes_once_and_in_its_aggregates_order(steps: list[tuple[Any, ...]]) -> None:
    """With late, early, refused and handed-over rows, and rows of an older version."""
    world = World()
    for name, *arguments in steps:
        getattr(world, name)(*arguments)
    world.finish()
    assert not world.rows
    found: dict[str, list[int]] = defaultdict(list)
    for row in world.published:
        found[row["key"]].append(row["sequence"])
    assert found == {key: list(range(1, last + 1)) for key, (last, _) in world.last.items()}


def test_many_of_one_aggregate_let_others_by() -> None:
    """A cold aggregate's event behind a hundred of a hot one in its lane goes after a few reads."""
    hot = "a"
    cold = next(f"k{n}" for n in range(999) if lane_of(f"k{n}") == lane_of(hot))
    for announced in (False, True):
        world = World()
        if announced:
            world.finish()  # each lane is scanned to its end
        for clock in range(100):
            world.commit(hot, clock)
        world.commit(cold, 100)
        while world.stream:
            world.hear()
        reads = 0
        while cold not in {row["key"] for row in world.flying}:
            world.look()
            world.take()
            reads += 1
        assert reads < 3 * LANES
        assert len(world.flying) < 60


def test_what_was_lost_with_its_lane_goes_once_the_lane_is_back() -> None:
    """A lost row is read again, and later rows do not go before it."""
    world = World()
    world.commit("a", 1)
    while not world.flying:
        world.look()
        world.take()
    world.lose("a")
    assert world.lanes.in_flight == 0
    world.commit("a", 2)
    world.finish()
    assert [row["sequence"] for row in world.published] == [1, 2]


def test_a_read_that_a_lost_lane_cut_off_leaves_nothing_out() -> None:
    """It was of before; what was committed since is read, too."""
    world = World()
    world.commit("a", 0, older=True)
    world.hear()
    while not (world.reading and isinstance(world.reading[0], ByKey)):
        world.take()
        world.look()
    world.hand_over("a")
    world.commit("a", 0)
    world.finish()
    assert [row["sequence"] for row in world.published] == [1, 2]


def test_a_read_of_a_lane_that_is_to_be_given_up_is_done_again() -> None:
    """If the lane stays ours, no row goes before those of that read."""
    world = World()
    for older in (False, False, True, False):
        world.commit("a", 0, older)
        world.hear()
    while not (world.reading and isinstance(world.reading[0], ByKey)):
        world.take()
        world.look()
    world.close("a")
    world.take()
    world.finish()
    assert [row["sequence"] for row in world.published] == [1, 2, 3, 4]


def test_what_is_in_flight_is_not_read_again() -> None:
    """While nothing is confirmed, no read sees what was let through."""
    world = World()
    for clock in range(60):
        world.commit(KEYS[clock % 4], clock)
        world.hear()
        world.look()
        read = [row["_id"] for row in world.reading[1]] if world.reading else []
        assert not {row["_id"] for row in world.flying}.intersection(read)
        world.take()
    assert len(world.flying) > 50


def test_an_aggregate_has_the_same_lane_for_ever() -> None:
    """The lane is stored, so the hash must never change."""
    assert [lane_of(key) for key in ("", "a", "run-2", "ä")] == [0, 3, 9, 3]
