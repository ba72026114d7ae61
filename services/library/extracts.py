"""Extracts the text of documents and captions, for search and for readers of the screen.

Only the maker's process imports this: PDF by PDFium, the chapters of an EPUB by HTMLParser.
"""

import io
import math
import re
import unicodedata
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any, cast

import pypdfium2

from services.library.captions import cues_of
from services.library.documents import opened_epub
from services.library.domain import types
from services.library.domain.renditions import Made
from services.library.ranges import SHORTEST
from services.library.task import Absent, Task

# Characters that are kept; a thousand pages have three million.
LONGEST = 8_000_000
# Bytes that are read of a chapter or a text.
LONGEST_PART = 32 * 2**20
# Characters of a page where an EPUB marks no pages: a standard page of German publishers has as
# many.
PAGE = 1_800
_BLOCKS = frozenset(
    [
        *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption"),
        *("figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main"),
        *("nav", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul"),
    ]
)
_UNSEEN = frozenset(["head", "script", "style", "template"])
_SPACES, _LINES = re.compile(r"[^\S\n]+"), re.compile(r"\n\s*\n")


def make_text(task: Task) -> Made:
    """Write a document's text in UTF-8, up to LONGEST characters. Raises Absent if it has none."""
    parts, pages = _READERS.get(task.media_type, _plain)(task)
    text, left = [], LONGEST
    for part in parts:
        text.append(part[:left])
        left -= len(text[-1])
        if not left:
            break
    cleaned = clean("\n\n".join(text))
    if not cleaned:
        raise Absent("it has no text; its pages may be pictures")
    task.made.write(cleaned.encode())
    return Made(media_type="text/plain", pages=pages(cleaned))


Counted = Callable[[str], int]
"""Returns how many pages the document has; 0: it has none. Called after its parts were read."""


def _pdf(task: Task) -> tuple[Iterator[str], Counted]:
    document = pypdfium2.PdfDocument(cast(Any, io.BufferedReader(task.file, SHORTEST)))
    count = len(document)

    def parts() -> Iterator[str]:
        for number in range(count):
            page = document[number]
            yield page.get_textpage().get_text_bounded()
            page.close()
            task.tell((number + 1) / count)

    return parts(), lambda _: count


def _epub(task: Task) -> tuple[Iterator[str], Counted]:
    marks = []

    def parts() -> Iterator[str]:
        with opened_epub(task.file) as book:
            for number, path in enumerate(book.chapters):
                parser = _Chapter()
                parser.feed(book.read(path, LONGEST_PART).decode("utf-8", "replace"))
                parser.close()
                marks.append(parser.pages)
                yield "".join(parser.text)
                task.tell((number + 1) / len(book.chapters))

    return parts(), lambda text: sum(marks) or math.ceil(len(text) / PAGE)


def _captions(task: Task) -> tuple[Iterator[str], Counted]:
    return iter(["\n".join(cues_of(task.file))]), lambda _: 0


def _plain(task: Task) -> tuple[Iterator[str], Counted]:
    content = io.BufferedReader(task.file, SHORTEST).read(LONGEST_PART)
    return iter([content.decode("utf-8", "replace")]), lambda _: 0


_READERS = {types.PDF: _pdf, types.EPUB: _epub, types.VTT: _captions}


class _Chapter(HTMLParser):
    """Collects the text of a chapter, a line for each block, and counts the pages that it marks
    (EPUB Type `pagebreak`, EPUB Structural Semantics Vocabulary 1.1; DPUB-ARIA 1.1).
    """

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.pages = 0
        self._unseen = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        marks = {value for name, value in attributes if name in ("epub:type", "role")}
        self.pages += bool(marks & {"pagebreak", "doc-pagebreak"})
        self._unseen += tag in _UNSEEN
        if tag in _BLOCKS:
            self.text.append("\n")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """See HTMLParser: in XHTML such an element is empty."""
        self.handle_starttag(tag, attributes)
        self._unseen -= tag in _UNSEEN

    def handle_endtag(self, tag: str) -> None:
        """See HTMLParser."""
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))
        if tag in _BLOCKS:
            self.text.append("\n")

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        if not self._unseen:
            self.text.append(data)


def clean(text: str) -> str:
    """Return a text in normal form (NFC) without control characters and superfluous space."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    shown = "".join(
        each if each == "\n" or unicodedata.category(each) not in ("Cc", "Cs") else " "
        for each in unicodedata.normalize("NFC", lines)
    )
    single = "\n".join(line.strip() for line in _SPACES.sub(" ", shown).split("\n"))
    return _LINES.sub("\n\n", single).strip()
