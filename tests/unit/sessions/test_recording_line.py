"""What happened in a class, on the time of its recording."""

import math
from datetime import timedelta
from itertools import accumulate
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.sessions.domain.recorded_parts import (
    Chapter,
    RaisedHands,
    RecordedPart,
    RecordedStretch,
)
from services.sessions.domain.recording_line import (
    LinePointKind,
    Moment,
    Place,
    Track,
    class_time_of,
    hands_by_minute,
    line_of,
    moments_of,
    place_of,
    track_of,
)
from services.sessions.domain.skew import Reading
from tests.unit.sessions.examples import NINE
from tests.unit.sessions.recorder import recorded

SECOND = timedelta(seconds=1)
# The recorder ran from 10 s to 20 s and from 30 s to 60 s, and again, in another file, from 70 s.
TRACKS = [Track("a", ((10.0, 10.0), (30.0, 30.0))), Track("b", ((70.0, math.inf),))]

seconds = st.floats(0.001, 4_000, allow_nan=False)


def test_a_moment_is_at_the_second_that_shows_it() -> None:
    """In a pause, and before the recorder ran, at the next second that was recorded."""
    expected = {
        -5: Place("a", 0),
        10: Place("a", 0),
        19: Place("a", 9),
        20: Place("a", 10),
        25: Place("a", 10),
        31: Place("a", 11),
        60: Place("b", 0),
        1_000: Place("b", 930),
    }
    assert {at: place_of(TRACKS, at) for at in expected} == expected
    assert place_of(TRACKS[:1], 60) is None
    assert place_of([], 0) is None


def test_a_second_of_a_file_shows_one_moment() -> None:
    """A file shows nothing before its first second, and after its last."""
    shown = [class_time_of(TRACKS[0], at) for at in (-0.1, 0, 9, 10, 39, 40, 40.9, 41)]
    assert shown == [None, 10, 19, 30, 59, 60, 60, None]
    assert class_time_of(Track("empty", ((10.0, 0.0),)), 0) is None


@pytest.mark.parametrize("second", [40, 40.02, 41])
def test_the_end_of_a_file_shows_its_last_picture(second: float) -> None:
    """Also where a player rounds its length up; and that picture has a place in the file."""
    at = class_time_of(TRACKS[0], second)
    assert at is not None
    place = place_of(TRACKS[:1], at)
    assert place is not None
    assert (at, place.second) == pytest.approx((59.96, 39.96))
    assert class_time_of(Track("a", ((0.0, 0.01),)), 0.01) == 0


def test_a_file_without_stretches_has_no_pause() -> None:
    """It shows what follows its offset, as long as the library says that it lasts."""
    part = RecordedPart("a", -5 * SECOND)
    assert track_of(part, 60.0) == Track("a", ((-5.0, 60.0),))
    assert track_of(part, 0.0).stretches[0][1] == math.inf


def test_the_length_of_a_file_counts() -> None:
    """Where it differs from its stretches, the last is longer, or what is beyond its end is cut."""
    told = (RecordedStretch(SECOND, 2 * SECOND), RecordedStretch(5 * SECOND, 3 * SECOND))
    part = RecordedPart("a", SECOND, told)
    expected = {
        0.0: ((1.0, 2.0), (5.0, 3.0)),
        5.5: ((1.0, 2.0), (5.0, 3.5)),
        4.0: ((1.0, 2.0), (5.0, 2.0)),
        1.5: ((1.0, 1.5),),
    }
    assert {seconds: track_of(part, seconds).stretches for seconds in expected} == expected


@given(
    st.lists(st.tuples(seconds, seconds), min_size=1, max_size=8),
    st.floats(0, 0.999_999, exclude_max=True),
    st.floats(-4_000, 4_000),
)
def test_there_and_back(recorded: list[tuple[float, float]], share: float, start: float) -> None:
    """The moment that a second of a file shows is shown at this second."""
    ends = accumulate((pause + length for pause, length in recorded), initial=start)
    pairs = zip(ends, recorded, strict=False)
    track = Track("a", tuple((begin + pause, length) for begin, (pause, length) in pairs))
    second = share * sum(length for _, length in recorded)
    at = class_time_of(track, second)
    assert at is not None
    place = place_of([track], at)
    assert place is not None
    assert abs(place.second - second) < 1e-6


@given(
    skew=st.floats(-36_000, 36_000),
    runs=st.lists(st.tuples(st.floats(1, 600), st.floats(1, 600)), min_size=1, max_size=6),
    delays=st.lists(st.floats(0, 1), min_size=13, max_size=13),
    repeated=st.sets(st.integers(0, 11)),
    at=st.floats(-60, 8_000),
    order=st.randoms(use_true_random=False),
)
def test_a_moment_is_aligned_within_two_seconds(
    skew: float,
    runs: list[tuple[float, float]],
    delays: list[float],
    repeated: set[int],
    at: float,
    order: Random,
) -> None:
    """A recorder with a wrong clock pauses as it likes; its marks arrive in any order and some
    twice, and its clock is read in up to a second. A moment is where it was recorded, or at the
    next that was.
    """
    ahead, clock = skew * SECOND, -30.0
    marks, truth, readings = [], [], []
    for pause, length in runs:
        begin, end = clock + pause, clock + pause + length
        truth.append((begin, length))
        marks += [(begin, True), (end, False)]
        clock = end
    for (instant, _), delay in zip(marks, delays, strict=False):
        true = NINE + instant * SECOND
        read = true + delay * SECOND  # as late as can be, which is the worst
        readings.append(Reading(sent=true, theirs=read + ahead, received=read))
    told = [(NINE + at * SECOND + ahead, runs) for at, runs in marks]
    told += [told[each] for each in repeated if each < len(told)]
    order.shuffle(told)
    found = recorded(told, readings, NINE, NINE - 60 * SECOND, NINE + clock * SECOND + 60 * SECOND)
    place = place_of([track_of(RecordedPart("a", stretches=found), 0.0)], at)
    expected = place_of([Track("a", tuple(truth))], at)
    # Where the recorder stops within the error, one line may still show what the other does not.
    assume((place is None) == (expected is None) or abs(at - clock) > 2)
    assert (place is None) == (expected is None)
    assert place is None or expected is None or abs(place.second - expected.second) <= 2


def test_a_recorder_whose_pause_nobody_told_runs_to_the_end() -> None:
    """What is known already changes nothing, and nothing is later. A recorder that paused had
    run.
    """

    def found(*marks: tuple[int, bool]) -> list[tuple[float, float]]:
        told = [(NINE + at * SECOND, runs) for at, runs in marks]
        right = [Reading(sent=NINE, theirs=NINE, received=NINE)]
        stretches = recorded(told, right, NINE, NINE - 20 * SECOND, NINE + 60 * SECOND)
        return [(each.starts_at / SECOND, each.length / SECOND) for each in stretches]

    assert found() == []
    assert found((5, False)) == [(-20, 25)]
    assert found((5, True)) == [(5, 55)]
    assert found((9, True), (20, False), (12, True), (30, False)) == [(9, 11)]
    assert found((9, True), (5, False), (20, False), (12, True)) == [(-20, 25), (9, 11)]
    assert found((5, True), (90, False), (80, True)) == [(5, 55)]
    assert found((-20, True), (10, False)) == [(-20, 30)]
    assert found((70, True)) == []


def test_hands_are_counted_by_minute() -> None:
    """Nobody is named; a minute in which none was raised is left out."""
    raised = [NINE + each * SECOND for each in (130, 5, 59, 60, 131)]
    assert hands_by_minute(raised, NINE) == (
        RaisedHands(5 * SECOND, 2),
        RaisedHands(60 * SECOND, 1),
        RaisedHands(130 * SECOND, 2),
    )


def test_the_line_is_file_by_file_in_order() -> None:
    """At one second the chapter comes first; what happened after the recording is left out."""
    moments = [
        *moments_of(
            [Chapter("Light", 75 * SECOND), Chapter("Waves", 12 * SECOND)],
            [RaisedHands(12 * SECOND, 3)],
        ),
        Moment(at=25 * SECOND, kind=LinePointKind.QUESTION, text="Why?", about_id="q1"),
    ]
    found = line_of(TRACKS, moments)
    assert [(each.item_id, each.second, each.kind, each.text) for each in found] == [
        ("a", 2, "CHAPTER", "Waves"),
        ("a", 2, "HANDS", ""),
        ("a", 10, "QUESTION", "Why?"),
        ("b", 5, "CHAPTER", "Light"),
    ]
    assert [each.count for each in found] == [0, 3, 0, 0]
    assert [each.kind for each in line_of(TRACKS[:1], moments)] == ["CHAPTER", "HANDS", "QUESTION"]
