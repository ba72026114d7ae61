"""Finds the media types of a stored file by its bytes.

It reads ranges of the file, and limits their number: a hostile file costs no more memory and time
than a normal one.
"""

import codecs
import io
import re
import zipfile
from typing import BinaryIO, cast

import puremagic
import structlog

from services.library import office
from services.library.domain import types
from services.library.ranges import RangedFile

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
# Bytes. The directory of a ZIP file of many thousand entries has one MiB; a hostile one has more.
MOST_READ = 8 * 2**20
# Types that an entry `mimetype` may give a ZIP file. Other types need
# other proof; else the file counts as a ZIP file.
_SAID_IN_ZIP = {types.EPUB, types.ODP, types.ODT, types.ODS}
# W3C WebVTT, section 4.1: the signature, perhaps after a byte order mark, is followed by a space, a
# tab, the end of the line, or nothing.
_VTT = re.compile(rb"(\xef\xbb\xbf)?WEBVTT([ \t\r\n]|\Z)")
# Signatures that puremagic does not know: Parquet; HDF5 (format specification 3.0, section II.A);
# NetCDF, in its classic formats. NetCDF 4 is HDF5.
_SIGNATURES = {
    b"PAR1": {types.PARQUET},
    b"\x89HDF\r\n\x1a\n": {types.HDF5, types.NETCDF},
    b"CDF\x01": {types.NETCDF},
    b"CDF\x02": {types.NETCDF},
    b"CDF\x05": {types.NETCDF},
}

log = structlog.get_logger()


def types_of(file: RangedFile) -> frozenset[str]:
    """Return every media type that fits a file's bytes; none if no known type fits.

    Raises FilesAway, NoSuchUpload.
    """
    content = io.BufferedReader(file)
    head = content.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        in_zip = _in_zip(cast(BinaryIO, content))
        if file.failure:
            raise file.failure
        return in_zip
    # A text may begin with the letters of any signature, so a text has no other type, except PDF
    # and WebVTT.
    found = {types.TEXT} if _is_text(head) else _by_signature(head)
    if b"%PDF-" in head[:PDF_WITHIN]:
        found.add(types.PDF)
    if types.TEXT in found and _VTT.match(head):
        found.add(types.VTT)
    return frozenset(found)


def _by_signature(head: bytes) -> set[str]:
    if head[4:8] == b"ftyp":  # ISO/IEC 14496-12, section 4.3
        return {"image/heif" if head[8:12] in _PICTURE_BRANDS else types.MP4}
    if head[:4] in _FORMS:
        return set(_FORMS[head[:4]].get(head[8:12], ()))
    for signature, found in _SIGNATURES.items():
        if head.startswith(signature):
            return set(found)
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
    return {each.mime_type for each in sure if each.mime_type} - {types.TEXT, types.VTT}


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


def _in_zip(file: BinaryIO) -> frozenset[str]:
    """Return the types of a ZIP file by its entries: EPUB (OCF 3.3, section 4.3) and OpenDocument
    (1.3, part 2, section 3.3) have an entry `mimetype`, Office Open XML its content types.
    """
    found = set[str]()
    try:
        with zipfile.ZipFile(file) as archive:
            found.update(office.main_parts(archive))
            if "mimetype" in archive.NameToInfo:
                found |= {_mimetype(archive)} & _SAID_IN_ZIP
    except Exception as error:  # hostile bytes cause any error
        log.info("the entries of the ZIP file can't be read", why=repr(error)[:200])
    return frozenset({types.ZIP, *found})


def _mimetype(archive: zipfile.ZipFile) -> str:
    with archive.open("mimetype") as entry:
        return entry.read(100).decode("ascii", "replace").strip()
