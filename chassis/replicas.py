"""Replicas of other services' data. Events of different queues come in any order: the newest
counts.

Domains and use cases may import this module: it needs only the standard library.
"""

from collections.abc import Iterable, Mapping, Sequence
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


class ReplicaStore(Protocol):
    """What a store of replicas can do; each service's own store has more."""

    def replicas(self, cls: type[C], ids: Iterable[str]) -> Mapping[str, C]:
        """Return the known replicas of one class, by id."""

    def put_replicas(self, replicas: Sequence[Replica]) -> None:
        """Store replicas of one class, new or changed."""


def newer(known: Mapping[str, C], arrived: Iterable[C]) -> list[C]:
    """Return the replicas that replace known ones: for each id the newest, if newer than known."""
    newest: dict[str, C] = {}
    for replica in arrived:
        other = newest.get(replica.id) or known.get(replica.id)
        if other is None or replica.sequence > other.sequence:
            newest[replica.id] = replica
    return list(newest.values())


def upsert_if_newer(store: ReplicaStore, cls: type[C], arrived: Sequence[C]) -> list[C]:
    """Store replicas of one class that are newer than the known ones; return these."""
    fresh = newer(store.replicas(cls, {each.id for each in arrived}), arrived) if arrived else []
    store.put_replicas(fresh)
    return fresh
