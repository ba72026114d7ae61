"""Making the renditions of an item: begun when it is AVAILABLE, one step after the other."""

from services.library.domain import processing as rules
from services.library.domain.enums import ItemState, RenditionState
from services.library.domain.files import content_id, made_key
from services.library.domain.items import Item, Rendition
from services.library.domain.processing import Processing, Status, Step
from services.library.domain.renditions import NotMade
from services.library.ports import Store
from services.library.usecases import files
from services.library.usecases.lookup import get_item


def begin(store: Store, item: Item) -> None:
    """Let the renditions of an item be made that has become AVAILABLE."""
    if processing := rules.begun(item):
        store.begin_processing(processing, item.promised.media_type)


def adopt(store: Store, item_id: str) -> bool:
    """Give an item the renditions of another one with the same bytes, if they are all made; return
    whether it is so.
    """
    item, processing = get_item(store, item_id), store.processing(item_id)
    if processing is None or len(item.renditions) != 1:
        return False
    twin = store.processed_twin(item)
    if twin is None:
        return False
    other, done = twin
    made = other.renditions[1:]
    # Locked: the other item may be retired at the same moment.
    if not all(store.lock_shared_file(content_id(file)) for file in made):
        return False
    for file in made:
        item, event = rules.attached(item, file, other.pages, store.now)
        store.record_event(event)
    store.put_item(item)
    for step in done.steps:
        processing = rules.settled(processing, step, store.now)
    store.put_processing(processing)
    return True


def announce(store: Store, item_id: str, file: Rendition) -> str:
    """Store that a file is put into the S3 store, and return its key: if nobody attaches it, it is
    deleted.
    """
    key = made_key(item_id, file)
    files.announce(store, key)
    return key


def attach(
    store: Store, item_id: str, file: Rendition, pages: int, playlist: str, lost: str = ""
) -> None:
    """Add a file that was made and read back to its item. A repeat changes nothing.

    `playlist`: its HLS playlist, empty if it has none; `lost`: see `share`. Raises
    FailedPrecondition if it was deleted meanwhile, because it took too long.
    """
    found = _awaited(store, item_id, file.name)
    if found is None:
        return
    item, processing = found
    key = made_key(item_id, file)
    files.take_up(store, key)
    files.share(store, file, key, lost)
    if playlist:
        store.put_playlist(content_id(file), playlist)
    after, event = rules.attached(item, file, pages, store.now)
    store.put_item(after)
    store.record_event(event)
    step = Step(name=file.name, state=RenditionState.MADE)
    store.put_processing(rules.settled(processing, step, store.now))


def give_up(store: Store, item_id: str, name: str, why: NotMade) -> None:
    """Store why a rendition was not made. A repeat changes nothing."""
    found = _awaited(store, item_id, name)
    if found is None:
        return
    item, processing = found
    step, event = rules.not_made(item, name, why, store.now)
    if event is not None:
        store.record_event(event)
    store.put_processing(rules.settled(processing, step, store.now))


def status(store: Store, item: Item) -> Status:
    """Return how far the renditions of an item are."""
    found = store.processing(item.id)
    return rules.status_of(item, found)


def _awaited(store: Store, item_id: str, name: str) -> tuple[Item, Processing] | None:
    """Return the item and its processing if a rendition is still to be made; else None."""
    item, processing = get_item(store, item_id), store.processing(item_id)
    if item.state is not ItemState.AVAILABLE or processing is None:
        return None
    return (item, processing) if rules.is_waiting(processing, name) else None
