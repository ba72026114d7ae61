"""Offline packs: which items of a run are in one, and which rendition of each."""

import hashlib
import json
import mimetypes
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.texts import normal
from services.library.domain.entitlements import (
    PathEntry,
    RunReadingList,
    SessionItems,
    all_versions,
    is_embargoed,
)
from services.library.domain.enums import ItemState, PackState
from services.library.domain.items import Item, Rendition
from services.library.domain.renditions import Wish, fitting

LARGEST = 2**31 - 1
"""The most bytes of a ZIP that zipfile writes without the extension ZIP64 (APPNOTE.TXT 6.3.10,
section 4.4.1.4), which not every program opens.
"""
MOST_ITEMS = 1000
"""Of a pack: more would not fit one answer."""

# Bytes of the ZIP beside the files, never fewer than there are: the page without its entries and
# what ends the ZIP; and an entry's lines in the page with its two headers, but for its title.
FRAME = 32 * 2**10
ENTRY = 3 * 2**10
# A character of a title is written as at most so many per byte of it: " as &#34;.
ESCAPED = 5
LONGEST_SLUG = 40
# Of the page and the names in the ZIP. It is part of a pack's identity: a new one is a new pack.
FORM = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedItem:
    """An item in a pack, and which of its files. `size` in bytes, `seconds` of playing time."""

    item_id: str
    title: str
    rendition: str
    media_type: str
    size: int
    sha256: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A ZIP for the learners of a run. `week`: 0 for the whole run; `size` in bytes."""

    id: str
    run_id: str
    week: int
    state: PackState
    items: tuple[PackedItem, ...]
    left_out: tuple[str, ...]
    asked_at: datetime
    failure: str = ""
    size: int = 0
    key: str = ""
    """Its key in the S3 store; empty until it is READY."""


def wanted(
    path: RunReadingList | None, given: Iterable[SessionItems], others: Iterable[str], week: int
) -> list[str]:
    """Return the ids of a run's items in the order in which they are packed, each once: the path's,
    with what sessions gave at the activity that they hold; then the rest of this; then others.
    `week`: 0 for all, else only what the path tells for it.
    """
    sessions = list(given)
    of_activity: dict[str, list[str]] = {}
    for each in sessions:
        of_activity.setdefault(each.activity_id, []).extend(each.item_ids)
    in_order = [
        item_id
        for entry in (path.entries if path else ())
        if week in (0, entry.week)
        for item_id in (entry.item_id, *_held(entry, of_activity))
    ]
    if not week:
        # An older version stored the items of a path without their order.
        in_order += path.item_ids if path else ()
        in_order += [item_id for each in sessions for item_id in each.item_ids]
        in_order += others
    return list(dict.fromkeys(filter(None, in_order)))


def _held(entry: PathEntry, of_activity: Mapping[str, list[str]]) -> list[str]:
    return of_activity.get(entry.activity_id, []) if entry.activity_id else []


def is_for_learners(item: Item, run_id: str, named: Collection[str], now: datetime) -> bool:
    """Return whether every learner of a run may read an item now. `named`: the ids of the items
    that the run's path and sessions name.
    """
    is_of_run = run_id in item.run_ids or any(each in named for each in all_versions(item))
    return is_of_run and item.state is ItemState.AVAILABLE and not is_embargoed(item, now)


def choose(items: Sequence[Item], most_bytes: int) -> tuple[PackedItem, ...]:
    """Return which file of each item is in a ZIP of at most `most_bytes`.

    First the smallest file of each item, in their order, where it fits; then the best for each, in
    the same order, with the bytes that are left. So the first item for which two budgets choose
    differently has more from the larger one.
    """
    left, chosen = most_bytes - FRAME, dict[str, Rendition]()
    for item in items:
        files = _usable(item)
        smallest = min(files, key=lambda file: file.size, default=None)
        if smallest is not None and smallest.size + overhead(item) <= left:
            chosen[item.id] = smallest
            left -= smallest.size + overhead(item)
    for item in items:
        if smallest := chosen.get(item.id):
            most = smallest.size + left
            chosen[item.id] = next(file for file in _usable(item) if file.size <= most)
            left = most - chosen[item.id].size
    return tuple(_packed(item, chosen[item.id]) for item in items if item.id in chosen)


def overhead(item: Item) -> int:
    """Return the most bytes of the ZIP that an item needs beside its file."""
    return ENTRY + ESCAPED * len(_title(item).encode())


def least(items: Iterable[Item]) -> int:
    """Return the smallest budget with which one of the items is packed; 0 if none ever is."""
    sizes = (FRAME + overhead(item) + file.size for item in items for file in _usable(item))
    return min(sizes, default=0)


def pack_of(
    run_id: str, week: int, items: tuple[PackedItem, ...], left_out: tuple[str, ...], now: datetime
) -> Pack:
    """Return a pack that is to be made. Its id is a hash of the run, the week and the items."""
    content = [FORM, run_id, week, [list(_identity(item)) for item in items]]
    return Pack(
        id=hashlib.sha256(json.dumps(content).encode()).hexdigest(),
        run_id=run_id,
        week=week,
        state=PackState.WAITING,
        items=items,
        left_out=left_out,
        asked_at=now,
    )


def made(pack: Pack, key: str, size: int) -> Pack:
    """Return a pack whose ZIP is stored."""
    return replace(pack, state=PackState.READY, key=key, size=size)


def failed(pack: Pack, why: str) -> Pack:
    """Return a pack that can't be made."""
    return replace(pack, state=PackState.FAILED, failure=why)


def names(items: Sequence[PackedItem]) -> list[str]:
    """Return the files' names in the ZIP: 0001-title.mp4. They have letters and digits of any
    script, so that no system takes them for a folder or a device.
    """
    return [
        f"{place:04d}-{_slug(item.title)}{_ending(item)}" for place, item in enumerate(items, 1)
    ]


def _usable(item: Item) -> list[Rendition]:
    return fitting(item.renditions, item.seconds, Wish())


def _packed(item: Item, file: Rendition) -> PackedItem:
    return PackedItem(
        item_id=item.id,
        title=_title(item),
        rendition=file.name,
        media_type=file.media_type,
        size=file.size,
        sha256=file.sha256,
        seconds=item.seconds,
    )


def _title(item: Item) -> str:
    return normal(item.metadata.title)


def _identity(item: PackedItem) -> Iterator[object]:
    yield from (item.item_id, item.title, item.rendition, item.sha256, item.size, item.media_type)
    yield item.seconds


def _slug(title: str) -> str:
    words = "".join(sign if sign.isalnum() else " " for sign in title).split()
    return "-".join(words)[:LONGEST_SLUG].strip("-") or "item"


def _ending(item: PackedItem) -> str:
    return mimetypes.guess_extension(item.media_type) or ".bin"
