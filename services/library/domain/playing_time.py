"""The playing time of an MP4 or QuickTime file, from its movie header.

ISO/IEC 14496-12: a file is boxes of a 32-bit size and a type (section 4.2); `moov` holds `mvhd`
(section 8.2.2) with a timescale, ticks a second, and a duration in ticks. Reads a few dozen bytes
of a file of any size. Other formats: their announced playing time is believed.
"""

import struct
from collections.abc import Callable, Iterator

Read = Callable[[int, int], bytes]
"""Bytes at an offset, so many or fewer where the file ends."""
# A file of a university has a handful of top-level boxes; a hostile one may have millions.
MOST_BOXES = 200
LONGEST = 7 * 24 * 3600.0


def seconds_of(read: Read, size: int) -> float:
    """Seconds; 0 where the file tells none that can be believed."""
    for kind, start, end in _boxes(read, 0, size):
        if kind == b"moov":
            for inner, inner_start, _ in _boxes(read, start, end):
                if inner == b"mvhd":
                    return _duration(read(inner_start, 32))
    return 0.0


def _boxes(read: Read, offset: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, first byte of the content and first byte after it, of each box."""
    for _ in range(MOST_BOXES):
        head = read(offset, 16) if offset + 8 <= end else b""
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        start = offset + 8
        if size == 1 and len(head) == 16:
            (size,), start = struct.unpack(">Q", head[8:]), offset + 16
        last = end if size == 0 else offset + size
        if last <= offset or last > end or last < start:
            return
        yield kind, start, last
        offset = last


def _duration(content: bytes) -> float:
    """Of a movie header: version, flags, two times, timescale, duration (32 or 64 bits)."""
    form, skip = (">IQ", 20) if content[:1] == b"\x01" else (">II", 12)
    if len(content) < skip + struct.calcsize(form):
        return 0.0
    scale, ticks = struct.unpack_from(form, content, skip)
    seconds = ticks / scale if scale else 0.0
    return float(seconds) if seconds <= LONGEST else 0.0
