"""W3C trace context (Trace Context Level 1): which request an event or a log line belongs to."""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FORM = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str] = ContextVar("traceparent", default="")


def current() -> str:
    """The `traceparent` of the work at hand; empty outside of any."""
    return _current.get()


def trace_id(traceparent: str) -> str:
    """The 32 hex digits that all spans of one request share; empty when there is none."""
    return traceparent.split("-")[1] if traceparent else ""


def child_of(parent: str) -> str:
    """A `traceparent` for the next span: of the same trace when `parent` is well-formed."""
    trace = trace_id(parent) if _FORM.fullmatch(parent) else _hex(16)
    return f"00-{trace}-{_hex(8)}-01"


def _hex(size: int) -> str:
    """Random digits of `size` bytes. No secret: the kernel need not be asked."""
    return f"{random.getrandbits(size * 8):0{size * 2}x}"


@contextmanager
def span(parent: str = "") -> Iterator[str]:
    """Do work under a child of `parent`; yields its `traceparent`."""
    traceparent = child_of(parent or current())
    token = _current.set(traceparent)
    try:
        yield traceparent
    finally:
        _current.reset(token)
