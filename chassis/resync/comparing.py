"""Compares copies with their originals, by digests that both services tell."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import sleep
from typing import Any, Protocol

from tandem.types.v1 import resyncs_pb2

Request = resyncs_pb2.DigestCopiesRequest


class Digesting(Protocol):
    """A service's stub."""

    DigestCopies: Callable[[Request], Any]


@dataclass(frozen=True)
class Copy:
    """A kind of things of which a service keeps copies."""

    owner: str
    kind: str
    keeper: str
    subscription: str
    """By which the copies are kept."""


@dataclass(frozen=True)
class Drift:
    """What was compared of a copy, and what differs."""

    owner: str
    keeper: str
    kind: str
    compared: int
    missing: Sequence[str]
    """Keys of originals without a copy."""
    surplus: Sequence[str]
    """Keys of copies without an original."""
    different: Sequence[str]
    """Keys of copies with other fields than the original."""
    repaired_by: str
    """The subscription to which the owner's state is to be sent."""

    @property
    def keys(self) -> Sequence[str]:
        """All keys that differ."""
        return [*self.missing, *self.surplus, *self.different]


def compare(copy: Copy, owner: Digesting, keeper: Digesting, wait: float) -> Drift:
    """Compare all originals of a kind with their copies; what differs is looked at once more after
    `wait` seconds, because events may have been on their way.
    """
    fields = list(keeper.DigestCopies(Request(kind=copy.kind, page_size=1)).fields)
    compared, suspects = 0, []
    for originals, copies in _stretches(copy.kind, fields, owner, keeper):
        compared += len(originals.keys() | copies.keys())
        suspects += _differing(originals, copies)
    if suspects:
        sleep(wait)
    return _second_look(copy, compared, fields, suspects, owner, keeper)


def _second_look(
    copy: Copy,
    compared: int,
    fields: Sequence[str],
    suspects: Sequence[str],
    owner: Digesting,
    keeper: Digesting,
) -> Drift:
    missing: list[str] = []
    surplus: list[str] = []
    different: list[str] = []
    for first in range(0, len(suspects), 1_000):
        asked = Request(kind=copy.kind, fields=fields, keys=suspects[first : first + 1_000])
        originals, copies = _by_key(owner.DigestCopies(asked)), _by_key(keeper.DigestCopies(asked))
        for key in _differing(originals, copies):
            if key not in copies:
                missing.append(key)
            else:
                (different if key in originals else surplus).append(key)
    return Drift(
        copy.owner,
        copy.keeper,
        copy.kind,
        compared,
        missing,
        surplus,
        different,
        copy.subscription,
    )


Digests = Mapping[str, bytes]


def _stretches(
    kind: str, fields: Sequence[str], owner: Digesting, keeper: Digesting
) -> Iterator[tuple[Digests, Digests]]:
    """Yield originals and copies, stretch by stretch: each has up to a page of originals, and what
    the keeper has between the same keys.
    """
    after, more = "", True
    while more:
        page = owner.DigestCopies(Request(kind=kind, fields=fields, after=after))
        more, until = page.more, page.rows[-1].key if page.more else ""
        yield _by_key(page), _all(kind, fields, keeper, after, until)
        after = until


def _all(kind: str, fields: Sequence[str], keeper: Digesting, after: str, until: str) -> Digests:
    found: dict[str, bytes] = {}
    more = True
    while more:
        page = keeper.DigestCopies(Request(kind=kind, fields=fields, after=after, until=until))
        found |= _by_key(page)
        more, after = page.more, page.rows[-1].key if page.rows else ""
    return found


def _by_key(page: Any) -> Digests:
    return {row.key: row.digest for row in page.rows}


def _differing(originals: Digests, copies: Digests) -> list[str]:
    keys = originals.keys() | copies.keys()
    return sorted(key for key in keys if originals.get(key) != copies.get(key))
