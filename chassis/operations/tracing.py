"""W3C trace context (Trace Context Level 1), and spans: what was done for which request.

Without an exporter only ids are made, so that logs and events of one request can be found together;
`chassis.operations.otlp` exports.
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
    """Which side of a call or of a message (OpenTelemetry's SpanKind)."""

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
        """It is over; `fault` says what went wrong on our side."""


Begin = Callable[[str, Kind, str, Attributes], Span]
_begin: Begin | None = None


def export_with(begin: Begin | None) -> None:
    """From now on spans begin by `begin`; by None, they are not exported."""
    global _begin
    _begin = begin


def is_exporting() -> bool:
    """Whether spans go anywhere: where there are many, don't make them for nobody."""
    return _begin is not None


def begin(name: str, kind: Kind, parent: str, attributes: Attributes = NONE) -> Span:
    """Begin a span under the `traceparent` of another; of a new trace where that is malformed."""
    if _begin is None:
        return Span(child_of(parent))
    return _begin(name, kind, parent if _FORM.fullmatch(parent) else "", attributes)


def current() -> str:
    """The `traceparent` of the work at hand; empty outside of any."""
    return _current.get()


@contextmanager
def under(traceparent: str) -> Iterator[None]:
    """Do work under a span: what it calls, publishes and logs belongs to that.

    A stranger's malformed one counts for nothing: then a new trace begins.
    """
    known = traceparent if _FORM.fullmatch(traceparent) else child_of("")
    token = _current.set(known)
    try:
        yield
    finally:
        _current.reset(token)


def trace_id(traceparent: str) -> str:
    """The 32 hex digits that all spans of one request share; empty where there are none."""
    return traceparent.split("-")[1] if _FORM.fullmatch(traceparent) else ""


def child_of(parent: str) -> str:
    """A `traceparent` for the next span: of the same trace when `parent` is well-formed.

    A trace that begins here counts as sampled: whoever exports later on may want it.
    """
    if not _FORM.fullmatch(parent):
        return f"00-{_hex(16)}-{_hex(8)}-01"
    return f"00-{trace_id(parent)}-{_hex(8)}-{parent[-2:]}"


def _hex(size: int) -> str:
    """Random digits of `size` bytes. No secret: the kernel need not be asked."""
    return f"{random.getrandbits(size * 8):0{size * 2}x}"
