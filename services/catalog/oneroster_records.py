"""Reads one CSV file as exports really are (RFC 4180; the binding, section 2), and never fails.

Encodings are UTF-8 and UTF-16, with or without a byte order mark, and else Windows-1252. A quote
that is never closed costs its own line, and not the rest of the file.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from chassis.errors import FieldViolation

# Characters of a line, and lines of a record that has line breaks in quotes.
LONGEST_LINE = 64 * 1024
MOST_LINES = 20
CHUNK = 2**18
UTF_8, WINDOWS = "utf-8", "cp1252"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
DELIMITERS = ",;\t"

Open = Callable[[], IO[bytes]]


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a file: its first line's number, from 1, and its fields or what is wrong."""

    line: int
    fields: list[str]
    violations: tuple[FieldViolation, ...] = ()


def encoding_of(open_: Open) -> str:
    """Return the encoding of a file, by its first bytes, and by whether all of it is UTF-8."""
    with open_() as file:
        head = file.read(4)
        for mark, encoding in _MARKS:
            if head.startswith(mark):
                return encoding
        if b"\0" in head[:2] and len(head) > 1:
            return "utf-16-le" if head[1] == 0 else "utf-16-be"
        return UTF_8 if _is_utf_8(head, file) else WINDOWS


def _is_utf_8(head: bytes, file: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder(UTF_8)()
    try:
        decoder.decode(head)
        while chunk := file.read(CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def records(open_: Open, encoding: str) -> Iterator[Record]:
    """Yield the records of a file, the header first; empty lines are left out."""
    with open_() as file, io.TextIOWrapper(file, encoding, errors="replace") as text:
        lines = _lines(text)
        header = next(((number, line) for number, line in lines if line.strip()), None)
        if header is None:
            return
        delimiter = _delimiter_of(header[1])
        first = _parsed(*header, delimiter)
        yield first
        yield from _joined(lines, delimiter, len(first.fields))


def _delimiter_of(header: str) -> str:
    """Return the delimiter of a header: a comma, or what spreadsheets write in its place."""
    return max(DELIMITERS, key=header.count)


def _parsed(number: int, record: str, delimiter: str) -> Record:
    if len(record) > LONGEST_LINE:
        wrong = f"has more than {LONGEST_LINE} characters"
        return _faulty(number, wrong, "a shorter line")
    try:
        fields = next(csv.reader([record], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration) as error:
        right = 'a quote in a field is written "", and the field in quotes'
        return _faulty(number, f"has wrong quotes: {error}", right)
    return Record(number, [each.strip() for each in fields])


def _faulty(number: int, wrong: str, right: str) -> Record:
    return Record(number, [], (FieldViolation("", wrong, right),))


def _joined(lines: Iterator[tuple[int, str]], delimiter: str, width: int) -> Iterator[Record]:
    """Yield records, of which each ends with the first line up to which its quotes are even.

    If what is joined so is no record of `width` fields, its first line is one by itself.
    """
    waiting: list[tuple[int, str]] = []
    for numbered in lines:
        waiting.append(numbered)
        while waiting:
            is_whole = sum(line.count('"') for _, line in waiting) % 2 == 0
            if not is_whole and len(waiting) <= MOST_LINES:
                break
            record, taken = _first(waiting, is_whole, delimiter, width)
            del waiting[:taken]
            if record is not None:
                yield record
    yield from (_parsed(*each, delimiter) for each in waiting if each[1].strip())


def _first(
    waiting: list[tuple[int, str]], is_whole: bool, delimiter: str, width: int
) -> tuple[Record | None, int]:
    """Return the first record of waiting lines, and how many lines it has; None: a blank line."""
    number, line = waiting[0]
    if is_whole and len(waiting) > 1:
        joined = _parsed(number, "\n".join(each for _, each in waiting), delimiter)
        if len(joined.fields) == width:
            return joined, len(waiting)
    return (_parsed(number, line, delimiter) if line.strip() else None), 1


def _lines(text: IO[str]) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, cut where it is too long to be one."""
    number = 0
    while line := text.readline(LONGEST_LINE + 2):
        number += 1
        rest = line
        while rest and not rest.endswith("\n") and len(rest) > LONGEST_LINE:
            rest = text.readline(LONGEST_LINE + 2)
        yield number, line.rstrip("\n")
