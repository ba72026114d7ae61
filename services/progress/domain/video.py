"""Played segments, as the xAPI video profile writes them (1.0.3, section 2.4).

    0[.]42.608[,]43.168[.]124.692[,]176.4

Segments are separated by `[,]`, a segment's start and end by `[.]`, in seconds with up to
millisecond precision. A last segment without end is where the player continued and has not stopped
yet (players report a seek like this): nothing of it has been played. Only segments say what was
watched; `time-from` of a seek says where playing stopped, but not where it began.

Players write faulty pieces, for example a segment that ends before it starts, after a short seek
back. A faulty piece counts nothing, and the others count.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from services.progress.domain.intervals import Interval

# JavaScript writes very small numbers with an exponent: 1e-7.
_NUMBER = r"\d{1,12}(?:\.\d{1,20})?(?:[eE]-\d{1,2})?"
_SEGMENT = re.compile(rf"({_NUMBER})\[\.\]({_NUMBER})", re.ASCII)
_BEGUN = re.compile(_NUMBER, re.ASCII)
# Of a time in seconds, as of a segment's.
LATEST = 1e12
# A player's clock and an item's length need not agree to the last frame.
TOLERANCE = 1.0
MOST_FAULTS = 10


@dataclass(frozen=True, slots=True)
class VideoExtensions:
    """The extensions of the video profile, in seconds."""

    length: float = 0.0
    time: float = 0.0
    time_from: float = 0.0
    time_to: float = 0.0
    played_segments: str = ""


TIMES = ("length", "time", "time_from", "time_to")


def normal(video: VideoExtensions) -> VideoExtensions:
    """Return the extensions with 0, which means not told, for each time that is no time, and
    without pieces that are no segments: an event must have no text that somebody wrote freely.

    Players send a length of NaN before they know it.
    """
    segments = _only_segments(video.played_segments)
    if not _faulty_times(video) and segments == video.played_segments:
        return video
    length, time, time_from, time_to = (
        each if _is_time(each) else 0.0
        for each in (video.length, video.time, video.time_from, video.time_to)
    )
    return VideoExtensions(length, time, time_from, time_to, segments)


def played(text: str) -> tuple[Interval, ...]:
    """Return the segments that have an end, in the order of the text, without faulty pieces."""
    return tuple(_segments(text))


def is_played(text: str) -> bool:
    """Return whether any of the segments has playing time."""
    return any(start < end for start, end in _segments(text))


def faults_of(video: VideoExtensions) -> list[str]:
    """Return what is faulty in the extensions, and what of it counts.

    At most the first `MOST_FAULTS` faults of the segments.
    """
    times = [
        f"{name} is {getattr(video, name)}, which counts as not told"
        for name in _faulty_times(video)
    ]
    return times + list(islice(_segment_faults(video.played_segments, video.length), MOST_FAULTS))


def _segments(text: str) -> Iterator[Interval]:
    for match in map(_SEGMENT.fullmatch, _pieces(text)):
        if match:
            start, end = float(match[1]), float(match[2])
            if start <= end:
                yield start, end


def _faulty_times(video: VideoExtensions) -> list[str]:
    if all(map(_is_time, (video.length, video.time, video.time_from, video.time_to))):
        return []  # nearly always
    return [name for name in TIMES if not _is_time(getattr(video, name))]


def _is_time(seconds: float) -> bool:
    return 0.0 <= seconds < LATEST  # a comparison with NaN is false


def _pieces(text: str) -> list[str]:
    return text.split("[,]") if text else []


def _only_segments(text: str) -> str:
    """Return the pieces that are segments, and the last one's start."""
    pieces = _pieces(text)
    last = len(pieces) - 1
    return "[,]".join(
        piece
        for place, piece in enumerate(pieces)
        if _SEGMENT.fullmatch(piece) or (place == last and _BEGUN.fullmatch(piece))
    )


def _segment_faults(text: str, length: float) -> Iterator[str]:
    pieces = _pieces(text)
    for place, piece in enumerate(pieces):
        fault = _fault(piece, length, place == len(pieces) - 1)
        if fault:
            yield f"played segment {piece[:40]!r} {fault}"


def _fault(piece: str, length: float, is_last: bool) -> str:
    """Return what is wrong with a piece; empty if it is a segment, or the last one's start."""
    match = _SEGMENT.fullmatch(piece)
    if match is None:
        is_begun = is_last and _BEGUN.fullmatch(piece)
        return "" if is_begun else "is no segment, and counts nothing"
    start, end = float(match[1]), float(match[2])
    if end < start:
        return "ends before it starts, and counts nothing"
    if 0.0 < length < end - TOLERANCE:
        return f"ends after {length:g} s, the length told; it counts within the item's length"
    return ""
