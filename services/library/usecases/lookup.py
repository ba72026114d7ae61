"""Look-ups that raise NotFound."""

from chassis.errors import NotFound
from services.library.domain.items import Item, Upload
from services.library.ports import Store


def get_upload(store: Store, upload_id: str) -> Upload:
    """Return an upload. Raises NotFound."""
    upload = store.upload(upload_id)
    if upload is None:
        raise NotFound(f"there is no upload {upload_id!r}")
    return upload


def get_item(store: Store, item_id: str) -> Item:
    """Return an item. Raises NotFound."""
    item = store.item(item_id)
    if item is None:
        raise NotFound(f"there is no item {item_id!r}")
    return item
