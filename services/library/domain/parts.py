"""How a file is cut into parts.

S3 multipart limits: parts of 5 MiB to 5 GiB, the last one may be smaller, at most 10,000 of them
(Amazon S3 User Guide, "Multipart upload limits"). We make at most half as many:
an answer has a URL for each part, and gRPC clients accept messages of up to 4 MiB.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chassis.errors import FieldViolation

SMALLEST = 5 * 2**20
MOST = 5_000
MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file: `number` from 1, `offset` and `size` in bytes."""

    number: int
    offset: int
    size: int


def part_size_for(size: int, preferred: int) -> int:
    """Return the bytes of a part of a file of `size` bytes: `preferred`, more for huge files."""
    least = -(-size // MOST)
    whole_mebibytes = -(-least // MEBIBYTE) * MEBIBYTE
    return max(preferred, SMALLEST, whole_mebibytes)


def plan(size: int, part_size: int) -> list[Part]:
    """Return the parts of a file; together they cover it exactly once."""
    return [
        Part(number, offset, min(part_size, size - offset))
        for number, offset in enumerate(range(0, size, part_size), start=1)
    ]


def part_violations(parts: Sequence[Part], stored: Mapping[int, int]) -> Iterator[FieldViolation]:
    """Yield a violation for each part that is missing or has a wrong size. `stored`: bytes by
    number.
    """
    for part in parts:
        field = f"parts[{part.number - 1}]"
        if part.number not in stored:
            yield FieldViolation(
                field, f"part {part.number} is missing", f"PUT its {part.size} bytes"
            )
        elif stored[part.number] != part.size:
            wrong = f"part {part.number} has {stored[part.number]} bytes"
            yield FieldViolation(field, wrong, f"PUT its {part.size} bytes again")
