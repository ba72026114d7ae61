"""Who calls: known to everything below the gRPC edge, without being passed along."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a token speaks for."""

    subject: str
    """The person's id, or the calling system's name."""
    roles: frozenset[str]
    """Names of tandem.options.v1.Role in lower case: learner, instructor, registrar, ..."""


_NOBODY = Caller("", frozenset())
_current: ContextVar[Caller] = ContextVar("caller", default=_NOBODY)


def current() -> Caller:
    """The caller of the request at hand; nobody outside of any."""
    return _current.get()


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Handle a request of `caller`."""
    token = _current.set(caller)
    try:
        yield
    finally:
        _current.reset(token)
