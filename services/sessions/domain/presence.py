"""Presence: when a learner was there, computed from joins and leaves in any order."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from chassis.errors import FieldViolation
from services.sessions.domain.enums import Interval, PresenceKind, SessionState
from services.sessions.domain.session import Session, state_violations

# The connection of presence in person: of check-ins, and of presence events without a connection.
IN_PERSON = ""
# How long after the end of a session presence events are accepted, and how long before its start.
LATEST = timedelta(days=1)
EARLIEST = timedelta(hours=2)
# How far two clocks that tell presence may differ.
TOLERANCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PresenceEvent:
    """One learner joined or left by one connection. All fields together identify it."""

    learner_id: str
    kind: PresenceKind
    at: datetime
    connection: str


@dataclass(frozen=True, slots=True)
class PresenceRow:
    """A row of a batch: its presence event, or its violations."""

    presence_event: PresenceEvent | None
    violations: tuple[FieldViolation, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordPresence:
    """Record joins and leaves of a session."""

    session_id: str
    rows: tuple[PresenceRow, ...]


@dataclass(frozen=True, slots=True)
class RowResult:
    """The result of a row."""

    row: int
    id: str
    changed: bool
    violations: tuple[FieldViolation, ...]


def presence_event_violations(
    session: Session, presence_event: PresenceEvent, enrolled: bool, now: datetime
) -> Iterator[FieldViolation]:
    """Yield everything that is wrong with a presence event. Any instant is accepted.

    Only the time within the session counts. People join before the start, and meeting providers
    retry failed deliveries, so an event may arrive from two hours before the start to a day after
    the end.
    """
    states = (SessionState.SCHEDULED, SessionState.LIVE, SessionState.ENDED)
    yield from state_violations(session, "marked in", *states)
    end = session.end_time if session.state is SessionState.SCHEDULED else session.ended_at
    if end is not None and now > end + LATEST:
        wrong = f"the session ended at {end.isoformat()}"
        yield FieldViolation("session_id", wrong, "a mark within a day after the end")
    first = session.start_time - EARLIEST
    if session.state is SessionState.SCHEDULED and now < first:
        wrong = f"the session starts at {session.start_time.isoformat()}"
        yield FieldViolation("session_id", wrong, f"a mark from {first.isoformat()}")
    if not enrolled:
        wrong = f"{presence_event.learner_id!r} is not enrolled in run {session.run_id!r}"
        yield FieldViolation("learner_id", wrong, "a learner of the run")


def there_since(presence_events: Iterable[PresenceEvent]) -> datetime | None:
    """Return since when the learner is there in person; None if not, or no longer."""
    own = sorted(
        (
            presence_event
            for presence_event in presence_events
            if presence_event.connection == IN_PERSON
        ),
        key=lambda m: m.at,
    )
    return own[-1].at if own and own[-1].kind is PresenceKind.JOINED else None


def presence_intervals(
    presence_events: Iterable[PresenceEvent], span: Interval
) -> tuple[Interval, ...]:
    """Return when a learner was there: the union of all connections' intervals, within `span`.

    The same set of events gives the same result in any order, and repeats change nothing. In each
    connection
    - a JOINED while there and a LEFT while gone change nothing: a LEFT without its JOINED proves no
      presence;
    - a JOINED without LEFT lasts to the end of `span`, unless the only LEFT is up to a minute
      before it: then clocks differ, and both are one visit of no length;
    - JOINED and LEFT at one instant, while there, change nothing, so that an interval cut in two is
      the same interval; while gone, they are a visit of no length, unless a LEFT follows.
    """
    connections: dict[str, set[PresenceEvent]] = defaultdict(set)
    for presence_event in presence_events:
        connections[presence_event.connection].add(presence_event)
    found = (interval for own in connections.values() for interval in _connected(own, span))
    return _union(filter(None, (_clip(interval, span) for interval in found)))


def total(intervals: Iterable[Interval]) -> timedelta:
    """Return the total length of intervals that don't overlap."""
    return sum((interval.length for interval in intervals), timedelta())


_JOINED, _LEFT = frozenset({PresenceKind.JOINED}), frozenset({PresenceKind.LEFT})
_BOTH = _JOINED | _LEFT


def _connected(presence_events: Iterable[PresenceEvent], span: Interval) -> Iterator[Interval]:
    """Yield the intervals of one connection, not clipped yet."""
    since: datetime | None = None
    stray: datetime | None = None
    visited = False
    changes = _changes(presence_events)
    for (at, kinds), (_, following) in pairwise([*changes, (span.end, frozenset())]):
        if since is not None and kinds == _LEFT:
            yield Interval(since, at)
            since, visited = None, True
        elif since is None and (kinds == _JOINED or (kinds == _BOTH and following == _LEFT)):
            since = at
        elif since is None and kinds == _LEFT and not visited:
            stray = at
    swapped = not visited and stray is not None and since is not None and since - stray <= TOLERANCE
    if since is not None and not swapped:
        yield Interval(since, span.end)


def _changes(
    presence_events: Iterable[PresenceEvent],
) -> list[tuple[datetime, frozenset[PresenceKind]]]:
    """Return the kinds of events at each instant, in order of time."""
    kinds: dict[datetime, set[PresenceKind]] = defaultdict(set)
    for presence_event in presence_events:
        kinds[presence_event.at].add(presence_event.kind)
    return [(at, frozenset(kinds[at])) for at in sorted(kinds)]


def _clip(interval: Interval, span: Interval) -> Interval | None:
    start, end = max(interval.start, span.start), min(interval.end, span.end)
    return Interval(start, end) if start < end else None


def _union(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    merged: list[Interval] = []
    for interval in sorted(intervals, key=lambda each: each.start):
        if merged and interval.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(interval.end, merged[-1].end))
        else:
            merged.append(interval)
    return tuple(merged)


def by_learner(presence_events: Iterable[PresenceEvent]) -> Mapping[str, list[PresenceEvent]]:
    """Group presence events by learner."""
    heaps: dict[str, list[PresenceEvent]] = defaultdict(list)
    for presence_event in presence_events:
        heaps[presence_event.learner_id].append(presence_event)
    return heaps
