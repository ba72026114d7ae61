"""Catalog's events; names and fields are those of the event messages in the protos."""

from dataclasses import dataclass
from datetime import datetime

from chassis.staff import StaffMember
from services.catalog.domain.enums import AttendanceMode, CourseNature, DeliveryMode, Role, RunState
from services.catalog.domain.path import Activity
from services.catalog.domain.runs import RunPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonUpserted:
    """A person is new, or something about the person changed."""

    person_id: str
    given_name: str
    family_name: str
    email: str
    language: str
    zone: str
    roles: tuple[Role, ...]
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonErased:
    """A person is to be forgotten."""

    person_id: str
    erased_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseUpdated:
    """A course was changed, or retired."""

    course_id: str
    code: str
    title: str
    retired_at: datetime | None
    updated_at: datetime
    nature: CourseNature | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOpened:
    """A run was opened for enrolments."""

    run_id: str
    course_id: str
    course_code: str
    title: str
    term: str
    delivery_mode: DeliveryMode
    zone: str
    start_date: str
    end_date: str
    instructor_ids: tuple[str, ...]
    policy: RunPolicy
    staff: tuple[StaffMember, ...]
    holidays: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """Everything that other services need to know of a run."""

    run_id: str
    course_id: str
    course_code: str
    title: str
    term: str
    delivery_mode: DeliveryMode
    zone: str
    start_date: str
    end_date: str
    instructor_ids: tuple[str, ...]
    policy: RunPolicy
    state: RunState
    closed_at: datetime | None
    staff: tuple[StaffMember, ...]
    holidays: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUpdated:
    """A run was changed."""

    run_id: str
    run: RunFacts
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStaffChanged:
    """The staff of a run changed."""

    run_id: str
    run: RunFacts
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunClosed:
    """A run was closed."""

    run_id: str
    run: RunFacts
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReopened:
    """A closed run is open again."""

    run_id: str
    run: RunFacts
    reopened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPublished:
    """A version of a run's path was published, and applies from now on."""

    run_id: str
    version: int
    activities: tuple[Activity, ...]
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentCreated:
    """A learner holds a place in a run."""

    enrolment_id: str
    run_id: str
    learner_id: str
    mode: AttendanceMode
    enrolled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentWaitlisted:
    """A learner waits for a place in a run."""

    enrolment_id: str
    run_id: str
    learner_id: str
    mode: AttendanceMode
    waitlisted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentPromoted:
    """A learner on the waiting list got a place."""

    enrolment_id: str
    run_id: str
    learner_id: str
    mode: AttendanceMode
    enrolled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentWithdrawn:
    """A learner left a run, or its waiting list."""

    enrolment_id: str
    run_id: str
    learner_id: str
    withdrawn_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentModeChanged:
    """A learner's usual way to take part in a run changed."""

    enrolment_id: str
    run_id: str
    learner_id: str
    from_mode: AttendanceMode
    to_mode: AttendanceMode
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChanged:
    """A run has a new group, or a group was renamed or retired."""

    group_id: str
    run_id: str
    name: str
    retired_at: datetime | None
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMemberChanged:
    """A learner is in other groups of a run now."""

    enrolment_id: str
    run_id: str
    learner_id: str
    from_group_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueExtended:
    """One learner's deadline for one activity moved."""

    enrolment_id: str
    run_id: str
    learner_id: str
    activity_id: str
    until: datetime
    reason: str
    granted_by: str
    granted_at: datetime
