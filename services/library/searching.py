"""Searches, in pages of up to 2 MiB."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from chassis.data.pages import BAD_TOKEN, read_token, write_token
from chassis.errors import Invalid
from services.library.domain.items import Item
from services.library.domain.search import DEEPEST, Found, Hit, SearchQuery
from services.library.queries import found_items
from services.library.store import LibraryStore
from services.library.usecases.search import SearchItems, query_of

DEFAULT_SIZE = 20
Ask = Callable[[SearchQuery], Found]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Items that were found, each with its hit; the token of the next page; and the facets."""

    rows: list[tuple[Item, Hit]]
    token: str
    found: Found


def search_page(
    store: LibraryStore, ask: Ask, command: SearchItems, reader_id: str, size: int, token: str
) -> SearchPage:
    """Return a page of what a search finds. `ask`: asks the index.

    A token counts hits. A position by score would be no better: scores differ a little from replica
    to replica, because each index has merged other segments. Raises Invalid, and what `ask` raises.
    """
    offset = _offset(token, command, reader_id)
    wanted = min(size or DEFAULT_SIZE, DEEPEST - offset)
    query = query_of(store, command, reader_id, offset, wanted)
    found = ask(query)
    rows, covered = found_items(store, found, query.scope)
    end = offset + covered
    is_last = end >= DEEPEST or (found.is_last and covered == len(found.hits))
    return SearchPage(rows, "" if is_last else token_after(end, command, reader_id), found)


def token_after(offset: int, command: SearchItems, reader_id: str) -> str:
    """Return the token of the page after so many hits."""
    return write_token([offset, _digest(command, reader_id)])


def _offset(token: str, command: SearchItems, reader_id: str) -> int:
    """Return after how many hits a page begins. Raises Invalid if the token is of another query."""
    if not token:
        return 0
    offset, digest = read_token(token, 2)
    if not isinstance(offset, int) or not 0 < offset < DEEPEST:
        raise Invalid([BAD_TOKEN])
    if digest != _digest(command, reader_id):
        raise Invalid([BAD_TOKEN])
    return offset


def _digest(command: SearchItems, reader_id: str) -> str:
    return hashlib.sha256(repr((command, reader_id)).encode()).hexdigest()[:16]
