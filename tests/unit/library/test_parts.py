"""How files are cut into parts."""

from hypothesis import given
from hypothesis import strategies as st

from services.library.domain.parts import MOST, SMALLEST, Part, part_size_for, part_violations, plan

MIB = 2**20
SIZES = st.integers(1, 2**40)
PREFERRED = st.integers(1, 5 * 2**30)


@given(SIZES, PREFERRED)
def test_parts_cover_the_file_exactly_once(size: int, preferred: int) -> None:
    """Each part begins where the one before ends, from the first byte of the file to its last."""
    parts = plan(size, part_size_for(size, preferred))
    ends = [part.offset + part.size for part in parts]
    assert [part.offset for part in parts] == [0, *ends[:-1]]
    assert ends[-1] == size
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))


@given(SIZES, PREFERRED)
def test_parts_are_what_s3_takes(size: int, preferred: int) -> None:
    """No more parts than allowed, and none but the last below 5 MiB or above 5 GiB."""
    parts = plan(size, part_size_for(size, preferred))
    assert len(parts) <= MOST <= 10_000
    assert all(SMALLEST <= part.size <= 5 * 2**30 for part in parts[:-1])
    assert 0 < parts[-1].size <= 5 * 2**30


def test_the_preferred_size_holds_until_a_file_is_huge() -> None:
    """16 MiB for a film; more for a tebibyte, in whole mebibytes."""
    assert part_size_for(2**30, 16 * MIB) == 16 * MIB
    assert part_size_for(2**40, 16 * MIB) == 210 * MIB


def test_every_missing_and_mis_sized_part_is_told() -> None:
    """One look says all that is to be done; parts that nobody asked for count for nothing."""
    parts = [Part(1, 0, 10), Part(2, 10, 10), Part(3, 20, 5)]
    violations = [str(violation) for violation in part_violations(parts, {2: 9, 3: 5, 4: 1})]
    assert violations == [
        "parts[0]: part 1 is missing; PUT its 10 bytes",
        "parts[1]: part 2 has 9 bytes; PUT its 10 bytes again",
    ]
    assert list(part_violations(parts, {1: 10, 2: 10, 3: 5})) == []
