"""Search: which words a text has, what a query asks for, and what an index knows of an item.

Both engines get words of chassis/words.py, so that both find the same.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import FieldViolation, check
from chassis.words import words_of
from services.library.domain.entitlements import (
    Reader,
    all_versions,
    is_embargoed,
    looks_after,
    may_read,
)
from services.library.domain.enums import Access, ItemKind, ItemState
from services.library.domain.items import Item

MOST_WORDS = 32
"""The words of a query."""
DEEPEST = 1000
"""How many hits of a query can be paged through, best first."""
TITLE = 2.0
"""How much a word in the title counts beside one anywhere."""
MOST_FACETS = 100
"""The values of a facet that are told."""
UNDETERMINED = "und"
"""The language of an item that names none (ISO 639-2)."""

# By primary language subtag (BCP 47), the stemmer of Snowball.
STEMMERS = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nb": "norwegian",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}

_PIECE = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or the words of a phrase in their order. `exact`: other forms of the word don't
    count.
    """

    words: tuple[str, ...]
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Sought:
    """What a query asks for: items with all of `wanted` and none of `unwanted`."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...] = ()


def parse(text: str) -> Sought:
    """Return what the text of a query asks for: words, "phrases", and what -is -"left out".

    What people write as one, such as e-mail, is a phrase. Raises Invalid if nothing is sought, or
    too much.
    """
    wanted: dict[Term, None] = {}
    unwanted: dict[Term, None] = {}
    for minus, quoted, plain in _PIECE.findall(text):
        words = tuple(words_of(quoted or plain))
        if words:
            (unwanted if minus else wanted)[Term(words, bool(quoted) or len(words) > 1)] = None
    sought = Sought(tuple(wanted), tuple(unwanted))
    check(_violations(sought))
    return sought


def _violations(sought: Sought) -> Iterator[FieldViolation]:
    if not sought.wanted:
        yield FieldViolation("query", "has no word that is sought", "one word, or more")
    count = sum(len(term.words) for term in (*sought.wanted, *sought.unwanted))
    if count > MOST_WORDS:
        yield FieldViolation("query", f"has {count} words", f"up to {MOST_WORDS} words")


def language_of(tag: str) -> str:
    """Return the primary language subtag of a tag of BCP 47 in lower case; "und" if it is empty."""
    return tag.split("-")[0].lower() or UNDETERMINED


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedItem:
    """What an index knows of an item. `title` and `text`: words with spaces between them."""

    id: str
    versions: tuple[str, ...]
    """Its own id and its earlier versions': by these, paths and sessions name it."""
    kind: ItemKind
    language: str
    is_available: bool
    is_for_all: bool
    run_ids: tuple[str, ...]
    uploaded_by: str
    not_before: datetime | None
    title: str
    text: str
    """All that can be searched, also the title."""
    changed_at: datetime


def indexed(item: Item, changed_at: datetime, text: str) -> IndexedItem:
    """Return what an index has to know of an item. `text`: what was extracted from its file."""
    described = item.metadata
    return IndexedItem(
        id=item.id,
        versions=all_versions(item),
        kind=item.kind,
        language=language_of(described.language),
        is_available=item.state is ItemState.AVAILABLE,
        is_for_all=item.access is Access.ALL,
        run_ids=item.run_ids,
        uploaded_by=item.uploaded_by,
        not_before=item.not_before,
        changed_at=changed_at,
        title=_joined([described.title]),
        text=_joined(
            [
                described.title,
                *described.creators,
                *described.contributors,
                *described.subjects,
                described.description,
                *described.publishers,
                described.date,
                *described.identifiers,
                *described.sources,
                *described.relations,
                *described.coverages,
                text,
            ]
        ),
    )


def _joined(parts: Iterable[str]) -> str:
    return " ".join(word for part in parts for word in words_of(part))


@dataclass(frozen=True, slots=True)
class Given:
    """What runs give their people: items with these run ids, and items with these ids or a version
    among them.
    """

    run_ids: Collection[str] = ()
    item_ids: Collection[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """The items that a person sees: as a learner, as staff, and the own ones."""

    person_id: str
    learner: Given
    staff: Given
    now: datetime


def sees(scope: Scope, item: Item) -> bool:
    """Return whether an item is in the scope, by the rules of `domain.entitlements`."""
    person = Reader(
        id=scope.person_id,
        learns_in=tuple(scope.learner.run_ids),
        staff_of=tuple(scope.staff.run_ids),
    )
    to_staff, to_learner = (
        any(version in given.item_ids for version in all_versions(item))
        for given in (scope.staff, scope.learner)
    )
    if looks_after(item, person, named=to_staff):
        return True
    named = to_staff or (to_learner and not is_embargoed(item, scope.now))
    return item.state is ItemState.AVAILABLE and may_read(item, person, scope.now, named=named)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What an index is asked: up to `size` hits after the first `offset`, best first."""

    sought: Sought
    scope: Scope | None = None
    """None: all items."""
    kinds: Sequence[ItemKind] = ()
    """Empty: all kinds."""
    languages: Sequence[str] = ()
    """Primary subtags; empty: all languages."""
    given: Given | None = None
    """Only what a run gives; None: all."""
    offset: int = 0
    size: int = 20
    with_facets: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that was found. Scores can only be compared within one answer."""

    item_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Facet:
    """How many of the items that were found have a value."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """What an index answers. `is_last`: no hit comes after these."""

    hits: tuple[Hit, ...]
    is_last: bool
    kinds: tuple[Facet, ...] = ()
    languages: tuple[Facet, ...] = ()
