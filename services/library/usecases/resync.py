"""The state of items, as events that tell it. An item that nobody could read yet has none."""

from collections.abc import Iterator, Sequence

from services.library.domain.enums import ItemState
from services.library.domain.items import Item
from services.library.domain.verification import available_event, failed_event
from services.library.domain.versions import updated
from services.library.ports import Store
from services.library.usecases.items import retired_event


def tell_items(store: Store, item_ids: Sequence[str]) -> list[object]:
    """Return the events that tell the state of items.

    The library does not keep when an item was refused: its event has the instant at which it is
    told.
    """
    return [event for item in store.items(item_ids) for event in _events(store, item)]


def _events(store: Store, item: Item) -> Iterator[object]:
    match item.state:
        case ItemState.AVAILABLE:
            yield available_event(item, item.available_at or store.now)
            if item.replaced_by:
                yield updated(item, store.now)
        case ItemState.FAILED:
            yield failed_event(item, store.now)
        case ItemState.RETIRED:
            yield updated(item, store.now)  # for its title, which paths still name
            yield retired_event(item, item.retired_at or store.now)
