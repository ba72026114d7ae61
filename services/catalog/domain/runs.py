"""Courses and their runs."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta

from chassis.civil import Calendar, CivilSpan, end_of_day
from chassis.errors import FieldViolation
from chassis.staff import StaffMember, StaffRole, member_among, teachers
from chassis.texts import is_plain
from services.catalog.domain.enums import (
    CourseNature,
    DeliveryMode,
    EnrolmentPolicy,
    EvidencePolicy,
    LateCatchUps,
    PartialAttendance,
    RunState,
)

NOTHING = timedelta()
LATEST_EVIDENCE = timedelta(days=366)
LONGEST_FEEDBACK = timedelta(days=366)
SHORTEST_OFFER = timedelta(minutes=1)
LONGEST_KEEPING = timedelta(days=36_500)
MOST_SLACK = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A syllabus."""

    id: str
    code: str
    title: str
    description: str
    created_at: datetime
    retired_at: datetime | None = None
    nature: CourseNature | None = None


def code_violations(code: str) -> Iterator[FieldViolation]:
    """Yield what is wrong with a course's code in the normal form."""
    if not is_plain(code):
        yield FieldViolation("code", f"is {code!a}", "visible characters and spaces only")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPolicy:
    """A run's settings for all its learners; shares are from 0 to 1."""

    catch_up_within: timedelta | None = None
    watched_share: float = 0.0
    present_share: float = 0.0
    partial_share: float = 0.0
    seat_cutoff: timedelta | None = None
    late_catch_ups: LateCatchUps | None = None
    late_catch_ups_since: str = ""
    """SINCE: the first day, YYYY-MM-DD."""
    partial_attendance: PartialAttendance | None = None
    evidence: EvidencePolicy | None = None
    evidence_within: timedelta | None = None
    """How late a trusted statement may arrive so that its own time counts for a deadline."""
    catch_up_due: CivilSpan | None = None
    """When a catch-up is due; None: by `catch_up_within`."""
    due_notice: timedelta | None = None
    """How long before a deadline it is told that it approaches; 0: not at all."""
    seat_offer_notice: timedelta | None = None
    """From how long before a session freed seats are offered, and not given at once."""
    seat_offer_within: timedelta | None = None
    """How long an offer of a seat stands."""
    keep_recordings: timedelta | None = None
    """How long recordings are kept after the last day; 0: for ever."""
    keep_chat: bool | None = None
    """Whether the chat of classes is kept after them."""
    feedback_within: timedelta | None = None
    """How long after a class learners leave feedback; 0: not at all."""
    tell_falling_behind: bool | None = None
    """Whether it is judged and told who is falling behind."""
    catch_up_slack: timedelta | None = None
    """How much later than usual a catch-up may be due to fit the learner's week; 0: not at all."""


DEFAULT_POLICY = RunPolicy(
    catch_up_within=timedelta(days=7),
    watched_share=0.9,
    present_share=0.75,
    partial_share=0.25,
    seat_cutoff=timedelta(hours=1),
    late_catch_ups=LateCatchUps.ALL,
    partial_attendance=PartialAttendance.COUNTS,
    evidence=EvidencePolicy.LEARNERS,
    evidence_within=NOTHING,
    due_notice=timedelta(days=1),
    seat_offer_notice=NOTHING,
    seat_offer_within=timedelta(hours=2),
    keep_recordings=NOTHING,
    keep_chat=False,
    feedback_within=timedelta(days=14),
    tell_falling_behind=True,
    catch_up_slack=NOTHING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRules:
    """Who may enrol learners in a run; the window limits learners who enrol themselves."""

    policy: EnrolmentPolicy | None = EnrolmentPolicy.OPEN
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    invited_ids: tuple[str, ...] = ()
    """BY_INVITATION: the learners who may enrol themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One offering of a course in a term. Dates are YYYY-MM-DD in `zone`."""

    id: str
    course_id: str
    term: str
    title: str
    delivery_mode: DeliveryMode
    zone: str
    start_date: str
    end_date: str
    capacity: int
    """The number of places; 0 means no limit."""
    instructor_ids: tuple[str, ...]
    """The ids of the TEACHERs."""
    policy: RunPolicy
    staff: tuple[StaffMember, ...] = ()
    state: RunState = RunState.OPEN
    closed_at: datetime | None = None
    enrolment: EnrolmentRules = EnrolmentRules()
    enrolled: int = 0
    """The number of learners with a place; stored if there is a limit, else counted on request."""
    waitlisted: int = 0
    path_version: int = 0
    limited_at: datetime | None = None
    """When a run without a limit got one; enrolments of before may still be under way."""
    last_ticket: int = 0
    """The last waitlist position that was given; learners who waited earlier have smaller ones."""
    holidays: tuple[str, ...] = ()
    """The days that are no working days, in order."""

    def __post_init__(self) -> None:
        """Make the instructors staff: a new run, and one of an older version, has only these."""
        if not self.staff:
            object.__setattr__(self, "staff", teachers(self.instructor_ids))

    def staffed(self, staff: "tuple[StaffMember, ...]") -> "Run":
        """Return the run with another staff."""
        leading = (each.person_id for each in staff if each.role is StaffRole.TEACHER)
        return replace(self, staff=staff, instructor_ids=tuple(leading))

    def member(self, person_id: str) -> StaffMember | None:
        """Return a person among the staff; None if the person is not staff."""
        return member_among(self.staff, person_id)

    @property
    def calendar(self) -> Calendar:
        """Return the calendar of the run's zone, with its holidays."""
        return Calendar(self.zone, frozenset(self.holidays))

    @property
    def ends_at(self) -> datetime:
        """Return the instant at which the last day is over in the run's zone."""
        return end_of_day(self.end_date, self.zone)

    def is_over(self, now: datetime) -> bool:
        """Return whether the run is closed or has ended."""
        return self.state is RunState.CLOSED or now >= self.ends_at

    @property
    def is_limited(self) -> bool:
        """Return whether the run has a limited number of places."""
        return self.capacity > 0

    @property
    def has_place(self) -> bool:
        """Return whether the run has a free place."""
        return not self.is_limited or self.enrolled < self.capacity

    def counting(self, enrolled: int = 0, waitlisted: int = 0) -> "Run":
        """Return the run with these numbers added to its counters; unchanged without a limit."""
        if not self.is_limited:
            return self
        return replace(
            self, enrolled=self.enrolled + enrolled, waitlisted=self.waitlisted + waitlisted
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """Open a run of a course."""

    course_id: str
    term: str
    title: str
    delivery_mode: DeliveryMode
    zone: str
    start_date: str
    end_date: str
    capacity: int
    instructor_ids: tuple[str, ...]
    policy: RunPolicy | None
    enrolment: EnrolmentRules | None = None
    holidays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays:
    """Days that are no working days, YYYY-MM-DD."""

    days: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRun:
    """Change a run; an empty text and None leave a field as it is."""

    run_id: str
    title: str
    start_date: str
    end_date: str
    capacity: int | None
    policy: RunPolicy | None
    enrolment: EnrolmentRules | None
    holidays: Holidays | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRunStaff:
    """Replace the staff of a run."""

    run_id: str
    staff: tuple[StaffMember, ...]


def with_defaults(policy: RunPolicy | None, defaults: RunPolicy = DEFAULT_POLICY) -> RunPolicy:
    """Return the policy, with defaults for the fields that are not set.

    A share of 0 counts as not set, because proto3 can't distinguish the two; a duration of 0 and a
    false count as set. Of the two rules for the due of a catch-up, the one that is set counts.
    """
    if policy is None:
        return defaults
    if policy.late_catch_ups not in (None, LateCatchUps.SINCE):
        defaults = replace(defaults, late_catch_ups_since="")
    if policy.catch_up_within is not None:
        defaults = replace(defaults, catch_up_due=None)
    chosen = {field.name: getattr(policy, field.name) for field in fields(RunPolicy)}
    return replace(defaults, **{name: value for name, value in chosen.items() if _is_chosen(value)})


def rules_with_defaults(rules: EnrolmentRules | None) -> EnrolmentRules:
    """Return the enrolment rules, with OPEN where no policy is set."""
    rules = rules or EnrolmentRules()
    return rules if rules.policy else replace(rules, policy=EnrolmentPolicy.OPEN)


def updated(run: Run, command: UpdateRun) -> Run:
    """Return the run after an update; its counters and waiting list are as before."""
    return replace(
        run,
        title=command.title or run.title,
        start_date=command.start_date or run.start_date,
        end_date=command.end_date or run.end_date,
        capacity=run.capacity if command.capacity is None else command.capacity,
        policy=with_defaults(command.policy, run.policy),
        enrolment=rules_with_defaults(command.enrolment) if command.enrolment else run.enrolment,
        holidays=in_order(command.holidays.days) if command.holidays else run.holidays,
    )


def in_order(holidays: Iterable[str]) -> tuple[str, ...]:
    """Return holidays in order, each once."""
    return tuple(sorted(set(holidays)))


def _is_chosen(value: object) -> bool:
    return bool(value) or isinstance(value, timedelta | bool)


def open_violations(command: OpenRun) -> Iterator[FieldViolation]:
    """Yield the violations of a request to open a run."""
    yield from _date_violations(command.start_date, command.end_date)
    if len(set(command.instructor_ids)) < len(command.instructor_ids):
        yield FieldViolation("instructor_ids", "names someone twice", "each instructor once")
    yield from _policy_violations(with_defaults(command.policy))
    yield from _rules_violations(rules_with_defaults(command.enrolment))


def retired_violations(course: Course) -> Iterator[FieldViolation]:
    """Yield a violation for a course that is no longer offered."""
    if course.retired_at is not None:
        yield FieldViolation("course_id", f"course {course.code!r} is retired", "another course")


def update_violations(run: Run) -> Iterator[FieldViolation]:
    """Yield the violations of a run after an update."""
    yield from _date_violations(run.start_date, run.end_date)
    yield from _policy_violations(run.policy)
    yield from _rules_violations(run.enrolment)


def _date_violations(start_date: str, end_date: str) -> Iterator[FieldViolation]:
    if date.fromisoformat(end_date) < date.fromisoformat(start_date):
        yield FieldViolation(
            "end_date", f"{end_date} is before the start", f"{start_date} or later"
        )


def _rules_violations(rules: EnrolmentRules) -> Iterator[FieldViolation]:
    if rules.invited_ids and rules.policy is not EnrolmentPolicy.BY_INVITATION:
        wrong = f"is given, and the policy is {rules.policy}"
        yield FieldViolation("enrolment.invited_ids", wrong, "BY_INVITATION, or nobody")
    if rules.opens_at and rules.closes_at and rules.closes_at <= rules.opens_at:
        yield FieldViolation(
            "enrolment.closes_at", "is not after opens_at", f"later than {rules.opens_at:%FT%TZ}"
        )


def _policy_violations(policy: RunPolicy) -> Iterator[FieldViolation]:
    if policy.partial_share > policy.present_share:
        wrong = f"{policy.partial_share:g} is larger than present_share {policy.present_share:g}"
        yield FieldViolation("policy.partial_share", wrong, "a smaller share, or the same")
    if (policy.late_catch_ups is LateCatchUps.SINCE) is not bool(policy.late_catch_ups_since):
        wrong = f"is {policy.late_catch_ups_since!r} with {policy.late_catch_ups}"
        yield FieldViolation("policy.late_catch_ups_since", wrong, "a day, exactly with SINCE")
    if policy.catch_up_within is not None and policy.catch_up_within <= NOTHING:
        yield FieldViolation("policy.catch_up_within", "is not positive", "a duration above 0")
    slack = policy.catch_up_slack
    if slack is not None and not NOTHING <= slack <= MOST_SLACK:
        wrong = f"is {slack.total_seconds():g} s"
        yield FieldViolation("policy.catch_up_slack", wrong, "0, for none, or at most 90 days")
    if policy.seat_cutoff is not None and policy.seat_cutoff < NOTHING:
        yield FieldViolation("policy.seat_cutoff", "is negative", "0, up to the start, or more")
    within = policy.evidence_within
    if within is not None and not NOTHING <= within <= LATEST_EVIDENCE:
        wrong = f"is {within.total_seconds():g} s"
        yield FieldViolation("policy.evidence_within", wrong, "0, or at most 366 days")
    if policy.due_notice is not None and policy.due_notice < NOTHING:
        yield FieldViolation("policy.due_notice", "is negative", "0, for no notice, or more")
    yield from _keeping_violations(policy)
    yield from _offer_violations(policy)


def _keeping_violations(policy: RunPolicy) -> Iterator[FieldViolation]:
    keep = policy.keep_recordings
    if keep is not None and not NOTHING <= keep <= LONGEST_KEEPING:
        wrong = f"is {keep.total_seconds():g} s"
        yield FieldViolation("policy.keep_recordings", wrong, "0, for ever, or at most 100 years")
    feedback = policy.feedback_within
    if feedback is not None and not NOTHING <= feedback <= LONGEST_FEEDBACK:
        wrong = f"is {feedback.total_seconds():g} s"
        yield FieldViolation("policy.feedback_within", wrong, "0, for none, or at most 366 days")


def _offer_violations(policy: RunPolicy) -> Iterator[FieldViolation]:
    if policy.seat_offer_notice is not None and policy.seat_offer_notice < NOTHING:
        right = "0, seats are given at once, or more"
        yield FieldViolation("policy.seat_offer_notice", "is negative", right)
    if policy.seat_offer_within is not None and policy.seat_offer_within < SHORTEST_OFFER:
        wrong = f"is {policy.seat_offer_within.total_seconds():g} s"
        yield FieldViolation("policy.seat_offer_within", wrong, "a minute or more, to answer in")


def unknown_instructors(command: OpenRun, known: set[str]) -> Iterator[FieldViolation]:
    """Yield a violation for each instructor who is not in the roster as an instructor."""
    for place, person_id in enumerate(command.instructor_ids):
        if person_id not in known:
            field = f"instructor_ids[{place}]"
            wrong = f"{person_id!r} is not an instructor in the roster"
            yield FieldViolation(field, wrong, "the id of a person with ROLE_INSTRUCTOR")


def staff_violations(staff: Iterable[StaffMember]) -> Iterator[FieldViolation]:
    """Yield a violation for each person who is named a second time."""
    named = set[str]()
    for place, each in enumerate(staff):
        if each.person_id in named:
            field = f"staff[{place}].person_id"
            yield FieldViolation(field, f"{each.person_id!r} is named twice", "each person once")
        named.add(each.person_id)


def unknown_staff(staff: Iterable[StaffMember], known: Collection[str]) -> Iterator[FieldViolation]:
    """Yield a violation for each person who is not in the roster."""
    for place, each in enumerate(staff):
        if each.person_id not in known:
            wrong = f"{each.person_id!r} is not in the roster, or left"
            yield FieldViolation(f"staff[{place}].person_id", wrong, "the id of a person in it")
