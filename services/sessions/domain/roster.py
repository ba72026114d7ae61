"""Replicas of other services' data: people, runs, enrolments, items.

They are made from events. Events of different queues come in any order, so each replica stores the
sequence of the event that it was made from, and an older event changes nothing.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FieldViolation
from chassis.runs import is_for, over_since
from services.sessions.domain.enums import AttendanceMode, EnrolmentState

INSTRUCTOR = "INSTRUCTOR"
OFFER_WITHIN = timedelta(hours=2)
FEEDBACK_WITHIN = timedelta(days=14)
EXPECTED_MODES = (AttendanceMode.CLASSROOM, AttendanceMode.ONLINE)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in the roster, with only the fields that the rules need."""

    id: str
    roles: tuple[str, ...]
    sequence: int
    retired_at: datetime | None = None
    """When the person left the university."""
    name: str = ""
    """As meetings show it; empty in a replica of an older version."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of a run for its sessions."""

    present_share: float = 0.75
    partial_share: float = 0.25
    seat_cutoff: timedelta = timedelta(hours=1)
    seat_offer_notice: timedelta | None = None
    """From how long before a session freed seats are offered; None: they are given at once."""
    seat_offer_within: timedelta | None = None
    """How long an offer stands; None: `OFFER_WITHIN`."""
    keep_recordings: timedelta | None = None
    """How long recordings are kept after the run's last day; None or 0: for ever."""
    keep_chat: bool | None = None
    """Whether the chat of classes is kept; None: it is not."""
    feedback_within: timedelta | None = None
    """How long after a session learners leave feedback; 0: not at all; None: `FEEDBACK_WITHIN`."""

    @property
    def offer_notice(self) -> timedelta:
        """Return from how long before a session freed seats are offered, and not given at once."""
        return self.seat_offer_notice or timedelta()

    @property
    def offer_within(self) -> timedelta:
        """Return how long an offer stands."""
        return self.seat_offer_within or OFFER_WITHIN

    @property
    def feedback_time(self) -> timedelta:
        """Return how long after a session learners leave feedback; 0: not at all."""
        return FEEDBACK_WITHIN if self.feedback_within is None else self.feedback_within


@dataclass(frozen=True, slots=True)
class Run:
    """One offering of a course."""

    id: str
    instructor_ids: tuple[str, ...]
    policy: Policy
    sequence: int
    closed_at: datetime | None = None
    ends_at: datetime | None = None
    """When its last day is over; None in a replica of an older version."""

    def is_over(self, now: datetime) -> bool:
        """Return whether the run is closed or has ended."""
        return over_since(self.closed_at, self.ends_at, now) is not None

    @property
    def recordings_end(self) -> datetime | None:
        """Return when its recordings are withdrawn; None: never."""
        keep = self.policy.keep_recordings
        return self.ends_at + keep if self.ends_at and keep else None


@dataclass(frozen=True, slots=True)
class Group:
    """A part of a run's learners."""

    id: str
    run_id: str
    name: str
    retired: bool
    sequence: int


def over_violations(run: Run | None, now: datetime) -> Iterator[FieldViolation]:
    """Yield a violation if a session's run is over."""
    if run is not None and run.is_over(now):
        yield FieldViolation("session_id", f"its run {run.id!r} is over", "a run that goes on")


@dataclass(frozen=True, slots=True)
class Item:
    """The state of an item of the library."""

    id: str
    available: bool
    failure: str
    sequence: int
    seconds: float = 0.0
    """Its playing time; 0 if it has none, or if an older version stored it."""


def failed_violations(item: Item | None, field: str = "item_id") -> Iterator[FieldViolation]:
    """Yield a violation for an item that the library has refused: nobody could study it."""
    if item is not None and item.failure:
        wrong = f"item {item.id!r} was refused: {item.failure}"
        yield FieldViolation(field, wrong, "an item that can be read")


def kept_violations(run: Run | None, now: datetime) -> Iterator[FieldViolation]:
    """Yield a violation if a run keeps its recordings no longer."""
    end = run.recordings_end if run else None
    if run and end is not None and end <= now:
        wrong = f"its run {run.id!r} keeps recordings until {end:%FT%TZ}"
        yield FieldViolation("session_id", wrong, "a longer keep_recordings of the run")


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A learner in a run. Different events set state, mode and groups, each with its sequence."""

    run_id: str
    learner_id: str
    state: EnrolmentState | None = None
    state_sequence: int = 0
    mode: AttendanceMode | None = None
    mode_sequence: int = 0
    group_ids: tuple[str, ...] = ()
    groups_sequence: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Return the run and the learner."""
        return self.run_id, self.learner_id


@dataclass(frozen=True, slots=True)
class EnrolmentUpdate:
    """The fields of an enrolment that one event contains; the others are None."""

    run_id: str
    learner_id: str
    sequence: int
    state: EnrolmentState | None = None
    mode: AttendanceMode | None = None
    group_ids: tuple[str, ...] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Return the run and the learner."""
        return self.run_id, self.learner_id


def merge(enrolment: Enrolment, news: EnrolmentUpdate) -> Enrolment:
    """Return the enrolment after an update; each part counts unless a newer one is known."""
    if news.state is not None and news.sequence > enrolment.state_sequence:
        enrolment = replace(enrolment, state=news.state, state_sequence=news.sequence)
    if news.mode is not None and news.sequence > enrolment.mode_sequence:
        enrolment = replace(enrolment, mode=news.mode, mode_sequence=news.sequence)
    if news.group_ids is not None and news.sequence > enrolment.groups_sequence:
        enrolment = replace(enrolment, group_ids=news.group_ids, groups_sequence=news.sequence)
    return enrolment


def is_enrolled(enrolment: Enrolment | None) -> bool:
    """Return whether the learner has a place in the run."""
    return enrolment is not None and enrolment.state is EnrolmentState.ENROLLED


def enrolled_violations(run_id: str, enrolment: Enrolment | None) -> Iterator[FieldViolation]:
    """Yield a violation for a learner who has no place in the run."""
    if not is_enrolled(enrolment):
        right = "a learner who is; one enrolled just now may take a second to be known here"
        yield FieldViolation("learner_id", f"is not enrolled in run {run_id!r}", right)


def group_violations(
    group_ids: Collection[str], enrolment: Enrolment | None
) -> Iterator[FieldViolation]:
    """Yield a violation for an enrolled learner who is in none of a session's groups."""
    if (
        enrolment is not None
        and is_enrolled(enrolment)
        and not is_for(group_ids, enrolment.group_ids)
    ):
        wrong = "is in none of the session's groups"
        yield FieldViolation("learner_id", wrong, f"a learner of {', '.join(group_ids)}")


def is_expected(enrolment: Enrolment | None, seated: bool, group_ids: Collection[str] = ()) -> bool:
    """Return whether the learner is expected at a session for some groups, or for the whole run.

    Learners are expected if they usually come or join, and the session is for them; or if they are
    enrolled and have a seat of the session.
    """
    if enrolment is None or not is_enrolled(enrolment):
        return False
    return seated or (enrolment.mode in EXPECTED_MODES and is_for(group_ids, enrolment.group_ids))


def may_teach(run: Run | None, person: Person | None, instructor_id: str) -> bool:
    """Return whether someone can be a session's instructor.

    These are the run's own instructors, and everyone with the role INSTRUCTOR in the roster,
    because guests and substitutes teach single classes of a run.
    """
    if run is not None and instructor_id in run.instructor_ids:
        return True
    return person is not None and INSTRUCTOR in person.roles and person.retired_at is None
