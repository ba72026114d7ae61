"""Identifiers made by the server."""

import uuid_utils


def new_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7) as text: unique, and in the order of its making."""
    return str(uuid_utils.uuid7())
