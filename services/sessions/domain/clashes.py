"""Clashes of learners: the coming sessions of one learner that overlap in time.

They follow from the learner's enrolments and seats in help sessions, and from the sessions alone,
so events in any order end in the same clashes.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from services.sessions.domain.audiences import are_alternatives
from services.sessions.domain.conflicts import overlaps
from services.sessions.domain.roster import Enrolment, is_expected
from services.sessions.domain.session import Session

Pair = tuple[Session, Session]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """A session at which a learner is expected, seen beside another one at that time."""

    learner_id: str
    run_id: str
    group_ids: tuple[str, ...]
    session_id: str
    title: str
    start_time: datetime
    end_time: datetime
    other_session_id: str
    other_title: str
    other_start_time: datetime
    other_end_time: datetime
    other_run_id: str
    until: datetime
    """The end of the first of the two that ends: after it, the clash is over."""
    found_at: datetime
    first: bool
    """Whether it is the first of the two sides from which each clash is stored."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Return the learner, the session and the other session."""
        return self.learner_id, self.session_id, self.other_session_id


def sessions_for(
    enrolments: Iterable[Enrolment], sessions: Iterable[Session], seated: Set[str] = frozenset()
) -> list[Session]:
    """Return those of some sessions at which a learner with these enrolments is expected. To help
    sessions learners come freely: only those in which the learner has a seat (`seated`, by id).
    """
    by_run = {each.run_id: each for each in enrolments}
    return [
        each
        for each in sessions
        if (each.id in seated or not each.is_help)
        and is_expected(by_run.get(each.run_id), each.is_help, each.group_ids)
    ]


def clashing_pairs(sessions: Sequence[Session]) -> list[Pair]:
    """Return the pairs of sessions that overlap and are no alternatives; in each, and among them,
    in the order of their ids.
    """
    named = {each.id: each for each in sessions}
    pairs = [
        (session, other)
        for _, session, other in overlaps(named, sessions)
        if session.id < other.id and not are_alternatives(session, other)
    ]
    return sorted(pairs, key=lambda pair: (pair[0].id, pair[1].id))


def both_sides(learner_id: str, pair: Pair, now: datetime) -> Iterator[Clash]:
    """Yield a learner's clash from the side of each of its sessions, the first one first."""
    for session, other in (pair, pair[::-1]):
        yield Clash(
            learner_id=learner_id,
            run_id=session.run_id,
            group_ids=session.group_ids,
            session_id=session.id,
            title=session.title,
            start_time=session.start_time,
            end_time=session.end_time,
            other_session_id=other.id,
            other_title=other.title,
            other_start_time=other.start_time,
            other_end_time=other.end_time,
            other_run_id=other.run_id,
            until=min(session.end_time, other.end_time),
            found_at=now,
            first=session is pair[0],
        )
