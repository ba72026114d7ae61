"""Lists, in pages."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import bson

from chassis.contracts.mapping import from_document
from chassis.data.pages import Page, find_page
from chassis.errors import check
from services.library.domain.enums import Access, ItemState
from services.library.domain.feeds import LONGEST_DESCRIPTION, MOST_EPISODES, Feed, has_place
from services.library.domain.identifiers import identifier_violations, normal_form
from services.library.domain.items import Item
from services.library.domain.renditions import AUDIO
from services.library.domain.search import Found, Given, Hit, Scope, sees
from services.library.store import LibraryStore
from services.library.usecases import reading

Document = dict[str, Any]
ORDER = [("_id", -1)]
# Bytes of a page. gRPC clients accept messages of up to 4 MiB, and one item may have nearly 2 MiB.
PAGE = 2 * 2**20

EPISODE: Document = {
    **dict.fromkeys(("kind", "state", "promised", "renditions", "seconds"), 1),
    **dict.fromkeys(("created_at", "available_at", "not_before"), 1),
    "metadata.title": 1,
    "metadata.language": 1,
    "metadata.description": {"$substrCP": ["$metadata.description", 0, LONGEST_DESCRIPTION]},
}
"""What a feed reads of an item: a description may have 2 MiB, and a hundred of them are many."""


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
    query = {"$and": [_named(wanted), seen(reading.scope(store, reader_id))]}
    rows, token = find_page(store["items"], query, ORDER, page)
    few = _fitting(rows)
    if few < len(rows):
        rows, token = find_page(store["items"], query, ORDER, Page(few, page.token))
    return [from_document(row, Item) for row in rows], token


def feeds_page(store: LibraryStore, reader_id: str, page: Page) -> tuple[list[Feed], str]:
    """Return a reader's feeds, newest first, and the token of the next page."""
    rows, token = find_page(store["feeds"], {"reader_id": reader_id}, ORDER, page)
    return [from_document(row, Feed) for row in rows], token


def episodes(store: LibraryStore, feed: Feed, item_id: str = "") -> list[Item]:
    """Return the items of a feed's run that its reader may read now and hear, newest first; with
    `item_id` only this one.

    They are those that `usecases.reading.readable` lets this reader read because of the run; none
    if the reader has lost the place there. They have only the fields that `EPISODE` names.
    """
    person = reading.reader(store, feed.reader_id)
    if not has_place(person, feed.run_id):
        return []
    query = {
        "$and": [
            {"_id": item_id} if item_id else {},
            {"$or": _of_runs(reading.given_by(store, [feed.run_id]))},
            {"$or": [{"renditions.name": AUDIO}, {"promised.media_type": {"$regex": "^audio/"}}]},
            {"state": ItemState.AVAILABLE},
            {} if feed.run_id in person.staff_of else _open_to(feed.reader_id, store.now),
        ]
    }
    rows = store["items"].find(query, EPISODE, session=store.session)
    return [from_document(row, Item) for row in rows.sort(ORDER).limit(MOST_EPISODES)]


def _open_to(reader_id: str, now: datetime) -> Document:
    """Return the filter for items whose embargo does not keep a learner from reading them."""
    return {"$or": [_no_embargo(now), {"uploaded_by": reader_id}]}


def _no_embargo(now: datetime) -> Document:
    # also true where the field is absent, or null
    return {"not_before": {"$not": {"$gt": now}}}


def _named(wanted: Wanted) -> Document:
    by_id: Document = {"_id": {"$in": list(wanted.item_ids)}} if wanted.item_ids else {}
    if not wanted.identifier:
        return by_id
    check(identifier_violations("identifier", wanted.identifier))
    return {**by_id, "metadata.identifiers": normal_form(wanted.identifier)}


def found_items(
    store: LibraryStore, found: Found, scope: Scope | None
) -> tuple[list[tuple[Item, Hit]], int]:
    """Return the items of hits, in their order, and how many of the hits they cover.

    Each item is checked as MongoDB has it, so an index that is behind shows nobody what they may
    not see. Fewer hits are covered if the items have more bytes than a page.
    """
    by_id = {
        row["_id"]: row for row in store.find_by_ids("items", [hit.item_id for hit in found.hits])
    }
    rows = [(by_id[hit.item_id], hit) for hit in found.hits if hit.item_id in by_id]
    few = _fitting([row for row, _ in rows])
    covered = len(found.hits) if few == len(rows) else found.hits.index(rows[few][1])
    items = [(from_document(row, Item), hit) for row, hit in rows[:few]]
    return [(item, hit) for item, hit in items if scope is None or sees(scope, item)], covered


def seen(scope: Scope | None) -> Document:
    """Return the filter for the items of a scope, like `domain.entitlements`; None: all items."""
    if scope is None:
        return {}
    is_open = {"state": ItemState.AVAILABLE, **_no_embargo(scope.now)}
    learner = [{**is_open, **each} for each in (*_of_runs(scope.learner), {"access": Access.ALL})]
    return {"$or": [{"uploaded_by": scope.person_id}, *_of_runs(scope.staff), *learner]}


def _of_runs(given: Given) -> list[Document]:
    """Return filters for what runs give."""
    named = {"$in": list(given.item_ids)}
    return [{"run_ids": {"$in": list(given.run_ids)}}, {"_id": named}, {"predecessors": named}]


def _fitting(rows: list[Document]) -> int:
    """Return how many of the rows fit into a page, at least one."""
    room = PAGE
    for place, row in enumerate(rows):
        room -= len(bson.encode(row))
        if room < 0:
            return max(1, place)
    return len(rows)
