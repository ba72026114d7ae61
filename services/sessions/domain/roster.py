"""What sessions knows of others' things: people, runs, enrolments, items.

They are copies made from events. Queues of different types keep no order among each other, so each
copy carries the sequence of the event that it was made of, and an older event changes nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol, TypeVar

from services.sessions.domain.enums import AttendanceMode, EnrolmentState

INSTRUCTOR = "INSTRUCTOR"
EXPECTED_MODES = (AttendanceMode.CLASSROOM, AttendanceMode.ONLINE)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in the roster: no more of them than the rules need."""

    id: str
    roles: tuple[str, ...]
    sequence: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What a run decides for its sessions."""

    present_share: float = 0.75
    partial_share: float = 0.25
    seat_cutoff: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Run:
    """One offering of a course."""

    id: str
    instructor_ids: tuple[str, ...]
    policy: Policy
    sequence: int


@dataclass(frozen=True, slots=True)
class Item:
    """What became of an item of the library."""

    id: str
    available: bool
    failure: str
    sequence: int


class Replica(Protocol):
    """A copy of something that one event tells in full."""

    @property
    def id(self) -> str:
        """What it is a copy of."""

    @property
    def sequence(self) -> int:
        """The event that it was made of."""


C = TypeVar("C", bound=Replica)


def newer(known: Mapping[str, C], arrived: Iterable[C]) -> list[C]:
    """The copies that replace what is known: for each id the newest, unless known already."""
    newest: dict[str, C] = {}
    for replica in arrived:
        other = newest.get(replica.id) or known.get(replica.id)
        if other is None or replica.sequence > other.sequence:
            newest[replica.id] = replica
    return list(newest.values())


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A learner in a run. State and mode come by different events, each newest by itself."""

    run_id: str
    learner_id: str
    state: EnrolmentState | None = None
    state_sequence: int = 0
    mode: AttendanceMode | None = None
    mode_sequence: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Run and learner."""
        return self.run_id, self.learner_id


@dataclass(frozen=True, slots=True)
class EnrolmentUpdate:
    """What one event says about an enrolment; None is what it does not say."""

    run_id: str
    learner_id: str
    sequence: int
    state: EnrolmentState | None = None
    mode: AttendanceMode | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Run and learner."""
        return self.run_id, self.learner_id


def merge(enrolment: Enrolment, news: EnrolmentUpdate) -> Enrolment:
    """The enrolment after `news`, of which each part counts unless something newer is known."""
    if news.state is not None and news.sequence > enrolment.state_sequence:
        enrolment = replace(enrolment, state=news.state, state_sequence=news.sequence)
    if news.mode is not None and news.sequence > enrolment.mode_sequence:
        enrolment = replace(enrolment, mode=news.mode, mode_sequence=news.sequence)
    return enrolment


def is_enrolled(enrolment: Enrolment | None) -> bool:
    """Whether the learner holds a place in the run."""
    return enrolment is not None and enrolment.state is EnrolmentState.ENROLLED


def is_expected(enrolment: Enrolment | None, seated: bool) -> bool:
    """Whether a session of the run counts on the learner.

    On who usually comes or joins; and on everyone enrolled who has or waits for one of its seats.
    """
    if enrolment is None or not is_enrolled(enrolment):
        return False
    return seated or enrolment.mode in EXPECTED_MODES


def may_teach(run: Run | None, person: Person | None, instructor_id: str) -> bool:
    """Whether someone can be a session's instructor.

    True for the run's own instructors, and for anyone whom the roster knows as instructor: guests
    and stand-ins give single classes of a run.
    """
    if run is not None and instructor_id in run.instructor_ids:
        return True
    return person is not None and INSTRUCTOR in person.roles
