"""Redelivery: when an event comes back and when it is given up, by its message's headers.

An event that failed comes back once after each delay of topology.DELAYS. An event that waits for an
event of another service comes back after longer and longer delays, then after the longest one,
until it has waited for the limit. Failures and waiting are counted separately. Other clients may
have written anything into the headers.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.contracts.amqp_tables import UNREADABLE
from chassis.messaging import resending, topology
from chassis.messaging.dispositions import Disposition, Kind
from chassis.messaging.resending import LOST

ATTEMPTS = "x-tandem-attempts"
WAITING_SINCE = "x-tandem-waiting-since"
"""In seconds since 1970, by the clock of the worker that first saw the event wait."""
REASON = "x-tandem-reason"
DIED_AT = "x-tandem-died-at"
QUEUE = "x-tandem-queue"
OURS = (ATTEMPTS, WAITING_SINCE, REASON, DIED_AT, QUEUE, UNREADABLE, LOST)
"""The headers that we add when we send a message to a delay or the dead letters. A replay removes
them."""
LONGEST_REASON = 1000

Headers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a message is sent that was not applied."""

    delay: str
    """The exchange of the delay; empty: the dead letters."""
    headers: Headers


def route(
    headers: Headers, disposition: Disposition, queue: str, now: float, limit: float
) -> Route:
    """Return where a message of `queue` is sent, and with what headers.

    `now` in seconds since 1970; `limit`: for how many seconds an event may wait.
    """
    delay, more = _delayed(headers, disposition.kind, now, limit)
    more |= {REASON: disposition.reason[:LONGEST_REASON], QUEUE: queue}
    if not delay:
        more[DIED_AT] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    return Route(delay, resending.headers(headers) | more)


def is_last(headers: Headers, now: float, limit: float) -> bool:
    """Return whether an event is given up if it can't be applied this time."""
    since = waiting_since(headers, now, limit)
    waited = since is not None and now - since >= limit
    return waited or attempts(headers) >= len(topology.DELAYS)


def attempts(headers: Headers) -> int:
    """Return how often it failed before."""
    found = headers.get(ATTEMPTS)
    return min(max(found, 0), len(topology.DELAYS)) if isinstance(found, int) else 0


def waiting_since(headers: Headers, now: float, limit: float) -> int | None:
    """Return since when an event waits, in seconds since 1970; None if it did not wait before."""
    found = headers.get(WAITING_SINCE)
    if not isinstance(found, int) or isinstance(found, bool):
        return None
    return min(max(found, int(now - limit)), int(now))


def _delayed(headers: Headers, kind: Kind, now: float, limit: float) -> tuple[str, dict[str, Any]]:
    """Return the delay's exchange (empty if none is left), and the header for its count or
    start.
    """
    if kind is Kind.WAIT:
        since = waiting_since(headers, now, limit)
        begun = int(now) if since is None else since
        delay = _longer_than(now - begun) if now - begun < limit else ""
        return delay, {WAITING_SINCE: begun}
    count = attempts(headers) + 1
    next_delay = topology.delay_name(count) if kind is Kind.RETRY else None
    return next_delay or "", {ATTEMPTS: count}


def _longer_than(seconds: float) -> str:
    """Return the shortest delay that is longer than the event has waited, or the longest delay."""
    count = sum(delay.total_seconds() <= seconds for delay in topology.DELAYS)
    return str(topology.delay_name(min(count + 1, len(topology.DELAYS))))
