"""The deadline of the present work, which all code below the edge can ask for."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import pymongo

_end: ContextVar[float] = ContextVar("deadline", default=math.inf)


def left() -> float:
    """Return the seconds that are left; negative after the deadline, infinite without one."""
    return _end.get() - time.monotonic()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Set a deadline of `seconds`, unless an earlier one is set; the database obeys it too."""
    token = _end.set(min(_end.get(), time.monotonic() + seconds))
    try:
        with pymongo.timeout(seconds):
            yield
    finally:
        _end.reset(token)
