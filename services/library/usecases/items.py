"""Correcting an item's description, and taking an item out of use."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FailedPrecondition, check
from services.library.domain.enums import Access, ItemState
from services.library.domain.events import ItemRetired
from services.library.domain.items import Item, Metadata, run_violations
from services.library.domain.metadata import as_stored, metadata_violations
from services.library.domain.versions import GONE, updated
from services.library.ports import Store
from services.library.usecases.files import release
from services.library.usecases.lookup import get_item
from services.library.usecases.quotas import check_room


@dataclass(frozen=True, slots=True, kw_only=True)
class Embargo:
    """Until when no learner reads an item; None: there is no embargo."""

    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateItem:
    """Replace an item's description, and perhaps who may read it."""

    item_id: str
    metadata: Metadata
    run_ids: tuple[str, ...] | None = None
    """The runs whose learners may read it; None: unchanged."""
    access: Access | None = None
    """Whose learners may read it; None: unchanged."""
    embargo: Embargo | None = None
    """None: unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireItem:
    """Take an item out of use."""

    item_id: str
    reason: str


def update_item(store: Store, command: UpdateItem, quota: int) -> Item:
    """Replace an item's description and who may read it, and return the item. `quota`: the default
    of all runs.

    Raises Invalid; NotFound; FailedPrecondition if it is RETIRED or FAILED, or if a run that is
    added has no room for its file.
    """
    check([*metadata_violations(command.metadata), *run_violations(command.run_ids or ())])
    before = get_item(store, command.item_id)
    if before.state in GONE:
        raise FailedPrecondition(f"item {before.id!r} is {before.state}, and can't be changed")
    after = _updated(before, command)
    if after == before:
        return before
    added = [run_id for run_id in after.run_ids if run_id not in before.run_ids]
    check_room(store, added, before.promised.size, quota)
    store.put_item(after)
    store.record_event(updated(after, store.now))
    return after


def _updated(item: Item, command: UpdateItem) -> Item:
    return replace(
        item,
        metadata=as_stored(command.metadata, item.kind, item.promised.media_type),
        run_ids=item.run_ids if command.run_ids is None else command.run_ids,
        access=command.access or item.access,
        not_before=command.embargo.not_before if command.embargo else item.not_before,
    )


def retire_item(store: Store, command: RetireItem, keep_file: timedelta) -> Item:
    """Take an AVAILABLE item out of use, and return it; a RETIRED one stays as it is.

    `keep_file`: the time after which its file is deleted, if no other item has the same bytes.
    Raises NotFound, and FailedPrecondition if it is not AVAILABLE.
    """
    before = get_item(store, command.item_id)
    if before.state is ItemState.RETIRED:
        return before
    if before.state is not ItemState.AVAILABLE:
        raise FailedPrecondition(
            f"item {before.id!r} is {before.state}; only AVAILABLE items can be retired"
        )
    after = replace(before, state=ItemState.RETIRED, failure=command.reason, retired_at=store.now)
    store.put_item(after)
    release(store, after, store.now + keep_file)
    store.remove_processing(after.id)
    store.record_event(retired_event(after, store.now))
    return after


def retired_event(item: Item, at: datetime) -> ItemRetired:
    """Return the event that an item was taken out of use at an instant."""
    return ItemRetired(
        item_id=item.id,
        kind=item.kind,
        title=item.metadata.title,
        reason=item.failure,
        retired_at=at,
    )
