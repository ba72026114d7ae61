"""W3C trace context (Trace Context Level 1), and spans.

Without an exporter only ids are made, by which the logs and events of one request can be found;
`chassis.operations.otlp` exports spans.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum, auto

_FORM = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str] = ContextVar("traceparent", default="")

Attributes = Mapping[str, str | int]
NONE: Attributes = {}


class Kind(Enum):
    """The side of a call or of a message (OpenTelemetry's SpanKind)."""

    SERVER = auto()
    CLIENT = auto()
    PRODUCER = auto()
    CONSUMER = auto()


class Span:
    """A piece of work in a trace. This one is not exported."""

    __slots__ = ("traceparent",)

    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent

    def end(self, fault: str = "", attributes: Attributes = NONE) -> None:
        """End the span; `fault` says what went wrong on our side."""


Begin = Callable[[str, Kind, str, Attributes], Span]
_begin: Begin | None = None


def export_with(begin: Begin | None) -> None:
    """Begin spans by `begin` from now on; None: don't export spans."""
    global _begin
    _begin = begin


def is_exporting() -> bool:
    """Return whether spans are exported: if not, don't make many of them."""
    return _begin is not None


def begin(name: str, kind: Kind, parent: str, attributes: Attributes = NONE) -> Span:
    """Begin a child span of the `traceparent` of another; of a new trace if that is malformed."""
    if _begin is None:
        return Span(child_of(parent))
    return _begin(name, kind, parent if _FORM.fullmatch(parent) else "", attributes)


def current() -> str:
    """Return the `traceparent` of the present work; empty if there is none."""
    return _current.get()


@contextmanager
def under(traceparent: str) -> Iterator[None]:
    """Do work within a span: its calls, events and logs belong to the span's trace.

    A malformed `traceparent` of another system is ignored: then a new trace begins.
    """
    known = traceparent if _FORM.fullmatch(traceparent) else child_of("")
    token = _current.set(known)
    try:
        yield
    finally:
        _current.reset(token)


def trace_id(traceparent: str) -> str:
    """Return the 32 hex digits that all spans of a trace share; empty if it is malformed."""
    return traceparent.split("-")[1] if _FORM.fullmatch(traceparent) else ""


def child_of(parent: str) -> str:
    """Return a `traceparent` for the next span: of the same trace if `parent` is well-formed.

    A trace that begins here counts as sampled: a service that exports may continue it.
    """
    if not _FORM.fullmatch(parent):
        return f"00-{_hex(16)}-{_hex(8)}-01"
    return f"00-{trace_id(parent)}-{_hex(8)}-{parent[-2:]}"


def _hex(size: int) -> str:
    """Return `size` random bytes in hex. They are no secret, so the kernel need not be asked."""
    return f"{random.getrandbits(size * 8):0{size * 2}x}"
