"""What a file of this machine is, by its bytes and its name."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.local_files import describe, reading, sha256_of
from campus.upload import UploadError
from services.library.domain.enums import ItemKind
from tests.unit.library.examples import DOCX, EPUB, FILM, PDF, PNG, PPTX, wav

OOXML = "application/vnd.openxmlformats-officedocument"


def _described(
    folder: Path, name: str, content: bytes, kind: ItemKind | None = None
) -> tuple[ItemKind, str]:
    path = folder / name
    path.write_bytes(content)
    with reading(path) as read:
        file = describe(path, read, kind, lambda _: None)
    assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    return file.kind, file.media_type


@pytest.mark.parametrize(
    ("name", "content", "kind", "media_type"),
    [
        ("a.pdf", PDF, ItemKind.PDF, "application/pdf"),
        ("a", PDF, ItemKind.PDF, "application/pdf"),
        ("a.mp4", PDF, ItemKind.PDF, "application/pdf"),
        ("a.epub", EPUB, ItemKind.EBOOK, "application/epub+zip"),
        ("a.docx", DOCX, ItemKind.JOURNAL, f"{OOXML}.wordprocessingml.document"),
        ("a.pptx", PPTX, ItemKind.SLIDES, f"{OOXML}.presentationml.presentation"),
        ("a.mov", FILM.read_bytes(), ItemKind.VIDEO, "video/quicktime"),
        ("a", FILM.read_bytes(), ItemKind.VIDEO, "video/mp4"),
        ("a.wav", wav(1), ItemKind.AUDIO, "audio/x-wav"),
        ("a.txt", b"a", ItemKind.JOURNAL, "text/plain"),
        ("a.vtt", b"WEBVTT", ItemKind.CAPTIONS, "text/vtt"),
        ("a", b"WEBVTT", ItemKind.CAPTIONS, "text/vtt"),
        ("a.csv", b"a,b", ItemKind.DATASET, "text/csv"),
        ("a.json", b"{}", ItemKind.DATASET, "application/json"),
    ],
)
def test_bytes_decide_and_a_name_only_chooses_among_equal_types(
    tmp_path: Path, name: str, content: bytes, kind: ItemKind, media_type: str
) -> None:
    """A wrong name or none does not matter."""
    assert _described(tmp_path, name, content) == (kind, media_type)


def test_a_kind_that_is_given_counts(tmp_path: Path) -> None:
    """If its items can have the type."""
    assert _described(tmp_path, "a.pdf", PDF, ItemKind.SLIDES)[0] is ItemKind.SLIDES
    with pytest.raises(UploadError, match="no VIDEO can have them"):
        _described(tmp_path, "a.pdf", PDF, ItemKind.VIDEO)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "the file is empty"), (PNG, "its bytes are image/png"), (bytes(9), "of no known type")],
)
def test_a_file_of_which_no_item_can_be_made_is_refused(
    tmp_path: Path, content: bytes, why: str
) -> None:
    """Before anything is announced, with what the bytes are."""
    with pytest.raises(UploadError, match=why):
        _described(tmp_path, "a.pdf", content)


@given(st.binary(max_size=100), st.integers(1, 40))
def test_a_hash_is_that_of_the_whole_file(content: bytes, chunk: int) -> None:
    """However it is divided into chunks; at the end all bytes are told."""
    told = [0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("campus.local_files.CHUNK", chunk)
        found = sha256_of(lambda at, size: content[at : at + size], len(content), told.append)
    assert found == hashlib.sha256(content).hexdigest()
    assert told[-1] == len(content)
