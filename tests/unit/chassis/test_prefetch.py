"""How many messages a worker asks for, by what it has seen of their sizes."""

from collections import deque
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.messaging.prefetch import LARGEST, Prefetch

SHARE, MOST = 2 * 2**20, 1_000


def seen(sizes: Iterable[int]) -> Prefetch:
    """One that took messages, and let go of each."""
    prefetch = opened()
    for size in sizes:
        prefetch.took(size)
        prefetch.let_go(size)
    return prefetch


def opened() -> Prefetch:
    """One that knows nothing of its queue yet."""
    prefetch = Prefetch()
    prefetch.begin(SHARE, MOST)
    return prefetch


def test_at_first_every_message_may_be_the_largest() -> None:
    """It asks for as many as fit at the limit of an event, and for more once five are known."""
    prefetch = opened()
    assert prefetch.count == SHARE // LARGEST == 8
    assert not seen([500] * 4).should_grow
    assert seen([500] * 5).should_grow
    assert not seen([LARGEST] * 50).should_grow


@pytest.mark.parametrize(
    ("size", "count"), [(0, MOST), (500, MOST), (10_000, 209), (LARGEST, 8), (100 * LARGEST, 1)]
)
def test_it_asks_for_what_its_share_holds(size: int, count: int) -> None:
    """As many small messages as allowed, few large ones, and at least one of any."""
    prefetch = seen([size] * 200)
    prefetch.begin(SHARE, MOST)
    assert prefetch.count == count
    assert not prefetch.should_grow


def test_a_few_large_ones_among_many_change_little() -> None:
    """One in fifty at the limit does not bring the number down to that of large ones."""
    prefetch = seen(([600] * 49 + [LARGEST]) * 10 + [600] * 25)
    assert prefetch.fitting >= 100


@given(st.lists(st.integers(1, LARGEST), max_size=300))
def test_what_is_in_hand_stays_near_the_share(sizes: list[int]) -> None:
    """For any sizes in any order, at most twice the share and one message are unacknowledged."""
    prefetch = opened()
    waiting, held = deque(sizes), deque[int]()
    while waiting:
        size = waiting.popleft()
        held.append(size)
        prefetch.took(size)
        assert sum(held) <= 2 * SHARE + LARGEST
        if prefetch.is_too_large:
            prefetch.begin(SHARE, MOST)
            waiting.extendleft(reversed(held))  # they come again
            held.clear()
        elif len(held) >= prefetch.count:
            prefetch.let_go(held.popleft())
        if prefetch.should_grow:
            assert prefetch.grow() <= MOST
