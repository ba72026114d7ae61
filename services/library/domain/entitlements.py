"""Entitlement: which learners may read which items."""

from collections.abc import Collection
from dataclasses import dataclass

from services.library.domain.enums import EnrolmentState
from services.library.domain.items import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A learner's enrolment in a run, from catalog's last event with number `sequence`."""

    run_id: str
    learner_id: str
    state: EnrolmentState
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReadingList:
    """The reading list of a run: the items of its path, from catalog's last event."""

    run_id: str
    item_ids: tuple[str, ...]
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionItems:
    """Items that a session of a run gave its learners to study: its materials, its recording, what
    takes its place. Once given, they stay readable.
    """

    session_id: str
    run_id: str
    item_ids: tuple[str, ...]


def may_read(item: Item, reader_id: str, runs: Collection[str], named: bool) -> bool:
    """Return whether a learner or a member of staff of some runs may read an item.

    `named`: whether the path or a session of one of these runs names the item. Who uploaded an
    item reads it.
    """
    is_own = bool(reader_id) and item.uploaded_by == reader_id
    return is_own or named or not set(runs).isdisjoint(item.run_ids)
