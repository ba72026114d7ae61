"""What the library sends in a resync."""

from collections.abc import Sequence

from tandem.library.v1 import events_pb2 as events

from chassis.resync.sources import Source
from services.library.store import LibraryStore
from services.library.usecases import resync

SOURCES: Sequence[Source[LibraryStore]] = (
    Source(
        "items",
        "items",
        (events.ItemAvailable, events.ItemUpdated, events.ItemFailed, events.ItemRetired),
        resync.tell_items,
    ),
)
