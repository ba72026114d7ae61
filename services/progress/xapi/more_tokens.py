"""The opaque tokens of the IRLs of next pages: the query, and where the page begins.

A token has no rights: those of who calls with it cut the page, as every page. It names a place in
the order of storing, so it is valid for ever, whatever is stored meanwhile.
"""

import re

from chassis.data.pages import read_token, write_token
from chassis.errors import FieldViolation, Invalid
from services.progress.domain.xapi import cursors, index_keys
from services.progress.domain.xapi.queries import FORMATS, MOST, Clause, Query

_FIELDS = 8
_MOST_CLAUSES = 4
_CLAUSE = re.compile(rf"[0-9a-f]{{{2 * index_keys.LENGTH}}}(,[0-9a-f]{{{2 * index_keys.LENGTH}}})?")
_CURSOR = re.compile(rf"[0-9a-f]{{{2 * cursors.LENGTH}}}")
_BAD = FieldViolation("cursor", "is not from an earlier answer", "the IRL as it was answered")


def write(query: Query) -> str:
    """Return the token of the page of a query that begins after `query.after`."""
    clauses = ";".join(",".join(key.hex() for key in keys) for keys in query.clauses)
    range_ = (query.since, query.until)
    shown = (query.limit, query.ascending, query.format, query.attachments)
    return write_token([clauses, *range_, *shown, query.after.hex()])


def read(token: str) -> Query:
    """Return the query of a token. Raises Invalid if it is none of ours."""
    try:
        values = read_token(token, _FIELDS)
    except Invalid as error:
        raise Invalid([_BAD]) from error
    clauses, since, until, limit, ascending, format_, attachments, after = values
    is_ours = (
        isinstance(clauses, str)
        and isinstance(after, str)
        and _CURSOR.fullmatch(after)
        and type(limit) is int
        and 0 < limit <= MOST
        and type(ascending) is type(attachments) is bool
        and format_ in FORMATS
        and not any(isinstance(at, str | int | float) for at in (since, until))
    )
    parts = clauses.split(";") if is_ours and clauses else []
    if not is_ours or len(parts) > _MOST_CLAUSES or not all(map(_CLAUSE.fullmatch, parts)):
        raise Invalid([_BAD])
    keys = tuple(map(_keys, parts))
    place = bytes.fromhex(after)
    return Query(keys, since, until, limit, ascending, format_, attachments, place)


def _keys(part: str) -> Clause:
    return tuple(map(bytes.fromhex, part.split(",")))
