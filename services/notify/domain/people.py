"""Copies of what others say about people, rosters and titles. Older news never undoes newer.

Events of one aggregate carry its version (`sequence`); a copy remembers the newest it has seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from services.notify.domain.enums import AttendanceMode, EnrolmentState


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
class Person:
    """Whom to tell, where, and in which words."""

    id: str
    name: str
    email: str
    language: str
    """BCP 47."""
    zone: str
    """IANA."""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A run's name, for texts that speak of it."""

    id: str
    title: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Path:
    """The titles of a run's activities, for texts that speak of them."""

    id: str
    """The run."""
    titles: Mapping[str, str]
    """By activity."""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """The title of an item of the library."""

    id: str
    title: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class EnrolmentUpdate:
    """What one event says about an enrolment; None where it says nothing."""

    enrolment_id: str
    run_id: str
    learner_id: str
    sequence: int
    state: EnrolmentState | None = None
    mode: AttendanceMode | None = None
    since: datetime | None = None
    """From when the learner holds the place, where the event gives one."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A learner in a run, as far as is known. State and mode are guarded apart, for some events
    tell one and not the other."""

    id: str
    run_id: str
    learner_id: str
    state: EnrolmentState | None = None
    state_sequence: int = 0
    mode: AttendanceMode | None = None
    mode_sequence: int = 0


def has_left(enrolments: Iterable[Enrolment]) -> bool:
    """Whether someone was in a run and is no more; its instructor never was."""
    states = {enrolment.state for enrolment in enrolments}
    return states == {EnrolmentState.WITHDRAWN}


def applied(enrolment: Enrolment | None, change: EnrolmentUpdate) -> Enrolment:
    """The enrolment after a change, whatever order changes come in."""
    known = enrolment or Enrolment(change.enrolment_id, change.run_id, change.learner_id)
    if change.state is not None and change.sequence > known.state_sequence:
        known = replace(known, state=change.state, state_sequence=change.sequence)
    if change.mode is not None and change.sequence > known.mode_sequence:
        known = replace(known, mode=change.mode, mode_sequence=change.sequence)
    return known
