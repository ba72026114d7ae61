"""Copies of what others own. Queues keep no order among each other: the newest event counts."""

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar


class Replica(Protocol):
    """A copy of something that one event tells in full."""

    @property
    def id(self) -> str:
        """What it is a copy of."""

    @property
    def sequence(self) -> int:
        """The event that it was made of."""


C = TypeVar("C", bound=Replica)


def newer(known: Mapping[str, C], arrived: Iterable[C]) -> list[C]:
    """The copies that replace what is known: for each id the newest, unless known already."""
    newest: dict[str, C] = {}
    for replica in arrived:
        other = newest.get(replica.id) or known.get(replica.id)
        if other is None or replica.sequence > other.sequence:
            newest[replica.id] = replica
    return list(newest.values())
