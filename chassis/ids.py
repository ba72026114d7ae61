"""Ids that the server makes."""

import time
import uuid

import uuid_utils


def new_id() -> str:
    """Return a UUIDv7 (RFC 9562, section 5.7) as text: unique, and ordered by creation time."""
    return str(uuid_utils.uuid7())


def after(made: str) -> str:
    """Return the smallest id that is greater than this UUID, with the same timestamp."""
    return str(uuid.UUID(int=uuid.UUID(made).int + 1))


def made_at(made: str) -> float:
    """Return when an id was made, in Unix seconds of the system's clock.

    A UUIDv7 begins with 48 bits of milliseconds. An id of another kind counts as made now.
    """
    try:
        found = uuid.UUID(made)
    except ValueError:
        return time.time()
    return (found.int >> 80) / 1000 if found.version == 7 else time.time()
