"""Whether a run has room for one more file."""

from hypothesis import given
from hypothesis import strategies as st

from services.library.domain.quotas import RunUsage, quota_violations

BYTES = st.integers(1, 2**50)


def usage(run_id: str, used: int, limit: int) -> RunUsage:
    """A run with items of `used` bytes."""
    return RunUsage(run_id=run_id, items=1, used=used, open=0, limit=limit)


@given(used=BYTES, limit=BYTES, size=BYTES)
def test_a_file_is_refused_exactly_when_it_does_not_fit(used: int, limit: int, size: int) -> None:
    """The last byte of the quota may be used; a quota set below what is used refuses everything."""
    refused = list(quota_violations(["r"], {"r": usage("r", used, limit)}, size))
    assert bool(refused) == (used + size > limit)


@given(st.lists(st.tuples(BYTES, BYTES), max_size=5), BYTES)
def test_each_run_without_room_is_named(runs: list[tuple[int, int]], size: int) -> None:
    """By its place among the request's runs; a run without a quota is never refused."""
    usages = {f"r{place}": usage(f"r{place}", *each) for place, each in enumerate(runs)}
    refused = quota_violations([*usages, "unlimited"], usages, size)
    full = [place for place, (used, limit) in enumerate(runs) if used + size > limit]
    assert [each.field for each in refused] == [f"run_ids[{place}]" for place in full]


def test_a_refusal_says_what_would_fit() -> None:
    """What is used, what is asked for, and how much is left."""
    [violation] = quota_violations(["r"], {"r": usage("r", 70, 100)}, 31)
    assert violation.wrong == "run 'r' uses 70 of its 100 bytes; the file has 31"
    assert violation.right == "a file of up to 30 bytes, or a larger quota for the run"
