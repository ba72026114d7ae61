"""Who calls: known to everything below the gRPC edge, without being passed along."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a token speaks for."""

    subject: str
    """The person's id, or the calling system's name."""
    roles: frozenset[str]
    """Names of tandem.options.v1.Role in lower case: learner, instructor, registrar, ..."""


_NOBODY = Principal("", frozenset())
_current: ContextVar[Principal] = ContextVar("principal", default=_NOBODY)


def current() -> Principal:
    """The caller of the request at hand; nobody outside of any."""
    return _current.get()


@contextmanager
def acting_as(principal: Principal) -> Iterator[None]:
    """Handle a request of `caller`."""
    token = _current.set(principal)
    try:
        yield
    finally:
        _current.reset(token)
