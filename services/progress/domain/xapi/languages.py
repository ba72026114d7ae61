"""Which language of a language map a reader gets (RFC 9110, section 12.5.4; RFC 4647)."""

import re
from collections.abc import Iterator, Mapping, Sequence

MOST_RANGES = 32
"""Ranges of one header that count; browsers send a few."""
_WEIGHT = r"(?:;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
_RANGE = re.compile(
    rf"[ \t]*(\*|[a-z]{{1,8}}(?:-[a-z0-9]{{1,8}})*)[ \t]*{_WEIGHT}", re.ASCII | re.IGNORECASE
)


def preferred(accept_language: str) -> list[tuple[str, float]]:
    """Return the ranges of the header Accept-Language with their weights, the best first.

    What is no range is left out, and what comes after MOST_RANGES too.
    """
    parts = (_RANGE.fullmatch(part) for part in accept_language.split(",", MOST_RANGES))
    ranges = [(part[1].lower(), float(part[2] or 1)) for part in parts if part]
    return sorted(ranges, key=lambda each: -each[1])


def chosen(texts: Mapping[str, str], ranges: Sequence[tuple[str, float]]) -> dict[str, str]:
    """Return the entry of a language map that fits the `ranges` best; the first, if none fits."""
    refused = {range_ for range_, weight in ranges if not weight}
    allowed = [tag for tag in texts if not _is_of(tag, refused)] or list(texts)
    wanted = [tag for range_, weight in ranges if weight for tag in _fitting(range_, allowed)]
    tag = next(iter([*wanted, *allowed]), None)
    return {} if tag is None else {tag: texts[tag]}


def _fitting(range_: str, tags: Sequence[str]) -> Iterator[str]:
    """First what the range names (RFC 4647, section 3.3.1), then what shorter forms of it name
    (lookup, section 3.4)."""
    if range_ == "*":
        yield from tags
    while range_ and range_ != "*":
        yield from sorted((tag for tag in tags if _is_of(tag, {range_})), key=len)
        range_ = range_.rpartition("-")[0]


def _is_of(tag: str, ranges: set[str]) -> bool:
    """Whether a tag is one of the ranges or begins with it."""
    parts = tag.lower().split("-")
    return any("-".join(parts[:length]) in ranges for length in range(1, len(parts) + 1))
