"""Played segments of the xAPI video profile."""

import gzip
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.intervals import measure, union
from services.progress.domain.video import MOST_FAULTS, VideoExtensions, faults_of, normal, played

REPOSITORY = Path(__file__).resolve().parents[3]
REAL = REPOSITORY.parent / "shared/data/xapi/fun-mooc-statements.json.gz"
EXTENSION = "https://w3id.org/xapi/video/extensions/"
NUMBERS = st.decimals(0, 10_000, places=3).map(float)


def _faults(text: str, length: float = 0) -> list[str]:
    return faults_of(VideoExtensions(length=length, played_segments=text))


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", ()),
        ("0[.]42.6", ((0, 42.6),)),
        ("0[.]42.608[,]43.168[.]124.692[,]176.4", ((0, 42.608), (43.168, 124.692))),
        ("38.29", ()),
        ("0[.]0[,]0.067[.]390.377", ((0, 0), (0.067, 390.377))),
        ("10[.]20[,]0[.]5", ((10, 20), (0, 5))),
        ("1e-7[.]5", ((1e-7, 5),)),
    ],
)
def test_what_players_send_is_read(text: str, segments: tuple[tuple[float, float], ...]) -> None:
    """Segments with an end are read in their order; one just begun has played nothing."""
    assert _faults(text, 400) == []
    assert played(text) == segments


@pytest.mark.parametrize(
    "text",
    [
        "0[.]",
        "[.]5",
        "0[.]5[,]",
        "[,]",
        "5[,]6[.]7",
        "a[.]b",
        "-1[.]5",
        "nan[.]5",
        "0[.]inf",
        "0[.]1_0",
        "0[.]5[.]6",
        "0[.]5,6[.]7",
        " 0[.]5",
        "0[.]1e99",
        "0[.]٣",
        "9" * 13 + "[.]" + "9" * 14,
        "0[.]5\n",
    ],
)
def test_a_malformed_piece_counts_nothing_and_is_told(text: str) -> None:
    """Text that is no segment is told; segments before and after it count."""
    (fault, *_) = _faults(text)
    assert "played segment" in fault
    assert "counts nothing" in fault
    whole = f"10[.]20[,]{text}[,]30[.]40"
    assert {(10.0, 20.0), (30.0, 40.0)} <= set(played(whole))
    assert _faults(whole)


@pytest.mark.parametrize("text", ["5[.]4", "176.4[.]175.9", "0[.]NaN", "NaN[.]NaN", "0[.]Infinity"])
def test_a_faulty_segment_counts_nothing_and_the_rest_counts(text: str) -> None:
    """A reversed segment and one whose end is no number are told; the others are read."""
    assert _faults(text)
    assert played(text) == ()
    assert played(f"1[.]2[,]{text}[,]3[.]4") == ((1, 2), (3, 4))


def test_time_may_go_back_between_segments() -> None:
    """A learner who seeks back starts a new segment, which is no fault."""
    assert not _faults("5[.]6[,]1[.]2")


def test_a_segment_beyond_the_length_is_told_as_far_as_clocks_disagree() -> None:
    """A second beyond the end is a player's clock; more is told, and one of the two is wrong."""
    assert not _faults("0[.]100.9", 100)
    assert _faults("0[.]101.5", 100)
    assert not _faults("0[.]101.5", 0)
    assert played("0[.]101.5") == ((0, 101.5),)


def test_faults_of_a_hostile_text_are_few() -> None:
    """A hundred thousand characters of nonsense give a handful of faults."""
    assert len(_faults("x[,]" * 25_000)) == MOST_FAULTS


@pytest.mark.parametrize("length", [math.nan, math.inf, -math.inf, -1.0, 1e300])
def test_a_length_that_is_no_time_counts_as_not_told(length: float) -> None:
    """It is told, and stored as not told; what was played stays."""
    video = VideoExtensions(length=length, time=5.0, played_segments="0[.]5")
    (fault,) = faults_of(video)
    assert fault.startswith("length is")
    assert normal(video) == VideoExtensions(time=5.0, played_segments="0[.]5")


PIECES = st.sampled_from(["0[.]5", "9[.]2", "7", "Zebulon", "", "1e-7[.]3", "\x00", "٣[.]5"])


@given(st.one_of(st.text(), st.lists(PIECES).map("[,]".join)))
def test_of_a_text_segments_are_kept_and_nothing_else(text: str) -> None:
    """No words of anybody get into an event; what was played is the same, and so a second time."""
    kept = normal(VideoExtensions(played_segments=text))
    assert played(kept.played_segments) == played(text)
    assert set(kept.played_segments) <= set("0123456789.eE-[],")
    assert normal(kept) == kept


@given(st.lists(st.tuples(NUMBERS, NUMBERS).map(lambda pair: (min(pair), max(pair)))))
def test_what_is_written_is_read(segments: list[tuple[float, float]]) -> None:
    """Any list of segments, written as the profile says, is read back."""
    text = "[,]".join(f"{start:.3f}[.]{end:.3f}" for start, end in segments)
    assert _faults(text) == []
    assert list(played(text)) == segments


@given(st.text())
def test_any_text_is_read_or_told(text: str) -> None:
    """Any text parses: what is read are segments, and what is not read is told."""
    assert all(0 <= start <= end for start, end in played(text))
    pieces = text.split("[,]") if text else []
    if not _faults(text):
        assert len(played(text)) >= len(pieces) - 1


@pytest.mark.skipif(not REAL.exists(), reason="the real statements are not here")
def test_real_statements_are_read() -> None:
    """All played segments of 22,000 real statements parse, and stay within their video."""
    seen = 0
    with gzip.open(REAL, "rt") as lines:
        for line in lines:
            said = json.loads(line)
            extensions = {
                **said.get("result", {}).get("extensions", {}),
                **said.get("context", {}).get("extensions", {}),
            }
            text = extensions.get(f"{EXTENSION}played-segments")
            if text is not None:
                seen += 1
                length = extensions.get(f"{EXTENSION}length", 0)
                assert _faults(text, length) == []
                assert measure(union(played(text))) <= length
    assert seen == 10_449
