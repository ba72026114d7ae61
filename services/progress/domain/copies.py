"""Copies of what others own. Queues keep no order among each other: the newest event counts."""

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar


class Copy(Protocol):
    """A copy of something that one event tells in full."""

    @property
    def id(self) -> str:
        """What it is a copy of."""

    @property
    def sequence(self) -> int:
        """The event that it was made of."""


C = TypeVar("C", bound=Copy)


def newer(known: Mapping[str, C], arrived: Iterable[C]) -> list[C]:
    """The copies that replace what is known: for each id the newest, unless known already."""
    newest: dict[str, C] = {}
    for copy in arrived:
        other = newest.get(copy.id) or known.get(copy.id)
        if other is None or copy.sequence > other.sequence:
            newest[copy.id] = copy
    return list(newest.values())
