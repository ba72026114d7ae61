"""Work on many things, several at once."""

import itertools
from threading import Barrier, Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.parallel import chunks, in_turns, several_at_once


def test_results_come_in_the_order_of_the_things() -> None:
    """Also if the first ends last."""
    second_is_done = Event()

    def work(number: int) -> int:
        if number == 1:
            second_is_done.set()
        return number if second_is_done.wait(60) else -1

    assert list(several_at_once(work, range(10), most=2)) == list(range(10))


def test_so_many_run_at_once() -> None:
    """Three wait for each other, and come to their end."""
    together = Barrier(3, timeout=60)
    assert len([*several_at_once(lambda _: together.wait(), range(9), most=3)]) == 9


def test_endless_things_are_taken_as_they_are_needed() -> None:
    """Never more than twice as many as run at once."""
    taken = itertools.count()
    found = several_at_once(lambda number: number, (next(taken) for _ in itertools.count()), most=3)
    assert [next(found) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert next(taken) <= 5 + 2 * 3
    found.close()  # type: ignore[attr-defined]


def test_an_error_ends_the_work() -> None:
    """It is raised, and what was not begun is not done."""
    done = []

    def work(number: int) -> None:
        if number == 1:
            raise ValueError("the second")
        done.append(number)

    with pytest.raises(ValueError, match="the second"):
        list(several_at_once(work, itertools.count(), most=1))
    assert set(done) <= {0, 2}


@given(st.lists(st.integers(), max_size=20), st.integers(1, 7))
def test_chunks_are_the_whole(things: list[int], size: int) -> None:
    """In order; all but the last are full, and none is empty."""
    found = list(chunks(things, size))
    assert list(itertools.chain(*found)) == things
    assert all(len(chunk) == size for chunk in found[:-1])
    assert all(found)


def test_sources_take_turns() -> None:
    """One that ends early leaves its turn to the others."""
    assert "".join(in_turns(map(iter, ["ad", "", "beg", "cf"]))) == "abcdefg"
