"""Enums, named like the contract's values without their prefix."""

from enum import StrEnum


class Role(StrEnum):
    """A person's role at the university."""

    LEARNER = "LEARNER"
    INSTRUCTOR = "INSTRUCTOR"
    REGISTRAR = "REGISTRAR"
    SERVICE = "SERVICE"
    OPERATOR = "OPERATOR"


class DeliveryMode(StrEnum):
    """How a run is delivered."""

    SYNCHRONOUS = "SYNCHRONOUS"
    ASYNCHRONOUS = "ASYNCHRONOUS"
    BLENDED = "BLENDED"


class AttendanceMode(StrEnum):
    """How a learner usually takes part."""

    CLASSROOM = "CLASSROOM"
    ONLINE = "ONLINE"
    SELF_PACED = "SELF_PACED"


class ConditionKind(StrEnum):
    """What an activity waits for, beside the completion of others."""

    ATTENDED = "ATTENDED"
    SCORED = "SCORED"


class ActivityKind(StrEnum):
    """The kind of a step in a path."""

    ITEM = "ITEM"
    SESSION = "SESSION"
    TASK = "TASK"
    CHECKPOINT = "CHECKPOINT"


class LaunchMethod(StrEnum):
    """In which window an assignable unit is launched (cmi5, section 8.1)."""

    ANY_WINDOW = "ANY_WINDOW"
    OWN_WINDOW = "OWN_WINDOW"


class MoveOn(StrEnum):
    """What satisfies an assignable unit (cmi5, section 13.1.4)."""

    PASSED = "PASSED"
    COMPLETED = "COMPLETED"
    COMPLETED_AND_PASSED = "COMPLETED_AND_PASSED"
    COMPLETED_OR_PASSED = "COMPLETED_OR_PASSED"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class CourseNature(StrEnum):
    """How a course is mainly taught."""

    LECTURE = "LECTURE"
    SEMINAR = "SEMINAR"
    LAB = "LAB"


class WeekForm(StrEnum):
    """How a run is delivered in a week."""

    LIVE = "LIVE"
    SELF_PACED = "SELF_PACED"


class AdviceReasonCode(StrEnum):
    """Why an advice on delivery is as it is."""

    DELIVERY_MODE = "DELIVERY_MODE"
    NATURE = "NATURE"
    LARGE_INTAKE = "LARGE_INTAKE"
    WISHES = "WISHES"
    FEW_WISHES = "FEW_WISHES"
    BOUNDS = "BOUNDS"
    OVERRIDDEN = "OVERRIDDEN"
    NO_TEACHING_DAY = "NO_TEACHING_DAY"
    NO_TEACHER = "NO_TEACHER"
    FIRST_WEEK = "FIRST_WEEK"
    LAST_WEEK = "LAST_WEEK"
    BEFORE_CHECKPOINT = "BEFORE_CHECKPOINT"
    SHARE = "SHARE"


class EnrolmentPolicy(StrEnum):
    """Who may enrol learners in a run."""

    OPEN = "OPEN"
    BY_REGISTRAR = "BY_REGISTRAR"
    BY_INVITATION = "BY_INVITATION"


class LateCatchUps(StrEnum):
    """Which classes held before a learner came give the learner catch-ups."""

    NONE = "NONE"
    ALL = "ALL"
    SINCE = "SINCE"


class PartialAttendance(StrEnum):
    """What it means to have been there for a part of a session."""

    COUNTS = "COUNTS"
    CATCH_UP = "CATCH_UP"


class EvidencePolicy(StrEnum):
    """Whose statements count for attendance credit."""

    LEARNERS = "LEARNERS"
    LEARNERS_AT_PACE = "LEARNERS_AT_PACE"
    SERVICES = "SERVICES"


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"

    @property
    def number(self) -> int:
        """Return its number by ISO 8601: Monday is 1."""
        return list(Weekday).index(self) + 1


class RunState(StrEnum):
    """Whether a run takes part in the term."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


class EnrolmentState(StrEnum):
    """Whether a learner holds a place."""

    ENROLLED = "ENROLLED"
    WAITLISTED = "WAITLISTED"
    WITHDRAWN = "WITHDRAWN"
