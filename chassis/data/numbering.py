"""What a new event is called: its number in its aggregate, its id, and which event it follows; and
the lane of the outbox that its row is in, by a hash of the aggregate's key.

Within an aggregate ids grow with the numbers, whatever the clocks of the processes that make them.
So the outbox in the order of ids has each aggregate in its order.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis import ids

LANES = 16
"""A constant of the stored data: a row keeps the lane that it was written with."""


@dataclass(frozen=True, slots=True)
class Last:
    """The last event of an aggregate."""

    sequence: int = 0
    id: str | None = ""
    """Empty where there is none. None where an older version made it, which notes no ids."""


def last_of(row: Mapping[str, Any]) -> Last:
    """The last event, from the aggregate's document in `sequences`."""
    sequence = int(row["last"])
    # An older version counts up `last` alone.
    return Last(sequence, row["id"] if row.get("id_of") == sequence else None)


def following(last: Last, fresh: str) -> Last:
    """The event after `last`: the next number, and a greater id; `fresh`, where that is greater."""
    return Last(last.sequence + 1, max(fresh, ids.after(last.id)) if last.id else fresh)


def document_of(last: Last) -> dict[str, Any]:
    """What `sequences` keeps of it."""
    return {"last": last.sequence, "id": last.id, "id_of": last.sequence}


def place(key: str, last: Last) -> dict[str, Any]:
    """How the relay finds the row of the event after `last`: by its lane, and after which row.

    Where that row isn't known, it has no lane, and the relay reads it by its key.
    """
    return {} if last.id is None else {"lane": lane_of(key), "after": last.id}


def lane_of(key: str) -> int:
    """The lane of an aggregate: stable, the same in every process and version."""
    return zlib.crc32(key.encode()) % LANES
