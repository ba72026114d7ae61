"""The numbers of a new event: its sequence in its aggregate, its id, the event before it, and the
lane of the outbox for its row, which is a hash of the aggregate's key.

Within an aggregate, ids grow with the sequence, whatever the clocks of the processes show. So the
outbox ordered by id has each aggregate's events in their order.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis import ids

LANES = 16
"""This number must not change: a row keeps the lane that it was written with."""


@dataclass(frozen=True, slots=True)
class Last:
    """The last event of an aggregate."""

    sequence: int = 0
    id: str | None = ""
    """Empty if there is none. None if an older version made it, which stored no ids."""


def last_of(row: Mapping[str, Any]) -> Last:
    """Return the last event, from the aggregate's document in `sequences`."""
    sequence = int(row["last"])
    # An older version increments only `last`.
    return Last(sequence, row["id"] if row.get("id_of") == sequence else None)


def following(last: Last, fresh: str) -> Last:
    """Return the event after `last`: the next number, and a greater id (`fresh` if that is
    greater).
    """
    return Last(last.sequence + 1, max(fresh, ids.after(last.id)) if last.id else fresh)


def document_of(last: Last) -> dict[str, Any]:
    """Return the fields that `sequences` stores."""
    return {"last": last.sequence, "id": last.id, "id_of": last.sequence}


def place(key: str, last: Last) -> dict[str, Any]:
    """Return the fields by which the relay finds the row after `last`: its lane, and the row
    before.

    If that row isn't known, the new row has no lane, and the relay reads it by its key.
    """
    return {} if last.id is None else {"lane": lane_of(key), "after": last.id}


def lane_of(key: str) -> int:
    """Return the lane of an aggregate: stable, the same in every process and version."""
    return zlib.crc32(key.encode()) % LANES
