"""The line of a recording: what happened in a class, laid on the time of its recorded files.

Two times meet here: the class's time (seconds from its real start, by the server's clock), and the
seconds of a file. A file contains stretches of the class's time, one after the other; between them
the recorder paused. What a meeting server recorded is told by its own clock; `skew` corrects that.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.sessions.domain.recorded_parts import (
    Chapter,
    RaisedHands,
    RecordedPart,
)

MINUTE = 60
END = 1.0
"""So many seconds beyond a file's end are its last moment: players round."""


@dataclass(frozen=True, slots=True)
class Track:
    """A recorded file on the class's time."""

    item_id: str
    stretches: tuple[tuple[float, float], ...]
    """Where each begins in the class's time, and its length, in seconds."""

    @property
    def seconds(self) -> float:
        """Return how long it is; infinite: unknown."""
        return sum(length for _, length in self.stretches)


@dataclass(frozen=True, slots=True)
class Place:
    """A second of a recorded file."""

    item_id: str
    second: float


class LinePointKind(StrEnum):
    """What a point on the line is; in this order where they are at one second."""

    CHAPTER = "CHAPTER"
    HANDS = "HANDS"
    QUESTION = "QUESTION"
    POLL_OPENED = "POLL_OPENED"
    POLL_CLOSED = "POLL_CLOSED"
    ANSWERED = "ANSWERED"


Order = tuple[float, int, float, str, str]
ORDER = {kind: place for place, kind in enumerate(LinePointKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened in a class, or was asked later at a moment of it."""

    at: timedelta
    """In the class's time."""
    kind: LinePointKind
    text: str = ""
    about_id: str = ""
    count: int = 0
    place: Place | None = None
    """Where it is, if it was asked at a second of a file; None: where the files show `at`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePoint:
    """A moment on the time of a recorded file."""

    item_id: str
    second: float
    at: timedelta
    kind: LinePointKind
    text: str = ""
    about_id: str = ""
    count: int = 0


def track_of(part: RecordedPart, seconds: float) -> Track:
    """Return a part on the class's time. `seconds`: the file's playing time; 0: unknown.

    Marks of a recorder and the length of its file differ by seconds: the file counts. What it has
    beyond its stretches follows the last one, and stretches beyond its end are not there.
    """
    if not part.stretches:
        return Track(part.item_id, ((part.starts_at_offset.total_seconds(), seconds or math.inf),))
    told = [(e.starts_at.total_seconds(), e.length.total_seconds()) for e in part.stretches]
    return Track(part.item_id, tuple(_fitted(told, seconds) if seconds else told))


def _fitted(
    stretches: Sequence[tuple[float, float]], seconds: float
) -> Iterator[tuple[float, float]]:
    """Yield stretches of a file that lasts some seconds."""
    left = seconds
    for place, (begin, length) in enumerate(stretches):
        is_last = place == len(stretches) - 1
        if left > 0:
            yield begin, left if is_last else min(length, left)
        left -= length


def place_of(tracks: Iterable[Track], at: float) -> Place | None:
    """Return where a recording shows a second of the class; in a pause, the next that it shows.

    Where several files show it, the first of them counts. None after the last stretch.
    """
    found = (_next(track, at) for track in tracks)
    waits = [each for each in found if each is not None]
    return min(waits, key=lambda each: each[0])[1] if waits else None


def places_of(tracks: Sequence[Track], moment: Moment) -> list[Place]:
    """Return all places at which files show a moment: where it was asked, and in each other file
    that shows it. If none does, the next second that was recorded; nothing after the last.
    """
    at = moment.at.total_seconds()
    own = [moment.place] if moment.place else []
    others = [each for each in tracks if not own or each.item_id != own[0].item_id]
    found = [*own, *(each[1] for track in others if (each := _next(track, at)) and not each[0])]
    following = place_of(tracks, at)
    return found or ([following] if following else [])


def _next(track: Track, at: float) -> tuple[float, Place] | None:
    """Return how long a second of the class waits to be shown, and where; None: for ever."""
    before = 0.0
    for begin, length in track.stretches:
        if at < begin + length:
            shown = max(begin, at)
            return shown - at, Place(track.item_id, before + shown - begin)
        before += length
    return None


def class_time_of(track: Track, second: float) -> float | None:
    """Return the second of the class that a second of a file shows; None outside of the file."""
    before = shown = 0.0
    for begin, length in track.stretches:
        if 0 <= second - before < length:
            return begin + second - before
        before, shown = before + length, begin + length
    return shown if before and before <= second < before + END else None


def class_second_of(tracks: Iterable[Track], item_id: str, second: float) -> float | None:
    """Return the second of the class that one of some files shows; None if the file is not among
    them, or outside of it.
    """
    track = next((each for each in tracks if each.item_id == item_id), None)
    return class_time_of(track, second) if track else None


def hands_by_minute(raised: Iterable[datetime], started_at: datetime) -> tuple[RaisedHands, ...]:
    """Return how many hands were raised in each minute of a class in which some were."""
    minutes: dict[int, list[timedelta]] = {}
    for at in sorted(each - started_at for each in raised):
        minutes.setdefault(int(at.total_seconds() // MINUTE), []).append(at)
    return tuple(RaisedHands(some[0], len(some)) for some in minutes.values())


def moments_of(chapters: Iterable[Chapter], hands: Iterable[RaisedHands]) -> Iterator[Moment]:
    """Yield the chapters and raised hands of a class."""
    for chapter in chapters:
        kind = LinePointKind.CHAPTER
        yield Moment(at=chapter.starts_at, kind=kind, text=chapter.title)
    for each in hands:
        yield Moment(at=each.at, kind=LinePointKind.HANDS, count=each.count)


def line_of(tracks: Sequence[Track], moments: Iterable[Moment]) -> list[LinePoint]:
    """Return moments on the time of the recorded files: file by file, by their seconds.

    What several files show is a point of each. What happened after the recording ended is left
    out. What is the same at one second, as hands of several minutes of a pause, is one point: the
    first, with the sum of the counts.
    """
    files = {track.item_id: number for number, track in enumerate(tracks)}
    points = dict[tuple[int, float, LinePointKind, str, str], LinePoint]()
    for moment in sorted(moments, key=lambda each: each.at):
        for place in places_of(tracks, moment):
            key = (files[place.item_id], place.second, moment.kind, moment.about_id, moment.text)
            before = points.get(key)
            new = _point(moment, place)
            points[key] = replace(before, count=before.count + new.count) if before else new
    return sorted(points.values(), key=lambda each: (files[each.item_id], *order_of(each)))


def order_of(point: LinePoint) -> Order:
    """Return what orders the points of a file; no two of them are equal in it. Of one kind at one
    second, as chapters of a pause, the earlier comes first. A digest stands for the text, so that
    it is short.
    """
    digest = hashlib.sha256(point.text.encode()).hexdigest()[:16]
    return point.second, ORDER[point.kind], point.at.total_seconds(), point.about_id, digest


def _point(moment: Moment, place: Place) -> LinePoint:
    return LinePoint(
        item_id=place.item_id,
        second=place.second,
        at=moment.at,
        kind=moment.kind,
        text=moment.text,
        about_id=moment.about_id,
        count=moment.count,
    )
