"""Correcting an item's description, and taking an item out of use."""

from dataclasses import dataclass, replace

from chassis.errors import FailedPrecondition, check
from services.library.domain.enums import ItemState
from services.library.domain.events import ItemRetired, ItemUpdated
from services.library.domain.items import Item, Metadata, run_violations
from services.library.ports import Store
from services.library.usecases.quotas import check_room
from services.library.usecases.uploads import get_item

GONE = frozenset({ItemState.RETIRED, ItemState.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateItem:
    """Replace an item's description, and perhaps its runs."""

    item_id: str
    metadata: Metadata
    run_ids: tuple[str, ...] | None = None
    """The runs whose learners may read it; None: unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireItem:
    """Take an item out of use."""

    item_id: str
    reason: str


def update_item(store: Store, command: UpdateItem, quota: int) -> Item:
    """Replace an item's description, and return the item. `quota`: the default of all runs.

    Raises Invalid; NotFound; FailedPrecondition if it is RETIRED or FAILED, or if a run that is
    added has no room for its file.
    """
    if command.run_ids is not None:
        check(run_violations(command.run_ids))
    before = get_item(store, command.item_id)
    if before.state in GONE:
        raise FailedPrecondition(f"item {before.id!r} is {before.state}, and can't be changed")
    run_ids = before.run_ids if command.run_ids is None else command.run_ids
    after = replace(before, metadata=command.metadata, run_ids=run_ids)
    if after == before:
        return before
    added = [run_id for run_id in run_ids if run_id not in before.run_ids]
    check_room(store, added, before.promised.size, quota)
    store.put_item(after)
    store.record_event(
        ItemUpdated(
            item_id=after.id,
            kind=after.kind,
            title=after.metadata.title,
            updated_at=store.now,
            run_ids=after.run_ids,
        )
    )
    return after


def retire_item(store: Store, command: RetireItem) -> Item:
    """Take an AVAILABLE item out of use, and return it; a RETIRED one stays as it is.

    Raises NotFound, and FailedPrecondition if it is not AVAILABLE.
    """
    before = get_item(store, command.item_id)
    if before.state is ItemState.RETIRED:
        return before
    if before.state is not ItemState.AVAILABLE:
        raise FailedPrecondition(
            f"item {before.id!r} is {before.state}; only AVAILABLE items can be retired"
        )
    after = replace(before, state=ItemState.RETIRED, failure=command.reason)
    store.put_item(after)
    store.record_event(
        ItemRetired(
            item_id=after.id,
            kind=after.kind,
            title=after.metadata.title,
            reason=command.reason,
            retired_at=store.now,
        )
    )
    return after
