"""A stored file, read by ranges: its playing time, and the costs of finding it."""

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.library.inspection import (
    BLOCK,
    MOST_BLOCKS,
    StoredFile,
    TooMuch,
    seconds_of,
    types_of,
)
from services.library.ports import FilesAway, NoSuchUpload
from tests.unit.library import examples


class Ranges:
    """A file in a store that counts what is read of it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.reads: list[tuple[int, int]] = []

    def __call__(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        return self.content[offset : offset + length]

    def file(self) -> StoredFile:
        return StoredFile(self, len(self.content), {})


def seconds(content: bytes) -> float:
    return seconds_of(Ranges(content).file())


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 200_000)),
        st.tuples(st.just("seek"), st.integers(0, 250_000)),
    ),
    max_size=20,
)


@given(MOVES, st.integers(0, 200_000), st.integers(0, 80_000), st.integers(0, 80_000))
def test_it_reads_as_any_file(
    moves: list[tuple[str, int]], size: int, head: int, tail: int
) -> None:
    """With any known parts, each read gives the same as a file in memory."""
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    head, tail = min(head, size), min(tail, size)
    known = {0: content[:head], size - tail: content[size - tail :]}
    ours, theirs = StoredFile(Ranges(content), size, known), io.BytesIO(content)
    for name, number in moves:
        assert getattr(ours, name)(number) == getattr(theirs, name)(number)
        assert ours.tell() == theirs.tell()


def test_it_seeks_from_the_end_and_from_where_it_is() -> None:
    """It seeks like a file; a position before the first byte is an error."""
    file = Ranges(b"0123456789").file()
    assert file.seek(-3, io.SEEK_END) == 7
    assert file.read(1) == b"7"
    assert file.seek(-2, io.SEEK_CUR) == 6
    with pytest.raises(OSError, match="before"):
        file.seek(-11, io.SEEK_END)


def test_the_film_tells_its_playing_time_by_a_small_part_of_it() -> None:
    """The movie header is found behind a gibibyte of pictures, by a handful of blocks."""
    film = examples.FILM.read_bytes()
    assert seconds(film) == examples.FILM_SECONDS
    begin = examples.box(b"ftyp", b"isom\0\0\0\0isom")
    mdat = (1).to_bytes(4) + b"mdat" + (2**30).to_bytes(8)
    moov_at = film.index(b"moov") - 4
    moov = film[moov_at : moov_at + int.from_bytes(film[moov_at : moov_at + 4])]
    pieces = {0: begin + mdat, len(begin) + 2**30: moov}
    total = len(begin) + 2**30 + len(moov)

    reads = []

    def read(offset: int, length: int) -> bytes:
        reads.append(length)
        block = bytearray(length)
        for at, piece in pieces.items():
            low, high = max(at, offset), min(at + len(piece), offset + length)
            if low < high:
                block[low - offset : high - offset] = piece[low - at : high - at]
        return bytes(block)

    assert seconds_of(StoredFile(read, total, {})) == examples.FILM_SECONDS
    assert sum(reads) < 10 * BLOCK


def test_sound_tells_its_playing_time() -> None:
    """MP3 by its frames, WAV by its header."""
    assert seconds(examples.mp3(200)) == pytest.approx(200 * 1152 / 44100, rel=0.01)
    assert seconds(examples.wav(3)) == 3.0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        examples.PDF,
        examples.FILM.read_bytes()[:40],
        examples.box(b"ftyp", b"isom\0\0\0\0isom"),
        examples.box(b"ftyp", b"isom") + b"\xff\xff\xff\xffmoov",
        examples.box(b"ftyp", b"isom") + examples.box(b"moov", b"\0\0\0\x04mvhd"),
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(100),
        b"RIFF\xff\xff\xff\xffWAVEfmt \0\0\0\0",
        b"OggS" + bytes(400),
        b"fLaC" + b"\xff" * 300,
    ],
)
def test_a_broken_file_tells_none(content: bytes) -> None:
    """Bytes that end too early or lie have no playing time, and do no harm."""
    assert seconds(content) == 0.0


@given(st.binary(max_size=400), st.sampled_from([b"", b"\0\0\0\x10ftypisom", b"ID3\x03", b"OggS"]))
def test_any_bytes_are_looked_at_without_an_error(noise: bytes, start: bytes) -> None:
    """Inspecting any bytes gives a result."""
    file = Ranges(start + noise).file()
    assert seconds_of(file) >= 0.0
    assert isinstance(types_of(file), frozenset)


def test_a_hostile_file_costs_no_more_than_a_few_mebibytes() -> None:
    """A film of nothing but boxes, and a tag of half a gibibyte, are left at that."""
    boxes = examples.box(b"ftyp", b"isom") + examples.box(b"free", b"") * 100_000
    ranges = Ranges(boxes)
    assert seconds_of(ranges.file()) == 0.0
    assert len(ranges.reads) <= MOST_BLOCKS
    with pytest.raises(TooMuch):
        StoredFile(lambda _, n: bytes(n), 2**40, {}).read()
    file = StoredFile(lambda _, n: bytes(n), 2**40, {})
    for place in range(MOST_BLOCKS):
        file.seek(place * 2**20)
        assert file.read(1) == b"\0"
    file.seek(2**39)
    with pytest.raises(TooMuch):
        file.read(1)


@pytest.mark.parametrize("look", [seconds_of, types_of])
@pytest.mark.parametrize("error", [FilesAway("away"), NoSuchUpload("gone")])
def test_a_store_that_goes_away_is_no_fault_of_the_file(
    look: Callable[[StoredFile], object], error: Exception
) -> None:
    """The reader gets the error through all libraries."""
    content = examples.FILM.read_bytes() if look is seconds_of else examples.zipped({"a": "b"})

    def read(offset: int, length: int) -> bytes:
        raise error

    with pytest.raises(type(error)):
        look(StoredFile(read, len(content), {0: content[:64]}))


def test_a_store_that_answers_too_little_is_away() -> None:
    """A range cut short is not taken for the file's end."""
    with pytest.raises(FilesAway):
        StoredFile(lambda _, n: b"", 100, {}).read(10)
