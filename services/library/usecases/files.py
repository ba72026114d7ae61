"""Storing the same bytes once: items share a file, and each keeps its own rights."""

from datetime import datetime

from services.library.domain.files import SharedFile, content_id
from services.library.domain.items import Item, PendingDeletion, Rendition
from services.library.ports import Store


def share(store: Store, item: Item, lost: str) -> None:
    """Let a verified item use the file that has its bytes; its own becomes that file if there is
    none.

    `lost`: the key of a file with these bytes that can't be read any more. The item's own file
    takes its place, for all items that share it.
    """
    content = content_id(item.promised)
    shared = store.lock_shared_file(content)
    if shared is None or shared.key == lost:
        store.put_shared_file(SharedFile(id=content, key=item.id))
    if shared is not None:
        store.discard_copy(lost if shared.key == lost else item.id)


def release(store: Store, item: Item, due: datetime) -> None:
    """Let the file of an item that was retired be deleted at `due`, unless other items need it."""
    (rendition,) = item.renditions
    shared = store.lock_shared_file(content_id(rendition))
    if shared is None:
        store.discard(PendingDeletion(id=item.id, due=due))
    elif not store.is_needed(rendition):
        # An item that is verified from now on gets a file of its own.
        store.remove_shared_file(shared)
        store.discard(PendingDeletion(id=shared.key, due=due))


def key_of(store: Store, item: Item, rendition: Rendition) -> str:
    """Return the key of a file of an AVAILABLE item in the S3 store.

    A worker of the older version shares no file: its items have files of their own.
    """
    shared = store.shared_file(content_id(rendition))
    return shared.key if shared else item.id
