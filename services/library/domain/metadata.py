"""The rules of an item's description: the fifteen elements of Dublin Core 1.1, and its licence."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from chassis.errors import FieldViolation
from services.library.domain.enums import ItemKind
from services.library.domain.identifiers import identifier_violations, normal_form
from services.library.domain.items import Metadata

# W3CDTF (W3C note "Date and Time Formats")
_DATE = re.compile(
    r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}"
    r"(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2}))?)?)?"
)
# RFC 5646, section 2.1, without the tags that were registered before it
_LANGUAGE = re.compile(
    r"([a-z]{2,3}(-[a-z]{3}){0,3}|[a-z]{4,8})"  # language
    r"(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?"  # script, region
    r"(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"  # variants
    r"(-[0-9a-wyz](-[a-z0-9]{2,8})+)*"  # extensions
    r"(-x(-[a-z0-9]{1,8})+)?"  # private use
    r"|x(-[a-z0-9]{1,8})+",
    re.I | re.ASCII,
)
# The list of SPDX grows, so only the form of its ids is checked (SPDX 2.3, annex D).
_LICENCE = re.compile(r"[A-Za-z0-9.-]+\+?|https?://[^\s/]\S*")


def metadata_violations(metadata: Metadata) -> Iterator[FieldViolation]:
    """Yield a violation for each field that is not in the form of its standard."""
    if metadata.date and not _is_date(metadata.date):
        right = "a year, month, day or instant: 2026, 2026-03, 2026-03-02, 2026-03-02T09:30Z"
        yield FieldViolation("metadata.date", f"is {metadata.date!r}", right)
    if metadata.language and not _LANGUAGE.fullmatch(metadata.language):
        right = "a language tag of BCP 47, such as en or de-AT"
        yield FieldViolation("metadata.language", f"is {metadata.language!r}", right)
    if metadata.licence and not _LICENCE.fullmatch(metadata.licence):
        right = "an id of SPDX, such as CC-BY-4.0, or the URL of a licence"
        yield FieldViolation("metadata.licence", f"is {metadata.licence!r}", right)
    for place, identifier in enumerate(metadata.identifiers):
        yield from identifier_violations(f"metadata.identifiers[{place}]", identifier)


def as_stored(metadata: Metadata, kind: ItemKind, media_type: str) -> Metadata:
    """Return a valid description in normal form, without what follows from kind and media type."""
    types, formats = _derived(kind, media_type)
    return replace(
        metadata,
        identifiers=tuple(dict.fromkeys(map(normal_form, metadata.identifiers))),
        types=() if metadata.types == types else metadata.types,
        formats=() if metadata.formats == formats else metadata.formats,
    )


def as_told(metadata: Metadata, kind: ItemKind, media_type: str) -> Metadata:
    """Return a description with dc:type and dc:format: where it has none, those that follow from
    kind and media type.
    """
    types, formats = _derived(kind, media_type)
    return replace(metadata, types=metadata.types or types, formats=metadata.formats or formats)


def _derived(kind: ItemKind, media_type: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (_dcmi_type(kind, media_type),), (media_type,)


def _dcmi_type(kind: ItemKind, media_type: str) -> str:
    """Return the term of the DCMI Type Vocabulary."""
    if kind is ItemKind.DATASET:
        return "Dataset"
    return {"audio": "Sound", "video": "MovingImage"}.get(media_type.split("/")[0], "Text")


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text if "T" in text else (text + "-01-01")[:10])
    except ValueError:
        return False
    return True
