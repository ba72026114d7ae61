"""Texts in which values are marked, and what a reader gets of them: plain lines, or blocks of HTML.

Templates are written as plain text: the first line is the title, then paragraphs with an empty line
between them, headings of one line with `# `, which plain text has without it, lists of lines with
`- `, and quotations, which are indented. Each value stands between the characters of Unicode that
isolate its direction (UAX #9, section 2.4): FSI and PDI. Values have no such characters of their
own (`one_line` removes them) and no line breaks. So a value can look like no mark, no list and no
other line, whatever it is.
"""

import re
import unicodedata
from collections.abc import Iterator, Set
from typing import Literal, NamedTuple

from chassis.texts import legible, shown

FSI, LRI, PDI, RLM = "\u2068", "\u2066", "\u2069", "\u200f"
_VALUE = re.compile(f"{FSI}([^{PDI}]*){PDI}")
_LINK = re.compile(f"(.*): {LRI}([^{PDI}]*){PDI}")
_WEB = re.compile(r"https?://[^\s/]\S*")
_LETTERS = frozenset({"R", "AL"})
_RIGHT_TO_LEFT = _LETTERS | {"AN"}
_HEADING = "# "

Tag = Literal["h2", "p", "ul", "blockquote"]


class Span(NamedTuple):
    """A part of a line: words of the template, or a value."""

    text: str
    is_value: bool


class Line(NamedTuple):
    """One line; with a URL it is a link as a whole."""

    spans: tuple[Span, ...]
    url: str = ""


class Block(NamedTuple):
    """A heading, paragraph or quotation, which has one part, or a list with a part for each
    entry.
    """

    tag: Tag
    parts: list[list[Line]]


def one_line(text: str) -> str:
    """Return text as one line, without control characters, and without invisible ones that could
    turn the direction of writing; joiners stay, because some scripts need them.
    """
    return shown(text)


def marked(text: str) -> str:
    """Return a value's text between its marks; an empty text without."""
    return f"{FSI}{text}{PDI}" if text else ""


def kept(line: str) -> str:
    """Return a line of a text that `plain` wrote as a line of another text, with its marks."""
    parts = enumerate(legible(part).replace("\n", " ") for part in _VALUE.split(line))
    return "".join(marked(part) if number % 2 else part for number, part in parts)


def link(url: str, label: str) -> str:
    """Return a link, which is a line of its own; nothing without an address of the web.

    `label`: what the link is to; HTML shows this instead of the address.
    """
    address = one_line(url)
    return f"{label}: {LRI}{address}{PDI}" if _WEB.fullmatch(address) else ""


def cut(text: str, most: int) -> str:
    """Return a marked line with at most this many characters, its last mark closed."""
    if len(text) <= most:
        return text
    left = text[: most - 2]
    return f"{left}…{PDI}" if left.rfind(FSI) > left.rfind(PDI) else f"{left}…"


def plain(text: str, right_to_left: bool) -> str:
    """Return marked text as plain lines.

    In a language from left to right only those values keep their marks that have characters from
    right to left: the others look the same without. In one from right to left all do, and a line
    without words of the template begins with a mark, so that a program that takes the direction of
    a line from its first letter takes the right one. A link's address has a line of its own,
    without marks, because programs take these for a part of it.
    """
    lines = (line.removeprefix(_HEADING) for line in text.split("\n"))
    return "\n".join(each for line in lines for each in _plain(line, right_to_left))


def blocks(text: str) -> list[Block]:
    """Return marked text as blocks."""
    found: list[Block] = []
    fresh = True
    for line in text.split("\n"):
        if not line.strip():
            fresh = True
            continue
        if line.startswith(_HEADING):
            _of_one_part(found, "h2", fresh).append(line_of(line.removeprefix(_HEADING)))
        elif line.startswith("- "):
            _add(found, "ul", fresh).append([line_of(line[2:])])
        elif not line.startswith("  "):
            _of_one_part(found, "p", fresh).append(line_of(line))
        elif fresh or found[-1].tag != "ul":
            _of_one_part(found, "blockquote", fresh).append(line_of(line.strip()))
        else:
            found[-1].parts[-1].append(line_of(line.strip()))
        fresh = False
    return found


def _plain(line: str, right_to_left: bool) -> Iterator[str]:
    if to := _LINK.fullmatch(line):
        yield from _plain(f"{to[1]}:", right_to_left)
        yield to[2]
    elif right_to_left:
        words = _VALUE.sub("", line)
        yield line if not line or _has(_LETTERS, words) else RLM + line
    else:
        yield _VALUE.sub(lambda value: value[0 if _has(_RIGHT_TO_LEFT, value[1]) else 1], line)


def _has(classes: Set[str], text: str) -> bool:
    """Return whether a text has a character of these bidirectional classes."""
    return not text.isascii() and any(unicodedata.bidirectional(sign) in classes for sign in text)


def _add(found: list[Block], tag: Tag, fresh: bool) -> list[list[Line]]:
    """Return the parts of the block to which a line belongs: a new one if the last is another."""
    if fresh or not found or found[-1].tag != tag:
        found.append(Block(tag, []))
    return found[-1].parts


def _of_one_part(found: list[Block], tag: Tag, fresh: bool) -> list[Line]:
    parts = _add(found, tag, fresh)
    if not parts:
        parts.append([])
    return parts[0]


def line_of(line: str) -> Line:
    """Return a marked line in its parts."""
    to = _LINK.fullmatch(line)
    return Line(_spans(to[1]), to[2]) if to else Line(_spans(line))


def _spans(line: str) -> tuple[Span, ...]:
    # Every second part is what the group matched: a value.
    parts = enumerate(_VALUE.split(line))
    return tuple(Span(text, number % 2 == 1) for number, text in parts if text)
