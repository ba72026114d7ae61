"""Opens documents as far as it takes to see that they can be read.

Only the probe's process imports this: PDF by pypdf, XML by defusedxml.
"""

import io
import posixpath
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pypdf
from defusedxml import ElementTree

from services.library import office
from services.library.domain import types
from services.library.domain.verification import Fault
from services.library.ranges import SHORTEST, RangedFile

# A book of a thousand chapters has fewer entries, and fewer bytes.
MOST_ENTRIES = 20_000
MOST_UNPACKED = 2 * 2**30
LONGEST_XML = 32 * 2**20
_OPEN_DOCUMENT = {types.ODP, types.ODT, types.ODS}
_CONTAINER = "META-INF/container.xml"  # EPUB 3.3, section 4.2.6.3.1


def open_document(media_type: str, file: RangedFile) -> None:
    """Open a document. Raises Fault if it can't be read, and whatever hostile bytes cause."""
    if media_type == types.PDF:
        _open_pdf(file)
    elif media_type == types.EPUB:
        _open_epub(file)
    elif media_type == types.ZIP:
        _archive(file).close()
    else:
        _open_office(media_type, file)


def _open_pdf(file: RangedFile) -> None:
    reader = pypdf.PdfReader(io.BufferedReader(file, SHORTEST), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise Fault("it needs a password")
    pages = len(reader.pages)
    if not pages:
        raise Fault("it has no pages")
    for number in {0, pages - 1}:
        reader.get_page(number)


def _open_epub(file: RangedFile) -> None:
    with opened_epub(file) as book:
        if not book.chapters or not all(book.chapters):
            raise Fault(f"its {book.path} has no spine of items that it lists")


@dataclass(frozen=True, slots=True)
class Book:
    """An EPUB (EPUB 3.3, section 5). `path`: of its package document; `chapters`: the paths of its
    spine's items in the archive, "" for one that is not listed; `cover`: that of its cover's
    picture, "" if it has none.
    """

    archive: zipfile.ZipFile
    path: str
    chapters: tuple[str, ...]
    cover: str

    def read(self, path: str, most: int) -> bytes:
        """Return up to `most` bytes of an entry. Raises Fault if it is missing."""
        return _entry(self.archive, path, most)


@contextmanager
def opened_epub(file: RangedFile) -> Iterator[Book]:
    """Yield an EPUB. Raises Fault if its package document can't be found or read."""
    with _archive(file) as archive:
        container = _xml(archive, _CONTAINER)
        path = next((each.get("full-path", "") for each in _all(container, "rootfile")), "")
        if not path:
            raise Fault(f"its {_CONTAINER} names no package document")
        package = _xml(archive, path)
        items = {each.get("id"): each for each in _all(package, "item")}
        files = {key: _inside(path, each.get("href", "")) for key, each in items.items()}
        chapters = (files.get(each.get("idref"), "") for each in _all(package, "itemref"))
        yield Book(archive, path, tuple(chapters), files.get(_cover(package, items), ""))


def _cover(package: Any, items: Mapping[str | None, Any]) -> str | None:
    """Return the id of the cover's picture (EPUB 3.3, section 5.5.3), or as EPUB 2 names it."""
    for key, each in items.items():
        if "cover-image" in each.get("properties", "").split():
            return key
    named = (each for each in _all(package, "meta") if each.get("name") == "cover")
    return next((each.get("content") for each in named), None)


def _inside(path: str, reference: str) -> str:
    """Return the path in the archive that a package document at `path` refers to; "" for none."""
    if not reference:
        return ""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(reference)))


def _open_office(media_type: str, file: RangedFile) -> None:
    with _archive(file) as archive:
        # OpenDocument 1.3, part 2, section 3.1
        inside = media_type in _OPEN_DOCUMENT
        part = "content.xml" if inside else office.main_parts(archive).get(media_type)
        if part is None:
            raise Fault("it has no main part")
        _xml(archive, part)


def _archive(file: RangedFile) -> zipfile.ZipFile:
    """Open a ZIP file whose entries are not too many and not too large; none is unpacked."""
    archive = zipfile.ZipFile(io.BufferedReader(file, SHORTEST))
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise Fault(f"it has {len(entries)} entries; at most {MOST_ENTRIES} are allowed")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MOST_UNPACKED:
        raise Fault(f"unpacked it has {unpacked} bytes; at most {MOST_UNPACKED} are allowed")
    return archive


def _entry(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    if name not in archive.NameToInfo:
        raise Fault(f"it has no entry {name}")
    with archive.open(name) as entry:
        return entry.read(most)


def _xml(archive: zipfile.ZipFile, name: str) -> Any:
    content = _entry(archive, name, LONGEST_XML + 1)
    if len(content) > LONGEST_XML:
        raise Fault(f"its entry {name} has more than {LONGEST_XML} bytes")
    try:
        return ElementTree.fromstring(content)
    except (ValueError, SyntaxError) as error:
        raise Fault(f"its entry {name} can't be read: {error}") from error


def _all(root: Any, name: str) -> Iterator[Any]:
    """Yield the elements of a name, in any namespace."""
    return iter(root.iterfind(".//{*}" + name))
