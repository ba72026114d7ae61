"""Values of notices, made from what their kinds declare."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from hypothesis import strategies as st

from services.notify.domain.enums import Kind
from services.notify.domain.values import Code, Link, declared
from services.notify.samples import sample

CODES = ("IN_ROOM", "ONLINE", "SESSION_MOVED", "OVERDUE_WORK", "SILENCE", "MAGIC")
# Not every zone has the first and the last instant.
ENDS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
INSTANTS = st.datetimes(timezones=st.just(UTC)) | st.sampled_from(ENDS)
# Letters of both directions, the characters of bidi, of HTML, of URLs and of our own templates.
SIGNS = st.sampled_from("aZ0 :/-.#?&<>\"'{}%\n\r\0\u05d0\u0627\u2066\u2068\u2069\u202e\u200f")
TEXT = st.text(SIGNS | st.characters(), max_size=40)
LINK = TEXT.map(lambda text: f"https://{text}") | TEXT


def values_of(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    """Any values of a kind."""
    return st.fixed_dictionaries({name: _any(hint) for name, hint in declared(kind).items()})


def with_texts(kind: Kind, text: str) -> dict[str, Any]:
    """The sample values of a kind, with this text for each text and link."""
    return mapped(kind, sample(kind), lambda hint, value: value if hint is Code else text)


def mapped(kind: Kind, values: dict[str, Any], change: Callable[[Any, str], str]) -> dict[str, Any]:
    """These values with each text, code and link changed by its type."""
    return {name: _mapped(hint, values[name], change) for name, hint in declared(kind).items()}


def _mapped(hint: Any, value: Any, change: Callable[[Any, str], str]) -> Any:
    if isinstance(value, str):
        return change(hint, value)
    if not isinstance(value, list | tuple):
        return value
    inner = get_args(hint)
    hints = inner if get_origin(hint) is tuple else inner * len(value)
    return [_mapped(each, item, change) for each, item in zip(hints, value, strict=True)]


def _any(hint: Any) -> st.SearchStrategy[Any]:
    plain: dict[Any, st.SearchStrategy[Any]] = {
        Code: st.sampled_from(CODES),
        Link: LINK,
        str: TEXT,
        bool: st.booleans(),
        int: st.integers(0, 10**9),
        datetime: INSTANTS,
    }
    if hint in plain:
        return plain[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Annotated, Union, UnionType):
        return st.none() | _any(inner[0])
    if origin is tuple:
        return st.tuples(*map(_any, inner))
    return st.lists(_any(inner[0]), max_size=4)
