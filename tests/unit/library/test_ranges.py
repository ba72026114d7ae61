"""A stored file, read by ranges, and the costs of it."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.library.ports import FilesAway, NoSuchUpload
from services.library.ranges import LONGEST, SHORTEST, RangedFile, TooMuch

PLENTY = 2**30


class Ranges:
    """A file in a store that keeps which ranges of it are read."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.reads: list[tuple[int, int]] = []

    def __call__(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        return self.content[offset : offset + length]


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
    ours = io.BufferedReader(RangedFile(Ranges(content), size, PLENTY, known))
    theirs = io.BytesIO(content)
    for name, number in moves:
        assert getattr(ours, name)(number) == getattr(theirs, name)(number)
        assert ours.tell() == theirs.tell()


def test_it_seeks_from_the_end_and_from_where_it_is() -> None:
    """It seeks like a file; a position before the first byte is an error."""
    file = RangedFile(Ranges(b"0123456789"), 10, PLENTY)
    assert file.seek(-3, io.SEEK_END) == 7
    assert file.read(1) == b"7"
    assert file.seek(-2, io.SEEK_CUR) == 6
    with pytest.raises(OSError, match="before"):
        file.seek(-11, io.SEEK_END)


def test_it_reads_longer_ranges_while_it_is_read_on() -> None:
    """Each byte is asked for once; after a seek the ranges are short again."""
    ranges = Ranges(bytes(10 * LONGEST))
    file = RangedFile(ranges, 10 * LONGEST, PLENTY)
    for _ in range(5 * LONGEST // SHORTEST):
        file.read(SHORTEST)
    assert [length for _, length in ranges.reads[:6]] == [
        min(SHORTEST * 2**place, LONGEST) for place in range(6)
    ]
    assert all(
        at + length == then
        for (at, length), (then, _) in zip(ranges.reads, ranges.reads[1:], strict=False)
    )
    file.seek(9 * LONGEST)
    file.read(1)
    assert ranges.reads[-1] == (9 * LONGEST, SHORTEST)


def test_it_reads_no_more_than_it_may() -> None:
    """Where a parser wants more, it gets an error."""
    file = RangedFile(lambda _, length: bytes(length), 2**40, 10 * SHORTEST)
    for place in range(10):
        file.seek(place * 2**30)
        assert file.read(1) == b"\0"
    file.seek(2**39)
    with pytest.raises(TooMuch):
        file.read(1)


def test_a_store_that_answers_too_little_is_away() -> None:
    """A range cut short is not taken for the file's end."""
    file = RangedFile(lambda _, length: b"", 100, PLENTY)
    with pytest.raises(FilesAway):
        file.read(10)


@pytest.mark.parametrize("error", [FilesAway("away"), NoSuchUpload("gone")])
def test_it_keeps_the_error_of_the_store(error: Exception) -> None:
    """It is known also if a library catches it."""

    def read(offset: int, length: int) -> bytes:
        raise error

    file = RangedFile(read, 100, PLENTY)
    with pytest.raises(type(error)):
        file.read(1)
    assert file.failure is error
