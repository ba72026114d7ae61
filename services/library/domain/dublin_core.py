"""An item as unqualified Dublin Core (OAI-PMH 2.0, section 5)."""

from collections.abc import Iterator
from urllib.parse import quote

from services.library.domain.items import Item
from services.library.domain.metadata import as_told

DOI = "doi:"
# What stays as it is in the URL of a DOI (DOI Handbook, "DOI Name Encoding Rules for URL
# Presentation").
_IN_URL = "/:@!$&'()*;="


def elements(item: Item, newer: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each element, in the order of the standard.

    `newer`: what a next version of the item is known by; "": there is none.
    """
    told = as_told(item.metadata, item.kind, item.promised.media_type)
    fields = {
        "title": (told.title,),
        "creator": told.creators,
        "subject": told.subjects,
        "description": (told.description,),
        "publisher": told.publishers,
        "contributor": told.contributors,
        "date": (told.date, _embargo(item)),
        "type": told.types,
        "format": told.formats,
        "identifier": tuple(map(link, told.identifiers)),
        "source": told.sources,
        "language": (told.language,),
        "relation": (*told.relations, newer),
        "coverage": told.coverages,
        "rights": (told.rights, told.licence),
    }
    for name, texts in fields.items():
        for text in texts:
            if text:
                yield name, text


def link(identifier: str) -> str:
    """Return an identifier as harvesters show it: a DOI as its URL."""
    if not identifier.startswith(DOI):
        return identifier
    return "https://doi.org/" + quote(identifier.removeprefix(DOI), safe=_IN_URL)


def _embargo(item: Item) -> str:
    """Return the end of an item's embargo (OpenAIRE Guidelines for Literature Repositories 3.0)."""
    if item.not_before is None:
        return ""
    return f"info:eu-repo/date/embargoEnd/{item.not_before:%Y-%m-%d}"
