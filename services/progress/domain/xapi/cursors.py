"""Cursors: the place of a statement in the order of storing, which is the order of the bytes.

| bytes | what |
|---|---|
| 0 to 5 | `stored`, in milliseconds since 1970 |
| 6 to 11 | a random number of the unit of work, so that statements of one instant stay together |
| 12 to 13 | the statement's place in the unit of work |
"""

from datetime import UTC, datetime, timedelta

LENGTH = 14
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def cursor_of(stored: datetime, salt: bytes, place: int) -> bytes:
    """Return the cursor of a statement. `salt`: six random bytes of the unit of work."""
    return _milliseconds(stored).to_bytes(6) + salt + place.to_bytes(2)


def first_after(at: datetime) -> bytes:
    """Return the least cursor of what is stored after an instant; `stored` has milliseconds."""
    after = min(max(_milliseconds(at) + 1, 0), 2**48 - 1)
    return after.to_bytes(6).ljust(LENGTH, b"\0")


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND
