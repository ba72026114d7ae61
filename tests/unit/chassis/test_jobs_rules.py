"""Which jobs may be worked on now, and how long those that failed wait."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.jobs.backoff import pause
from chassis.jobs.queue import admit

FIRST, LONGEST = timedelta(seconds=10), timedelta(minutes=30)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_to_a_limit(failures: int, jitter: float) -> None:
    """A pause is never shorter than that of fewer failures, nor longer than the limit."""
    shorter, longer = (pause(each, FIRST, LONGEST, jitter) for each in (failures, failures + 1))
    assert FIRST / 2 <= shorter <= longer <= LONGEST


@given(st.integers(1, 100))
def test_pauses_are_spread(failures: int) -> None:
    """Those that failed together come back between half of their pause and all of it."""
    least, most = (pause(failures, FIRST, LONGEST, jitter) for jitter in (0.0, 1.0))
    assert least == most / 2
    assert least <= pause(failures, FIRST, LONGEST) <= most


def rows(*targets: str) -> list[dict[str, Any]]:
    """Jobs that go to these targets, numbered in their order."""
    return [{"_id": place, "job": {"target": each}} for place, each in enumerate(targets)]


def numbers(found: list[dict[str, Any]]) -> list[int]:
    """The jobs' numbers."""
    return [row["_id"] for row in found]


def test_a_target_has_so_many_places() -> None:
    """Jobs in progress count; jobs without a target are not limited."""
    admitted, others = admit(rows("a", "a", "", "b", "a", ""), {"a": 1}, frozenset(), 2)
    assert (numbers(admitted), numbers(others)) == ([0, 2, 3, 5], [1, 4])


def test_a_target_that_is_held_gets_none() -> None:
    """This holds for any number of its places."""
    admitted, others = admit(rows("a", "b", "a"), {}, frozenset({"a"}), None)
    assert (numbers(admitted), numbers(others)) == ([1], [0, 2])


@given(
    st.lists(st.sampled_from(["", "a", "b", "c"])),
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 5)),
    st.integers(1, 4),
)
def test_each_job_is_admitted_or_waits(
    targets: list[str], busy: dict[str, int], per_target: int
) -> None:
    """No job is lost, the order stays, and no target gets more than its places."""
    admitted, others = admit(rows(*targets), busy, frozenset(), per_target)
    assert sorted(numbers(admitted) + numbers(others)) == list(range(len(targets)))
    assert numbers(admitted) == sorted(numbers(admitted))
    for target in set(targets) - {""}:
        given = sum(targets[place] == target for place in numbers(admitted))
        assert given <= max(0, per_target - busy.get(target, 0))
