"""The patterns by which a consumer chooses types of events; pure functions.

A pattern is a binding key of a topic exchange (AMQP 0-9-1, section 3.1.3.3): words with dots
between them, of which `*` is any one word and `#` is any number of words, also none.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from google.protobuf.message import Message
from tandem.options.v1 import options_pb2

# AMQP's short string.
LONGEST = 255
_WORD = re.compile(r"[a-z0-9_]+|[*#]")


def matches(pattern: str, kind: str) -> bool:
    """Return whether a topic exchange would route an event of this type by the pattern."""
    return _match(pattern.split("."), kind.split("."))


def _match(pattern: list[str], words: list[str]) -> bool:
    """Compare word by word, with the places of the pattern that were reached so far."""
    reached = _skipped(pattern, {0})
    for word in words:
        reached = _skipped(
            pattern,
            {
                place if pattern[place] == "#" else place + 1
                for place in reached
                if place < len(pattern) and pattern[place] in ("#", "*", word)
            },
        )
    return len(pattern) in reached


def _skipped(pattern: list[str], reached: set[int]) -> set[int]:
    """Add the places behind each `#`, which may be no word at all."""
    found = set(reached)
    for place in range(len(pattern)):
        if place in found and pattern[place] == "#":
            found.add(place + 1)
    return found


def chosen(patterns: Iterable[str], types: Iterable[str]) -> list[str]:
    """Return the types that any of the patterns takes, in their order."""
    wanted = list(patterns)
    return [kind for kind in types if any(matches(each, kind) for each in wanted)]


def faults(patterns: Collection[str], types: Collection[str]) -> list[str]:
    """Return everything that is wrong with the patterns of a consumer; empty: they may be bound."""
    if not patterns:
        return ["types: there is no pattern; use for example tandem.catalog.enrolment.#"]
    return [text for each in patterns if (text := _fault(each, types))]


def _fault(pattern: str, types: Collection[str]) -> str:
    if len(pattern) > LONGEST or not all(map(_WORD.fullmatch, pattern.split("."))):
        return (
            f"types: {pattern[:80]!r} is no pattern; use words of a-z, 0-9 and _ with dots between,"
            " * for one word and # for any number, such as tandem.catalog.enrolment.#"
        )
    if not any(matches(pattern, kind) for kind in types):
        near = get_close_matches(pattern, types, 1)
        hint = f"; is it {near[0]}?" if near else "; docs/events.md lists the types"
        return f"types: no event has a type like {pattern!r}{hint}"
    return ""


def personal(kinds: Mapping[str, type[Message]]) -> dict[str, list[str]]:
    """Return the fields with names, addresses or free text of the types that have any."""
    found = {kind: sorted(_personal(cls.DESCRIPTOR, "")) for kind, cls in kinds.items()}
    return {kind: fields for kind, fields in found.items() if fields}


def _personal(message: Any, prefix: str) -> set[str]:
    """Return the paths of a message's personal fields, as JSON names them."""
    found: set[str] = set()
    for field in message.fields:
        path = f"{prefix}{field.json_name}"
        if field.GetOptions().Extensions[options_pb2.personal]:
            found.add(path)
        elif field.message_type is not None:
            found |= _personal(field.message_type, f"{path}.")
    return found
