"""Lists, in pages."""

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
# Bytes of a page. gRPC clients accept messages of up to 4 MiB, and one item may have nearly 2 MiB.
PAGE = 2 * 2**20


def items_page(
    store: LibraryStore, item_ids: Collection[str], learner_id: str, page: Page
) -> tuple[list[Item], str]:
    """Return items with these ids (none: all), newest first, and the token of the next page.

    Only items that `learner_id` may read now; empty: staff, who sees all items. A page ends early
    if it has enough bytes.
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
    """Return the filter for items that a learner may read, like `domain.entitlements.may_read`."""
    if not learner_id:
        return {}
    runs = store.runs_of(learner_id)
    entitled = [{"run_ids": {"$in": runs}}, {"_id": {"$in": store.reading_list_items(runs)}}]
    return {"state": ItemState.AVAILABLE, "$or": entitled}


def _fitting(rows: list[Document]) -> int:
    """Return how many of the rows fit into a page, at least one."""
    room = PAGE
    for place, row in enumerate(rows):
        room -= len(bson.encode(row))
        if room < 0:
            return max(1, place)
    return len(rows)
