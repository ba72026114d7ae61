"""Versions of a work: an item may be the next version of another one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from services.library.domain.enums import ItemState
from services.library.domain.events import ItemUpdated
from services.library.domain.items import Item

MOST_VERSIONS = 100
GONE = frozenset({ItemState.RETIRED, ItemState.FAILED})


def obstacles(old: Item, successor: Item | None) -> Iterator[str]:
    """Yield each reason why an item can't have a next version. `successor`: the announced one."""
    if old.state is not ItemState.AVAILABLE:
        yield f"item {old.id!r} is {old.state}; only AVAILABLE items can be replaced"
    if successor and successor.state not in GONE:
        yield f"item {old.id!r} has the next version {successor.id!r} already; replace that one"
    if len(old.predecessors) + 1 >= MOST_VERSIONS:
        yield f"item {old.id!r} is version {MOST_VERSIONS}; upload the next one as another work"


def succeed(old: Item, new: Item) -> tuple[Item, Item]:
    """Return an item that has a next version, and that version. A new item is in no chain yet, so
    no chain closes to a circle.
    """
    return (
        replace(old, successor_id=new.id),
        replace(new, predecessors=(*old.predecessors, old.id)),
    )


def updated(item: Item, now: datetime) -> ItemUpdated:
    """Return the event that an item changed."""
    return ItemUpdated(
        item_id=item.id,
        kind=item.kind,
        title=item.metadata.title,
        updated_at=now,
        run_ids=item.run_ids,
        access=item.access,
        not_before=item.not_before,
        replaced_by=item.replaced_by,
    )
