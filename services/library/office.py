"""Finds the main parts of a file of Office Open XML (ECMA-376) by their content types."""

import zipfile
from typing import Any

from defusedxml import ElementTree

from services.library.domain import types

LISTING = "[Content_Types].xml"
# Bytes. The listing of a presentation of a thousand slides has half of them.
LONGEST_LISTING = 2**20
# Files with macros have other content types, so they are of no type that is known here.
_TYPES = {f"{each}.main+xml": each for each in (types.PPTX, types.DOCX, types.XLSX)}


def main_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the names of the main parts in a ZIP file, by the media types that they give it.

    See part 2, section 7.2.3. Raises many errors if the file is hostile.
    """
    if LISTING not in archive.NameToInfo:
        return {}
    return {
        _TYPES[content_type]: name
        for name, content_type in _listed(archive).items()
        if content_type in _TYPES and name in archive.NameToInfo
    }


def _listed(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the content types of the parts, by their names in the ZIP file."""
    with archive.open(LISTING) as entry:
        content = entry.read(LONGEST_LISTING + 1)
    if len(content) > LONGEST_LISTING:
        raise ValueError(f"{LISTING} has more than {LONGEST_LISTING} bytes")
    root: Any = ElementTree.fromstring(content)
    return {
        each.get("PartName", "").removeprefix("/"): each.get("ContentType", "")
        for each in root.iterfind("{*}Override")
    }
