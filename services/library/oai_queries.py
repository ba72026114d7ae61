"""What OAI-PMH tells of items. Only items that are public, or were: nothing else is read.

The functions are for a unit of work (`Database.transact`): it reads everything that is committed,
and ends when a majority of MongoDB's members has that too. So no answer tells what a failover could
undo.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import bson
from bson.min_key import MinKey

from chassis.contracts.mapping import from_document
from services.library.domain.enums import ItemKind
from services.library.domain.items import Item
from services.library.domain.oai import Cursor, Selection, changed_before, datestamp, is_public
from services.library.migrations import PUBLIC, PUBLIC_OF_KIND
from services.library.store import LibraryStore

Document = dict[str, Any]
SIZE = 100
# Bytes of a page's documents, as in queries.py: one item may have nearly 2 MiB.
LARGEST = 2 * 2**20
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_HEADER = ("kind", "state", "access", "changed_at")


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a record (section 2.5)."""

    item_id: str
    kind: str
    """An ItemKind, or what a newer version stored."""
    datestamp: datetime
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Record:
    """An item, or the tombstone of one."""

    header: Header
    item: Item | None = None
    """None: it is deleted, or only its header was asked for."""
    newer_id: str = ""
    """The next version of the item, if that is public; "" if there is none."""


def page(
    store: LibraryStore, selection: Selection, now: datetime, *, whole: bool
) -> tuple[list[Record], Cursor | None]:
    """Return the records of a page in the order of their changes, and where the next page begins.

    `whole`: with the items. If all items that were left have changed meanwhile, the page has the
    one with which it was to begin, as it is now: a list must have a record, and may have one that
    moved out of its range (section 3.5.1).
    """
    begin, end = _bounds(selection, now)
    rows, start = _rows(store, selection.kind, begin, end, whole=whole)
    if not rows and selection.start:
        rows = _named(store, selection.start.item_id, selection.kind)
    return list(_records(store, rows, whole=whole)), start


def record(store: LibraryStore, item_id: str) -> Record | None:
    """Return the record of an item; None if it never was public, or does not exist."""
    return next(_records(store, _named(store, item_id), whole=True), None)


def earliest(store: LibraryStore) -> datetime | None:
    """Return the earliest datestamp of all records; None if there are none."""
    query, fields = {"was_public": True}, {"_id": 0, "changed_at": 1}
    rows = store["items"].find(query, fields, session=store.session).hint(PUBLIC.document["name"])
    first = next(iter(rows.sort("changed_at", 1).limit(1)), None)
    return datestamp(first["changed_at"]) if first else None


def _rows(
    store: LibraryStore, kind: ItemKind | None, begin: Cursor, end: datetime, *, whole: bool
) -> tuple[list[Document], Cursor | None]:
    """Return the documents of a page, and where the next page begins."""
    if begin.changed_at >= end:
        return [], None
    with closing(find(store, kind, begin, end, whole=whole)) as found:
        return _fitting(found)


def find(
    store: LibraryStore, kind: ItemKind | None, begin: Cursor, end: datetime, *, whole: bool
) -> Any:
    """Return a cursor over the documents from `begin` to before `end`: a page and one more.

    The bounds are those of an index, so that a page reads only its own documents, also among a
    million of the same instant.
    """
    of_kind: Document = {"kind": kind} if kind else {}
    index = PUBLIC_OF_KIND if kind else PUBLIC
    fields = None if whole else dict.fromkeys(_HEADER, 1)
    return (
        store["items"]
        .find({"was_public": True, **of_kind}, fields, session=store.session)
        .hint(index.document["name"])
        .min(_bound(of_kind, begin.changed_at, begin.item_id))
        .max(_bound(of_kind, end))
        .limit(SIZE + 1)
    )


def _bound(of_kind: Document, changed_at: datetime, item_id: str = "") -> Any:
    """Return a bound of an index; without an item it is before all of the instant."""
    last = [("changed_at", changed_at), ("_id", item_id or MinKey())]
    return [("was_public", True), *of_kind.items(), *last]


def _bounds(selection: Selection, now: datetime) -> tuple[Cursor, datetime]:
    """Return where a page begins, and the instant at which its list ends."""
    settled = changed_before(now)
    end = min(selection.changed_before or settled, settled)
    begin = selection.changed_from or _ALWAYS
    if selection.start and selection.start.changed_at >= begin:
        return selection.start, end
    return Cursor(begin, ""), end


def _fitting(found: Any) -> tuple[list[Document], Cursor | None]:
    """Return as many documents as fit into a page, at least one, and the first that does not."""
    rows: list[Document] = []
    room = LARGEST
    for row in found:
        room -= len(bson.encode(row))
        if len(rows) == SIZE or (rows and room < 0):
            return rows, Cursor(row["changed_at"], row["_id"])
        rows.append(row)
    return rows, None


def _named(store: LibraryStore, item_id: str, kind: ItemKind | None = None) -> list[Document]:
    query = {"_id": item_id, "was_public": True, **({"kind": kind} if kind else {})}
    found = store["items"].find_one(query, session=store.session)
    return [found] if found else []


def _records(store: LibraryStore, rows: Sequence[Document], *, whole: bool) -> Iterator[Record]:
    """Yield the records of documents; with `whole`, those of public items have the item."""
    public = _public_ids(store, [row.get("replaced_by", "") for row in rows if whole])
    for row in rows:
        is_deleted = not _is_public(row)
        header = Header(row["_id"], row["kind"], datestamp(row["changed_at"]), is_deleted)
        item = from_document(row, Item) if whole and not is_deleted else None
        newer_id = row.get("replaced_by", "")
        yield Record(header, item, newer_id if newer_id in public else "")


def _public_ids(store: LibraryStore, item_ids: Sequence[str]) -> set[str]:
    """Return which of these items (empty: none) are public now."""
    rows = store.find_by_ids("items", filter(None, item_ids), projection=("state", "access"))
    return {row["_id"] for row in rows if _is_public(row)}


def _is_public(row: Document) -> bool:
    return is_public(row["state"], row.get("access", ""))  # older versions store no access
