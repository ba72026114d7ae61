"""Storing the result of a verification."""

from services.library.domain import verification
from services.library.domain.enums import ItemState
from services.library.domain.items import Item, PendingDeletion
from services.library.domain.verification import Found
from services.library.ports import Store
from services.library.usecases import processing, versions
from services.library.usecases.files import share
from services.library.usecases.lookup import get_item


def judge(store: Store, item_id: str, found: Found | None, lost: str = "") -> ItemState:
    """Make the item AVAILABLE or FAILED, record its event, and return its state.

    An item that another worker has already verified stays as it is. `found`: the properties of the
    stored file; None if the file is lost. `lost`: see `share`.
    """
    item = get_item(store, item_id)
    if item.state is not ItemState.VERIFYING:
        return item.state
    if found is None:
        return _refuse(store, item, verification.LOST)
    mismatches = list(verification.mismatches(item, found))
    if mismatches:
        return _refuse(store, item, "; ".join(mismatches))
    store.record_event(verification.uploaded(item))
    if not found.read_back:
        return _refuse(store, item, verification.NOT_READ_BACK)
    if found.fault:
        return _refuse(store, item, found.fault)
    share(store, item.promised, item.id, lost)
    return _let_read(store, item, found)


def _let_read(store: Store, item: Item, found: Found) -> ItemState:
    after, event = verification.available(item, found, store.now)
    store.put_item(after)
    store.record_event(event)
    versions.take_over(store, after)
    processing.begin(store, after)
    return after.state


def _refuse(store: Store, item: Item, reason: str) -> ItemState:
    after, event = verification.failed(item, reason, store.now)
    store.put_item(after)
    store.discard(PendingDeletion(id=item.id))
    store.record_event(event)
    return after.state
