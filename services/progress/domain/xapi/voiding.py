"""References between statements (xAPI 1.0.3, part 2, sections 2.3.2 and 2.4.4.3).

A statement whose object is a StatementRef is found by what finds its target, and by what finds the
target's target (part 3, section 2.1.3). A statement is voided if a voiding one refers to it and it
is not itself a voiding one. Both are true in whatever order they are stored.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from services.progress.domain.xapi.index_keys import filters_among

VOIDED = "http://adlnet.gov/expapi/verbs/voided"
MOST_INHERITED = 200
"""Keys that a statement takes over from its targets."""


@dataclass(frozen=True, slots=True)
class Link:
    """What is stored of a statement that matters for references."""

    id: str
    keys: Set[bytes] = frozenset()
    target: str = ""
    """The statement that it refers to; empty if none."""
    is_voiding: bool = False
    is_voided: bool = False
    within: tuple[frozenset[bytes], ...] = field(default=())
    """The rights of who stored it: one key of each set its target must have, or the reference has
    no effect: who may not read a statement learns nothing of it by a reference, and voids it not.
    """


def target_of(statement: Mapping[str, Any]) -> str:
    """Return the id of the statement that a statement's object refers to; empty if none."""
    target = statement["object"]
    is_reference = target.get("objectType") == "StatementRef"
    return str(target["id"]).lower() if is_reference else ""


def is_voiding(statement: Mapping[str, Any]) -> bool:
    """Return whether a statement voids another."""
    return bool(statement["verb"]["id"] == VOIDED and target_of(statement))


def inherited(referrer: Link, target: Link) -> set[bytes]:
    """Return the keys that a statement takes over from its target and does not have yet."""
    if not _reaches(referrer, target):
        return set()
    return set(sorted(filters_among(target.keys) - referrer.keys)[:MOST_INHERITED])


def voids(referrer: Link, target: Link) -> bool:
    """Return whether a statement voids its target, which was not voided yet."""
    if target.is_voiding or target.is_voided or not _reaches(referrer, target):
        return False
    return referrer.is_voiding


def _reaches(referrer: Link, target: Link) -> bool:
    return all(not target.keys.isdisjoint(keys) for keys in referrer.within)
