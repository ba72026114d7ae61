"""Look-ups that raise NotFound."""

from chassis.errors import NotFound
from services.library.domain.feeds import Feed
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


def get_feed(store: Store, feed_id: str) -> Feed:
    """Return a feed. Raises NotFound."""
    feed = store.feed(feed_id)
    if feed is None:
        raise NotFound(f"there is no feed {feed_id!r}")
    return feed
