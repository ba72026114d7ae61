"""Finds the media types of a stored file by its bytes, and its playing time.

It reads ranges of the file, and limits their number: a hostile file costs no more memory and time
than a normal one.
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
"""Reads bytes of the stored file: (offset, length)."""

# Bytes. Enough for the signature of a PDF or a ZIP file, and to recognise a text.
HEAD = 8192
# Readers accept a PDF whose header is within its first KiB (ISO 32000-1, annex H, note 13).
PDF_WITHIN = 1024
# Shorter signatures match too many files by chance.
SHORTEST_SIGNATURE = 4
# Containers whose bytes 8 to 12 name their content (RIFF; EA IFF 85).
_FORMS = {
    b"RIFF": {b"WAVE": {"audio/wav"}, b"AVI ": {"video/avi"}},
    b"FORM": {b"AIFF": {"audio/aiff"}, b"AIFC": {"audio/aiff"}},
}
# Major brands of pictures and their sequences in the container of MP4 (ISO/IEC 23008-12; AV1 Image
# File Format, section 6; Canon's raw ones). All other brands are sound or film.
_PICTURE_BRANDS = frozenset(
    b"mif1 msf1 heic heix heim heis hevc hevx hevm hevs avci avcs avif avis jpeg jpgs".split()
) | {b"crx "}
# Twelve bits set, then the version, and a layer of 0.
_ADTS = (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9")
SHORTEST_ADTS = 7
BLOCK = 64 * 1024
# 8 MiB: the movie header of a film of many hours has a few; a hostile index would have more.
MOST_BLOCKS = 128
# Types that an entry `mimetype` may give a ZIP file. Other types need
# other proof; else the file counts as a ZIP file.
_SAID_IN_ZIP = {types.EPUB, types.ODP, types.ODT}
# A film has a few dozen boxes to read; a hostile file may have millions of empty ones.
MOST_READS = 20_000

log = structlog.get_logger()


class TooMuch(OSError):
    """A parser wants to read more of the file than any normal file needs."""


class StoredFile:
    """A seekable file that reads ranges in blocks. `parts`: bytes already known, by offset.

    Reading raises TooMuch beyond MOST_BLOCKS or MOST_READS, and what `read` raises; the latter is
    also kept in `failure`, because a library between may catch it.
    """

    def __init__(self, read: Read, size: int, parts: Mapping[int, bytes]) -> None:
        self._read, self._size, self._parts = read, size, dict(parts)
        self._at, self._left, self._reads = 0, MOST_BLOCKS, MOST_READS
        self.failure: Exception | None = None

    def readable(self) -> bool:
        """See io.IOBase."""
        return True

    def seekable(self) -> bool:
        """See io.IOBase."""
        return True

    def tell(self) -> int:
        """See io.IOBase."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See io.IOBase."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("before the first byte")
        self._at = base + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return `size` bytes, or fewer at the end of the file (io.RawIOBase.read)."""
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
        """Return bytes from the current position, at least one; the position is before the end."""
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
            self.failure = FilesAway(f"the S3 store sent {len(part)} bytes of a range of {length}")
            raise self.failure
        return part


def types_of(file: StoredFile) -> frozenset[str]:
    """Return every media type that fits a file's bytes; none if no known type fits.

    Raises FilesAway, NoSuchUpload.
    """
    file.seek(0)
    head = file.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        return _in_zip(file)
    # A text may begin with the letters of any signature, so a text has no other type, except PDF.
    found = {types.TEXT} if _is_text(head) else _by_signature(head)
    if b"%PDF-" in head[:PDF_WITHIN]:
        found.add(types.PDF)
    return frozenset(found)


def seconds_of(file: StoredFile) -> float:
    """Return the playing time in seconds, 0 if it has none. Raises FilesAway, NoSuchUpload."""
    file.seek(0)
    try:
        media = TinyTag.get(file_obj=cast(BinaryIO, file), tags=False)
        seconds = float(media.duration or 0.0)
    except Exception as error:  # hostile bytes cause more errors than TinyTag documents
        log.info("the playing time can't be read from the file", why=repr(error)[:200])
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
    except Exception:  # it documents PureError and ValueError, but raises more
        return set()
    sure = [each for each in found if len(each.byte_match) >= SHORTEST_SIGNATURE]
    return {each.mime_type for each in sure if each.mime_type} - {types.TEXT}


def _is_layer_3(head: bytes) -> bool:
    """Return whether it is MPEG 1, 2 or 2.5 audio, layer III, without an ID3 tag: eleven bits
    set, then its version.
    """
    return len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] & 0xF0 != 0xF0


def _is_adts(head: bytes) -> bool:
    """Return whether it is AAC in frames (ISO/IEC 14496-3, section 1.A.2.2): a second frame
    follows the first.
    """
    length = int.from_bytes(head[3:6]) >> 5 & 0x1FFF
    return length > SHORTEST_ADTS and head[:2] in _ADTS and head[length : length + 2] in _ADTS


def _is_text(head: bytes) -> bool:
    try:
        # the last character may be incomplete
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(each >= " " or each in "\t\n\r\f" for each in text)


def _in_zip(file: StoredFile) -> frozenset[str]:
    """Return the types of a ZIP file by its entries: EPUB (OCF 3.3, section 4.3) and OpenDocument
    (1.3, part 2, section 3.3) have an entry `mimetype`; Office Open XML has known folders.
    """
    names, said = frozenset[str](), ""
    try:
        with zipfile.ZipFile(file) as archive:
            names = frozenset(archive.namelist())
            said = _mimetype(archive) if "mimetype" in names else ""
    except Exception as error:  # hostile bytes cause any error
        log.info("the entries of the ZIP file can't be read", why=repr(error)[:200])
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
