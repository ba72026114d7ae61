"""Digests of originals and copies: hashes of the fields that both have, in the order of their keys.

They contain no sequences: those of a copy are older wherever an aggregate has had an event that the
copy does not need.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from chassis.data.store import Store
from chassis.errors import FieldViolation, check

Document = Mapping[str, Any]
Read = Callable[[Document], object]
"""Returns a field's value from a document."""

PAGE = 1_000
BYTES = 8
"""Of a SHA-256: two states of one thing have the same digest once in 10^19."""


@dataclass(frozen=True)
class Digested:
    """The things of one kind in a service's database."""

    collection: str
    fields: Mapping[str, Read]
    """How each field is read that can be compared; its name is the same in all services."""
    key: tuple[str, ...] = ("_id",)
    """The fields of the key, which an index has. If there are two, `:` joins them, and the first
    one has no colon."""
    where: Mapping[str, Any] = field(default_factory=dict)
    """The query for the documents that are such things; empty: all are."""
    stages: Sequence[Mapping[str, Any]] = ()
    """What an aggregation adds to each document, so that a field can be read of others."""
    prefix: str = ""
    """With what their ids begin, before the key; then only documents with such ids are such
    things."""


class Stretch(NamedTuple):
    """Things to digest: those of `keys`; without any, up to `most` after `after` up to `until`."""

    after: str = ""
    until: str = ""
    most: int = PAGE
    keys: tuple[str, ...] = ()


def plain(name: str) -> Read:
    """Return how to read a field that is stored under a name."""
    return lambda document: document.get(name)


def checked(known: Mapping[str, Digested], kind: str, fields: Sequence[str]) -> Digested:
    """Return the kind of a name. Raises Invalid if there is none, or if it lacks a field."""
    if kind not in known:
        check([FieldViolation("kind", f"there is no kind {kind!r}", f"of {', '.join(known)}")])
    check(
        FieldViolation(
            f"fields[{place}]", f"{kind} have no field {field!r}", f"of {', '.join(found)}"
        )
        for found in [sorted(known[kind].fields)]
        for place, field in enumerate(fields)
        if field not in found
    )
    return known[kind]


def rows(
    store: Store, kind: Digested, fields: Sequence[str], stretch: Stretch
) -> tuple[list[tuple[str, bytes]], bool]:
    """Return keys with digests, in the order of the keys, and whether there are more."""
    most = len(stretch.keys) or stretch.most
    first: list[Mapping[str, Any]] = [
        {"$match": _query(kind, stretch)},
        {"$sort": dict.fromkeys(kind.key, 1)},
        {"$limit": most + 1},
    ]
    found = store[kind.collection].aggregate([*first, *kind.stages], session=store.session)
    read = [*_digested(kind, fields, found)]
    return read[:most], len(read) > most


def digest(fields: Sequence[str], values: Sequence[object]) -> bytes:
    """Return the digest of fields. What is empty is the same as what is absent: an older version
    did not store it.
    """
    known = {name: value for name, value in zip(fields, values, strict=True) if value}
    text = json.dumps(known, sort_keys=True, default=_text, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:BYTES]


def _digested(kind: Digested, fields: Sequence[str], documents: Any) -> Iterator[tuple[str, bytes]]:
    for document in documents:
        key = ":".join(document[name] for name in kind.key).removeprefix(kind.prefix)
        yield key, digest(fields, [kind.fields[name](document) for name in fields])


def _query(kind: Digested, stretch: Stretch) -> dict[str, Any]:
    limits = [dict(kind.where)] if kind.where else []
    if kind.prefix:
        limits.append({"_id": {"$gte": kind.prefix, "$lt": _beyond_all(kind.prefix)}})
    if stretch.keys:
        limits.append({"$or": [_equal(kind, key) for key in stretch.keys]})
    else:
        limits += [_beyond(kind, "$gt", stretch.after)] if stretch.after else []
        limits += [_beyond(kind, "$lt", stretch.until, "$lte")] if stretch.until else []
    return {"$and": limits} if limits else {}


def _beyond_all(prefix: str) -> str:
    """Return the first text after all that begin with a prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _parts(kind: Digested, key: str) -> list[str]:
    parts = (kind.prefix + key).split(":", len(kind.key) - 1)
    return parts + [""] * (len(kind.key) - len(parts))


def _equal(kind: Digested, key: str) -> dict[str, Any]:
    return dict(zip(kind.key, _parts(kind, key), strict=True))


def _beyond(kind: Digested, operator: str, key: str, last: str = "") -> dict[str, Any]:
    """Return the query for keys beyond a key, in the order of its parts; `last`: the operator for
    the last part.
    """
    parts = _parts(kind, key)
    ways = []
    for place, name in enumerate(kind.key):
        is_last = place == len(kind.key) - 1
        same = dict(zip(kind.key[:place], parts[:place], strict=True))
        ways.append(same | {name: {(last if is_last and last else operator): parts[place]}})
    return {"$or": ways}


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    return str(value)
