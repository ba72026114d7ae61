"""Presence: when a learner was there, computed from joins and leaves in any order."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.errors import FieldViolation
from services.sessions.domain.enums import Interval, PresenceKind, SessionState
from services.sessions.domain.session import Session, state_violations

# The connection of presence in person: of check-ins, and of presence events without a connection.
IN_PERSON = ""
# How long after the end of a session presence events are accepted.
LATEST = timedelta(days=1)


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

    Only the time within the session counts. Meeting providers retry failed deliveries, so an event
    may arrive up to a day after the end.
    """
    yield from state_violations(session, "marked in", SessionState.LIVE, SessionState.ENDED)
    if session.ended_at is not None and now > session.ended_at + LATEST:
        wrong = f"the session ended at {session.ended_at.isoformat()}"
        yield FieldViolation("session_id", wrong, "a mark within a day after the end")
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
    - a JOINED while there and a LEFT while gone change nothing;
    - a JOINED without LEFT lasts to the end of `span`;
    - a LEFT before every JOINED lasts from the start of `span`;
    - JOINED and LEFT at one instant cancel each other out, so that an interval cut in two is the
      same interval.
    """
    connections: dict[str, set[PresenceEvent]] = defaultdict(set)
    for presence_event in presence_events:
        connections[presence_event.connection].add(presence_event)
    found = (interval for own in connections.values() for interval in _connected(own, span))
    return _union(filter(None, (_clip(interval, span) for interval in found)))


def total(intervals: Iterable[Interval]) -> timedelta:
    """Return the total length of intervals that don't overlap."""
    return sum((interval.length for interval in intervals), timedelta())


def _connected(presence_events: Iterable[PresenceEvent], span: Interval) -> Iterator[Interval]:
    """Yield the intervals of one connection, not clipped yet."""
    since: datetime | None = None
    for place, (at, kind) in enumerate(_changes(presence_events)):
        if kind is PresenceKind.JOINED:
            since = since or at
        elif since is not None or place == 0:
            yield Interval(since or span.start, at)
            since = None
    if since is not None:
        yield Interval(since, span.end)


def _changes(presence_events: Iterable[PresenceEvent]) -> list[tuple[datetime, PresenceKind]]:
    """Return the events in order of time, without instants that have both kinds."""
    kinds: dict[datetime, set[PresenceKind]] = defaultdict(set)
    for presence_event in presence_events:
        kinds[presence_event.at].add(presence_event.kind)
    return [(at, next(iter(kinds[at]))) for at in sorted(kinds) if len(kinds[at]) == 1]


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
