"""Conflicts: sessions that use one room or one instructor at the same time."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter

from chassis.errors import FieldViolation
from services.sessions.domain.planning import LONGEST
from services.sessions.domain.session import Session, named

_START = attrgetter("start_time")


def conflict_violations(
    sessions: Mapping[str, Session], others: Iterable[Session]
) -> Iterator[FieldViolation]:
    """Yield a violation for each room or instructor that another session uses at that time.

    `sessions`: by the prefix of their fields; they must not conflict with each other either.
    `others`: SCHEDULED or LIVE sessions; those that are among `sessions` too are left out, because
    they move. Times are half-open: a session may begin at the instant at which another ends.
    """
    every = [*sessions.values(), *others_than(sessions.values(), others)]
    by_start = sorted(every, key=_START)
    for prefix, session in sessions.items():
        clashing = list(_overlapping(session, by_start))
        yield from prefixed(prefix, _room_violations(session, clashing))
        yield from prefixed(prefix, _instructor_violations(session, clashing))


def overlaps(
    sessions: Mapping[str, Session], others: Iterable[Session]
) -> Iterator[tuple[str, Session, Session]]:
    """Yield each session, after the prefix of its fields, with each of some others that overlaps
    it.
    """
    by_start = sorted(others, key=_START)
    for prefix, session in sessions.items():
        for other in _overlapping(session, by_start):
            yield prefix, session, other


def others_than(sessions: Iterable[Session], found: Iterable[Session]) -> list[Session]:
    """Return those of the sessions that were found that are not among some sessions."""
    own = {each.id for each in sessions}
    return [each for each in found if each.id not in own]


def prefixed(prefix: str, violations: Iterable[FieldViolation]) -> Iterator[FieldViolation]:
    """Yield violations whose fields begin with a prefix."""
    return (replace(each, field=prefix + each.field) for each in violations)


def _overlapping(session: Session, by_start: Sequence[Session]) -> Iterator[Session]:
    """Yield the sessions that overlap another one in time. None is longer than LONGEST."""
    first = bisect_left(by_start, session.start_time - LONGEST, key=_START)
    last = bisect_left(by_start, session.end_time, key=_START)
    for other in by_start[first:last]:
        if other.end_time > session.start_time and other.id != session.id:
            yield other


def _room_violations(session: Session, others: Iterable[Session]) -> Iterator[FieldViolation]:
    for other in others:
        if session.room_id and other.room_id == session.room_id:
            yield _taken("room_id", f"room {session.room!r}", other)


def _instructor_violations(session: Session, others: Iterable[Session]) -> Iterator[FieldViolation]:
    for other in others:
        if other.instructor_id == session.instructor_id:
            yield _taken("instructor_id", f"instructor {session.instructor_id!r}", other)


def _taken(field: str, what: str, other: Session) -> FieldViolation:
    wrong = f"{what} is taken by {named(other)}"
    return FieldViolation(field, wrong, "another time, or another one")
