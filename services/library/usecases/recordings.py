"""Which items recordings of sessions give to read, and what becomes of withdrawn ones."""

from collections.abc import Collection
from datetime import timedelta

from services.library.domain.entitlements import all_versions
from services.library.domain.recordings import (
    RecordingItems,
    WithdrawnItems,
    is_to_retire,
    newest,
    without_run,
)
from services.library.domain.versions import updated
from services.library.ports import Store
from services.library.usecases.items import RetireItem, retire_item


def note_recordings(store: Store, told: Collection[RecordingItems]) -> set[str]:
    """Store the items of recordings where they are newer than the known ones; return the sessions
    whose recordings have other items now.
    """
    known = store.recording_items({each.session_id for each in told})
    newer = newest(told, known)
    store.put_recording_items(newer)
    before = {each.session_id: each.item_ids for each in known}
    return {each.session_id for each in newer if each.item_ids != before.get(each.session_id)}


def take_back(store: Store, told: WithdrawnItems, keep_file: timedelta) -> None:
    """Let withdrawn items be for the learners of their run no longer, unless its path or a session
    of it names them. Recordings that the run keeps no longer are retired if nothing else uses them.
    """
    for before in store.items(told.item_ids):
        if store.names([told.run_id], all_versions(before)):
            continue
        item = without_run(before, told.run_id)
        if item != before:
            store.put_item(item)
            store.record_event(updated(item, store.now))
        if told.expired and is_to_retire(item, named=store.is_named(all_versions(item))):
            retire_item(store, RetireItem(item_id=item.id, reason=told.reason), keep_file)
