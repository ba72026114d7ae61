"""Audiences: the learners who are expected at a session, and how many two sessions share."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chassis.errors import FieldViolation
from chassis.runs import is_for
from services.sessions.domain.conflicts import overlaps, prefixed
from services.sessions.domain.session import Session, named


class Meeting(Protocol):
    """What learners attend: a session, or classes that have no time yet."""

    @property
    def run_id(self) -> str:
        """Return the run."""

    @property
    def group_ids(self) -> tuple[str, ...]:
        """Return the groups of the run; none: the whole run."""

    @property
    def activity_id(self) -> str:
        """Return the activity that it holds; empty: none."""


@dataclass(frozen=True, slots=True)
class Members:
    """How many learners of a run have exactly some groups."""

    run_id: str
    group_ids: tuple[str, ...]
    learners: int


Counted = Mapping[str, Sequence[Members]]
"""Counted learners by run. Each learner of a run is in one of its rows."""


def expected_at(meeting: Meeting, counted: Counted) -> int:
    """Return how many of the counted learners are expected at a session."""
    rows = counted.get(meeting.run_id, ())
    return sum(each.learners for each in rows if is_for(meeting.group_ids, each.group_ids))


def are_alternatives(one: Meeting, other: Meeting) -> bool:
    """Return whether learners attend one of two sessions: both hold one activity of one run."""
    same = one.run_id == other.run_id and one.activity_id == other.activity_id
    return same and bool(one.activity_id)


def learner_violations(
    sessions: Mapping[str, Session], others: Iterable[Session], shared: Counted, most: int
) -> Iterator[FieldViolation]:
    """Yield a violation for each session at the same time in which too many of the same learners
    are expected.

    `sessions`: of one audience, by the prefix of their fields. `others`: sessions that don't move.
    `shared`: the learners of that audience, counted by what else they are in. `most`: how many may
    be expected in both. Learners come to help sessions freely, so these clash with nothing.
    """
    classes = {prefix: each for prefix, each in sessions.items() if not each.is_help}
    for prefix, session, other in overlaps(classes, (each for each in others if not each.is_help)):
        count = expected_at(other, shared)
        if count > most and not are_alternatives(session, other):
            wrong = f"{count} learners are expected in {named(other)}, too"
            right = f"another time, or max_learner_clashes of {count}"
            yield from prefixed(prefix, [FieldViolation("starts", wrong, right)])
