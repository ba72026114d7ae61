"""Staff: who works in a run, and as which role. Rights in a run follow from it, in all services.

Domains and use cases may import this module: it needs only the standard library.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class StaffRole(StrEnum):
    """What a member of staff may do in a run; each role may do what the ones before it may."""

    OBSERVER = "OBSERVER"
    ASSISTANT = "ASSISTANT"
    TEACHER = "TEACHER"

    def includes(self, least: "StaffRole") -> bool:
        """Return whether this role may do what `least` may; a newer version's role may nothing."""
        return _RANKS.get(self, -1) >= _RANKS[least]


_RANKS = {role: rank for rank, role in enumerate(StaffRole)}


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMember:
    """Someone who works in a run."""

    person_id: str
    role: StaffRole
    group_ids: tuple[str, ...] = ()
    """The groups of the run that the person works with; empty: the whole run."""

    def reaches(self, group_ids: Iterable[str]) -> bool:
        """Return whether what is for some groups, or (none) for the whole run, is theirs."""
        return not self.group_ids or not set(self.group_ids).isdisjoint(group_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStaff:
    """The staff of a run, as a replica of catalog's event number `sequence`; `id` is the run's."""

    id: str
    staff: tuple[StaffMember, ...]
    sequence: int


def teachers(person_ids: Iterable[str]) -> tuple[StaffMember, ...]:
    """Return these people as TEACHERs, each once."""
    return tuple(
        StaffMember(person_id=each, role=StaffRole.TEACHER) for each in dict.fromkeys(person_ids)
    )


def within(member: StaffMember | None, group_ids: Iterable[str]) -> StaffMember | None:
    """Return a member of staff towards what is for some groups, or (none) for the whole run: with
    no limit where it is theirs, None where it is not.
    """
    if member is None or not member.reaches(group_ids):
        return None
    return replace(member, group_ids=())


def member_among(staff: Iterable[StaffMember], person_id: str) -> StaffMember | None:
    """Return a person among some staff; None if the person is not one of them."""
    return next((each for each in staff if each.person_id == person_id), None)
