"""The types of a stored file, whatever its bytes and its store are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.library.inspection import MOST_READ, types_of
from services.library.ports import FilesAway, NoSuchUpload
from services.library.ranges import RangedFile
from tests.unit.library import examples
from tests.unit.library.test_ranges import Ranges


@given(
    st.binary(max_size=400), st.sampled_from([b"", b"PK\x03\x04", b"\0\0\0\x10ftypisom", b"ID3"])
)
def test_any_bytes_are_looked_at_without_an_error(noise: bytes, start: bytes) -> None:
    """Inspecting any bytes gives a result."""
    content = start + noise
    assert isinstance(types_of(RangedFile(Ranges(content), len(content), MOST_READ)), frozenset)


def test_a_hostile_directory_costs_no_more_than_a_few_mebibytes() -> None:
    """A ZIP file that tells of a directory of gibibytes is no known document."""
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff" * 2 + (2**31).to_bytes(4, "little")
    tail = end + (2**20).to_bytes(4, "little") + bytes(2)
    size, reads = 2**32, list[int]()

    def read(at: int, length: int) -> bytes:
        reads.append(length)
        whole = bytearray(length)
        for offset, piece in ((0, b"PK\x03\x04"), (size - len(tail), tail)):
            low, high = max(at, offset), min(at + length, offset + len(piece))
            if low < high:
                whole[low - at : high - at] = piece[low - offset : high - offset]
        return bytes(whole)

    assert types_of(RangedFile(read, size, MOST_READ)) == {"application/zip"}
    assert sum(reads) <= MOST_READ


@pytest.mark.parametrize("error", [FilesAway("away"), NoSuchUpload("gone")])
def test_a_store_that_goes_away_is_no_fault_of_the_file(error: Exception) -> None:
    """The reader gets the error through all libraries."""
    content = examples.zipped({"a": "b"})

    def read(offset: int, length: int) -> bytes:
        raise error

    with pytest.raises(type(error)):
        types_of(RangedFile(read, len(content) + 100_000, MOST_READ, {0: content[:64]}))
