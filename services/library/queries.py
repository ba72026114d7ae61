"""Lists, in pages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import bson

from chassis.contracts.mapping import from_document
from chassis.data.pages import Page, find_page
from chassis.errors import check
from services.library.domain.enums import Access, ItemState
from services.library.domain.identifiers import identifier_violations, normal_form
from services.library.domain.items import Item
from services.library.store import LibraryStore
from services.library.usecases import reading

Document = dict[str, Any]
ORDER = [("_id", -1)]
# Bytes of a page. gRPC clients accept messages of up to 4 MiB, and one item may have nearly 2 MiB.
PAGE = 2 * 2**20


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items a list has: these ids, and this identifier in any form; empty: any."""

    item_ids: Collection[str] = ()
    identifier: str = ""


def items_page(
    store: LibraryStore, wanted: Wanted, reader_id: str, page: Page
) -> tuple[list[Item], str]:
    """Return wanted items, newest first, and the token of the next page.

    Raises Invalid if the identifier is none. Only items that `reader_id` may see (empty: all), like
    `usecases.reading.visible`. A page ends early if it has enough bytes.
    """
    query = {"$and": [_named(wanted), _visible(store, reader_id)]}
    rows, token = find_page(store["items"], query, ORDER, page)
    few = _fitting(rows)
    if few < len(rows):
        rows, token = find_page(store["items"], query, ORDER, Page(few, page.token))
    return [from_document(row, Item) for row in rows], token


def _named(wanted: Wanted) -> Document:
    by_id: Document = {"_id": {"$in": list(wanted.item_ids)}} if wanted.item_ids else {}
    if not wanted.identifier:
        return by_id
    check(identifier_violations("identifier", wanted.identifier))
    return {**by_id, "metadata.identifiers": normal_form(wanted.identifier)}


def _visible(store: LibraryStore, reader_id: str) -> Document:
    """Return the filter for items that a person may see, like `domain.entitlements`."""
    if not reader_id:
        return {}
    person = reading.reader(store, reader_id)
    # also true where the field is absent, or null
    is_open = {"state": ItemState.AVAILABLE, "not_before": {"$not": {"$gt": store.now}}}
    given = [*_of_runs(store, person.learns_in), {"access": Access.ALL}]
    learner = [{**is_open, **each} for each in given]
    return {"$or": [{"uploaded_by": reader_id}, *_of_runs(store, person.staff_of), *learner]}


def _of_runs(store: LibraryStore, runs: Sequence[str]) -> list[Document]:
    """Return filters for the items of runs."""
    named = {"$in": store.reading_list_items(runs)}
    return [{"run_ids": {"$in": runs}}, {"_id": named}, {"predecessors": named}]


def _fitting(rows: list[Document]) -> int:
    """Return how many of the rows fit into a page, at least one."""
    room = PAGE
    for place, row in enumerate(rows):
        room -= len(bson.encode(row))
        if room < 0:
            return max(1, place)
    return len(rows)
