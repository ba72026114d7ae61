"""Which renditions the library makes of an item's file, and what they are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.library.domain import types
from services.library.domain.items import Rendition

ORIGINAL = "original"
TEXT, COVER, POSTER, AUDIO = "text", "cover", "poster", "audio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One quality of a film: at most this many lines, and bits per second of its pictures."""

    height: int
    bits_per_second: int


RUNGS: Mapping[str, Rung] = {
    "240p": Rung(height=240, bits_per_second=250_000),
    "480p": Rung(height=480, bits_per_second=900_000),
    "720p": Rung(height=720, bits_per_second=2_200_000),
}
"""The qualities of a film, lowest first; together they are the ladder of its HLS playlist."""

SOUND_BITS = 96_000
"""Bits per second of sound, alone and with pictures."""

# Shares of the work: a quality costs by its pixels.
WEIGHTS: Mapping[str, int] = {
    TEXT: 2,
    COVER: 1,
    POSTER: 1,
    AUDIO: 4,
    "240p": 8,
    "480p": 20,
    "720p": 40,
}

_DOCUMENT = (TEXT, COVER)
_FILM = (POSTER, AUDIO, *RUNGS)


def planned(media_type: str) -> tuple[str, ...]:
    """Return the names of the renditions that are made of a file of a type, in their order."""
    if media_type in (types.PDF, types.EPUB):
        return _DOCUMENT
    if media_type in (types.VTT, types.TEXT, types.MARKDOWN):
        return (TEXT,)
    if media_type.startswith("video/"):
        return _FILM
    return (AUDIO,) if media_type.startswith("audio/") else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What is known of a file that was made, beside its bytes."""

    media_type: str
    width: int = 0
    height: int = 0
    bits_per_second: int = 0
    """The most that any segment of it needs; 0: it is not played."""
    codecs: str = ""
    """As in RFC 6381; empty: it is not played."""
    pages: int = 0
    """How many pages the item has; 0: not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMade:
    """Why a rendition was not made. `is_fault`: False if the item has nothing to make it from."""

    reason: str
    is_fault: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a reader wants of an item: a rendition by its name, or the best one that has at most so
    many bytes and needs at most so many bits per second; empty: any.
    """

    rendition: str = ""
    most_bytes: int = 0
    bits_per_second: int = 0


def fitting(files: Iterable[Rendition], seconds: float, wish: Wish) -> list[Rendition]:
    """Return the renditions that fit a wish, the best first. `seconds`: the item's playing time."""
    if wish.rendition:
        return [file for file in files if file.name == wish.rendition]
    some = [file for file in files if file.name not in (COVER, POSTER)]
    return sorted(
        (
            file
            for file in some
            if (not wish.most_bytes or file.size <= wish.most_bytes)
            and (not wish.bits_per_second or bits_of(file, seconds) <= wish.bits_per_second)
        ),
        key=_worth,
        reverse=True,
    )


def bits_of(file: Rendition, seconds: float) -> int:
    """Return the bits per second that a file needs; 0 if it is not played. Of an original, for
    which they are not known, the mean.
    """
    if file.bits_per_second or not seconds or not types.may_play(file.media_type):
        return file.bits_per_second
    return round(8 * file.size / seconds)


def described(files: Iterable[Rendition], seconds: float) -> str:
    """Return renditions as a text: their names, bytes, and bits per second."""
    return ", ".join(
        f"{file.name} ({file.size} bytes"
        + (f", {bits} bits per second)" if (bits := bits_of(file, seconds)) else ")")
        for file in files
    )


def _worth(file: Rendition) -> int:
    """Return how good a rendition is: the original is best, then more lines, then less than all."""
    if file.name == ORIGINAL:
        return len(RUNGS) + 1
    return 1 + list(RUNGS).index(file.name) if file.name in RUNGS else 0
