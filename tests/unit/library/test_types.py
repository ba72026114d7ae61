"""Which types an item may have, and what bytes are found to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.library.domain.enums import ItemKind
from services.library.domain.types import (
    CSV,
    DOCX,
    EPUB,
    HDF5,
    JSON,
    MARKDOWN,
    NDJSON,
    NETCDF,
    ODP,
    ODS,
    ODT,
    PARQUET,
    PDF,
    PPTX,
    TEXT,
    TSV,
    VTT,
    XLSX,
    ZIP,
    kind_violations,
)
from services.library.domain.types import is_of_type as is_found
from services.library.inspection import MOST_READ, types_of
from services.library.ranges import RangedFile
from tests.unit.library import examples

WEBP = b"RIFF\x24\0\0\0WEBPVP8 " + bytes(30)
# A frame of eleven bytes.
ADTS = bytes.fromhex("fff15080016000") + bytes(4)


def types(content: bytes) -> frozenset[str]:
    """The types found for a file of these bytes, with all of it in the store."""
    return types_of(RangedFile(lambda at, n: content[at : at + n], len(content), MOST_READ))


def is_of_type(announced: str, content: bytes) -> bool:
    return is_found(announced, types(content))


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        (ItemKind.VIDEO, "video/mp4"),
        (ItemKind.RECORDING, "video/webm"),
        (ItemKind.RECORDING, "audio/mpeg"),
        (ItemKind.AUDIO, "audio/ogg"),
        (ItemKind.PDF, PDF),
        (ItemKind.EBOOK, EPUB),
        (ItemKind.EBOOK, PDF),
        (ItemKind.JOURNAL, PDF),
        (ItemKind.SLIDES, PPTX),
        (ItemKind.SLIDES, ODP),
        (ItemKind.CAPTIONS, VTT),
        (ItemKind.DATASET, CSV),
        (ItemKind.DATASET, ZIP),
    ],
)
def test_a_kind_has_fitting_types(kind: ItemKind, media_type: str) -> None:
    """The usual types of files are accepted."""
    assert list(kind_violations(kind, media_type)) == []


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        (ItemKind.VIDEO, "audio/mpeg"),
        (ItemKind.AUDIO, "video/mp4"),
        (ItemKind.PDF, EPUB),
        (ItemKind.EBOOK, ZIP),
        (ItemKind.JOURNAL, "text/html"),
        (ItemKind.VIDEO, "videos/mp4"),
        (ItemKind.CAPTIONS, TEXT),
        (ItemKind.DATASET, PDF),
    ],
)
def test_another_type_is_refused_with_what_would_be_right(kind: ItemKind, media_type: str) -> None:
    """One fault, about the media type."""
    (violation,) = kind_violations(kind, media_type)
    assert violation.field == "media_type"
    assert media_type in violation.wrong
    assert violation.right


@pytest.mark.parametrize(
    ("announced", "content"),
    [
        (PDF, examples.PDF),
        (PDF, b"\n\n" + examples.PDF),
        ("video/mp4", examples.FILM.read_bytes()[:9000]),
        ("video/quicktime", examples.box(b"ftyp", b"qt  \0\0\0\0qt  ")),
        ("audio/mp4", examples.box(b"ftyp", b"M4A \0\0\0\0M4A ")),
        ("video/mp4", examples.box(b"ftyp", b"dash\0\0\0\0dash")),
        ("audio/mpeg", examples.mp3(3)),
        ("audio/mpeg", b"ID3\x04\0\0\0\0\0\0" + examples.mp3(3)),
        ("audio/mpeg", b"\xff\xf3\x40\xc4" + bytes(140)),
        ("audio/wav", examples.wav(1)),
        ("audio/ogg", b"OggS\0\x02" + bytes(20) + b"\x01\x1e\x01vorbis" + bytes(30)),
        ("audio/flac", b"fLaC" + bytes(40)),
        ("video/webm", bytes.fromhex("1a45dfa3") + bytes(8) + b"\x42\x82\x84webm" + bytes(20)),
        ("video/avi", b"RIFF\x10\0\0\0AVI LIST" + bytes(20)),
        ("audio/x-aiff", b"FORM\0\0\0\x10AIFFCOMM" + bytes(20)),
        ("audio/aac", ADTS * 2),
        (EPUB, examples.EPUB),
        (PPTX, examples.PPTX),
        (DOCX, examples.DOCX),
        (DOCX, examples.office("word/document2.xml", examples.DOCX_MAIN)),
        (ODP, examples.ODP),
        (ODT, examples.zipped({"mimetype": ODT})),
        (MARKDOWN, b"# Motion\n\n\xc3\x84pfel fallen.\n"),
        ("text/plain", b"x"),
        (VTT, examples.VTT),
        (VTT, b"WEBVTT"),
        (TEXT, examples.VTT),
        (CSV, examples.CSV),
        (TSV, examples.TSV),
        (JSON, examples.JSON),
        (NDJSON, examples.JSON_LINES),
        (PARQUET, examples.PARQUET),
        (HDF5, examples.hdf5()),
        (NETCDF, examples.hdf5(2)),
        (NETCDF, examples.NETCDF),
        (XLSX, examples.XLSX),
        (ODS, examples.ODS),
        (ZIP, examples.EPUB),
        ("text/plain", "ä".encode() * 9000),
    ],
)
def test_a_file_is_known_by_its_bytes(announced: str, content: bytes) -> None:
    """Files of all makers are recognised."""
    assert is_of_type(announced, content)


@pytest.mark.parametrize(
    ("announced", "content"),
    [
        (PDF, examples.PNG),
        (PDF, b"x" * 2000 + examples.PDF),
        (PDF, b"<html>a page that says no</html>"),
        (PDF, b"x"),
        (PDF, b""),
        (PDF, examples.EPUB),
        ("video/mp4", examples.PDF),
        ("audio/mpeg", examples.wav(1)),
        ("audio/mpeg", "\ufeffsome text".encode("utf-16")),
        (EPUB, examples.PPTX),
        (EPUB, examples.zipped({"a.exe": "MZ"})),
        (PPTX, examples.DOCX),
        (DOCX, examples.office("word/document.xml", examples.MACROS_MAIN)),
        (DOCX, examples.zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>"})),
        (DOCX, examples.zipped({"[Content_Types].xml": "<Types", "word/document.xml": "<w/>"})),
        (DOCX, examples.zipped({"[Content_Types].xml": examples.LISTING})),
        (DOCX, examples.zipped({"[Content_Types].xml": examples.LISTING + " " * 2**20})),
        (EPUB, b"PK\x03\x04" + bytes(40)),
        ("text/plain", b"MZ\0\x01 a program"),
        ("text/plain", b"\xff\xfe\x00"),
        (VTT, b"WEBVTTs"),
        (VTT, b" WEBVTT\n"),
        (VTT, b"WEBVTT\n\0"),
        (VTT, examples.CSV),
        (CSV, examples.XLSX),
        (HDF5, examples.NETCDF),
        (PARQUET, examples.ODS),
        ("video/x-made-up", examples.PDF),
        ("audio/wav", WEBP),
        ("video/avi", WEBP),
        ("video/mpeg", WEBP),
        ("video/avi", examples.wav(1)),
        ("audio/x-aiff", b"FORM\0\0\0\x10ILBMBMHD" + bytes(20)),
        ("video/mp4", examples.box(b"ftyp", b"heic\0\0\0\0mif1heic")),
        ("video/mp4", examples.box(b"ftyp", b"avif\0\0\0\0avifmif1miaf")),
        ("audio/aac", ADTS + bytes(20)),
        ("audio/aac", ADTS[:4] + bytes(20)),
        ("audio/x-mod", b"if it is a text, it is no tune"),
        ("audio/x-mod", b"if\0\x01\x02\x03 nor are other bytes"),
        ("video/quicktime", b"The free press"),
    ],
)
def test_a_false_name_is_seen(announced: str, content: bytes) -> None:
    """A file that is something else, or nothing known, is not what it was announced as."""
    assert not is_of_type(announced, content)


@pytest.mark.parametrize("said", [PDF, "video/mp4", "text/plain", DOCX, "", "application/epub"])
def test_a_zip_is_not_whatever_it_says(said: str) -> None:
    """Its entry `mimetype` distinguishes EPUB and OpenDocument, and nothing else."""
    assert types(examples.zipped({"mimetype": said})) == {ZIP}


@given(
    st.text(min_size=1),
    st.sampled_from(["if", "RIFF", "OggS", "ID3", "the free", "MThd", "WEBVTT ", ""]),
)
def test_a_text_is_no_sound_and_no_film(text: str, start: str) -> None:
    """Even if its first letters are the signature of another type."""
    found = types(f"{start}{text}".encode())
    assert TEXT not in found or found <= {TEXT, PDF, VTT}


def test_a_mimetype_entry_that_is_a_bomb_costs_little() -> None:
    """Only its first bytes are unpacked."""
    bomb = examples.zipped({"mimetype": "application/epub+zip" + " " * 50_000_000})
    assert len(bomb) < 100_000
    assert EPUB in types(bomb)
