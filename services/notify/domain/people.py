"""Replicas of people, rosters, titles and catch-ups. An older event never replaces newer data.

Events of one aggregate carry its version (`sequence`); a replica stores the newest it has seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from chassis.runs import over_since
from chassis.staff import StaffMember, StaffRole
from services.notify.domain.enums import AttendanceMode, EnrolmentState


@dataclass(frozen=True, slots=True)
class Person:
    """A person, with the address, language and zone for notifications."""

    id: str
    name: str
    email: str
    language: str
    """A language tag (BCP 47)."""
    zone: str
    """IANA."""
    sequence: int = 0
    retired_at: datetime | None = None
    """When the person left the university: from then on there is no news for the person."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run's title, for texts; until when people are reminded of its sessions; who teaches it."""

    id: str
    title: str
    sequence: int = 0
    ends_at: datetime | None = None
    """When its last day is over; None in a replica of an older version."""
    closed_at: datetime | None = None
    instructor_ids: tuple[str, ...] = ()
    """Who may plan its classes; empty in a replica of an older version."""
    staff: tuple[StaffMember, ...] = ()
    """Empty in a replica of an older version."""

    @property
    def teachers(self) -> tuple[StaffMember, ...]:
        """Return who teaches it, each with the groups to which the person is limited."""
        return tuple(each for each in self.staff if each.role.includes(StaffRole.TEACHER))

    def told_of_class(self, instructor_id: str) -> tuple[str, ...]:
        """Return who is told of trouble with a class: who holds it, and if that is a guest, who can
        plan nothing anew, the instructors of the run, too.
        """
        if instructor_id in self.instructor_ids:
            return (instructor_id,)
        return instructor_id, *self.instructor_ids

    def is_over(self, now: datetime) -> bool:
        """Return whether the run is closed or has ended."""
        return over_since(self.closed_at, self.ends_at, now) is not None


@dataclass(frozen=True, slots=True)
class Path:
    """The titles of a run's activities, for texts, and which of them are live classes."""

    id: str
    """The id of the run."""
    titles: Mapping[str, str]
    """The titles by activity id."""
    sequence: int = 0
    classes: tuple[str, ...] = ()
    """The ids of activities that are live classes; empty in a replica of an older version."""


@dataclass(frozen=True, slots=True)
class Item:
    """The title of an item of the library."""

    id: str
    title: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class CatchUp:
    """The newest event of a catch-up: it was assigned, completed, missed or withdrawn."""

    id: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """The newest event of a learner's due: it approached, was missed or was retracted."""

    id: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """The newest move of a series of classes."""

    id: str
    sequence: int = 0
    ends: Mapping[str, datetime] = field(default_factory=dict)
    """When the classes that moved end from then on, by session id; empty in a replica of an older
    version."""


@dataclass(frozen=True, slots=True)
class SeatOffer:
    """The newest event of a learner's offers of a seat in a session: it was offered, or ended."""

    id: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """The newest event of a question: it was asked, answered, merged, carried over or withdrawn."""

    id: str
    sequence: int = 0


def offer_id(session_id: str, learner_id: str) -> str:
    """Return the id of a learner's offers of a seat in a session; a session's id has no colon."""
    return f"{session_id}:{learner_id}"


def due_id(enrolment_id: str, activity_id: str) -> str:
    """Return the id of a learner's due of an activity; an activity's id has no colon."""
    return f"{enrolment_id}:{activity_id}"


@dataclass(frozen=True, slots=True)
class EnrolmentUpdate:
    """The fields of an enrolment that one event contains; the others are None."""

    enrolment_id: str
    run_id: str
    learner_id: str
    sequence: int
    state: EnrolmentState | None = None
    mode: AttendanceMode | None = None
    group_ids: tuple[str, ...] | None = None
    since: datetime | None = None
    """Since when the learner has the place or the groups, if the event gives one."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A learner in a run. State, mode and groups have separate sequences, because some events set
    only one of them.
    """

    id: str
    run_id: str
    learner_id: str
    state: EnrolmentState | None = None
    state_sequence: int = 0
    mode: AttendanceMode | None = None
    mode_sequence: int = 0
    group_ids: tuple[str, ...] = ()
    groups_sequence: int = 0
    groups_since: datetime | None = None


def has_left(enrolments: Iterable[Enrolment]) -> bool:
    """Return whether someone has left a run; an instructor was never enrolled in it."""
    states = {enrolment.state for enrolment in enrolments}
    return states == {EnrolmentState.WITHDRAWN}


def applied(enrolment: Enrolment | None, change: EnrolmentUpdate) -> Enrolment:
    """Return the enrolment after an update, in any order of updates."""
    known = enrolment or Enrolment(change.enrolment_id, change.run_id, change.learner_id)
    if change.state is not None and change.sequence > known.state_sequence:
        known = replace(known, state=change.state, state_sequence=change.sequence)
    if change.mode is not None and change.sequence > known.mode_sequence:
        known = replace(known, mode=change.mode, mode_sequence=change.sequence)
    if change.group_ids is not None and change.sequence > known.groups_sequence:
        known = replace(
            known,
            group_ids=change.group_ids,
            groups_sequence=change.sequence,
            groups_since=change.since or known.groups_since,
        )
    return known
