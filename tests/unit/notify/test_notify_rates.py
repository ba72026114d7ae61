"""The rule of the rate that all workers share."""

from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.domain.rates import LEEWAY, Rate

rates = st.floats(0.01, 1_000).map(Rate)
takes = st.lists(
    st.tuples(st.floats(0, 5), st.booleans(), st.integers(1, 50)), min_size=1, max_size=40
)
"""Seconds since the one before; whether urgent; how many are wanted."""
NOW = 1_780_000_000.0
# Of instants in seconds: floats of this size are exact to a quarter of a microsecond.
CLOSE = 1e-3


def begun(rate: Rate, wanted: list[tuple[float, bool, int]]) -> list[tuple[float, int]]:
    """How many begin at which instant."""
    full_at, found = 0.0, []
    instants = accumulate(seconds for seconds, _, _ in wanted)
    for after, (_, urgent, most) in zip(instants, wanted, strict=True):
        count, full_at = rate.take(full_at, NOW + after, urgent, most)
        assert 0 <= count <= most
        found.append((after, count))
    return found


@settings(max_examples=100)
@given(rates, takes)
def test_the_rate_holds_in_any_stretch_of_time(
    rate: Rate, wanted: list[tuple[float, bool, int]]
) -> None:
    """From any take to any later one, at most the rate and one burst begin."""
    found = begun(rate, wanted)
    for first, (start, _) in enumerate(found):
        total = 0
        for end, count in found[first:]:
            total += count
            assert total <= rate.burst + (end - start + CLOSE) * rate.per_second


@settings(max_examples=100)
@given(rates, takes)
def test_urgent_mail_finds_the_reserve(rate: Rate, wanted: list[tuple[float, bool, int]]) -> None:
    """However much other mail took, urgent mail can begin at once."""
    full_at, now = 0.0, NOW
    for seconds, _, most in wanted:
        now += seconds
        _, full_at = rate.take(full_at, now, urgent=False, most=most)
        assert rate.take(full_at, now + CLOSE / rate.per_second, urgent=True, most=1)[0] == 1


@given(rates, st.integers(1, 5))
def test_what_was_given_back_can_be_taken_again(rate: Rate, most: int) -> None:
    """As if it had never been taken."""
    count, full_at = rate.take(0.0, NOW, urgent=True, most=most)
    back = rate.give_back(full_at, count)
    assert rate.take(back, NOW + CLOSE / rate.per_second, urgent=True, most=most)[0] == count


def test_a_clock_that_was_wrong_does_not_stop_mail() -> None:
    """An instant far ahead counts as an empty bucket, which fills again."""
    rate = Rate(10)
    count, full_at = rate.take(NOW + LEEWAY + 86_400, NOW, urgent=True, most=5)
    assert (count, full_at) == (0, NOW + 1)
    assert rate.take(full_at, NOW + 1, urgent=True, most=5)[0] == 5
