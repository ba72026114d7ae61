"""What a stored file truly is: its media types by its bytes, and its playing time.

Whatever is not in the first or last bytes is read by ranges, and only so much: a hostile file costs
no more memory and time than an honest one.
"""

import codecs
import io
import zipfile
from collections.abc import Callable, Mapping
from typing import BinaryIO, cast

import puremagic
import structlog
from tinytag import TinyTag

from services.library.domain import types
from services.library.ports import FilesAway

Read = Callable[[int, int], bytes]
"""Bytes of the stored file: (offset, length)."""

# Enough for a PDF's or a ZIP file's signature, and for a text to show that it is none.
HEAD = 8192
# Readers accept a PDF whose header is within its first KiB (ISO 32000-1, annex H, note 13).
PDF_WITHIN = 1024
# What is shorter begins too many files by chance.
SHORTEST_SIGNATURE = 4
# Containers that say in bytes 8 to 12 what they hold (RIFF; EA IFF 85).
_FORMS = {
    b"RIFF": {b"WAVE": {"audio/wav"}, b"AVI ": {"video/avi"}},
    b"FORM": {b"AIFF": {"audio/aiff"}, b"AIFC": {"audio/aiff"}},
}
# Major brands of pictures and their sequences in the container of MP4 (ISO/IEC 23008-12; AV1 Image
# File Format, section 6; Canon's raw ones). All else in it is sound or film.
_PICTURE_BRANDS = frozenset(
    b"mif1 msf1 heic heix heim heis hevc hevx hevm hevs avci avcs avif avis jpeg jpgs".split()
) | {b"crx "}
# Twelve bits set, then the version, and a layer of 0.
_ADTS = (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9")
SHORTEST_ADTS = 7
BLOCK = 64 * 1024
# 8 MiB: the movie header of a film of many hours has some; a hostile index would have more.
MOST_BLOCKS = 128
# What an entry `mimetype` may make of a ZIP file; of all else there is proof, or it is a ZIP file.
_SAID_IN_ZIP = {types.EPUB, types.ODP, types.ODT}
# A film has some dozens of boxes to be looked at; a hostile one may have millions of empty ones.
MOST_READS = 20_000

log = structlog.get_logger()


class TooMuch(OSError):
    """A file that wants more of its bytes to be read than any honest one."""


class StoredFile:
    """A seekable file over ranged reads, in blocks. `parts`: bytes known already, by offset.

    Reading raises TooMuch beyond MOST_BLOCKS or MOST_READS, and what `read` raises; the latter is
    also kept in `failure`, for those who read through libraries that catch what they don't know.
    """

    def __init__(self, read: Read, size: int, parts: Mapping[int, bytes]) -> None:
        self._read, self._size, self._parts = read, size, dict(parts)
        self._at, self._left, self._reads = 0, MOST_BLOCKS, MOST_READS
        self.failure: Exception | None = None

    def readable(self) -> bool:
        """As files have it."""
        return True

    def seekable(self) -> bool:
        """As files have it."""
        return True

    def tell(self) -> int:
        """As files have it."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As files have it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("before the first byte")
        self._at = base + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """As files have it: all that was asked for, unless the file ends."""
        left = max(0, self._size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        self._reads -= 1
        if wanted > MOST_BLOCKS * BLOCK or self._reads < 0:
            raise TooMuch(f"{wanted} bytes, with {max(0, self._reads)} reads left")
        pieces = []
        while wanted:
            piece = self._piece()[:wanted]
            pieces.append(piece)
            wanted -= len(piece)
            self._at += len(piece)
        return b"".join(pieces)

    def _piece(self) -> bytes:
        """Some bytes from where we are; at least one, as we are before the end."""
        for offset, part in self._parts.items():
            if offset <= self._at < offset + len(part):
                return part[self._at - offset :]
        if not self._left:
            raise TooMuch(f"more than {MOST_BLOCKS} blocks of {BLOCK} bytes")
        self._left -= 1
        part = self._fetch(min(BLOCK, self._size - self._at))
        self._parts[self._at] = part
        return part

    def _fetch(self, length: int) -> bytes:
        try:
            part = self._read(self._at, length)
        except Exception as error:
            self.failure = error
            raise
        if len(part) != length:
            self.failure = FilesAway(f"{len(part)} bytes came where {length} are")
            raise self.failure
        return part


def types_of(file: StoredFile) -> frozenset[str]:
    """Every media type that a file's bytes fit; none where they fit no known one.

    Raises FilesAway, NoSuchUpload.
    """
    file.seek(0)
    head = file.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        return _in_zip(file)
    # A text may begin with the letters of any signature; of what it could be, only a PDF is none.
    found = {types.TEXT} if _is_text(head) else _by_signature(head)
    if b"%PDF-" in head[:PDF_WITHIN]:
        found.add(types.PDF)
    return frozenset(found)


def seconds_of(file: StoredFile) -> float:
    """Seconds of playing time; 0 where the file does not tell. Raises FilesAway, NoSuchUpload."""
    file.seek(0)
    try:
        media = TinyTag.get(file_obj=cast(BinaryIO, file), tags=False)
        seconds = float(media.duration or 0.0)
    except Exception as error:  # a stranger's bytes upset it in more ways than it documents
        log.info("a file does not tell its playing time", why=repr(error)[:200])
        seconds = 0.0
    if file.failure:
        raise file.failure
    return seconds if 0 < seconds < types.LONGEST else 0.0


def _by_signature(head: bytes) -> set[str]:
    if head[4:8] == b"ftyp":  # ISO/IEC 14496-12, section 4.3
        return {"image/heif" if head[8:12] in _PICTURE_BRANDS else types.MP4}
    if head[:4] in _FORMS:
        return set(_FORMS[head[:4]].get(head[8:12], ()))
    if _is_layer_3(head):
        return {"audio/mpeg"}
    if _is_adts(head):
        return {"audio/aac"}
    return _by_magic(head)


def _by_magic(head: bytes) -> set[str]:
    try:
        found = puremagic.magic_string(head)
    except Exception:  # it says PureError and ValueError, and means more
        return set()
    sure = [each for each in found if len(each.byte_match) >= SHORTEST_SIGNATURE]
    return {each.mime_type for each in sure if each.mime_type} - {types.TEXT}


def _is_layer_3(head: bytes) -> bool:
    """MPEG 1, 2 or 2.5 audio, layer III, without an ID3 tag: eleven bits set, then its version."""
    return len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] & 0xF0 != 0xF0


def _is_adts(head: bytes) -> bool:
    """AAC in frames (ISO/IEC 14496-3, section 1.A.2.2): the first, and another where it ends."""
    length = int.from_bytes(head[3:6]) >> 5 & 0x1FFF
    return length > SHORTEST_ADTS and head[:2] in _ADTS and head[length : length + 2] in _ADTS


def _is_text(head: bytes) -> bool:
    try:
        # the last character may be cut
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(each >= " " or each in "\t\n\r\f" for each in text)


def _in_zip(file: StoredFile) -> frozenset[str]:
    """What a ZIP file's entries make of it: EPUB (OCF 3.3, section 4.3) and OpenDocument (1.3, part
    2, section 3.3) say it in an entry `mimetype`; Office Open XML shows it by its folders.
    """
    names, said = frozenset[str](), ""
    try:
        with zipfile.ZipFile(file) as archive:
            names = frozenset(archive.namelist())
            said = _mimetype(archive) if "mimetype" in names else ""
    except Exception as error:  # a stranger's bytes
        log.info("a ZIP file does not tell what is in it", why=repr(error)[:200])
    if file.failure:
        raise file.failure
    return frozenset({types.ZIP, *_ooxml(names)} | ({said} & _SAID_IN_ZIP))


def _mimetype(archive: zipfile.ZipFile) -> str:
    with archive.open("mimetype") as entry:
        return entry.read(100).decode("ascii", "replace").strip()


def _ooxml(names: frozenset[str]) -> list[str]:
    if "[Content_Types].xml" not in names:
        return []
    folders = {"ppt/presentation.xml": types.PPTX, "word/document.xml": types.DOCX}
    return [media_type for name, media_type in folders.items() if name in names]
