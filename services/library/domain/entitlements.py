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


def may_read(item: Item, enrolled_in: Collection[str], named: bool) -> bool:
    """Return whether a learner enrolled in some runs may read an item.

    `named`: whether the path of one of these runs names the item.
    """
    return named or not set(enrolled_in).isdisjoint(item.run_ids)
