"""Calls of meeting providers by HTTP (chassis/edge/calls.py), and what their answers mean.

Files are fetched by download.py, which follows some redirects.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpcore

from chassis.edge.calls import (
    LATER,
    Answer,
    Caller,
    CallFailed,
    Limits,
    by_name,
    instant,
    is_safe,
    retry_after,
)
from services.sessions.domain.skew import Reading
from services.sessions.providers.port import ProviderAway, ProviderRefused

__all__ = ["Answer", "Limits", "by_name", "is_safe", "retry_after"]

SHOWN = 300
"""How many characters of a provider's words an error repeats."""


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    limits: Limits,
) -> Answer:
    """Make a call and return its answer, whatever its status. Raises ProviderAway."""
    try:
        with Caller(limits) as caller:
            return caller.call(method, url, headers, body)
    except CallFailed as error:
        raise ProviderAway(str(error)) from None


@contextmanager
def opened(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    limits: Limits,
    sockets: httpcore.NetworkBackend,
) -> Iterator[httpcore.Response]:
    """Make a call, and give its answer before its body is read. `sockets`: opens connections.

    Raises ProviderAway, also for what goes wrong while the body is read in the block.
    """
    try:
        with Caller(limits, sockets) as caller, caller.opened(method, url, headers, body) as answer:
            yield answer
    except CallFailed as error:
        raise ProviderAway(str(error)) from None


def require_success(answer: Answer, explanation: str = "") -> None:
    """Raise ProviderAway or ProviderRefused unless the answer's status is one of success."""
    if 200 <= answer.status < 300:
        return
    reason = f"it answered with status {answer.status}"
    text = f"{reason}: {explanation[:SHOWN]}" if explanation else reason
    if answer.status >= 500 or answer.status in LATER:
        raise ProviderAway(text, answer.retry_after)
    raise ProviderRefused(text)


def clock_reading(url: str, now: Callable[[], datetime], limits: Limits) -> Reading | None:
    """Read a server's clock by the header Date, which has whole seconds (RFC 9110, section 6.6.1).

    `now` reads ours. The answer's status does not matter. Raises ProviderAway.
    """
    sent = now()
    answer = call("GET", url, limits=limits)
    received = now()
    theirs = instant(answer.headers.get("date", ""))
    if theirs is None:
        return None
    return Reading(sent=sent, theirs=theirs, received=received, precision=timedelta(seconds=1))


def require_safe(url: str) -> str:
    """Return the URL. Raises ValueError if it is not safe."""
    if not is_safe(url):
        raise ValueError(
            f"{url!r} is no URL of a meeting provider; right would be one that begins with "
            "https://, or with http:// if the host is this machine"
        )
    return url
