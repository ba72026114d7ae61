"""Sittings, time on task and streaks."""

from datetime import UTC, date, datetime, timedelta
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from chassis.civil import Calendar
from services.progress.domain.sittings import (
    BREAK,
    LONGEST_TOLD,
    MOST,
    days_of,
    sittings_of,
    streaks,
    time_on_task,
    united,
    with_stretch,
)

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECONDS = st.integers(0, 20_000)
STRETCHES = st.lists(st.tuples(SECONDS, st.one_of(st.none(), st.integers(-10, 3_000))), max_size=40)


def _packed(*stretches: tuple[float, float | None]) -> bytes:
    """The sittings of stretches, each by its end and its length in seconds."""

    def added(packed: bytes, stretch: tuple[float, float | None]) -> bytes:
        end, length = stretch
        duration = None if length is None else timedelta(seconds=length)
        return with_stretch(packed, START + timedelta(seconds=end), duration)

    return reduce(added, stretches, b"")


def _sittings(packed: bytes) -> list[tuple[int, int]]:
    zero = int(START.timestamp())
    return [(start - zero, end - zero) for start, end in sittings_of(packed)]


def test_statements_with_short_breaks_are_one_sitting() -> None:
    """From the first to the last of them."""
    assert _sittings(_packed((0, None), (BREAK, None), (2 * BREAK, None))) == [(0, 2 * BREAK)]
    assert time_on_task(_packed((0, None), (BREAK, None))) == timedelta(seconds=BREAK)


def test_a_longer_break_ends_a_sitting() -> None:
    """A statement alone has no length."""
    packed = _packed((0, None), (BREAK + 1, None))
    assert _sittings(packed) == [(0, 0), (BREAK + 1, BREAK + 1)]
    assert time_on_task(packed) == timedelta(0)


def test_a_duration_reaches_back() -> None:
    """It counts from its beginning to the statement's time, so far as a person can work."""
    assert _sittings(_packed((0, 100))) == [(-100, 0)]
    assert time_on_task(_packed((0, 10**6))) == LONGEST_TOLD
    assert time_on_task(_packed((0, -5))) == timedelta(0)


def test_a_statement_joins_two_sittings() -> None:
    """What comes late fills a break."""
    assert _sittings(_packed((0, None), (1_000, None), (500, None))) == [(0, 1_000)]


@given(STRETCHES, st.data())
def test_order_and_repeats_change_nothing(
    stretches: list[tuple[int, int | None]], data: st.DataObject
) -> None:
    """So evidence may come in any order, and again."""
    again = [data.draw(st.sampled_from(stretches)) for _ in range(3)] if stretches else []
    shuffled = data.draw(st.permutations([*stretches, *again]))
    assert _packed(*shuffled) == _packed(*stretches)


@given(STRETCHES)
def test_they_are_the_stretches_joined(stretches: list[tuple[int, int | None]]) -> None:
    """Compared with a plain loop over the stretches in order."""
    plain: list[tuple[int, int]] = []
    for start, end in sorted((end - max(length or 0, 0), end) for end, length in stretches):
        if plain and start - plain[-1][1] <= BREAK:
            plain[-1] = (plain[-1][0], max(end, plain[-1][1]))
        else:
            plain.append((start, end))
    assert _sittings(_packed(*stretches)) == plain


@given(STRETCHES, STRETCHES)
def test_united_is_all_stretches_together(
    one: list[tuple[int, int | None]], other: list[tuple[int, int | None]]
) -> None:
    """Whether they were added to one or to the other."""
    assert united(_packed(*one), _packed(*other)) == _packed(*one, *other)


def test_a_flood_is_bounded() -> None:
    """The longest are kept."""
    packed = _packed((-50, 50), *((number * (BREAK + 1), None) for number in range(1, MOST + 50)))
    kept = sittings_of(packed)
    assert len(kept) == MOST
    assert kept[0][1] - kept[0][0] == 50


def test_times_out_of_reach_are_the_nearest_that_can_be_stored() -> None:
    """Such as a device's clock in 1969 or in 2200 may tell."""
    early = with_stretch(b"", datetime(1969, 1, 1, tzinfo=UTC), None)
    late = with_stretch(early, datetime(2200, 1, 1, tzinfo=UTC), timedelta(hours=1))
    assert sittings_of(late) == [(0, 0), (2**32 - 1, 2**32 - 1)]


def test_days_are_those_of_the_zone() -> None:
    """A sitting over midnight is of both."""
    late = datetime(2026, 3, 2, 4, 50, tzinfo=UTC)  # 23:50 of the day before in New York
    packed = with_stretch(with_stretch(b"", late, None), late + timedelta(minutes=5), None)
    over = with_stretch(packed, late + timedelta(minutes=14), None)
    calendar = Calendar("America/New_York")
    assert days_of(packed, calendar) == {date(2026, 3, 1)}
    assert days_of(over, calendar) == {date(2026, 3, 1), date(2026, 3, 2)}


def test_streaks_count_days_without_a_gap() -> None:
    """Today may still bring work, so it ends no streak."""
    days = {date(2026, 3, each) for each in (1, 2, 3, 6, 7)}
    assert streaks(days, date(2026, 3, 7)) == (2, 3)
    assert streaks(days, date(2026, 3, 8)) == (2, 3)
    assert streaks(days, date(2026, 3, 9)) == (0, 3)
    assert streaks((), date(2026, 3, 9)) == (0, 0)
