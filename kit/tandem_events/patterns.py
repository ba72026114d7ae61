"""Patterns of types, as a topic exchange matches them (AMQP 0.9.1, section 3.1.3.3)."""

from collections.abc import Iterable, Sequence


def matches(patterns: Iterable[str], event_type: str) -> bool:
    """Return whether one of the patterns matches: `*` is one word between dots, `#` any number."""
    words = event_type.split(".")
    return any(_matches(pattern.split("."), words) for pattern in patterns)


def _matches(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return not words
    first, *rest = pattern
    if first == "#":
        return any(_matches(rest, words[at:]) for at in range(len(words) + 1))
    return bool(words) and first in ("*", words[0]) and _matches(rest, words[1:])
