"""Groups: parts of a run's learners, as tutorial groups or sections."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import FieldViolation
from chassis.staff import StaffMember
from chassis.texts import is_blank, shown
from services.catalog.domain.enrolments import Enrolment


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A part of a run's learners. A learner may be in several."""

    id: str
    run_id: str
    name: str
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateGroup:
    """Create a group of a run."""

    run_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateGroup:
    """Rename a group."""

    run_id: str
    group_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignGroup:
    """Put a learner into some groups, and take the learner out of all others of the run."""

    run_id: str
    learner_id: str
    group_ids: tuple[str, ...]


def name_violations(name: str) -> Iterator[FieldViolation]:
    """Yield what is wrong with a group's name in the normal form."""
    if is_blank(name):
        yield FieldViolation("name", "is blank", "a name that people see")
    elif shown(name) != name:
        yield FieldViolation("name", f"is {name!a}", "text without hidden characters")


def unknown_violations(
    run_id: str, group_ids: Iterable[str], known: Mapping[str, Group], field: str = "group_ids"
) -> Iterator[FieldViolation]:
    """Yield a violation for each id that names no group of the run."""
    for place, group_id in enumerate(group_ids):
        group = known.get(group_id)
        if group is None or group.run_id != run_id:
            wrong = f"run {run_id!r} has no group {group_id!r}"
            yield FieldViolation(f"{field}[{place}]", wrong, "the id of a group of the run")


def retired_violations(
    enrolment: Enrolment, group_ids: Iterable[str], known: Mapping[str, Group]
) -> Iterator[FieldViolation]:
    """Yield a violation for each retired group that the learner is not in already."""
    for place, group_id in enumerate(group_ids):
        if known[group_id].retired_at and group_id not in enrolment.group_ids:
            wrong = f"group {known[group_id].name!r} is retired"
            yield FieldViolation(f"group_ids[{place}]", wrong, "a group that is in use")


def twice_violations(group_ids: Collection[str]) -> Iterator[FieldViolation]:
    """Yield a violation if a group is named twice."""
    if len(set(group_ids)) < len(group_ids):
        yield FieldViolation("group_ids", "names a group twice", "each group once")


def staff_violations(
    run_id: str, staff: Iterable[StaffMember], known: Mapping[str, Group]
) -> Iterator[FieldViolation]:
    """Yield a violation for each group of staff that the run does not have."""
    for place, each in enumerate(staff):
        yield from unknown_violations(run_id, each.group_ids, known, f"staff[{place}].group_ids")
