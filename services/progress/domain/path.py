"""Replicas of catalog's data on a run: its policy, its path, rules of release and deadline."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis import runs
from services.progress.domain.enums import (
    ActivityKind,
    AttendanceStatus,
    EvidencePolicy,
    PartialAttendance,
)

_ATTENDED = frozenset(
    {AttendanceStatus.PRESENT, AttendanceStatus.EXCUSED, AttendanceStatus.CAUGHT_UP}
)
_MISSED = frozenset({AttendanceStatus.ABSENT})


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of a run for all its learners."""

    catch_up_within: timedelta | None = None
    watched_share: float = 0.9
    late_from: datetime | None = None
    """Late joiners get catch-ups of classes that ended after this instant; None: of none."""

    partial_attendance: PartialAttendance | None = None
    """What PARTIAL means; None: neither attended nor missed, as in runs of older versions."""
    evidence: EvidencePolicy | None = None
    """Whose statements count for attendance credit; None: the learner's, and those of services."""
    evidence_within: timedelta | None = None
    """How late a trusted statement may arrive so that its own time counts for a deadline."""

    @property
    def attended(self) -> frozenset[AttendanceStatus]:
        """The statuses that complete a SESSION."""
        counts = self.partial_attendance is PartialAttendance.COUNTS
        return _ATTENDED | {AttendanceStatus.PARTIAL} if counts else _ATTENDED

    @property
    def missed(self) -> frozenset[AttendanceStatus]:
        """The statuses that give a catch-up."""
        return _MISSED | {AttendanceStatus.PARTIAL} if self.asks_for_part else _MISSED

    @property
    def asks_for_part(self) -> bool:
        """Whether a learner who was there for a part studies the part that was missed."""
        return self.partial_attendance is PartialAttendance.CATCH_UP

    @property
    def trusts_for(self) -> timedelta:
        """How late a trusted statement's own time counts; 0: never."""
        return self.evidence_within or timedelta()

    @property
    def within(self) -> timedelta:
        """The time that a learner has for a catch-up."""
        return timedelta(days=7) if self.catch_up_within is None else self.catch_up_within


@dataclass(frozen=True, slots=True)
class Run:
    """A run."""

    id: str
    title: str
    zone: str
    policy: Policy
    sequence: int
    ends_at: datetime | None = None
    """When its last day is over; None in a replica of an older version."""
    closed_at: datetime | None = None

    def over_since(self, now: datetime) -> datetime | None:
        """Return since when the run is over: closed, or past its end; None if it is not."""
        return runs.over_since(self.closed_at, self.ends_at, now)


@dataclass(frozen=True, slots=True)
class AfterActivity:
    """A time relative to another activity: to the end of a SESSION, to the due of others."""

    activity_id: str
    offset: timedelta | None = None


@dataclass(frozen=True, slots=True)
class TimeRule:
    """When an activity opens, or when it is due. At most one field is set."""

    fixed: datetime | None = None
    after_enrolment: timedelta | None = None
    after_activity: AfterActivity | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """One step of a path."""

    id: str
    title: str
    kind: ActivityKind
    item_id: str = ""
    requires: tuple[str, ...] = ()
    release: TimeRule | None = None
    deadline: TimeRule | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """The present version of a run's path."""

    id: str
    """The id of the run."""
    version: int
    activities: tuple[Activity, ...]
    sequence: int
