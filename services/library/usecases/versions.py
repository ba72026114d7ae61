"""Versions of a work: announced with an upload, and told when they are AVAILABLE."""

from dataclasses import replace

from chassis.errors import FailedPrecondition
from services.library.domain.items import Item
from services.library.domain.versions import obstacles, succeed, updated
from services.library.ports import Store
from services.library.usecases.lookup import get_item


def announce(store: Store, new: Item, replaces_item_id: str) -> Item:
    """Return a new item as the next version of another one (empty: of none).

    The other item is written, so that of two versions that are announced at once one is refused.
    Raises NotFound; FailedPrecondition if the other item can't have a next version.
    """
    if not replaces_item_id:
        return new
    old = get_item(store, replaces_item_id)
    successor = store.item(old.successor_id) if old.successor_id else None
    if reasons := list(obstacles(old, successor)):
        raise FailedPrecondition("; ".join(reasons))
    before, after = succeed(old, new)
    store.put_item(before)
    return after


def take_over(store: Store, item: Item) -> None:
    """Let the version before an AVAILABLE item tell that there is a newer one."""
    old = store.item(item.replaces_item_id) if item.replaces_item_id else None
    if old is not None:
        after = replace(old, replaced_by=item.id)
        store.put_item(after)
        store.record_event(updated(after, store.now))


def newest_id(store: Store, item: Item) -> str:
    """Return the id of the newest AVAILABLE version after an item; "" if there is none."""
    return store.newest_after(item.id) if item.replaced_by else ""
