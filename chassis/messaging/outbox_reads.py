"""The kinds of reads by which a relay gets rows of the outbox, as plain data."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

CHUNK = 500
"""How many rows one read returns at most."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Notice:
    """A committed row, as the change stream announces it."""

    id: str
    key: str
    lane: int | None
    """None: an older version wrote it."""
    after: str | None
    """The id of the row before it in its aggregate."""
    sequence: int


@dataclass(frozen=True)
class Scan:
    """Read a lane's rows by id."""

    lane: int
    after: str
    """The id after which to read."""
    without: Sequence[str]
    """Aggregates to leave out."""


@dataclass(frozen=True)
class Named:
    """Read these rows."""

    notices: Sequence[Notice]
    before: Collection[str]
    """Rows before them that may exist; read them as well."""

    @property
    def ids(self) -> list[str]:
        """All ids to read."""
        return [*(each.id for each in self.notices), *self.before]


@dataclass(frozen=True)
class ByKey:
    """Read these aggregates' rows in their order."""

    keys: Sequence[str]
    sequence: int
    """The sequence number after which to read."""
    limit: int


Read = Scan | Named | ByKey
