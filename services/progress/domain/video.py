"""Played segments, as the xAPI video profile writes them (1.0.3, section 2.4).

    0[.]42.608[,]43.168[.]124.692[,]176.4

Segments are separated by `[,]`, a segment's start and end by `[.]`, in seconds with up to
millisecond precision. A last segment without end is where the player continued and has not stopped
yet (players report a seek like this): nothing of it has been played. Only segments say what was
watched; `time-from` of a seek says where playing stopped, but not where it began.
"""

import re
from collections.abc import Iterator
from itertools import islice

from chassis.errors import FieldViolation
from services.progress.domain.intervals import Interval

# JavaScript writes very small numbers with an exponent: 1e-7.
_NUMBER = r"\d{1,12}(?:\.\d{1,20})?(?:[eE]-\d{1,2})?"
_SEGMENT = re.compile(rf"({_NUMBER})\[\.\]({_NUMBER})", re.ASCII)
_BEGUN = re.compile(_NUMBER, re.ASCII)
FIELD = "video.played_segments"
RIGHT = "seconds as 0[.]42.6[,]124.7[.]176.4"
# A player's clock and an item's length need not agree to the last frame.
TOLERANCE = 1.0
MOST_VIOLATIONS = 10


def played(text: str) -> tuple[Interval, ...]:
    """Return the segments that have an end, in the order of the text, which must be well-formed."""
    return tuple(
        (float(match[1]), float(match[2]))
        for match in map(_SEGMENT.fullmatch, _pieces(text))
        if match
    )


def violations_of(text: str, length: float) -> list[FieldViolation]:
    """Return what is wrong with played segments of an item of `length` seconds (0: unknown).

    At most the first `MOST_VIOLATIONS` violations.
    """
    pieces = _pieces(text)
    found = (
        violation
        for place, piece in enumerate(pieces)
        for violation in _piece_violations(piece, length, place == len(pieces) - 1)
    )
    return list(islice(found, MOST_VIOLATIONS))


def _pieces(text: str) -> list[str]:
    return text.split("[,]") if text else []


def _piece_violations(piece: str, length: float, is_last: bool) -> Iterator[FieldViolation]:
    match = _SEGMENT.fullmatch(piece)
    if match is None:
        if not (is_last and _BEGUN.fullmatch(piece)):
            yield FieldViolation(FIELD, f"has {piece[:40]!r}, which is no segment", RIGHT)
        return
    start, end = float(match[1]), float(match[2])
    if end < start:
        yield FieldViolation(FIELD, f"has {piece[:40]!r}, which ends before it starts", RIGHT)
    if length and end > length + TOLERANCE:
        yield FieldViolation(
            FIELD, f"has {piece[:40]!r}", f"segments within the length of {length:g} s"
        )
