"""The union of watched intervals."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.intervals import MOST, Interval, joined, measure, union, within

SECONDS = st.integers(0, 60)
PARTS = st.lists(st.tuples(SECONDS, SECONDS).map(lambda pair: (min(pair), max(pair))))


def _seconds(parts: tuple[Interval, ...] | list[tuple[int, int]]) -> set[int]:
    return {second for start, end in parts for second in range(int(start), int(end))}


@given(PARTS)
def test_it_is_the_union_of_sets(parts: list[tuple[int, int]]) -> None:
    """Each second that any interval has counts once, and no other."""
    merged = union(parts)
    assert _seconds(merged) == _seconds(parts)
    assert measure(merged) == len(_seconds(parts))


@given(PARTS)
def test_stretches_are_in_order_and_apart(parts: list[tuple[int, int]]) -> None:
    """No two stretches overlap or touch, and none is empty."""
    merged = union(parts)
    assert all(start < end for start, end in merged)
    assert all(one[1] < other[0] for one, other in pairwise(merged))


@given(PARTS, PARTS, st.randoms())
def test_order_and_repeats_do_not_matter(
    some: list[tuple[int, int]], more: list[tuple[int, int]], random: Random
) -> None:
    """Uniting at once, one after the other, shuffled or twice comes to the same."""
    together = [*some, *more, *some]
    random.shuffle(together)
    assert union(together) == union((*union(some), *union(more)))


@given(PARTS, SECONDS)
def test_what_lies_beyond_the_end_does_not_count(parts: list[tuple[int, int]], end: int) -> None:
    """Only seconds before the end of the item are measured."""
    inside = within(union(parts), end)
    assert _seconds(inside) == {second for second in _seconds(parts) if second < end}


def test_a_hostile_number_of_stretches_is_bounded() -> None:
    """If there are more intervals than any player has, the longest are kept."""
    tiny = [(2.0 * place, 2.0 * place + 0.5) for place in range(3 * MOST)]
    kept = union([*tiny, (100_000.0, 100_100.0)])
    assert len(kept) == MOST
    assert kept[-1] == (100_000.0, 100_100.0)
    assert list(kept) == sorted(kept)


@given(PARTS, PARTS, st.integers(1, 60), st.randoms())
def test_gaps_that_are_joined_never_make_more_watching_less(
    some: list[tuple[int, int]], more: list[tuple[int, int]], end: int, random: Random
) -> None:
    """With the same length, in any order: all is within the length, and more gives no less."""

    def seconds(parts: list[tuple[int, int]]) -> float:
        shuffled = [*parts, *parts]
        random.shuffle(shuffled)
        return measure(joined(within(union(shuffled), end), end, 1.0))

    assert 0 <= measure(within(union(some), end)) <= seconds(some) <= end
    assert seconds(some) <= seconds([*some, *more])


def test_a_second_is_joined_at_every_seam_and_more_is_not() -> None:
    """Between two intervals, at the start, and at the end; nothing watched stays nothing."""
    assert joined([(1.0, 4.0), (5.0, 9.0)], 10.0, 1.0) == ((0.0, 10.0),)
    assert joined([(1.1, 4.0), (5.1, 8.9)], 10.0, 1.0) == ((1.1, 4.0), (5.1, 8.9))
    assert joined([], 0.5, 1.0) == ()
