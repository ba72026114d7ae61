"""What lists answer, in pages."""

from collections.abc import Collection
from typing import Any

import bson

from chassis.contracts.mapping import from_document
from chassis.data.pages import Page, find_page
from services.library.domain.enums import ItemState
from services.library.domain.items import Item
from services.library.store import LibraryStore

Document = dict[str, Any]
ORDER = [("_id", -1)]
# Bytes. gRPC clients take messages of up to 4 MiB, and one item may have most of one.
PAGE = 2 * 2**20


def items_page(
    store: LibraryStore, item_ids: Collection[str], learner_id: str, page: Page
) -> tuple[list[Item], str]:
    """Items of these ids (none: all), newest first, and the token of the next page.

    Only what `learner_id` may read now; empty: staff, who sees everything. A page ends early where
    it has enough bytes.
    """
    query = {"$and": [_named(item_ids), _readable(store, learner_id)]}
    rows, token = find_page(store["items"], query, ORDER, page)
    few = _fitting(rows)
    if few < len(rows):
        rows, token = find_page(store["items"], query, ORDER, Page(few, page.token))
    return [from_document(row, Item) for row in rows], token


def _named(item_ids: Collection[str]) -> Document:
    return {"_id": {"$in": list(item_ids)}} if item_ids else {}


def _readable(store: LibraryStore, learner_id: str) -> Document:
    """As `domain.entitlements.may_read` has it."""
    if not learner_id:
        return {}
    runs = store.runs_of(learner_id)
    entitled = [{"run_ids": {"$in": runs}}, {"_id": {"$in": store.reading_list_items(runs)}}]
    return {"state": ItemState.AVAILABLE, "$or": entitled}


def _fitting(rows: list[Document]) -> int:
    """How many of the rows a page has room for: one at least."""
    room = PAGE
    for place, row in enumerate(rows):
        room -= len(bson.encode(row))
        if room < 0:
            return max(1, place)
    return len(rows)
