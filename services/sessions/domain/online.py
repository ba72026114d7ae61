"""Online capacity: how many learners may be online at a time, over all sessions.

A session counts with its online seats, whether they are taken or not: so nobody who has a
seat finds the door shut. One without a limit counts with the learners who are expected.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from chassis.errors import FieldViolation
from services.sessions.domain.audiences import Counted, expected_at
from services.sessions.domain.conflicts import prefixed
from services.sessions.domain.enums import Interval, SessionKind
from services.sessions.domain.session import Session, instant_text

Level = tuple[Interval, int]
"""How many seats online are given in an interval."""

_HOUR = timedelta(hours=1)


def is_online(session: Session) -> bool:
    """Return whether learners may join a session online."""
    return session.kind is not SessionKind.IN_ROOM


def online_need(session: Session, counted: Counted) -> int:
    """Return with how many seats a session counts. `counted`: the learners of its run."""
    if not is_online(session):
        return 0
    return session.online_seats or expected_at(session, counted)


def levels(sessions: Iterable[Session], counted: Counted) -> list[Level]:
    """Return how many seats online sessions give, in order of time; none where there is no
    session.
    """
    changes: dict[datetime, int] = defaultdict(int)
    for session in sessions:
        need = online_need(session, counted)
        changes[session.start_time] += need
        changes[session.end_time] -= need
    given, found = 0, []
    for start, end in pairwise(sorted(changes)):
        given += changes[start]
        found.append((Interval(start, end), given))
    return found


def online_violations(
    sessions: Mapping[str, Session], others: Sequence[Session], counted: Counted, limit: int
) -> Iterator[FieldViolation]:
    """Yield a violation for each session that needs more seats online than are left.

    `others`: sessions that don't move; `counted`: the learners of all their runs.
    """
    every = levels([*sessions.values(), *others], counted)
    for prefix, session in sessions.items():
        need = online_need(session, counted)
        within = [each for each in every if need and _overlaps(each[0], session)]
        at, given = max(within, key=lambda each: each[1], default=(None, 0))
        if at is not None and given > limit:
            yield from prefixed(prefix, [_too_many(need, given - need, limit, at)])


def online_hours(session: Session) -> Iterator[str]:
    """Yield names of the hours in which a session gives seats online: two plans that count the
    same hour lock it.
    """
    hour = session.start_time.replace(minute=0, second=0, microsecond=0)
    while is_online(session) and hour < session.end_time:
        yield f"online:{hour:%Y-%m-%dT%H}"
        hour += _HOUR


def _overlaps(interval: Interval, session: Session) -> bool:
    return interval.start < session.end_time and session.start_time < interval.end


def _too_many(need: int, given: int, limit: int, at: Interval) -> FieldViolation:
    wrong = f"{need} are needed, and {given} of {limit} are given at {instant_text(at.start)}"
    left = max(0, limit - given)
    right = f"1 to {left} at that time, or another time" if left else "another time, or IN_ROOM"
    return FieldViolation("online_seats", wrong, right)
