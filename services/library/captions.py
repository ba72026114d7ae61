"""Reads captions in WebVTT (W3C WebVTT, section 4.1), to see that a player shows all of them.

Only the probe's process imports this. Players skip a cue that they can't read, and so do the
libraries for WebVTT. Here it is a fault, because its uploader can correct it.
"""

import html
import io
import re
from collections.abc import Sequence
from itertools import groupby

from services.library.domain.verification import Fault
from services.library.ranges import SHORTEST, RangedFile

# Bytes. The captions of a day have one or two of these.
LONGEST = 8 * 2**20
_LINE_END = re.compile(r"\r\n|\r|\n")
_HEADER = re.compile(r"WEBVTT([ \t].*)?")
# Blocks that are no cues: a comment, a style sheet, a region.
_ASIDE = re.compile(r"NOTE([ \t].*)?|(STYLE|REGION)[ \t]*")
_TAG = re.compile(r"<[^>]*>")
_TIME = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMINGS = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}([ \t].*)?", re.ASCII)

Block = tuple[int, list[str]]
"""Lines without a blank one between them, and the number of the first."""


def open_captions(file: RangedFile) -> None:
    """Read captions. Raises Fault if one of them can't be read."""
    header, *blocks = _blocks(_text(file)) or [(1, [""])]
    if not _HEADER.fullmatch(header[1][0]):
        raise Fault("its first line is not WEBVTT")
    cues = [block for block in blocks if not _ASIDE.fullmatch(block[1][0])]
    if not cues:
        raise Fault("it has no cues")
    for number, lines in cues:
        _check_cue(number, lines)


def cues_of(file: RangedFile) -> list[str]:
    """Return the texts of the cues that can be read, without their tags (section 4.2.2)."""
    cues = []
    for _, lines in _blocks(_text(file))[1:]:
        shown = [at for at, line in enumerate(lines[:2]) if _TIMINGS.fullmatch(line)]
        if shown:
            text = "\n".join(lines[shown[0] + 1 :])
            cues.append(html.unescape(_TAG.sub("", text)))
    return cues


def _text(file: RangedFile) -> str:
    content = io.BufferedReader(file, SHORTEST).read(LONGEST + 1)
    if len(content) > LONGEST:
        raise Fault(f"it has more than {LONGEST} bytes")
    return content.decode("utf-8-sig")


def _blocks(text: str) -> list[Block]:
    blocks, number = list[Block](), 1
    for is_blank, lines in groupby(_LINE_END.split(text), key=lambda line: not line):
        block = list(lines)
        if not is_blank:
            blocks.append((number, block))
        number += len(block)
    return blocks


def _check_cue(number: int, lines: list[str]) -> None:
    """Check the cue whose first line has a number: perhaps a name, then its timings, its text."""
    before, after = ([], lines) if "-->" in lines[0] else (lines[:1], lines[1:])
    at = number + len(before)
    timings = _TIMINGS.fullmatch(after[0]) if after else None
    if timings is None:
        raise Fault(f"line {at} has no timings, such as 00:01.000 --> 00:04.000")
    if _milliseconds(timings.groups()[:4]) >= _milliseconds(timings.groups()[4:8]):
        raise Fault(f"the cue in line {at} ends before it begins")
    if any("-->" in line for line in after[1:]):
        raise Fault(f"no blank line ends the cue in line {at}")


def _milliseconds(time: Sequence[str | None]) -> int:
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in time)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds
