"""Presence: when a learner was there, from joins and leaves that come in any order."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.refusals import Fault
from services.sessions.domain.session import Session, state_faults
from services.sessions.domain.words import Interval, PresenceKind, SessionState

# The connection of a learner in person: a check-in, and marks that name no connection.
IN_PERSON = ""
# How long after the end of a session marks are taken.
LATEST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """One learner joined or left by one connection. All its fields together tell it apart."""

    learner_id: str
    kind: PresenceKind
    at: datetime
    connection: str


@dataclass(frozen=True, slots=True)
class PresenceRow:
    """A row of a batch: its mark, or what is wrong with it already."""

    mark: Mark | None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordPresence:
    """Take joins and leaves of a session."""

    session_id: str
    rows: tuple[PresenceRow, ...]


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row."""

    row: int
    id: str
    changed: bool
    violations: tuple[Fault, ...]


def mark_faults(session: Session, mark: Mark, enrolled: bool, now: datetime) -> Iterator[Fault]:
    """Everything that speaks against a mark. Any instant will do: only what lies inside counts.

    Providers send again what they could not deliver: a mark may come up to a day after the end.
    """
    yield from state_faults(session, "marked in", SessionState.LIVE, SessionState.ENDED)
    if session.ended_at is not None and now > session.ended_at + LATEST:
        wrong = f"the session ended at {session.ended_at.isoformat()}"
        yield Fault("session_id", wrong, "a mark within a day after the end")
    if not enrolled:
        wrong = f"{mark.learner_id!r} is not enrolled in run {session.run_id!r}"
        yield Fault("learner_id", wrong, "a learner of the run")


def there_since(marks: Iterable[Mark]) -> datetime | None:
    """Since when the learner is there in person; None when not, or no more."""
    own = sorted((mark for mark in marks if mark.connection == IN_PERSON), key=lambda m: m.at)
    return own[-1].at if own and own[-1].kind is PresenceKind.JOINED else None


def stretches(marks: Iterable[Mark], span: Interval) -> tuple[Interval, ...]:
    """When a learner was there: the union of all connections' intervals, inside `span`.

    The same set of marks gives the same answer in any order, and repeats change nothing. In each
    connection
    - a JOINED while there and a LEFT while gone change nothing;
    - a JOINED without LEFT lasts to the end of `span`;
    - a LEFT that comes before every JOINED lasts from the start of `span`;
    - JOINED and LEFT at one instant cancel each other out, so that a stretch cut in two is the
      same stretch.
    """
    connections: dict[str, set[Mark]] = defaultdict(set)
    for mark in marks:
        connections[mark.connection].add(mark)
    found = (part for own in connections.values() for part in _connected(own, span))
    return _union(filter(None, (_clip(part, span) for part in found)))


def total(intervals: Iterable[Interval]) -> timedelta:
    """How long intervals that don't overlap are together."""
    return sum((interval.length for interval in intervals), timedelta())


def _connected(marks: Iterable[Mark], span: Interval) -> Iterator[Interval]:
    """The stretches of one connection, not clipped yet."""
    since: datetime | None = None
    for place, (at, kind) in enumerate(_changes(marks)):
        if kind is PresenceKind.JOINED:
            since = since or at
        elif since is not None or place == 0:
            yield Interval(since or span.start, at)
            since = None
    if since is not None:
        yield Interval(since, span.end)


def _changes(marks: Iterable[Mark]) -> list[tuple[datetime, PresenceKind]]:
    """What happened at each instant, in order; an instant with both kinds is left out."""
    kinds: dict[datetime, set[PresenceKind]] = defaultdict(set)
    for mark in marks:
        kinds[mark.at].add(mark.kind)
    return [(at, next(iter(kinds[at]))) for at in sorted(kinds) if len(kinds[at]) == 1]


def _clip(part: Interval, span: Interval) -> Interval | None:
    start, end = max(part.start, span.start), min(part.end, span.end)
    return Interval(start, end) if start < end else None


def _union(parts: Iterable[Interval]) -> tuple[Interval, ...]:
    merged: list[Interval] = []
    for part in sorted(parts, key=lambda each: each.start):
        if merged and part.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(part.end, merged[-1].end))
        else:
            merged.append(part)
    return tuple(merged)


def by_learner(marks: Iterable[Mark]) -> Mapping[str, list[Mark]]:
    """Marks in heaps, one a learner."""
    heaps: dict[str, list[Mark]] = defaultdict(list)
    for mark in marks:
        heaps[mark.learner_id].append(mark)
    return heaps
