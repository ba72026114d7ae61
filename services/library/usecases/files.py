"""Storing the same bytes once: items share a file, and each keeps its own rights."""

from datetime import datetime, timedelta

from chassis.errors import FailedPrecondition
from services.library.domain.files import SharedFile, content_id
from services.library.domain.items import Item, PendingDeletion, Rendition
from services.library.ports import Store

# A file that was put into the S3 store and not attached by then is deleted.
ATTACH_WITHIN = timedelta(days=1)


def share(store: Store, file: Rendition, key: str, lost: str = "") -> None:
    """Let a verified file be the one that has its bytes, if there is none; else it is a copy.

    `lost`: the key of a file with these bytes that can't be read any more. This file takes its
    place, for all items that share it.
    """
    shared = store.lock_shared_file(content_id(file))
    if shared is None or shared.key == lost:
        store.put_shared_file(SharedFile(id=content_id(file), key=key))
    if shared is not None and shared.key != key:
        store.discard_copy(lost if shared.key == lost else key)


def release(store: Store, item: Item, due: datetime) -> None:
    """Let the files of an item that was retired be deleted at `due`, unless other items need
    them.
    """
    for file in item.renditions:
        shared = store.lock_shared_file(content_id(file))
        if shared is None and file == item.original:
            store.discard(PendingDeletion(id=item.id, due=due))
        elif shared is not None and not store.is_needed(file):
            # An item that is verified from now on gets a file of its own.
            store.remove_shared_file(shared)
            store.discard(PendingDeletion(id=shared.key, due=due))


def announce(store: Store, key: str) -> None:
    """Store that a file is put into the S3 store: if nobody attaches it, it is deleted."""
    store.discard(PendingDeletion(id=key, due=store.now + ATTACH_WITHIN))


def take_up(store: Store, key: str) -> None:
    """Keep an announced file, because it is attached now. Raises FailedPrecondition if it was
    deleted meanwhile, because that took too long.
    """
    if not store.keep(key):
        raise FailedPrecondition(f"the file {key} was deleted before it was attached")


def key_of(store: Store, item: Item, file: Rendition) -> str:
    """Return the key of a file of an AVAILABLE item in the S3 store.

    A worker of the older version shares no file: its items have files of their own.
    """
    shared = store.shared_file(content_id(file))
    return shared.key if shared else item.id
