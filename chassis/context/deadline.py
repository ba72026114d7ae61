"""How long the work at hand may still take: known to everything below the edge, unasked."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import pymongo

_end: ContextVar[float] = ContextVar("deadline", default=math.inf)


def left() -> float:
    """The seconds that are left; below zero when it is late, infinite where nobody set a limit."""
    return _end.get() - time.monotonic()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Work for so long at the most, and no longer than was set before; the database obeys it."""
    token = _end.set(min(_end.get(), time.monotonic() + seconds))
    try:
        with pymongo.timeout(seconds):
            yield
    finally:
        _end.reset(token)
