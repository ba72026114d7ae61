"""Searching: what a person asks for, within what the person sees."""

from dataclasses import dataclass

from services.library.domain.enums import ItemKind
from services.library.domain.search import Given, SearchQuery, parse
from services.library.ports import Store
from services.library.usecases import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchItems:
    """Find items. `languages`: primary language subtags; empty filters: all items."""

    query: str
    kinds: tuple[ItemKind, ...] = ()
    languages: tuple[str, ...] = ()
    run_id: str = ""
    facets: bool = False


def query_of(
    store: Store, command: SearchItems, reader_id: str, offset: int, size: int
) -> SearchQuery:
    """Return what the index is asked, for a reader (empty: one who sees everything).

    Raises Invalid if nothing is sought, or too much.
    """
    return SearchQuery(
        sought=parse(command.query),
        scope=reading.scope(store, reader_id),
        kinds=command.kinds,
        languages=[each.lower() for each in command.languages],
        given=_given_by(store, command.run_id) if command.run_id else None,
        offset=offset,
        size=size,
        with_facets=command.facets,
    )


def _given_by(store: Store, run_id: str) -> Given:
    """Return what a run gives by its path and its items; who may not see its sessions does not
    learn what they gave.
    """
    path = store.reading_list(run_id)
    return Given((run_id,), frozenset(path.item_ids if path else ()))
