"""Who may read what."""

from collections.abc import Collection
from dataclasses import dataclass

from services.library.domain.enums import EnrolmentState
from services.library.domain.items import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A learner's standing in a run, as catalog last told; `sequence` says how late that was."""

    run_id: str
    learner_id: str
    state: EnrolmentState
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReadingList:
    """The items of a run's path, as catalog last told."""

    run_id: str
    item_ids: tuple[str, ...]
    sequence: int


def may_read(item: Item, enrolled_in: Collection[str], named: bool) -> bool:
    """Whether a learner enrolled in some runs may read an item. `named`: by the path of one."""
    return named or not set(enrolled_in).isdisjoint(item.run_ids)
