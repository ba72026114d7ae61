"""Refilling gaps: events that did not come are read from the history and from the archive."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, timedelta
from typing import Any, Protocol, TypeVar

from tandem_events.event import GREATEST, Event
from tandem_events.inbox import Gap, HandlerError, Inbox
from tandem_events.patterns import matches

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# How far the clocks of two replicas may differ, and more: an event may be older than the one before
# it in its sequence.
MARGIN = timedelta(days=1)
# Of a longer gap, every day is looked at.
LONGEST = timedelta(days=400)


class InboxWithGaps(Inbox[T_co], Protocol[T_co]):
    """An inbox that knows which numbers did not come."""

    def gaps(self) -> list[Gap]:
        """Return what is missing now, ordered by source, key and number."""


class Source(Protocol):
    """What has events of the past: `History`, `Archive`, or one of your own."""

    def events(self, gaps: Sequence[Gap]) -> Iterator[Event]:
        """Yield the events of these gaps that it has, in the order in which they were published.

        It may yield one twice.
        """


@dataclass
class Refilled:
    """What became of the gaps."""

    handled: int = 0
    """Events that were found, and are handled now."""
    others: int = 0
    """Events that were found, of types that are not subscribed to: they are no gap any more."""
    failed: list[tuple[Event, str]] = field(default_factory=list)
    """Events whose handler failed, and its error. They are a gap until they are handled."""
    missing: list[Gap] = field(default_factory=list)
    """What no source has."""


def refill(
    inbox: InboxWithGaps[T],
    patterns: Sequence[str],
    sources: Iterable[Source],
    handler: Callable[[Event, T], None],
) -> Refilled:
    """Hand the events of all gaps that the sources have to the handler, each once, and list what is
    missing. A source is asked only for what those before it did not have.

    An event that waits for its next try, or is a dead letter, is a gap too: it is tried here, and
    has no effect when it comes again. `patterns` are those of the subscription. Raises what the
    sources raise, and the inbox's error if its database fails; then repeat it.
    """
    first = inbox.gaps()
    result = Refilled()
    for source in sources:
        rest = _missing(inbox, first, result)
        if not rest:
            break
        for event in source.events(rest):
            _hand(event, patterns, inbox, handler, result)
    result.missing = _missing(inbox, first, result)
    return result


def _hand(
    event: Event,
    patterns: Sequence[str],
    inbox: Inbox[T],
    handler: Callable[[Event, T], None],
    result: Refilled,
) -> None:
    if not matches(patterns, event.type):
        result.others += inbox.handle(event, _ignore)
        return
    try:
        result.handled += inbox.handle(event, handler)
    except HandlerError as error:
        result.failed.append((event, repr(error.__cause__)))


def _ignore(_: Event, __: Any) -> None:
    """The event is of a type that nobody wants."""


def _missing(inbox: InboxWithGaps[T], first: Sequence[Gap], result: Refilled) -> list[Gap]:
    """Return what is left of the first gaps, without events that were found and failed."""
    wanted = Wanted(first)
    left = [gap for gap in inbox.gaps() if wanted.has(gap.source, gap.key, gap.first)]
    if not result.failed:
        return left
    failed = sorted((event.sequence or 0, place_of(event)) for event, _ in result.failed)
    return [rest for gap in left for rest in _cut(gap, failed)]


def _cut(gap: Gap, failed: Iterable[tuple[int, tuple[str, str]]]) -> Iterator[Gap]:
    """Yield the parts of a gap between the numbers that failed, which are in order."""
    first = gap.first
    for number, place in failed:
        if place == (gap.source, gap.key) and first <= number <= gap.last:
            if first < number:
                yield replace(gap, first=first, last=number - 1)
            first = number + 1
    if first <= gap.last:
        yield replace(gap, first=first)


def place_of(event: Event) -> tuple[str, str]:
    """Return the source and key among whose events an event is counted."""
    return event.source, event.partition_key


class Wanted:
    """The events of gaps, for a source that looks for them."""

    def __init__(self, gaps: Iterable[Gap]) -> None:
        self._gaps = sorted(gaps, key=lambda gap: gap.first)
        self._ranges: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for gap in self._gaps:
            self._ranges.setdefault((gap.source, gap.key), []).append((gap.first, gap.last))

    def has_key(self, source: object, key: object) -> bool:
        """Return whether an event of this source and key is wanted."""
        return isinstance(source, str) and isinstance(key, str) and (source, key) in self._ranges

    def has(self, source: str, key: str, sequence: int | None) -> bool:
        """Return whether an event is wanted."""
        ranges = self._ranges.get((source, key), [])
        at = bisect_right(ranges, (sequence or 0, GREATEST)) - 1
        return at >= 0 and sequence is not None and sequence <= ranges[at][1]

    def prefixes(self) -> tuple[str, ...]:
        """Return how the types of the wanted events begin: /tandem/catalog publishes
        tandem.catalog.*.
        """
        return tuple({f"{source.strip('/').replace('/', '.')}." for source, _ in self._ranges})

    def days(self) -> list[date] | None:
        """Return the UTC days on which the events may have happened, in order; None: on any."""
        found: set[date] = set()
        for gap in self._gaps:
            if gap.since is None or gap.until is None or gap.until - gap.since > LONGEST:
                return None
            first = (gap.since.astimezone(UTC) - MARGIN).date()
            last = (gap.until.astimezone(UTC) + MARGIN).date()
            found |= {first + timedelta(days=each) for each in range((last - first).days + 1)}
        return sorted(found)
