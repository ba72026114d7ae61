"""Group commit: what is stored together, and that each caller gets the own outcome."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import AutoReconnect, PyMongoError

from chassis.context import deadline
from chassis.data.group_commit import GroupCommit, first_group
from chassis.errors import NotFound

PATIENCE = 30.0


class Sheet:
    """A store that keeps what it was given at once, and waits until it is told to go on."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.began, self.may_end = threading.Semaphore(0), threading.Semaphore(0)
        self.idle = threading.Event()
        self.group: GroupCommit[str, str] = GroupCommit(self._store, self.idle.set)
        self._pool = ThreadPoolExecutor(16)

    def _store(self, items: Sequence[str]) -> list[str | Exception]:
        self.groups.append([*items])
        self.began.release()
        assert self.may_end.acquire(timeout=PATIENCE)
        if "away" in items:
            raise AutoReconnect("away")
        if "bad" in items:
            raise ValueError("bad")
        return [NotFound(each) if each == "unknown" else each.upper() for each in items]

    def ask(self, item: str, *keys: str) -> "Future[str]":
        """Have an item stored by one more thread; return when it waits."""
        waiting = len(self.group._waiting)
        found = self._pool.submit(self.group.do, item, keys)
        while len(self.group._waiting) <= waiting and not found.done():
            threading.Event().wait(0.001)
        return found

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While inside, an item is being stored; afterwards all that waits is."""
        first = self._pool.submit(self.group.do, "first", ["first"])
        assert self.began.acquire(timeout=PATIENCE)
        yield
        self.may_end.release(100)
        assert first.result(PATIENCE) == "FIRST"


def test_what_comes_meanwhile_is_stored_together() -> None:
    """Each caller gets the own result, or the reason why its item is refused."""
    sheet = Sheet()
    with sheet.busy():
        asked = [sheet.ask(each, each) for each in ("a", "unknown", "b")]
    assert (asked[0].result(PATIENCE), asked[2].result(PATIENCE)) == ("A", "B")
    with pytest.raises(NotFound, match="unknown"):
        asked[1].result(PATIENCE)
    assert sheet.groups == [["first"], ["a", "unknown", "b"]]


def test_items_with_a_key_in_common_are_stored_one_after_the_other() -> None:
    """In the order in which they came."""
    sheet = Sheet()
    with sheet.busy():
        asked = [sheet.ask("a", "1"), sheet.ask("b", "1", "2"), sheet.ask("c", "2")]
    assert [each.result(PATIENCE) for each in asked] == ["A", "B", "C"]
    assert sheet.groups == [["first"], ["a"], ["b"], ["c"]]


def test_one_that_cannot_be_stored_fails_alone() -> None:
    """The others of its group are stored nevertheless."""
    sheet = Sheet()
    with sheet.busy():
        asked = [sheet.ask(each, each) for each in ("a", "bad", "b")]
    assert (asked[0].result(PATIENCE), asked[2].result(PATIENCE)) == ("A", "B")
    with pytest.raises(ValueError, match="bad"):
        asked[1].result(PATIENCE)


def test_while_the_database_is_away_nothing_is_tried_twice() -> None:
    """All callers of the group get the error."""
    sheet = Sheet()
    with sheet.busy():
        asked = [sheet.ask(each, each) for each in ("a", "away", "b")]
    for each in asked:
        with pytest.raises(AutoReconnect):
            each.result(PATIENCE)
    assert sheet.groups == [["first"], ["a", "away", "b"]]


def test_who_has_no_time_left_is_not_stored() -> None:
    """A caller whose deadline passes while its item waits gets a timeout, and nothing is done."""
    sheet = Sheet()
    with sheet.busy():
        with deadline.within(0.01), pytest.raises(PyMongoError) as late:
            sheet.group.do("late", ["late"])
        assert late.value.timeout
        asked = sheet.ask("a", "a")
    assert asked.result(PATIENCE) == "A"
    assert sheet.groups == [["first"], ["a"]]


@given(st.lists(st.frozensets(st.integers(0, 5), max_size=3), max_size=20), st.integers(1, 8))
def test_groups_keep_the_order_of_each_key(keys: list[frozenset[int]], most: int) -> None:
    """Whatever keys items have, groups of several have at most so many keys, no two items of one
    share a key, each item is in one, and those with a key in common keep their order.
    """
    left, groups = [*range(len(keys))], []
    while left:
        places = first_group([keys[each] for each in left], most)
        groups.append([left[place] for place in sorted(places)])
        left = [each for each in left if each not in groups[-1]]
    for group in groups:
        assert len(group) == 1 or sum(max(1, len(keys[each])) for each in group) <= most
        assert len(frozenset().union(*(keys[each] for each in group))) == sum(
            len(keys[each]) for each in group
        )
    for key in range(6):
        order = [each for group in groups for each in group if key in keys[each]]
        assert order == sorted(order)


def test_what_waits_is_stored_or_the_thread_is_told_idle() -> None:
    """While an item is stored, `has_waiting` tells of the next; if that one's caller has no time
    left, `idle` is called instead of `store`.
    """
    sheet = Sheet()
    assert not sheet.group.has_waiting()
    with sheet.busy():
        with deadline.within(0.01), pytest.raises(PyMongoError):
            sheet.group.do("late", ["late"])
        assert sheet.group.has_waiting()
        assert not sheet.idle.is_set()
    assert sheet.idle.wait(PATIENCE)
    assert not sheet.group.has_waiting()
    assert sheet.groups == [["first"]]
