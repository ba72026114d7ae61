"""Replicas of catalog's data on a run: its policy, its path, rules of release and deadline."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis import runs
from chassis.civil import CivilSpan
from services.progress.domain.enums import (
    ActivityKind,
    AttendanceStatus,
    ConditionKind,
    EvidencePolicy,
    LaunchMethod,
    MoveOn,
    PartialAttendance,
    Weekday,
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

    catch_up_due: CivilSpan | None = None
    """When a catch-up is due, counted from the day of its assignment; None: by
    `catch_up_within`."""
    due_notice: timedelta | None = None
    """How long before a deadline it is told that it approaches; None: a day; 0: it is not."""
    catch_up_slack: timedelta | None = None
    """How much later than usual a catch-up may be due to fit the learner's week; None: not at
    all."""

    tell_falling_behind: bool | None = None
    """Whether it is judged and told who is falling behind; None: it is."""

    @property
    def judges(self) -> bool:
        """Whether it is judged who is falling behind."""
        return self.tell_falling_behind is not False

    @property
    def notice(self) -> timedelta:
        """The time before a deadline at which it approaches; 0: it is not told."""
        return timedelta(days=1) if self.due_notice is None else self.due_notice

    @property
    def slack(self) -> timedelta:
        """How much later than usual a catch-up may be due; 0: not at all."""
        return self.catch_up_slack or timedelta()

    @property
    def attended(self) -> frozenset[AttendanceStatus]:
        """The statuses that complete a SESSION."""
        counts = self.partial_attendance is PartialAttendance.COUNTS
        return _ATTENDED | {AttendanceStatus.PARTIAL} if counts else _ATTENDED

    @property
    def present(self) -> frozenset[AttendanceStatus]:
        """The statuses of who was there: PRESENT, and PARTIAL where it counts."""
        return self.attended & {AttendanceStatus.PRESENT, AttendanceStatus.PARTIAL}

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
    start_date: str = ""
    """Its first day; empty in a replica of an older version."""
    holidays: tuple[str, ...] = ()
    """The days that are no working days."""

    def over_since(self, now: datetime) -> datetime | None:
        """Return since when the run is over: closed, or past its end; None if it is not."""
        return runs.over_since(self.closed_at, self.ends_at, now)


@dataclass(frozen=True, slots=True)
class AfterActivity:
    """A time relative to another activity: to the end of a SESSION, to the due of others."""

    activity_id: str
    offset: timedelta | None = None


@dataclass(frozen=True, slots=True)
class WeekDay:
    """A day of a week of the run; week 1 holds its first day."""

    week: int
    weekday: Weekday | None


@dataclass(frozen=True, slots=True)
class DaysAfterActivity:
    """A day relative to another activity: to the end of a SESSION, to the due of others."""

    activity_id: str
    days: int = 0


@dataclass(frozen=True, slots=True)
class CivilRule:
    """A civil time in the run's zone. At most one of the first four fields is set."""

    date: str = ""
    week_day: WeekDay | None = None
    days_after_enrolment: int | None = None
    after_activity: DaysAfterActivity | None = None
    working_days: bool = False
    time: str = ""
    """HH:MM; empty: the end of the day, of a release its beginning."""


@dataclass(frozen=True, slots=True)
class TimeRule:
    """When an activity opens, or when it is due. At most one field is set."""

    fixed: datetime | None = None
    after_enrolment: timedelta | None = None
    after_activity: AfterActivity | None = None
    civil: CivilRule | None = None

    @property
    def depends_on(self) -> str:
        """Return the id of the activity that it counts from; empty if it counts from none."""
        after = self.after_activity or (self.civil and self.civil.after_activity)
        return after.activity_id if after else ""


@dataclass(frozen=True, slots=True)
class Condition:
    """What must have happened with another activity before an activity opens."""

    activity_id: str
    kind: ConditionKind | None
    """None: a kind that only a newer version knows; it never holds."""
    or_caught_up: bool = False
    """ATTENDED: whether CAUGHT_UP is enough."""
    score: float = 0.0
    """SCORED: the least scaled score (xAPI 1.0.3, part 2, section 2.4.5.1)."""


@dataclass(frozen=True, slots=True)
class AssignableUnit:
    """How an activity of cmi5 is launched, and what completes it (cmi5, section 13.1.4)."""

    publisher_id: str
    url: str
    launch_method: LaunchMethod | None
    """None: one that only a newer version knows, as of `move_on`."""
    move_on: MoveOn | None
    mastery_score: float | None = None
    launch_parameters: str = ""
    entitlement_key: str = ""


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
    opens_when: tuple[Condition, ...] = ()
    added_at: datetime | None = None
    """When a version first had it, after a version without it; None: the first version had it."""
    effort: timedelta | None = None
    """How long it takes a learner; None: not said."""
    cmi5: AssignableUnit | None = None
    """The assignable unit that it is; None: it is none."""

    @property
    def waits(self) -> bool:
        """Return whether it waits for anything before it opens."""
        return bool(self.release or self.requires or self.opens_when)


@dataclass(frozen=True, slots=True)
class Path:
    """The present version of a run's path."""

    id: str
    """The id of the run."""
    version: int
    activities: tuple[Activity, ...]
    sequence: int

    @property
    def anchors(self) -> frozenset[str]:
        """Return the ids of the activities that deadlines and releases count from."""
        rules = (rule for each in self.activities for rule in (each.deadline, each.release))
        return frozenset(rule.depends_on for rule in rules if rule and rule.depends_on)
