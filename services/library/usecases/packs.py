"""Offline packs: asked for, made by a worker, served to who belongs to the run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FailedPrecondition, NotFound, PermissionDenied
from services.library.domain import packs as rules
from services.library.domain.enums import PackState
from services.library.domain.items import Item, PendingDeletion
from services.library.domain.packs import Pack
from services.library.ports import Store
from services.library.usecases import files
from services.library.usecases.reading import reader

DENIED = "this person has no place in the run of this pack, and is not its staff"
# A ZIP that is not needed any more is deleted so late that no URL of it is valid (the longest that
# S3 signs).
URLS_END = timedelta(days=7)
KEPT = timedelta(days=30)
# How exactly it is known when a pack was asked for, so that few who ask write.
ASKED_WITHIN = timedelta(days=1)
# How many items an error names: it has to fit the headers of an answer.
TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOfflinePack:
    """Let a pack be made. `week`: 0 for the whole run; `most_bytes`: 0 for the largest."""

    run_id: str
    week: int = 0
    most_bytes: int = 0


class CantMake(Exception):
    """Why a pack can't be made."""


def build(store: Store, command: BuildOfflinePack, reader_id: str) -> Pack:
    """Return the pack that a reader (empty: one who reads everything) wants: the one that there is,
    or one that is to be made.

    Raises PermissionDenied, and FailedPrecondition if it would be empty.
    """
    _check_belongs(store, command.run_id, reader_id)
    items = _items(store, command.run_id, command.week)
    chosen = rules.choose(items, command.most_bytes or rules.LARGEST)
    if not chosen:
        raise FailedPrecondition(_why_empty(items, command))
    packed = {each.item_id for each in chosen}
    left_out = tuple(item.id for item in items if item.id not in packed)
    pack = rules.pack_of(command.run_id, command.week, chosen, left_out, store.now)
    found = store.pack(pack.id)
    if found is None or found.state is PackState.FAILED:
        store.begin_pack(pack)
        return pack
    now = replace(found, left_out=left_out, asked_at=store.now)
    if left_out != found.left_out or _is_long_ago(found.asked_at, store.now):
        store.put_pack(now)
    return now


def readable(store: Store, pack_id: str, reader_id: str) -> Pack:
    """Return a pack that a reader (empty: one who reads everything) may load.

    Raises PermissionDenied, for a named reader also if there is no such pack; NotFound; and
    FailedPrecondition if the run's learners may not read all that is in it any more.
    """
    pack = store.pack(pack_id)
    if pack is None:
        raise PermissionDenied(DENIED) if reader_id else NotFound(f"there is no pack {pack_id!r}")
    _check_belongs(store, pack.run_id, reader_id)
    if closed := _closed(store, pack):
        raise FailedPrecondition(
            f"learners of run {pack.run_id!r} may not read {', '.join(closed[:TOLD])} of this pack"
            f" now ({len(closed)} items in all); build a new one with BuildOfflinePack"
        )
    if _is_long_ago(pack.asked_at, store.now):
        store.note_asked(pack_id)
    return pack


def sources(store: Store, pack: Pack) -> list[str]:
    """Return the keys of the files of a pack in the S3 store. Raises CantMake if its items
    changed since it was asked for.
    """
    items = {item.id: item for item in store.items([each.item_id for each in pack.items])}
    is_open = _is_open(store, pack.run_id)
    keys = []
    for each in pack.items:
        item = items.get(each.item_id)
        same = [
            file
            for file in (item.renditions if item else ())
            if (file.name, file.sha256) == (each.rendition, each.sha256)
        ]
        if item is None or not same or not is_open(item):
            raise CantMake(f"item {each.item_id!r} can't be read by learners any more")
        keys.append(files.key_of(store, item, same[0]))
    return keys


def announce(store: Store, pack_id: str) -> str:
    """Store that a ZIP is put into the S3 store, and return its key, new for each attempt: if
    nobody attaches it, it is deleted.
    """
    key = f"packs/{pack_id}/{store.new_id()}.zip"
    files.announce(store, key)
    return key


def attach(store: Store, pack_id: str, key: str, size: int) -> None:
    """Let a pack be READY whose ZIP is stored. If another worker was faster, this one's ZIP goes.

    Raises FailedPrecondition if the ZIP was deleted meanwhile, because it took too long.
    """
    pack = store.pack(pack_id)
    if pack is None or pack.state is not PackState.WAITING:
        return
    files.take_up(store, key)
    store.put_pack(rules.made(pack, key, size))


def give_up(store: Store, pack_id: str, why: str) -> None:
    """Store why a pack can't be made. A repeat changes nothing."""
    pack = store.pack(pack_id)
    if pack is not None and pack.state is PackState.WAITING:
        store.put_pack(rules.failed(pack, why))


def expire(store: Store, pack_id: str) -> None:
    """Remove a pack that nobody asked for, and let its ZIP be deleted."""
    pack = store.pack(pack_id)
    if pack is None or pack.asked_at >= store.now - KEPT:
        return
    store.remove_pack(pack_id)
    if pack.key:
        store.discard(PendingDeletion(id=pack.key, due=store.now + URLS_END))


def _check_belongs(store: Store, run_id: str, reader_id: str) -> None:
    if not reader_id:
        return
    person = reader(store, reader_id)
    if run_id not in person.learns_in + person.staff_of:
        raise PermissionDenied(DENIED)


def _items(store: Store, run_id: str, week: int) -> list[Item]:
    """Return the items that a pack is chosen from, in order; of each the newest version that
    learners may read.
    """
    path, given = store.reading_list(run_id), store.session_items(run_id)
    others = [] if week else store.items_for_run(run_id, rules.MOST_ITEMS)
    ids = rules.wanted(path, given, others, week)[: rules.MOST_ITEMS]
    found = {item.id: item for item in store.items(ids)}
    is_open = _is_open(store, run_id)
    newest = (_newest(store, found[item_id], is_open) for item_id in ids if item_id in found)
    return list({item.id: item for item in newest if item}.values())


def _newest(store: Store, item: Item, is_open: Callable[[Item], bool]) -> Item | None:
    """Return the newest version of an item, or the item itself, that is open; None if none is."""
    newer = store.item(store.newest_after(item.id)) if item.replaced_by else None
    return next((each for each in (newer, item) if each and is_open(each)), None)


def _is_open(store: Store, run_id: str) -> Callable[[Item], bool]:
    """Return the rule whether the learners of a run may read an item now."""
    named = frozenset(store.reading_list_items([run_id]))
    return lambda item: rules.is_for_learners(item, run_id, named, store.now)


def _closed(store: Store, pack: Pack) -> list[str]:
    """Return the ids of a pack's items that the learners of its run may not read now."""
    ids = [each.item_id for each in pack.items]
    is_open = _is_open(store, pack.run_id)
    may = {item.id for item in store.items(ids) if is_open(item)}
    return [item_id for item_id in ids if item_id not in may]


def _why_empty(items: Iterable[Item], command: BuildOfflinePack) -> str:
    week = f"week {command.week} of " if command.week else ""
    what = f"{week}run {command.run_id!r}"
    needed = rules.least(items)
    if not needed:
        return f"no item of {what} can be read by all its learners now"
    most = command.most_bytes or rules.LARGEST
    return f"no item of {what} fits {most} bytes; the smallest needs {needed}"


def _is_long_ago(asked_at: datetime, now: datetime) -> bool:
    return asked_at < now - ASKED_WITHIN
