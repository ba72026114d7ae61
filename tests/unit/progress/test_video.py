"""Played segments of the xAPI video profile."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.intervals import measure, union
from services.progress.domain.video import MOST_VIOLATIONS, played, violations_of

REPOSITORY = Path(__file__).resolve().parents[3]
REAL = REPOSITORY.parent / "shared/data/xapi/fun-mooc-statements.json.gz"
EXTENSION = "https://w3id.org/xapi/video/extensions/"
NUMBERS = st.decimals(0, 10_000, places=3).map(float)


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
    assert violations_of(text, 400) == []
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
def test_malformed_segments_are_told(text: str) -> None:
    """Text that is no segment is a violation that shows it and the right form."""
    (violation, *_) = violations_of(text, 0)
    assert violation.field == "video.played_segments"
    assert "0[.]42.6" in violation.right


def test_a_segment_does_not_end_before_it_starts() -> None:
    """Time runs forward within a segment; across them it may go back."""
    assert violations_of("5[.]4", 0)
    assert not violations_of("5[.]6[,]1[.]2", 0)


def test_segments_lie_within_the_length_as_far_as_clocks_agree() -> None:
    """A second beyond the end is a player's clock, more is a fault."""
    assert not violations_of("0[.]100.9", 100)
    assert violations_of("0[.]101.5", 100)
    assert not violations_of("0[.]101.5", 0)


def test_violations_of_a_hostile_text_are_few() -> None:
    """A hundred thousand characters of nonsense give a handful of faults."""
    assert len(violations_of("x[,]" * 25_000, 0)) == MOST_VIOLATIONS


@given(st.lists(st.tuples(NUMBERS, NUMBERS).map(lambda pair: (min(pair), max(pair)))))
def test_what_is_written_is_read(segments: list[tuple[float, float]]) -> None:
    """Any list of segments, written as the profile says, is read back."""
    text = "[,]".join(f"{start:.3f}[.]{end:.3f}" for start, end in segments)
    assert violations_of(text, 0) == []
    assert list(played(text)) == segments


@given(st.text())
def test_any_text_is_read_or_told(text: str) -> None:
    """Any text parses; text without violations consists of segments."""
    if not violations_of(text, 0):
        assert all(0 <= start <= end for start, end in played(text))


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
                assert violations_of(text, length) == []
                assert measure(union(played(text))) <= length
    assert seen == 10_449
