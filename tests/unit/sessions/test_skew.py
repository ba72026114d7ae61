"""The skew of a provider's clock."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.skew import Reading, skew

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
delays = st.timedeltas(min_value=timedelta(), max_value=timedelta(minutes=1))
skews = st.timedeltas(min_value=-timedelta(days=1), max_value=timedelta(days=1))
Way = tuple[timedelta, timedelta, timedelta]
"""A pause before the request, the time of its way there, and of the way back."""
ways_of_a_call = st.tuples(delays, delays, delays)
PRECISIONS = (timedelta(), timedelta(seconds=1))
ROUNDING = timedelta(microseconds=2)


def reading(true: timedelta, way: Way, precise: timedelta) -> Reading:
    """Return the reading of a clock that is `true` ahead."""
    pause, there, back = way
    sent = NOON + pause
    shown = sent + there + true
    if precise:
        shown = shown.replace(microsecond=0)
    return Reading(sent=sent, theirs=shown, received=sent + there + back, precision=precise)


@given(skews, st.lists(ways_of_a_call, min_size=1, max_size=8), st.sampled_from(PRECISIONS))
def test_the_error_is_bounded(true: timedelta, ways: list[Way], precise: timedelta) -> None:
    """Whatever the delays, the estimate is wrong by half of the smallest round trip at most, and by
    half of what the clock shows in one piece; and it tells so.
    """
    found = skew(reading(true, way, precise) for way in ways)
    assert found is not None
    smallest = min(there + back for _, there, back in ways)
    assert abs(found.error - (smallest + precise) / 2) <= ROUNDING
    assert abs(found.ahead - true) <= found.error + ROUNDING


@given(skews, ways_of_a_call)
def test_an_instant_is_corrected(true: timedelta, way: Way) -> None:
    """An instant that the provider tells becomes ours, as exactly as the skew is known."""
    found = skew([reading(true, way, timedelta())])
    assert found is not None
    assert abs(found.corrected(NOON + true) - NOON) <= found.error + ROUNDING


def test_without_readings_nothing_is_known() -> None:
    """Without a reading there is no skew, and one during which our clock was set back is none."""
    back = Reading(sent=NOON, theirs=NOON, received=NOON - timedelta(seconds=1))
    assert skew([]) is None
    assert skew([back]) is None
