"""Pagination by opaque cursor: a page starts after the last row of the page before (keyset)."""

import base64
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import bson
from bson import json_util
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from chassis.context import principal
from chassis.errors import FieldViolation, Invalid

Document = dict[str, Any]
DEFAULT_SIZE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows are wanted: up to `size`, after the row that `token` encodes."""

    size: int = DEFAULT_SIZE
    token: str = ""
    runs: Mapping[str, Set[str]] | None = None
    """Only rows whose `run_id` is one of these; of a run with groups, only rows whose `group_ids`
    have one of them. None: all.
    """


def page_of(request: Any) -> Page:
    """Return the page that a List request asks for, cut to what its caller may see."""
    size = request.page_size or DEFAULT_SIZE
    return Page(size, request.page_token, principal.current().runs)


def find_page(
    collection: "Collection[Document]",
    query: Mapping[str, Any],
    order: Sequence[tuple[str, int]],
    page: Page,
    session: ClientSession | None = None,
    without: Sequence[str] = (),
) -> tuple[list[Document], str]:
    """Return the rows of a page, and the token of the next page ("" at the end).

    `order`: fields with 1 or -1, the last of them unique, so that no row is repeated or left out.
    `without`: fields that are left out of the rows.
    Raises Invalid if the token is not one of ours.
    """
    after = _after(order, read_token(page.token, len(order))) if page.token else {}
    limited = {} if page.runs is None else within(page.runs)
    parts = [part for part in (query, after, limited) if part]
    found = collection.find(
        {"$and": parts} if parts else {}, dict.fromkeys(without, 0) or None, session=session
    )
    # In one batch: else MongoDB keeps a cursor open after the first 101.
    rows = list(found.sort(list(order)).limit(page.size + 1).batch_size(page.size + 1))
    if len(rows) <= page.size:
        return rows, ""
    return rows[: page.size], write_token([rows[page.size - 1].get(field) for field, _ in order])


def within(runs: Mapping[str, Set[str]]) -> Document:
    """Return a query for documents of some runs, each with its groups (none: the whole run)."""
    whole = sorted(run_id for run_id, groups in runs.items() if not groups)
    parts: list[Document] = [{"run_id": {"$in": whole}}]
    for run_id, groups in runs.items():
        if groups:
            parts.append({"run_id": run_id, "group_ids": {"$in": sorted(groups)}})
    return {"$or": parts} if len(parts) > 1 else parts[0]


def _after(order: Sequence[tuple[str, int]], last: Sequence[Any]) -> Document:
    """Return `(a, b) > (x, y)` as a MongoDB query: a > x, or a = x and b > y."""
    cases = []
    for place, (field, direction) in enumerate(order):
        same = {name: value for (name, _), value in zip(order[:place], last, strict=False)}
        cases.append({**same, field: {"$gt" if direction > 0 else "$lt": last[place]}})
    return {"$or": cases}


def write_token(values: Sequence[Any]) -> str:
    """Return plain values (numbers, texts, instants, None) as an opaque token."""
    return base64.urlsafe_b64encode(json_util.dumps(values).encode()).decode()


def read_token(token: str, length: int) -> list[Any]:
    """Return the values of a token. Raises Invalid if it is not one with `length` plain values."""
    try:
        values = json_util.loads(base64.urlsafe_b64decode(token), json_options=_OPTIONS)
        bson.encode({"values": values})  # numbers and texts that JSON has and BSON has not
    except Exception as error:  # the decoders raise many kinds of errors for a hostile text
        raise Invalid([BAD_TOKEN]) from error
    if not isinstance(values, list) or len(values) != length or not all(map(_is_plain, values)):
        raise Invalid([BAD_TOKEN])
    return values


def _is_plain(value: Any) -> bool:
    """Return whether a value from a token is a plain value, and not a query operator."""
    return value is None or isinstance(value, str | int | float | datetime)


_OPTIONS = json_util.JSONOptions(tz_aware=True)
BAD_TOKEN = FieldViolation(
    "page_token", "is not from an earlier answer", "leave it empty to start over"
)
