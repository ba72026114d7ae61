"""Replicas of other services' data. Events of different queues come in any order: the newest
counts."""

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar


class Replica(Protocol):
    """A replica of something that one event describes completely."""

    @property
    def id(self) -> str:
        """Return the id of the original."""

    @property
    def sequence(self) -> int:
        """Return the sequence of the event that the replica was made from."""


C = TypeVar("C", bound=Replica)


def newer(known: Mapping[str, C], arrived: Iterable[C]) -> list[C]:
    """Return the replicas that replace known ones: for each id the newest, if newer than known."""
    newest: dict[str, C] = {}
    for replica in arrived:
        other = newest.get(replica.id) or known.get(replica.id)
        if other is None or replica.sequence > other.sequence:
            newest[replica.id] = replica
    return list(newest.values())
