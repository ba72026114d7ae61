"""Damaged and hostile files, made of good ones: `python -m tests.unit.library.damage`.

As a process it opens all of them with the limits of a probe, and prints the verdicts as JSON. With
a number as its argument it makes the renditions of every so manieth file instead, each as a maker
does.
"""

import io
import json
import os
import random
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import av

from services.library import captions, datasets, documents, maker, probe
from services.library.confined import confine
from services.library.domain import renditions, types
from services.library.ranges import RangedFile
from services.library.task import Task
from tests.unit.library import examples
from tests.unit.library.test_ranges import Ranges

GOOD = {
    "video/mp4": examples.film("mp4", "libx264"),
    "video/webm": examples.film("webm", "libvpx"),
    "video/avi": examples.film("avi", "mpeg4"),
    "video/ogg": examples.film("ogg", "libvpx"),
    "audio/mpeg": examples.sound("mp3", "libmp3lame"),
    "audio/aac": examples.sound("adts", "aac"),
    "audio/ogg": examples.sound("ogg", "libopus"),
    "audio/flac": examples.sound("flac", "flac"),
    "audio/wav": examples.wav(4),
    "audio/mp4": examples.sound("ipod", "aac"),
    types.PDF: examples.pdf(3),
    types.EPUB: examples.EPUB,
    types.PPTX: examples.PPTX,
    types.ODP: examples.ODP,
    types.XLSX: examples.XLSX,
    types.JSON: examples.JSON,
    types.PARQUET: examples.PARQUET,
    types.HDF5: examples.hdf5(),
    types.VTT: examples.VTT,
}
CUTS, FLIPPED, SEED = 12, 20, 2026
SECONDS = 4.0  # of the good ones
SIDE = 20_000  # of a huge picture, 400 megapixels

Case = tuple[str, str, bytes]
"""What was done to the file, its announced type, its bytes."""


def cases() -> Iterator[Case]:
    """Yield every damaged file; its first word says how it was damaged."""
    for media_type, content in GOOD.items():
        yield "empty", media_type, b""
        yield from (
            (f"cut at {place}/{CUTS}", media_type, content[: len(content) * place // CUTS])
            for place in range(1, CUTS)
        )
        yield from (
            (f"flipped {number}", media_type, _flipped(content, random.Random(SEED + number)))
            for number in range(FLIPPED)
        )
        yield from (
            (f"named {media_type}", other, content)
            for other in GOOD
            if other.split("/")[0] != media_type.split("/")[0]
        )
    yield from _hostile_archives()
    yield from _hostile_media()


def _flipped(content: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(chance.choice([1, 5, 50])):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _hostile_archives() -> Iterator[Case]:
    inside = examples.EPUB
    for _ in range(20):
        inside = _packed({**examples.BOOK, "more.zip": inside})
    yield "nested archives", types.EPUB, inside
    spaces = " " * (documents.LONGEST_XML + 1)
    yield "bomb as its container", types.EPUB, _with(types.EPUB, "META-INF/container.xml", spaces)
    yield "bomb as its package", types.EPUB, _with(types.EPUB, "book.opf", spaces)
    yield "bomb as its content", types.ODP, _with(types.ODP, "content.xml", spaces)
    laughs = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    yield "bomb of entities", types.EPUB, _with(types.EPUB, "META-INF/container.xml", laughs)
    many = dict.fromkeys((f"{place}" for place in range(documents.MOST_ENTRIES)), "")
    yield "bomb of entries", types.EPUB, _packed({**examples.BOOK, **many})
    yield "bomb by its sizes", types.EPUB, _swollen(examples.EPUB)
    yield "lacks a spine", types.EPUB, _with(types.EPUB, "book.opf", "<package/>")
    yield "lacks a package", types.EPUB, _with(types.EPUB, "META-INF/container.xml", "<container/>")
    yield "lacks pages", types.PDF, examples.pdf(0)
    yield "bomb of brackets", types.JSON, b"[" * 1_000_000
    yield "bomb of values", types.JSON, b"[" + b"[]," * 10_000_000 + b"[]]"
    yield "bomb of bytes", types.JSON, b" " * (datasets.LONGEST_JSON + 1)
    yield "bomb in a line", types.CSV, b"a" * (datasets.LONGEST_LINE + 1)
    yield "bomb in a cell", types.CSV, b'"' + b"a\n" * datasets.LONGEST_CELL + b'"'
    yield "bomb of captions", types.VTT, b"WEBVTT\n\n" + b"\n" * captions.LONGEST
    yield "locked", types.PDF, examples.pdf(1, "secret")


def _hostile_media() -> Iterator[Case]:
    good = GOOD["video/mp4"]
    at = good.index(b"moov")
    yield "lacks moov", "video/mp4", good[: at - 4]
    yield "huge as told", "video/quicktime", _of_pictures(12_000)
    yield "huge and told small", "video/quicktime", _of_pictures(64)
    yield (
        "playlist",
        "video/mp4",
        b"#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/a.mp4\n#EXT-X-ENDLIST\n",
    )
    yield "playlist of files", "video/mp4", b"ffconcat version 1.0\nfile /etc/passwd\n"
    yield "noise", "video/mp4", random.Random(SEED).randbytes(100_000)
    yield "covered", "audio/mpeg", _covered(GOOD["audio/mpeg"])


def _with(media_type: str, name: str, content: str) -> bytes:
    """A good document with one entry replaced."""
    with zipfile.ZipFile(io.BytesIO(GOOD[media_type])) as archive:
        entries = {each: archive.read(each) for each in archive.namelist()}
    return _packed({**entries, name: content})


def _packed(entries: dict[str, Any]) -> bytes:
    return examples.zipped(entries)


def _swollen(archive: bytes) -> bytes:
    """A ZIP file whose directory tells four gibibytes for each entry."""
    swollen, at = bytearray(archive), archive.find(b"PK\x01\x02")
    while at >= 0:
        swollen[at + 24 : at + 28] = b"\xf0\xff\xff\xff"
        at = archive.find(b"PK\x01\x02", at + 1)
    return bytes(swollen)


def _picture() -> bytes:
    """A black picture of 400 megapixels in 50 KiB (PNG)."""
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((1 + SIDE // 8) * SIDE))
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def _of_pictures(told: int) -> bytes:
    """A film of huge pictures, whose header tells `told` pixels a side."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mov") as container:
        stream = container.add_mux_stream("png", rate=4, width=told, height=told)
        for place in range(4):
            packet = av.Packet(_picture())
            packet.stream, packet.pts, packet.dts = stream, place, place
            container.mux(packet)
    return buffer.getvalue()


def _covered(sound: bytes) -> bytes:
    """An MP3 file with a huge picture as its cover (ID3 2.3, section 4.15)."""
    frame = b"\0image/png\0\x03\0" + _picture()
    frame = b"APIC" + struct.pack(">I", len(frame)) + b"\0\0" + frame
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + frame + sound[sound.index(b"\xff\xfb") :]


def main() -> None:
    """Print the verdict on each case."""
    every = list(cases())
    for media_type in GOOD:
        probe.load(media_type)
    confine(probe.LIMITS)
    for how, media_type, content in every:
        file = RangedFile(Ranges(content), len(content), probe.MOST_READ)
        verdict = asdict(probe.examine(media_type, file))
        print(json.dumps({"how": how, "media_type": media_type, **verdict}))


def make_all(step: int) -> None:
    """Make the renditions of each case in a process of its own; print what each says, or how it
    ended.
    """
    for how, media_type, content in [*cases()][::step]:
        for name in renditions.planned(media_type):
            make, told = maker.maker_of(name), {"how": how, "type": media_type, "name": name}
            sys.stdout.flush()
            if not (child := os.fork()):
                confine(maker.limits(name, SECONDS))
                answer = maker.attempt(make, _task(name, media_type, content))
                print(json.dumps({**told, **answer}), flush=True)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            if status:
                print(json.dumps({**told, "status": status}), flush=True)


def _task(name: str, media_type: str, content: bytes) -> Task:
    file = RangedFile(Ranges(content), len(content), maker.most_read(len(content)))
    return Task(name, media_type, SECONDS, file, io.BytesIO(), io.BytesIO(), lambda _: None)


if __name__ == "__main__":
    if sys.argv[1:]:
        make_all(int(sys.argv[1]))
    else:
        main()
