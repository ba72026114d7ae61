"""Identifiers made by the server."""

import time
import uuid

import uuid_utils


def new_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7) as text: unique, and in the order of its making."""
    return str(uuid_utils.uuid7())


def after(made: str) -> str:
    """The next greater id after a UUID, of the same instant."""
    return str(uuid.UUID(int=uuid.UUID(made).int + 1))


def made_at(made: str) -> float:
    """When an id was made, in Unix seconds of the system's clock: a UUIDv7 begins with 48 bits of
    milliseconds. A stranger's id, which tells nothing, counts as made now.
    """
    try:
        found = uuid.UUID(made)
    except ValueError:
        return time.time()
    return (found.int >> 80) / 1000 if found.version == 7 else time.time()
