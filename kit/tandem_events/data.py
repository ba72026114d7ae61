"""The bodies of Tandem's events, as `make protos` writes them from the contracts.

`event.data_as(EnrolmentCreated)` gives an event's body its type. A key that is NotRequired is
absent where the value is empty, 0 or false. Newer versions add keys, and values of enums.
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

ConditionKind: TypeAlias = (
    Literal[
        "CONDITION_KIND_UNSPECIFIED",
        "CONDITION_KIND_ATTENDED",
        "CONDITION_KIND_SCORED",
    ]
    | str
    | int
)
"""What an activity waits for, beside the completion of what it `requires`."""
CourseNature: TypeAlias = (
    Literal[
        "COURSE_NATURE_UNSPECIFIED",
        "COURSE_NATURE_LECTURE",
        "COURSE_NATURE_SEMINAR",
        "COURSE_NATURE_LAB",
    ]
    | str
    | int
)
"""How a course is mainly taught."""
EvidencePolicy: TypeAlias = (
    Literal[
        "EVIDENCE_POLICY_UNSPECIFIED",
        "EVIDENCE_POLICY_LEARNERS",
        "EVIDENCE_POLICY_LEARNERS_AT_PACE",
        "EVIDENCE_POLICY_SERVICES",
    ]
    | str
    | int
)
"""Whose statements count for attendance credit: for catch-ups, and for SESSION activities by what
is studied in the place of a class. Other activities don't depend on it.
"""
LateCatchUps: TypeAlias = (
    Literal[
        "LATE_CATCH_UPS_UNSPECIFIED",
        "LATE_CATCH_UPS_NONE",
        "LATE_CATCH_UPS_ALL",
        "LATE_CATCH_UPS_SINCE",
    ]
    | str
    | int
)
"""Which classes that were held before a learner came into the run give the learner catch-ups."""
PartialAttendance: TypeAlias = (
    Literal[
        "PARTIAL_ATTENDANCE_UNSPECIFIED",
        "PARTIAL_ATTENDANCE_COUNTS",
        "PARTIAL_ATTENDANCE_CATCH_UP",
    ]
    | str
    | int
)
"""What it means to have been there for a part of a session."""
RunState: TypeAlias = (
    Literal[
        "RUN_STATE_UNSPECIFIED",
        "RUN_STATE_OPEN",
        "RUN_STATE_CLOSED",
    ]
    | str
    | int
)
"""Whether a run takes part in the term."""
Weekday: TypeAlias = (
    Literal[
        "WEEKDAY_UNSPECIFIED",
        "WEEKDAY_MONDAY",
        "WEEKDAY_TUESDAY",
        "WEEKDAY_WEDNESDAY",
        "WEEKDAY_THURSDAY",
        "WEEKDAY_FRIDAY",
        "WEEKDAY_SATURDAY",
        "WEEKDAY_SUNDAY",
    ]
    | str
    | int
)
"""A day of the week."""
Access: TypeAlias = (
    Literal[
        "ACCESS_UNSPECIFIED",
        "ACCESS_RUNS",
        "ACCESS_ALL",
    ]
    | str
    | int
)
"""Whose learners may read an item."""
Category: TypeAlias = (
    Literal[
        "CATEGORY_UNSPECIFIED",
        "CATEGORY_ENROLMENT",
        "CATEGORY_SESSION",
        "CATEGORY_SEAT",
        "CATEGORY_CATCH_UP",
        "CATEGORY_DEADLINE",
        "CATEGORY_REMINDER",
        "CATEGORY_ACTIVITY",
        "CATEGORY_QUESTION",
        "CATEGORY_PROGRESS",
        "CATEGORY_ACCOUNT",
    ]
    | str
    | int
)
"""What a message is about."""
Channel: TypeAlias = (
    Literal[
        "CHANNEL_UNSPECIFIED",
        "CHANNEL_IN_APP",
        "CHANNEL_EMAIL",
        "CHANNEL_SMS",
        "CHANNEL_PUSH",
    ]
    | str
    | int
)
"""How a message reaches a person."""
Role: TypeAlias = (
    Literal[
        "ROLE_UNSPECIFIED",
        "ROLE_LEARNER",
        "ROLE_INSTRUCTOR",
        "ROLE_REGISTRAR",
        "ROLE_SERVICE",
        "ROLE_OPERATOR",
    ]
    | str
    | int
)
"""What a caller is, from the `roles` claim of its token (lower case there: "learner")."""
StaffRole: TypeAlias = (
    Literal[
        "STAFF_ROLE_UNSPECIFIED",
        "STAFF_ROLE_OBSERVER",
        "STAFF_ROLE_ASSISTANT",
        "STAFF_ROLE_TEACHER",
    ]
    | str
    | int
)
"""What a member of staff may do in a run. Each role may do what the ones before it may."""
BehindReasonKind: TypeAlias = (
    Literal[
        "BEHIND_REASON_KIND_UNSPECIFIED",
        "BEHIND_REASON_KIND_OVERDUE_WORK",
        "BEHIND_REASON_KIND_ABSENCES",
        "BEHIND_REASON_KIND_UNWATCHED_CATCH_UPS",
        "BEHIND_REASON_KIND_SILENCE",
        "BEHIND_REASON_KIND_LATE_WORK",
    ]
    | str
    | int
)
"""What a reason for falling behind counts."""
CatchUpState: TypeAlias = (
    Literal[
        "CATCH_UP_STATE_UNSPECIFIED",
        "CATCH_UP_STATE_ASSIGNED",
        "CATCH_UP_STATE_COMPLETED",
        "CATCH_UP_STATE_MISSED",
    ]
    | str
    | int
)
"""How far a catch-up is."""
DueCause: TypeAlias = (
    Literal[
        "DUE_CAUSE_UNSPECIFIED",
        "DUE_CAUSE_EXTENSION",
        "DUE_CAUSE_ENROLMENT",
        "DUE_CAUSE_GROUPS",
        "DUE_CAUSE_SESSION_SCHEDULED",
        "DUE_CAUSE_SESSION_MOVED",
        "DUE_CAUSE_SESSION_CANCELLED",
        "DUE_CAUSE_PATH_PUBLISHED",
        "DUE_CAUSE_RUN_UPDATED",
        "DUE_CAUSE_ZONE_DATA",
    ]
    | str
    | int
)
"""Why a deadline changed."""
QuestionPlace: TypeAlias = (
    Literal[
        "QUESTION_PLACE_UNSPECIFIED",
        "QUESTION_PLACE_LIVE",
        "QUESTION_PLACE_BETWEEN",
        "QUESTION_PLACE_RECORDING",
    ]
    | str
    | int
)
"""Where a question was asked."""
SeatOfferOutcome: TypeAlias = (
    Literal[
        "SEAT_OFFER_OUTCOME_UNSPECIFIED",
        "SEAT_OFFER_OUTCOME_TAKEN",
        "SEAT_OFFER_OUTCOME_DECLINED",
        "SEAT_OFFER_OUTCOME_EXPIRED",
        "SEAT_OFFER_OUTCOME_WITHDRAWN",
    ]
    | str
    | int
)
"""How an offer of a seat ended."""
SessionState: TypeAlias = (
    Literal[
        "SESSION_STATE_UNSPECIFIED",
        "SESSION_STATE_SCHEDULED",
        "SESSION_STATE_LIVE",
        "SESSION_STATE_ENDED",
        "SESSION_STATE_CANCELLED",
    ]
    | str
    | int
)
"""How far a session is."""
ActivityKind: TypeAlias = (
    Literal[
        "ACTIVITY_KIND_UNSPECIFIED",
        "ACTIVITY_KIND_ITEM",
        "ACTIVITY_KIND_SESSION",
        "ACTIVITY_KIND_TASK",
        "ACTIVITY_KIND_CHECKPOINT",
    ]
    | str
    | int
)
"""What a step of a path is."""
AttendanceMode: TypeAlias = (
    Literal[
        "ATTENDANCE_MODE_UNSPECIFIED",
        "ATTENDANCE_MODE_CLASSROOM",
        "ATTENDANCE_MODE_ONLINE",
        "ATTENDANCE_MODE_SELF_PACED",
    ]
    | str
    | int
)
"""How a learner usually takes part in a run."""
AttendanceVerdict: TypeAlias = (
    Literal[
        "ATTENDANCE_VERDICT_UNSPECIFIED",
        "ATTENDANCE_VERDICT_PRESENT",
        "ATTENDANCE_VERDICT_PARTIAL",
        "ATTENDANCE_VERDICT_ABSENT",
        "ATTENDANCE_VERDICT_EXCUSED",
        "ATTENDANCE_VERDICT_CAUGHT_UP",
    ]
    | str
    | int
)
"""What a session recorded of a learner."""
DeliveryMode: TypeAlias = (
    Literal[
        "DELIVERY_MODE_UNSPECIFIED",
        "DELIVERY_MODE_SYNCHRONOUS",
        "DELIVERY_MODE_ASYNCHRONOUS",
        "DELIVERY_MODE_BLENDED",
    ]
    | str
    | int
)
"""How a run is delivered."""
ItemKind: TypeAlias = (
    Literal[
        "ITEM_KIND_UNSPECIFIED",
        "ITEM_KIND_EBOOK",
        "ITEM_KIND_JOURNAL",
        "ITEM_KIND_PDF",
        "ITEM_KIND_AUDIO",
        "ITEM_KIND_VIDEO",
        "ITEM_KIND_RECORDING",
        "ITEM_KIND_SLIDES",
        "ITEM_KIND_CAPTIONS",
        "ITEM_KIND_DATASET",
    ]
    | str
    | int
)
"""What an item of the library is."""
LaunchMethod: TypeAlias = (
    Literal[
        "LAUNCH_METHOD_UNSPECIFIED",
        "LAUNCH_METHOD_ANY_WINDOW",
        "LAUNCH_METHOD_OWN_WINDOW",
    ]
    | str
    | int
)
"""In which window an assignable unit of cmi5 is launched (cmi5, section 8.1)."""
MoveOn: TypeAlias = (
    Literal[
        "MOVE_ON_UNSPECIFIED",
        "MOVE_ON_PASSED",
        "MOVE_ON_COMPLETED",
        "MOVE_ON_COMPLETED_AND_PASSED",
        "MOVE_ON_COMPLETED_OR_PASSED",
        "MOVE_ON_NOT_APPLICABLE",
    ]
    | str
    | int
)
"""What satisfies an assignable unit of cmi5 (cmi5, section 13.1.4)."""
SeatKind: TypeAlias = (
    Literal[
        "SEAT_KIND_UNSPECIFIED",
        "SEAT_KIND_IN_ROOM",
        "SEAT_KIND_ONLINE",
        "SEAT_KIND_WAITLISTED",
    ]
    | str
    | int
)
"""A learner's place in one session."""
SessionKind: TypeAlias = (
    Literal[
        "SESSION_KIND_UNSPECIFIED",
        "SESSION_KIND_IN_ROOM",
        "SESSION_KIND_ONLINE",
        "SESSION_KIND_HYBRID",
    ]
    | str
    | int
)
"""Where a live class takes place."""
SessionPurpose: TypeAlias = (
    Literal[
        "SESSION_PURPOSE_UNSPECIFIED",
        "SESSION_PURPOSE_CLASS",
        "SESSION_PURPOSE_HELP",
    ]
    | str
    | int
)
"""What a live class is for."""


class AfterActivity(TypedDict):
    """A time told by another activity."""

    activityId: str
    """The other activity of the same path. For a SESSION its end counts, for others their due."""
    offset: NotRequired[str]
    """How long after it."""


class WeekDay(TypedDict):
    """A day of a week of the run."""

    week: int
    """The week, from 1: the one that holds the run's first day. Weeks begin on Monday."""
    weekday: Weekday
    """The day of that week."""


class DaysAfterActivity(TypedDict):
    """A day told by another activity."""

    activityId: str
    """The other activity of the same path. For a SESSION the day of its end counts, for others the
    day of their due.
    """
    days: NotRequired[int]
    """How many days after it; 0: the same day."""


class CivilRule(TypedDict):
    """A civil time in the run's zone, as people write it. It says one day: exactly one of the first
    four fields is set. the third day, 23:59 {days_after_enrolment: 3, time: "23:59"} Friday of week
    4, 18:00 {week_day: {week: 4, weekday: WEEKDAY_FRIDAY}, time: "18:00"} 2 working days after the
    seminar {after_activity: {activity_id: "seminar", days: 2}, working_days: true} The day on which
    a learner enrols, a class ends, or something is due is day 0. An instant that ends a day (24:00)
    is of that day. With working_days only Monday to Friday without the run's holidays count; 0 of
    them is the day itself, or the next working day. A deadline's instant is inside. On the days
    when clocks change: of a time that does not exist, the instant at which the clock jumps over it
    counts; of a time that comes twice, the second for a deadline, the first for a release. The rule
    is kept, not the instant: if the zone's law changes, the instant moves.
    """

    date: NotRequired[str]
    """On this day, YYYY-MM-DD."""
    weekDay: NotRequired[WeekDay]
    """On this day of the run."""
    daysAfterEnrolment: NotRequired[int]
    """So many days after the learner's enrolment; 0: the same day."""
    afterActivity: NotRequired[DaysAfterActivity]
    """So many days after another activity."""
    workingDays: NotRequired[bool]
    """Only working days count; for days after an enrolment or an activity."""
    time: NotRequired[str]
    """HH:MM of that day; empty: of a deadline the end of the day (24:00), of a release its
    beginning.
    """


class TimeRule(TypedDict):
    """When an activity opens, or when it is due. At most one field is set."""

    fixed: NotRequired[str]
    """At this instant, for everyone."""
    afterEnrolment: NotRequired[str]
    """This long after the learner's enrolment."""
    afterActivity: NotRequired[AfterActivity]
    """This long after another activity."""
    civil: NotRequired[CivilRule]
    """At a civil time in the run's zone."""


class Condition(TypedDict):
    """What must have happened before an activity opens."""

    activityId: str
    """The other activity of the same path."""
    kind: ConditionKind
    """What must have happened with it."""
    orCaughtUp: NotRequired[bool]
    """ATTENDED: the absence may also have been made up for (CAUGHT_UP)."""
    score: NotRequired[float]
    """SCORED: the least score, above 0, at most 1: xAPI's `result.score.scaled` (1.0.3, part 2,
    section 2.4.5.1). The best score counts that a service told; what a learner says of a score does
    not.
    """


class AssignableUnit(TypedDict):
    """Content that runs elsewhere and is launched as cmi5 says (cmi5, section 13.1.4)."""

    publisherId: str
    """The publisher's id, an IRI, unique in the path."""
    url: str
    """Where it is launched. Its query must not have a parameter of the launch: endpoint, fetch,
    actor, registration, activityId.
    """
    launchMethod: LaunchMethod
    """In which window."""
    moveOn: MoveOn
    """What completes the activity."""
    masteryScore: NotRequired[float]
    """The least scaled score that passes, with up to 4 decimal places; absent: the unit decides."""
    launchParameters: NotRequired[str]
    """What its author gives it at each launch."""
    entitlementKey: NotRequired[str]
    """By which it knows whether this platform may use it."""


class Activity(TypedDict):
    """One step of a path."""

    id: str
    """Chosen by the author, unique in the path: week-1-reading."""
    title: str
    """Title shown to people."""
    kind: ActivityKind
    """What it is."""
    itemId: NotRequired[str]
    """For an ITEM, the item of the library; empty if it has `cmi5`."""
    requires: NotRequired[list[str]]
    """Activities of the same path that come first: it opens when they are completed."""
    release: NotRequired[TimeRule]
    """When it opens; absent: with the run."""
    deadline: NotRequired[TimeRule]
    """When it is due; absent: never."""
    optional: NotRequired[bool]
    """True when the path can be completed without it."""
    opensWhen: NotRequired[list[Condition]]
    """What must have happened before it opens, beside `release` and `requires`: all of it. An older
    version of progress does not know conditions, and opens it without them.
    """
    addedAt: NotRequired[str]
    """When a version first had it, after a version without it; absent: the first version had it.
    The server sets it; what a request says here is passed over.
    """
    effort: NotRequired[str]
    """How long it takes a learner, for the plan of the learner's week. Absent: an ITEM takes its
    playing time, or an hour; a TASK two hours; a CHECKPOINT half an hour. At most 1,000 hours.
    """
    cmi5: NotRequired[AssignableUnit]
    """For an ITEM or a CHECKPOINT that is an assignable unit of cmi5: how it is launched, and what
    completes it.
    """


class CivilSpan(TypedDict):
    """Some days later, at a civil time in the run's zone: {days: 5, working_days: true} is the end
    of the fifth working day.
    """

    days: int
    """How many days later."""
    workingDays: NotRequired[bool]
    """Only working days count: Monday to Friday, without the run's holidays."""
    time: NotRequired[str]
    """HH:MM of that day in the run's zone; empty: the end of the day (24:00). That instant is
    inside.
    """


class RunPolicy(TypedDict):
    """What a run decides once for all its learners."""

    catchUpWithin: NotRequired[str]
    """How long a learner has for a catch-up, from the moment it can be studied. Default 7 days. Not
    used if `catch_up_due` is set.
    """
    watchedShare: NotRequired[float]
    """Share of an item that must be watched for it to count, 0 to 1. Default 0.9."""
    presentShare: NotRequired[float]
    """Share of a session from which a learner is PRESENT, 0 to 1. Default 0.75."""
    partialShare: NotRequired[float]
    """Share of a session from which a learner is PARTIAL, below it ABSENT. Default 0.25."""
    seatCutoff: NotRequired[str]
    """Until how long before a session a seat may be changed. Default 1 hour."""
    lateCatchUps: NotRequired[LateCatchUps]
    """Of learners who come late and usually attend: which classes held before give catch-ups. Their
    deadlines are spread out, one `catch_up_within` after the other, as far as the run's end allows.
    Default ALL.
    """
    lateCatchUpsSince: NotRequired[str]
    """SINCE: the first day, YYYY-MM-DD in the run's zone."""
    partialAttendance: NotRequired[PartialAttendance]
    """What PARTIAL means. Default COUNTS. In runs that were opened before this field existed it
    means neither: the session is not attended, and there is no catch-up.
    """
    catchUpDue: NotRequired[CivilSpan]
    """When a catch-up is due, counted from the day on which it can be studied; absent: by
    `catch_up_within`. An update that sets only `catch_up_within` takes it away.
    """
    evidence: NotRequired[EvidencePolicy]
    """Whose statements count for attendance credit. Default LEARNERS."""
    evidenceWithin: NotRequired[str]
    """How late a statement may arrive so that its own time counts for the deadline of a catch-up,
    and not the time at which it was stored. Of SERVICES only services' statements. Default 0: the
    time of storing counts. At most 366 days.
    """
    dueNotice: NotRequired[str]
    """How long before a deadline of the path learners are told that it approaches. Default 1 day;
    0: they are not told.
    """
    seatOfferNotice: NotRequired[str]
    """From how long before a session a freed seat in the room is offered to the first who waits,
    who may decline, and not given at once. Default 0: it is always given at once, but to learners
    who asked to be asked (`ChooseSeatRequest.ask_first`).
    """
    seatOfferWithin: NotRequired[str]
    """How long an offer of a seat stands, but not longer than until the cut-off. Default 2
    hours.
    """
    keepRecordings: NotRequired[str]
    """How long after the run's last day the recordings of its sessions are kept. Then they are
    withdrawn, and the library deletes those that nothing else uses. Default 0: for ever.
    """
    keepChat: NotRequired[bool]
    """Whether the chat of classes is kept after them; else it is removed a day after each class.
    Default: it is not. An update that sets a policy without it keeps what was set.
    """
    feedbackWithin: NotRequired[str]
    """How long after a class learners may leave feedback. Default 14 days; 0: nobody is asked. At
    most 366 days.
    """
    tellFallingBehind: NotRequired[bool]
    """Whether progress judges who is falling behind in the run, tells them and the run's teachers,
    and invites them to help sessions. Default: it does. An update that sets a policy without it
    keeps what was set.
    """
    catchUpSlack: NotRequired[str]
    """How much later than usual a catch-up may be due, so that it fits into the hours that its
    learner has for study in a week. Default 0: it is always due as usual. At most 90 days.
    """


class StaffMember(TypedDict):
    """Who works in a run."""

    personId: str
    """The person."""
    role: StaffRole
    """What the person may do there."""
    groupIds: NotRequired[list[str]]
    """The groups of the run that the person works with; empty: the whole run."""


class RunFacts(TypedDict):
    """Everything that other services need to know of a run, as it is after an event."""

    runId: NotRequired[str]
    """The run."""
    courseId: NotRequired[str]
    """Its course."""
    courseCode: NotRequired[str]
    """The course's code."""
    title: NotRequired[str]
    """The run's title."""
    term: NotRequired[str]
    """The term's name."""
    deliveryMode: NotRequired[DeliveryMode]
    """How it is delivered."""
    zone: NotRequired[str]
    """IANA zone of its timetable."""
    startDate: NotRequired[str]
    """First day, YYYY-MM-DD."""
    endDate: NotRequired[str]
    """Last day, YYYY-MM-DD."""
    instructorIds: NotRequired[list[str]]
    """Who teaches it."""
    policy: NotRequired[RunPolicy]
    """What it decides for all its learners, defaults filled in."""
    state: NotRequired[RunState]
    """Open or closed."""
    closedAt: NotRequired[str]
    """When it was closed; absent while it is open."""
    staff: NotRequired[list[StaffMember]]
    """Who works in it."""
    holidays: NotRequired[list[str]]
    """Days that are no working days, YYYY-MM-DD."""


class BehindReason(TypedDict):
    """One reason why a learner is falling behind, with its number: `value` has reached `limit`."""

    kind: NotRequired[BehindReasonKind]
    """What it counts."""
    value: NotRequired[float]
    """How much it was when the learner was last judged: a count, or of SILENCE and LATE_WORK
    days.
    """
    limit: NotRequired[float]
    """From how much on it counts."""


class DueChange(TypedDict):
    """One deadline that changed, and why."""

    activityId: NotRequired[str]
    """The activity."""
    title: NotRequired[str]
    """The activity's title; empty if the path no longer has it."""
    oldDue: NotRequired[str]
    """The deadline until now; absent if it had none."""
    newDue: NotRequired[str]
    """The deadline from now; absent if it has none."""
    cause: NotRequired[DueCause]
    """Why."""
    causeActivityId: NotRequired[str]
    """EXTENSION: the activity that was extended. SESSION_*: the activity of the class. Empty
    otherwise.
    """
    sessionId: NotRequired[str]
    """SESSION_*: the class. Empty otherwise."""
    pathVersion: NotRequired[int]
    """PATH_PUBLISHED: the version. 0 otherwise."""


class FullWeek(TypedDict):
    """A week in which a learner has not enough time for study."""

    start: NotRequired[str]
    """Its beginning: Monday, 00:00 in the learner's zone."""
    budget: NotRequired[str]
    """The learner's time in it; of the present week, what is left."""
    planned: NotRequired[str]
    """What other work takes of it."""


class Stretch(TypedDict):
    """A stretch of a time line, in seconds from its beginning."""

    start: NotRequired[float]
    """Where it begins."""
    end: NotRequired[float]
    """Where it ends."""


class MissedPart(TypedDict):
    """What a learner who was there for a part missed of one recorded part."""

    itemId: NotRequired[str]
    """The item of the library."""
    stretches: NotRequired[list[Stretch]]
    """The stretches of the item, in seconds, that show what was missed: of all parts the 20
    longest.
    """


class Result(TypedDict):
    """What a statement's activity led to (xAPI 1.0.3, part 2, section 2.4.5)."""

    completion: NotRequired[bool]
    """Whether the activity was completed; absent when not said."""
    success: NotRequired[bool]
    """Whether it was a success; absent when not said. A failure never passes a CHECKPOINT; success
    does, whatever the verb.
    """
    scaledScore: NotRequired[float]
    """Score from -1 to 1; absent when not said."""
    duration: NotRequired[str]
    """How long it took."""


class VideoExtensions(TypedDict):
    """What the xAPI video profile (1.0.3, section 2.4) says of a video statement. Times are
    seconds. A time that is NaN, infinite or below zero counts as not told, and the row's note tells
    it.
    """

    length: NotRequired[float]
    """Playing time of the whole video."""
    time: NotRequired[float]
    """Where the player stood."""
    timeFrom: NotRequired[float]
    """For a seek: from where."""
    timeTo: NotRequired[float]
    """For a seek: to where."""
    playedSegments: NotRequired[str]
    """What was played so far in this player session: "0[.]42.6[,]124.7[.]176.4". A faulty piece (it
    ends before it starts, or is no segment) counts nothing, the others count, and the row's note
    tells it.
    """


class Statement(TypedDict):
    """One xAPI statement of what a learner did."""

    id: str
    """UUID made by who saw it; the same id again changes nothing."""
    learnerId: str
    """The learner."""
    verb: str
    """The verb's IRI: https://w3id.org/xapi/video/verbs/played. A statement whose verb is not
    known, or completes nothing, is stored, and the row's note tells it.
    """
    runId: str
    """The run in which it happened."""
    activityId: NotRequired[str]
    """The activity of the run's path; empty when the item is named."""
    itemId: NotRequired[str]
    """The item of the library, for a catch-up or an ITEM; empty when the activity is named."""
    timestamp: str
    """When it happened."""
    result: NotRequired[Result]
    """What it led to."""
    video: NotRequired[VideoExtensions]
    """For video."""
    authority: NotRequired[Role]
    """Who asserts it (xAPI 1.0.3, part 2, section 2.4.9): LEARNER for a learner's own, SERVICE for
    another system's. Made by the server; what a request says here is passed over. What a learner
    asserts completes no CHECKPOINT. UNSPECIFIED in what was kept before this was told.
    """


class Absence(TypedDict):
    """Days on which a person can't teach, whatever the weekly hours are."""

    startDate: str
    """First day, YYYY-MM-DD in the person's zone."""
    endDate: str
    """Last day, YYYY-MM-DD in the person's zone; it is one of them."""


class CivilTime(TypedDict):
    """A time on the wall of a place: what stands in a timetable, whatever the clocks do
    meanwhile.
    """

    local: str
    """ISO 8601 local date and time without offset: 2026-03-02T09:00:00."""
    zone: str
    """IANA zone name: Europe/Dublin."""


class CalendarEntry(TypedDict):
    """One event of a calendar (VEVENT, RFC 5545, section 3.6.1): a class, a series with its rule,
    or a class of a series that is not as the rule gives it.
    """

    uid: NotRequired[str]
    """The id of the session or of the series. Its UID is this, with "@sessions.tandem" behind
    it.
    """
    starts: NotRequired[CivilTime]
    """When it starts on the wall of its place (DTSTART)."""
    startTime: NotRequired[str]
    """The same as an instant."""
    duration: NotRequired[str]
    """How long it takes."""
    title: NotRequired[str]
    """Title (SUMMARY)."""
    location: NotRequired[str]
    """The room's name; empty when ONLINE (LOCATION)."""
    cancelled: NotRequired[bool]
    """True when it will not take place."""
    revision: NotRequired[int]
    """Its revision (SEQUENCE): it never falls."""
    stamp: NotRequired[str]
    """When this revision was made (DTSTAMP)."""
    recurrenceId: NotRequired[str]
    """Of a class of a series: the local time that the rule gives it (RECURRENCE-ID)."""
    zone: NotRequired[str]
    """Of a series and its classes: the zone of that local time."""
    rrule: NotRequired[str]
    """Of a series: its rule, with COUNT."""
    rdates: NotRequired[list[str]]
    """Of a series: local times beside those of the rule."""
    exdates: NotRequired[list[str]]
    """Of a series: local times of the rule at which there is no class."""
    last: NotRequired[str]
    """Of a series: the local time of its last class."""


class CancelledOccurrence(TypedDict):
    """One session that was cancelled with its series."""

    sessionId: NotRequired[str]
    """The session."""
    startTime: NotRequired[str]
    """When it would have started."""
    endTime: NotRequired[str]
    """When it would have ended."""
    substituteItemId: NotRequired[str]
    """The item that takes its place; empty when none does."""


class Captions(TypedDict):
    """Captions of a recorded part: an item of their own."""

    itemId: str
    """The item of the library."""
    language: str
    """Their language (BCP 47): en-IE."""


class MovedOccurrence(TypedDict):
    """One session that moved with its series."""

    sessionId: NotRequired[str]
    """The session."""
    recurrenceId: NotRequired[str]
    """The local time that the series gives it from now (RFC 5545, section 3.8.4.4)."""
    oldStartTime: NotRequired[str]
    """Its first instant until now."""
    oldEndTime: NotRequired[str]
    """Its end until now."""
    newStartTime: NotRequired[str]
    """Its first instant from now."""
    newEndTime: NotRequired[str]
    """Its end from now."""


class PlannedOccurrence(TypedDict):
    """One session of a series that is planned."""

    sessionId: NotRequired[str]
    """The session."""
    recurrenceId: NotRequired[str]
    """The local time that the series gives it (RFC 5545, section 3.8.4.4)."""
    startTime: NotRequired[str]
    """Its first instant."""
    endTime: NotRequired[str]
    """The first instant after it."""


class RecordedStretch(TypedDict):
    """A time of a class that was recorded without a pause. The class's time counts from its real
    start.
    """

    startsAt: str
    """Where it begins in the class's time; negative: the recorder ran before the class began."""
    length: str
    """How long it is."""


class RecordedPart(TypedDict):
    """A part of a session's recording, as events tell it."""

    itemId: NotRequired[str]
    """The item of the library."""
    startsAtOffset: NotRequired[str]
    """Where it begins in the class's time."""
    stretches: NotRequired[list[RecordedStretch]]
    """What it contains, one after the other in the file; empty: all that follows where it begins,
    without a pause.
    """
    transcriptItemId: NotRequired[str]
    """Its transcript, an item of the library; empty: there is none."""
    captions: NotRequired[list[Captions]]
    """Its captions."""


class SettledAttendance(TypedDict):
    """One learner's settled attendance."""

    learnerId: NotRequired[str]
    """The learner."""
    verdict: NotRequired[AttendanceVerdict]
    """The verdict; UNSPECIFIED for a learner who only waited for a seat."""
    minutes: NotRequired[float]
    """Minutes there."""
    waited: NotRequired[bool]
    """True for a learner who only waited for a seat, and so could not come."""
    attended: NotRequired[list[Stretch]]
    """Of a PARTIAL learner: when the learner was there, from the class's real start, in order and
    apart; of more than 20 stretches the longest.
    """


class TeachingWindow(TypedDict):
    """Weekly hours in which a person can teach, on the wall of the person's zone."""

    weekday: int
    """Day of the week, from 1 (Monday) to 7."""
    start: str
    """HH:MM at which it begins."""
    end: str
    """HH:MM at which it ends, later on that day, up to 24:00. On the days when clocks change: of a
    time that comes twice, the first begins a window and the second ends one; in the place of a time
    that does not exist, the instant counts at which the clock jumps over it.
    """
    isPreferred: NotRequired[bool]
    """The person likes to teach in it."""


class PersonUpserted(TypedDict):
    """A person is new, or something about the person changed. The body of
    tandem.catalog.person.upserted.v1.
    """

    personId: NotRequired[str]
    """The person."""
    givenName: NotRequired[str]
    """Given name."""
    familyName: NotRequired[str]
    """Family name."""
    email: NotRequired[str]
    """Mail address."""
    language: NotRequired[str]
    """BCP 47 language tag."""
    zone: NotRequired[str]
    """IANA zone."""
    roles: NotRequired[list[Role]]
    """What the person does at the university."""
    retiredAt: NotRequired[str]
    """When the person left the university; absent while the person is there."""


class PersonErased(TypedDict):
    """A person is to be forgotten: delete what you hold of the person, or make it nobody's. The id
    stays the id of nobody else. It comes again when the erasure is asked for again, such as after a
    backup was restored. The body of tandem.catalog.person.erased.v1.
    """

    personId: NotRequired[str]
    """The person."""
    erasedAt: NotRequired[str]
    """When it was asked for."""


class RunOpened(TypedDict):
    """A run takes enrolments from now. The body of tandem.catalog.run.opened.v1."""

    runId: NotRequired[str]
    """The run."""
    courseId: NotRequired[str]
    """Its course."""
    courseCode: NotRequired[str]
    """The course's code."""
    title: NotRequired[str]
    """The run's title."""
    term: NotRequired[str]
    """The term's name."""
    deliveryMode: NotRequired[DeliveryMode]
    """How it is delivered."""
    zone: NotRequired[str]
    """IANA zone of its timetable."""
    startDate: NotRequired[str]
    """First day, YYYY-MM-DD."""
    endDate: NotRequired[str]
    """Last day, YYYY-MM-DD."""
    instructorIds: NotRequired[list[str]]
    """Who teaches it."""
    policy: NotRequired[RunPolicy]
    """What it decides for all its learners, defaults filled in."""
    staff: NotRequired[list[StaffMember]]
    """Who works in it."""
    holidays: NotRequired[list[str]]
    """Days that are no working days, YYYY-MM-DD."""


class RunUpdated(TypedDict):
    """A run was changed: its title, its days, its holidays, its capacity, its policy or its
    enrolment rules. It is also told again when a path is published that counts the weeks of the
    run. The body of tandem.catalog.run.updated.v1.
    """

    runId: NotRequired[str]
    """The run."""
    run: NotRequired[RunFacts]
    """The run as it is now."""
    updatedAt: NotRequired[str]
    """When it was changed."""


class RunStaffChanged(TypedDict):
    """Somebody began or ceased to work in a run, or may do something else there now. The body of
    tandem.catalog.run.staff_changed.v1.
    """

    runId: NotRequired[str]
    """The run."""
    run: NotRequired[RunFacts]
    """The run as it is now."""
    changedAt: NotRequired[str]
    """When its staff changed."""


class RunClosed(TypedDict):
    """A run was closed: from now nobody is enrolled or promoted in it. The body of
    tandem.catalog.run.closed.v1.
    """

    runId: NotRequired[str]
    """The run."""
    run: NotRequired[RunFacts]
    """The run as it is now."""
    closedAt: NotRequired[str]
    """When it was closed."""


class RunReopened(TypedDict):
    """A closed run is open again. The body of tandem.catalog.run.reopened.v1."""

    runId: NotRequired[str]
    """The run."""
    run: NotRequired[RunFacts]
    """The run as it is now."""
    reopenedAt: NotRequired[str]
    """When it was opened again."""


class PathPublished(TypedDict):
    """A version of a run's path holds from now. The body of tandem.catalog.path.published.v1."""

    runId: NotRequired[str]
    """The run."""
    version: NotRequired[int]
    """The version."""
    activities: NotRequired[list[Activity]]
    """The steps with their rules."""
    publishedAt: NotRequired[str]
    """From when it holds."""


class EnrolmentCreated(TypedDict):
    """A learner holds a place in a run. The body of tandem.catalog.enrolment.created.v1."""

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    mode: NotRequired[AttendanceMode]
    """How the learner takes part."""
    enrolledAt: NotRequired[str]
    """Since when."""


class EnrolmentWaitlisted(TypedDict):
    """A learner waits for a place in a run. The body of tandem.catalog.enrolment.waitlisted.v1."""

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    mode: NotRequired[AttendanceMode]
    """How the learner wants to take part."""
    waitlistedAt: NotRequired[str]
    """Since when."""


class EnrolmentPromoted(TypedDict):
    """A learner on the waiting list got a place. The body of
    tandem.catalog.enrolment.promoted.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    mode: NotRequired[AttendanceMode]
    """How the learner takes part."""
    enrolledAt: NotRequired[str]
    """Since when."""


class EnrolmentWithdrawn(TypedDict):
    """A learner left a run, or its waiting list. The body of
    tandem.catalog.enrolment.withdrawn.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    withdrawnAt: NotRequired[str]
    """Since when."""


class EnrolmentModeChanged(TypedDict):
    """A learner's usual way to take part in a run changed. The body of
    tandem.catalog.enrolment.mode_changed.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    fromMode: NotRequired[AttendanceMode]
    """The mode until now."""
    toMode: NotRequired[AttendanceMode]
    """The mode from now."""
    changedAt: NotRequired[str]
    """When."""


class GroupChanged(TypedDict):
    """A run has a new group, or a group was renamed or retired. The body of
    tandem.catalog.group.changed.v1.
    """

    groupId: NotRequired[str]
    """The group."""
    runId: NotRequired[str]
    """The run."""
    name: NotRequired[str]
    """Its name now."""
    retiredAt: NotRequired[str]
    """When it was retired; absent while it is in use."""
    changedAt: NotRequired[str]
    """When it was changed."""


class GroupMemberChanged(TypedDict):
    """A learner is in other groups of a run now. Who is withdrawn and comes back is in the same
    groups again. The body of tandem.catalog.group.member_changed.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    fromGroupIds: NotRequired[list[str]]
    """The groups until now."""
    groupIds: NotRequired[list[str]]
    """All groups from now."""
    changedAt: NotRequired[str]
    """When."""


class DueExtended(TypedDict):
    """One learner's deadline for one activity moved. The body of tandem.catalog.due.extended.v1."""

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    activityId: NotRequired[str]
    """The activity."""
    until: NotRequired[str]
    """The deadline from now."""
    reason: NotRequired[str]
    """Why."""
    grantedBy: NotRequired[str]
    """Who granted it."""
    grantedAt: NotRequired[str]
    """When it was granted."""


class CourseUpdated(TypedDict):
    """A course was changed, or retired. The body of tandem.catalog.course.updated.v1."""

    courseId: NotRequired[str]
    """The course."""
    code: NotRequired[str]
    """The university's code."""
    title: NotRequired[str]
    """Title."""
    retiredAt: NotRequired[str]
    """When it was retired; absent while it is offered."""
    updatedAt: NotRequired[str]
    """When it was changed."""
    nature: NotRequired[CourseNature]
    """How it is mainly taught."""


class ItemUploaded(TypedDict):
    """An item's bytes are in the store and are what was announced: size, SHA-256, true type. The
    body of tandem.library.item.uploaded.v1.
    """

    itemId: NotRequired[str]
    """The item."""
    kind: NotRequired[ItemKind]
    """What it is."""
    title: NotRequired[str]
    """Title."""
    mediaType: NotRequired[str]
    """IANA media type: the announced one, of which its bytes were found to be."""
    size: NotRequired[str]
    """Bytes."""
    sha256: NotRequired[str]
    """SHA-256, lower-case hex."""
    uploadedBy: NotRequired[str]
    """Who uploaded it."""


class ItemAvailable(TypedDict):
    """Every promised rendition of an item was read back: people may read it. The body of
    tandem.library.item.available.v1.
    """

    itemId: NotRequired[str]
    """The item."""
    kind: NotRequired[ItemKind]
    """What it is."""
    title: NotRequired[str]
    """Title."""
    mediaType: NotRequired[str]
    """IANA media type: the announced one, of which its bytes were found to be."""
    seconds: NotRequired[float]
    """Playing time in seconds; 0 when unknown or not audio or video."""
    runIds: NotRequired[list[str]]
    """Runs whose learners may read it even where no path names it."""
    availableAt: NotRequired[str]
    """Since when."""
    access: NotRequired[Access]
    """Whose learners may read it."""
    notBefore: NotRequired[str]
    """Until then no learner reads it; absent: no embargo."""
    replacesItemId: NotRequired[str]
    """The item of which it is the next version; empty when it is a work of its own."""


class ItemFailed(TypedDict):
    """An item was refused. The body of tandem.library.item.failed.v1."""

    itemId: NotRequired[str]
    """The item."""
    kind: NotRequired[ItemKind]
    """What it was to be."""
    title: NotRequired[str]
    """Title."""
    reason: NotRequired[str]
    """What was wrong, and what would be right."""
    failedAt: NotRequired[str]
    """When."""


class ItemUpdated(TypedDict):
    """An item's description changed. The body of tandem.library.item.updated.v1."""

    itemId: NotRequired[str]
    """The item."""
    kind: NotRequired[ItemKind]
    """What it is."""
    title: NotRequired[str]
    """Title from now."""
    updatedAt: NotRequired[str]
    """When."""
    runIds: NotRequired[list[str]]
    """Runs whose learners may read it even where no path names it."""
    access: NotRequired[Access]
    """Whose learners may read it."""
    notBefore: NotRequired[str]
    """Until then no learner reads it; absent: no embargo."""
    replacedBy: NotRequired[str]
    """The next version, which is or was AVAILABLE; empty when there is none."""


class ItemRetired(TypedDict):
    """An item was taken out of use: nobody reads it any more. The body of
    tandem.library.item.retired.v1.
    """

    itemId: NotRequired[str]
    """The item."""
    kind: NotRequired[ItemKind]
    """What it is."""
    title: NotRequired[str]
    """Title."""
    reason: NotRequired[str]
    """Why."""
    retiredAt: NotRequired[str]
    """When."""


class RenditionAvailable(TypedDict):
    """One more file of an item was made, and read back: it may be read. The body of
    tandem.library.item.rendition_available.v1.
    """

    itemId: NotRequired[str]
    """The item."""
    kind: NotRequired[ItemKind]
    """What it is."""
    title: NotRequired[str]
    """Title."""
    rendition: NotRequired[str]
    """The name of the rendition, such as "audio"."""
    mediaType: NotRequired[str]
    """IANA media type of the rendition."""
    size: NotRequired[str]
    """Bytes of the rendition."""
    availableAt: NotRequired[str]
    """When."""


class ProcessingFailed(TypedDict):
    """A rendition of an item can't be made. The item itself stays AVAILABLE. The body of
    tandem.library.item.processing_failed.v1.
    """

    itemId: NotRequired[str]
    """The item."""
    kind: NotRequired[ItemKind]
    """What it is."""
    title: NotRequired[str]
    """Title."""
    rendition: NotRequired[str]
    """The name of the rendition, such as "audio"."""
    reason: NotRequired[str]
    """What was wrong."""
    failedAt: NotRequired[str]
    """When."""


class MessageDelivered(TypedDict):
    """A message was handed over on a channel. The body of tandem.notify.message.delivered.v1."""

    messageId: NotRequired[str]
    """The message."""
    personId: NotRequired[str]
    """The person."""
    channel: NotRequired[Channel]
    """The channel."""
    category: NotRequired[Category]
    """What it is about."""
    eventId: NotRequired[str]
    """The event that caused it."""
    eventType: NotRequired[str]
    """That event's type."""
    deliveredAt: NotRequired[str]
    """When."""


class MessageFailed(TypedDict):
    """A message was given up on a channel, or a mail that was handed over came back. The body of
    tandem.notify.message.failed.v1.
    """

    messageId: NotRequired[str]
    """The message."""
    personId: NotRequired[str]
    """The person."""
    channel: NotRequired[Channel]
    """The channel."""
    category: NotRequired[Category]
    """What it is about."""
    eventId: NotRequired[str]
    """The event that caused it."""
    eventType: NotRequired[str]
    """That event's type."""
    failedAt: NotRequired[str]
    """When."""
    reason: NotRequired[str]
    """Why; a mail server's answer may name the address."""


class StatementsRecorded(TypedDict):
    """Statements of one learner were stored. The body of tandem.progress.statements.recorded.v1."""

    learnerId: NotRequired[str]
    """The learner."""
    statements: NotRequired[list[Statement]]
    """The statements, those that were new only."""


class ActivityCompleted(TypedDict):
    """A learner completed an activity. The body of tandem.progress.activity.completed.v1."""

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    activityId: NotRequired[str]
    """The activity."""
    completedAt: NotRequired[str]
    """When."""


class ActivityReopened(TypedDict):
    """The completion of a CHECKPOINT was taken back: it was told as completed, never as passed, and
    a failure is known now. Or a statement that completed an activity was voided. If the learner's
    path was completed, it is not any more. If the learner passes, or completes it,
    ActivityCompleted and PathCompleted come again. The body of
    tandem.progress.activity.reopened.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    activityId: NotRequired[str]
    """The activity."""


class ActivitiesOpened(TypedDict):
    """Activities that waited for something have opened for a learner: their release came, what they
    require is completed, and their conditions hold. Each is told once. Not told is what was open
    already when the learner came, and what waits for nothing. The body of
    tandem.progress.activities.opened.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    activityIds: NotRequired[list[str]]
    """The activities, in the path's order."""
    byCompletion: NotRequired[bool]
    """True if each of them opened because the learner completed what it requires."""


class PathCompleted(TypedDict):
    """A learner completed every required activity of a path. The body of
    tandem.progress.path.completed.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    pathVersion: NotRequired[int]
    """The path's version."""
    completedAt: NotRequired[str]
    """When."""


class CatchUpAssigned(TypedDict):
    """An absence became a catch-up. The body of tandem.progress.catch_up.assigned.v1."""

    catchUpId: NotRequired[str]
    """The catch-up."""
    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    sessionId: NotRequired[str]
    """The session that was missed."""
    title: NotRequired[str]
    """The session's title."""
    itemIds: NotRequired[list[str]]
    """The items to study."""
    assignedAt: NotRequired[str]
    """When it was assigned."""
    due: NotRequired[str]
    """Its deadline."""
    missed: NotRequired[list[Stretch]]
    """Of a learner who was there for a part: the parts of the recording that show what was missed,
    at most the 20 longest. Empty: all of it.
    """
    missedParts: NotRequired[list[MissedPart]]
    """Where there are several recorded parts: what was missed of each, without those that the
    learner heard whole. Empty: all of it, or `missed` tells it.
    """
    usualDue: NotRequired[str]
    """When it would be due if the learner's weeks had room before; absent: it is due as usual."""
    fullWeeks: NotRequired[list[FullWeek]]
    """Why it is due as usual, though the learner's weeks have no room for it: none of these weeks
    has.
    """


class CatchUpCompleted(TypedDict):
    """A catch-up was studied. The body of tandem.progress.catch_up.completed.v1."""

    catchUpId: NotRequired[str]
    """The catch-up."""
    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    sessionId: NotRequired[str]
    """The session that was missed."""
    title: NotRequired[str]
    """The session's title."""
    completedAt: NotRequired[str]
    """When."""
    inTime: NotRequired[bool]
    """True when it was studied before its deadline."""
    itemIds: NotRequired[list[str]]
    """The items that were studied."""
    due: NotRequired[str]
    """Its deadline."""
    wasMissed: NotRequired[bool]
    """True when it counted as missed, or as studied late, until evidence that came later showed
    that it was studied in time (see RunPolicy.evidence_within).
    """


class CatchUpChanged(TypedDict):
    """An open catch-up has other items to study, or another deadline: its session's recording came
    or was replaced, staff gave more time, or clocks change otherwise in the run's zone. Or it is
    open again (CatchUpReopened). The body of tandem.progress.catch_up.changed.v1.
    """

    catchUpId: NotRequired[str]
    """The catch-up."""
    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    sessionId: NotRequired[str]
    """The session that was missed."""
    title: NotRequired[str]
    """The session's title."""
    itemIds: NotRequired[list[str]]
    """The items to study from now."""
    due: NotRequired[str]
    """The deadline from now."""
    reason: NotRequired[str]
    """Why, of an extension, or of a deadline that moves with the law of its zone; empty
    otherwise.
    """
    changedBy: NotRequired[str]
    """Who extended it; empty otherwise."""
    missed: NotRequired[list[Stretch]]
    """Of a learner who was there for a part: the parts of the recording that show what was missed,
    at most the 20 longest. Empty: all of it.
    """
    missedParts: NotRequired[list[MissedPart]]
    """Where there are several recorded parts: what was missed of each, without those that the
    learner heard whole. Empty: all of it, or `missed` tells it.
    """
    usualDue: NotRequired[str]
    """When it would be due if the learner's weeks had room before; absent: it is due as usual."""
    fullWeeks: NotRequired[list[FullWeek]]
    """Why it is due as usual, though the learner's weeks have no room for it: none of these weeks
    has.
    """


class CatchUpWithdrawn(TypedDict):
    """A catch-up need not be studied any more: the absence was excused or corrected, the learner
    left the run, staff waived it, or the run is over. If that is taken back, it is assigned again.
    The body of tandem.progress.catch_up.withdrawn.v1.
    """

    catchUpId: NotRequired[str]
    """The catch-up."""
    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    sessionId: NotRequired[str]
    """The session that was missed."""
    title: NotRequired[str]
    """The session's title."""
    state: NotRequired[CatchUpState]
    """How far it was: open, missed or completed."""
    withdrawnAt: NotRequired[str]
    """When it was withdrawn."""
    reason: NotRequired[str]
    """Why, where staff waived it; empty otherwise."""
    waivedBy: NotRequired[str]
    """Who waived it; empty otherwise."""


class CatchUpMissed(TypedDict):
    """A catch-up's deadline passed. The body of tandem.progress.catch_up.missed.v1."""

    catchUpId: NotRequired[str]
    """The catch-up."""
    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    sessionId: NotRequired[str]
    """The session that was missed."""
    title: NotRequired[str]
    """The session's title."""
    due: NotRequired[str]
    """Its deadline."""
    watchedShare: NotRequired[float]
    """Share studied until then, 0 to 1."""
    itemIds: NotRequired[list[str]]
    """The items that were to be studied."""


class DueApproaching(TypedDict):
    """A required activity that a learner has not completed is due soon: the run's `due_notice`
    before. It is told once for each instant at which the activity is due. The body of
    tandem.progress.due.approaching.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    activityId: NotRequired[str]
    """The activity."""
    title: NotRequired[str]
    """The activity's title."""
    due: NotRequired[str]
    """Its deadline."""


class DueMissed(TypedDict):
    """A learner did not complete a required activity by its deadline. It is told once for each such
    instant, and once more only if DueRetracted came in between. The body of
    tandem.progress.due.missed.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    activityId: NotRequired[str]
    """The activity."""
    title: NotRequired[str]
    """The activity's title."""
    due: NotRequired[str]
    """The deadline that passed."""


class DueRetracted(TypedDict):
    """What DueApproaching or DueMissed told last of an activity no longer holds. What was
    approaching was completed, or has another deadline or none. What was missed has a later deadline
    or none, or was completed in time after all. A missed activity that is completed late stays
    missed. The body of tandem.progress.due.retracted.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    activityId: NotRequired[str]
    """The activity."""
    title: NotRequired[str]
    """The activity's title; empty if the path no longer has it."""
    due: NotRequired[str]
    """The deadline that was told."""
    missed: NotRequired[bool]
    """True if it was told as missed; false if it was told as approaching."""


class DuesChanged(TypedDict):
    """Deadlines of a learner changed: all that one evaluation found. Each change is told once. Told
    are activities, required or optional, that are not completed, while the run goes on, if the old
    or the new deadline is still to come. The first deadlines of a learner who came are no change.
    The body of tandem.progress.dues.changed.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    changes: NotRequired[list[DueChange]]
    """The changes."""


class StatementsStored(TypedDict):
    """The LRS stored statements that are of no learner's progress: of other people, or about
    nothing of ours. What they say is read from the LRS itself. Statements of a learner's progress
    are told by StatementsRecorded. The body of tandem.progress.statements.stored.v1.
    """

    clientId: NotRequired[str]
    """Who stored them: the id of a credential of the LRS, or of a person."""
    statementIds: NotRequired[list[str]]
    """The statements' ids."""


class StatementVoided(TypedDict):
    """A statement of a learner's progress was voided by another. What it had brought is taken back.
    The body of tandem.progress.statement.voided.v1.
    """

    statementId: NotRequired[str]
    """The statement that was voided."""
    learnerId: NotRequired[str]
    """The learner."""
    runId: NotRequired[str]
    """The run."""
    activityId: NotRequired[str]
    """The activity that it was about; empty when it named the item alone."""
    itemId: NotRequired[str]
    """The item that it was about; empty when it named the activity alone."""


class LearnerFellBehind(TypedDict):
    """A learner is falling behind in a run, by the run's rule (services/progress/README.md). It is
    told once, and again only after LearnerRecovered. What the reasons count may change meanwhile:
    ListFallingBehind tells the present numbers. The body of
    tandem.progress.learner.fell_behind.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    reasons: NotRequired[list[BehindReason]]
    """Why: at least one reason."""
    at: NotRequired[str]
    """When the learner was judged."""
    since: NotRequired[str]
    """Since when the learner is behind."""


class LearnerRecovered(TypedDict):
    """A learner who was falling behind is not any more: caught up, completed the path, left the
    run, or the run is over. The body of tandem.progress.learner.recovered.v1.
    """

    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    at: NotRequired[str]
    """When the learner was judged."""
    wasSince: NotRequired[str]
    """Since when the learner had been behind, as LearnerFellBehind told it."""


class CatchUpReopened(TypedDict):
    """A catch-up that was told as completed is not, or not in time, after all: a statement that
    proved it was voided. What it is now is told right after: CatchUpChanged if it is open again,
    CatchUpMissed if its deadline has passed, CatchUpCompleted if it was completed late. Nothing
    follows of one that is withdrawn. The body of tandem.progress.catch_up.reopened.v1.
    """

    catchUpId: NotRequired[str]
    """The catch-up."""
    enrolmentId: NotRequired[str]
    """The enrolment."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    sessionId: NotRequired[str]
    """The session that was missed."""
    title: NotRequired[str]
    """The session's title."""


class SessionScheduled(TypedDict):
    """A live class is planned. The body of tandem.sessions.session.scheduled.v1."""

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    activityId: NotRequired[str]
    """The SESSION activity it holds; empty for an extra class."""
    title: NotRequired[str]
    """Title."""
    kind: NotRequired[SessionKind]
    """Where it takes place."""
    instructorId: NotRequired[str]
    """Who teaches."""
    room: NotRequired[str]
    """The room's name; empty when ONLINE."""
    starts: NotRequired[CivilTime]
    """When it starts on the wall of its place."""
    startTime: NotRequired[str]
    """Its first instant."""
    endTime: NotRequired[str]
    """The first instant after it."""
    joinUrl: NotRequired[str]
    """Where to join online; empty when IN_ROOM."""
    recorded: NotRequired[bool]
    """True when a recording is to follow."""
    materialItemIds: NotRequired[list[str]]
    """Items to study in its place when no recording comes."""
    groupIds: NotRequired[list[str]]
    """The groups of the run that it is for; empty: the whole run."""
    seriesId: NotRequired[str]
    """The series that it belongs to; empty when it was planned alone."""
    recurrenceId: NotRequired[str]
    """Of a series: the local time that the series gives it (RFC 5545, section 3.8.4.4)."""
    purpose: NotRequired[SessionPurpose]
    """What it is for; UNSPECIFIED in an older event: a class."""
    state: NotRequired[SessionState]
    """How far it is: SCHEDULED; UNSPECIFIED in an older event, too. A resync tells each session by
    this event, with the state that it has by now; the event of that state follows.
    """


class SessionMoved(TypedDict):
    """A live class takes place at another time or in another room. The body of
    tandem.sessions.session.moved.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    activityId: NotRequired[str]
    """The SESSION activity it holds; empty for an extra class."""
    title: NotRequired[str]
    """Title."""
    oldStartTime: NotRequired[str]
    """Its first instant until now."""
    oldEndTime: NotRequired[str]
    """Its end until now."""
    newStartTime: NotRequired[str]
    """Its first instant from now."""
    newEndTime: NotRequired[str]
    """Its end from now."""
    newStarts: NotRequired[CivilTime]
    """The new start on the wall of its place."""
    oldRoom: NotRequired[str]
    """The room's name until now."""
    newRoom: NotRequired[str]
    """The room's name from now."""
    reason: NotRequired[str]
    """Why."""
    seriesId: NotRequired[str]
    """The series that moved with it: tandem.sessions.series.moved.v1 tells people. Empty when it
    moved alone, also as one session of a series.
    """
    oldInstructorId: NotRequired[str]
    """Who taught until now."""
    newInstructorId: NotRequired[str]
    """Who teaches from now."""
    purpose: NotRequired[SessionPurpose]
    """What it is for; UNSPECIFIED in an older event: a class."""
    calendar: NotRequired[list[CalendarEntry]]
    """What calendars show of it from now; empty when its series tells it, and in an older event."""


class SessionRoomRenamed(TypedDict):
    """The room of a live class to come has another name; its time and its place stay. The body of
    tandem.sessions.session.room_renamed.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    activityId: NotRequired[str]
    """The SESSION activity it holds; empty for an extra class."""
    title: NotRequired[str]
    """Title."""
    room: NotRequired[str]
    """The room's name from now."""
    renamedAt: NotRequired[str]
    """When it was renamed."""


class SessionCancelled(TypedDict):
    """A live class will not take place. The body of tandem.sessions.session.cancelled.v1."""

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    activityId: NotRequired[str]
    """The SESSION activity it held; empty for an extra class."""
    title: NotRequired[str]
    """Title."""
    startTime: NotRequired[str]
    """When it would have started."""
    endTime: NotRequired[str]
    """When it would have ended."""
    reason: NotRequired[str]
    """Why."""
    substituteItemId: NotRequired[str]
    """The item that takes its place; empty when none does."""
    seriesId: NotRequired[str]
    """The series that was cancelled with it: tandem.sessions.series.cancelled.v1 tells people.
    Empty when it was cancelled alone, also as one session of a series.
    """
    purpose: NotRequired[SessionPurpose]
    """What it is for; UNSPECIFIED in an older event: a class."""
    calendar: NotRequired[list[CalendarEntry]]
    """What calendars show of it from now; empty when its series tells it, and in an older event."""


class SeriesScheduled(TypedDict):
    """A series of live classes is planned; each of them is told by its own
    tandem.sessions.session.scheduled.v1, too. The body of tandem.sessions.series.scheduled.v1.
    """

    seriesId: NotRequired[str]
    """The series."""
    runId: NotRequired[str]
    """The run."""
    title: NotRequired[str]
    """Title."""
    kind: NotRequired[SessionKind]
    """Where its sessions take place."""
    instructorId: NotRequired[str]
    """Who teaches."""
    room: NotRequired[str]
    """The room's name; empty when ONLINE."""
    starts: NotRequired[CivilTime]
    """When its first session starts on the wall of its place."""
    duration: NotRequired[str]
    """How long a session takes."""
    rrule: NotRequired[str]
    """The rule, with COUNT (RFC 5545, section 3.3.10)."""
    rdates: NotRequired[list[str]]
    """Local times beside those of the rule."""
    exdates: NotRequired[list[str]]
    """Local times of the rule at which there is no session."""
    groupIds: NotRequired[list[str]]
    """The groups of the run that it is for; empty: the whole run."""
    occurrences: NotRequired[list[PlannedOccurrence]]
    """Its sessions, in order."""
    purpose: NotRequired[SessionPurpose]
    """What its sessions are for; UNSPECIFIED in an older event: classes."""


class SeriesMoved(TypedDict):
    """Sessions of a series moved together. Each of them is told by its own
    tandem.sessions.session.moved.v1, too, with this series; people are told once, by this event.
    The body of tandem.sessions.series.moved.v1.
    """

    seriesId: NotRequired[str]
    """The series to which the sessions belong from now."""
    runId: NotRequired[str]
    """The run."""
    title: NotRequired[str]
    """Title."""
    splitFrom: NotRequired[str]
    """The series from which they were split, because its earlier sessions stay; empty when the
    whole series moved.
    """
    starts: NotRequired[CivilTime]
    """When the series starts on the wall of its place, from now."""
    duration: NotRequired[str]
    """How long a session takes from now."""
    rrule: NotRequired[str]
    """The rule from now, with COUNT (RFC 5545, section 3.3.10)."""
    room: NotRequired[str]
    """The room's name from now."""
    oldInstructorId: NotRequired[str]
    """Who taught until now."""
    newInstructorId: NotRequired[str]
    """Who teaches from now."""
    groupIds: NotRequired[list[str]]
    """The groups of the run that it is for; empty: the whole run."""
    reason: NotRequired[str]
    """Why."""
    occurrences: NotRequired[list[MovedOccurrence]]
    """The sessions that moved, in order."""
    oldRoom: NotRequired[str]
    """The room's name until now."""
    purpose: NotRequired[SessionPurpose]
    """What its sessions are for; UNSPECIFIED in an older event: classes."""
    calendar: NotRequired[list[CalendarEntry]]
    """What calendars show of the series from now, and of the one from which it was split; empty if
    that is too much for an event, and in an older one.
    """


class SeriesCancelled(TypedDict):
    """Sessions of a series were cancelled together. Each of them is told by its own
    tandem.sessions.session.cancelled.v1, too, with this series; people are told once, by this
    event. The body of tandem.sessions.series.cancelled.v1.
    """

    seriesId: NotRequired[str]
    """The series."""
    runId: NotRequired[str]
    """The run."""
    title: NotRequired[str]
    """Title."""
    instructorId: NotRequired[str]
    """Who was to teach."""
    groupIds: NotRequired[list[str]]
    """The groups of the run that it was for; empty: the whole run."""
    reason: NotRequired[str]
    """Why."""
    occurrences: NotRequired[list[CancelledOccurrence]]
    """The sessions that were cancelled, in order."""
    purpose: NotRequired[SessionPurpose]
    """What its sessions are for; UNSPECIFIED in an older event: classes."""
    calendar: NotRequired[list[CalendarEntry]]
    """What calendars show of the cancelled sessions; empty if that is too much for an event, and in
    an older one.
    """


class SessionStarted(TypedDict):
    """A live class has begun. The body of tandem.sessions.session.started.v1."""

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    activityId: NotRequired[str]
    """The SESSION activity it holds."""
    title: NotRequired[str]
    """Title."""
    startedAt: NotRequired[str]
    """When it really began."""
    purpose: NotRequired[SessionPurpose]
    """What it is for; UNSPECIFIED in an older event: a class."""


class SessionStartUndone(TypedDict):
    """A live class was started by mistake, and is to come again. The body of
    tandem.sessions.session.start_undone.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    activityId: NotRequired[str]
    """The SESSION activity it holds."""
    title: NotRequired[str]
    """Title."""
    startTime: NotRequired[str]
    """When it starts."""
    endTime: NotRequired[str]
    """The first instant after it."""
    undoneAt: NotRequired[str]
    """When the start was taken back."""


class SessionNotHeld(TypedDict):
    """A live class's end is long past, and nobody has started or joined it. It stays SCHEDULED: it
    can be moved, cancelled, or held after all. The body of tandem.sessions.session.not_held.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    activityId: NotRequired[str]
    """The SESSION activity it should have held."""
    title: NotRequired[str]
    """Title."""
    instructorId: NotRequired[str]
    """Who was to teach."""
    startTime: NotRequired[str]
    """When it should have started."""
    endTime: NotRequired[str]
    """When it should have ended."""
    notHeldAt: NotRequired[str]
    """When this was noticed."""


class MeetingMade(TypedDict):
    """The online meeting of a live class is there: people can join from now. The body of
    tandem.sessions.meeting.made.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    title: NotRequired[str]
    """Title."""
    instructorId: NotRequired[str]
    """Who teaches."""
    startTime: NotRequired[str]
    """When it starts."""
    endTime: NotRequired[str]
    """The first instant after it."""
    madeAt: NotRequired[str]
    """When it was made."""
    afterFailure: NotRequired[bool]
    """True when it was told before that it could not be made."""


class MeetingFailed(TypedDict):
    """The online meeting of a live class is not there: no server has room, the provider refused, or
    its server is away and the class is near. It is tried again; MeetingMade tells that it is there.
    The body of tandem.sessions.meeting.failed.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    title: NotRequired[str]
    """Title."""
    instructorId: NotRequired[str]
    """Who teaches."""
    startTime: NotRequired[str]
    """When it starts."""
    endTime: NotRequired[str]
    """The first instant after it."""
    failedAt: NotRequired[str]
    """When this was noticed."""
    reason: NotRequired[str]
    """Why, as the provider told it or as we found it."""


class SessionEnded(TypedDict):
    """A live class is over. The body of tandem.sessions.session.ended.v1."""

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    activityId: NotRequired[str]
    """The SESSION activity it held."""
    title: NotRequired[str]
    """Title."""
    endedAt: NotRequired[str]
    """When it really ended."""
    recorded: NotRequired[bool]
    """True when a recording is to follow."""
    purpose: NotRequired[SessionPurpose]
    """What it is for; UNSPECIFIED in an older event: a class."""


class SeatTaken(TypedDict):
    """A learner took or changed a seat. The body of tandem.sessions.seat.taken.v1."""

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    kind: NotRequired[SeatKind]
    """The seat from now."""
    fromKind: NotRequired[SeatKind]
    """The seat until now; UNSPECIFIED when there was none."""
    takenAt: NotRequired[str]
    """When."""


class SeatPromoted(TypedDict):
    """A learner on the waiting list got a seat. The body of tandem.sessions.seat.promoted.v1."""

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    kind: NotRequired[SeatKind]
    """The seat from now."""
    title: NotRequired[str]
    """The session's title."""
    startTime: NotRequired[str]
    """When the session starts."""
    promotedAt: NotRequired[str]
    """When the seat came free."""
    fromKind: NotRequired[SeatKind]
    """The place that is given up for it: ONLINE where one was kept meanwhile, else WAITLISTED."""
    calendar: NotRequired[list[CalendarEntry]]
    """What calendars show of the session; empty in an older event."""


class SeatSwapped(TypedDict):
    """A learner has another seat by a swap; tandem.sessions.seat.taken.v1 tells each seat that
    changed, too. The body of tandem.sessions.seat.swapped.v1.
    """

    sessionId: NotRequired[str]
    """The session of the new seat."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    kind: NotRequired[SeatKind]
    """The seat from now."""
    title: NotRequired[str]
    """The session's title."""
    startTime: NotRequired[str]
    """When the session starts."""
    fromSessionId: NotRequired[str]
    """The session of the seat that the learner gave; perhaps the same one."""
    fromKind: NotRequired[SeatKind]
    """The seat that the learner gave."""
    fromTitle: NotRequired[str]
    """That session's title."""
    fromStartTime: NotRequired[str]
    """When that session starts."""
    swappedAt: NotRequired[str]
    """When they were swapped."""
    calendar: NotRequired[list[CalendarEntry]]
    """What calendars show of the session; empty in an older event."""


class SeatOffered(TypedDict):
    """A seat is held for a learner, who may take or decline it: in the room, or (an invitation to a
    help session) online. The body of tandem.sessions.seat.offered.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    title: NotRequired[str]
    """The session's title."""
    startTime: NotRequired[str]
    """When the session starts."""
    offeredAt: NotRequired[str]
    """When it was offered."""
    expiresAt: NotRequired[str]
    """Until when the learner may answer."""
    kind: NotRequired[SeatKind]
    """The seat that the learner has meanwhile: WAITLISTED, ONLINE, or none."""
    holds: NotRequired[SeatKind]
    """The seat that a WAITLISTED learner keeps meanwhile."""
    offeredBy: NotRequired[str]
    """Who offered it out of turn; empty: the waiting list did."""
    reason: NotRequired[str]
    """Why it was offered out of turn."""
    offeredKind: NotRequired[SeatKind]
    """The seat that is held: IN_ROOM or ONLINE; UNSPECIFIED in an older event: IN_ROOM."""
    invitation: NotRequired[bool]
    """True when it is an invitation to a help session: tandem.sessions.help.invited.v1 tells it."""


class SeatOfferEnded(TypedDict):
    """An offer of a seat has ended. The body of tandem.sessions.seat.offer_ended.v1."""

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    outcome: NotRequired[SeatOfferOutcome]
    """How."""
    endedAt: NotRequired[str]
    """When."""


class AttendanceSettled(TypedDict):
    """A session's attendance is settled. Large classes come in parts of up to 500 learners (fewer
    where their stretches are many), after the session has ended, one after the other. A learner is
    in one part; what changes later is amended. The body of
    tandem.sessions.attendance.settled.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    activityId: NotRequired[str]
    """The SESSION activity it held; empty for an extra class."""
    title: NotRequired[str]
    """The session's title."""
    part: NotRequired[int]
    """This part, from 1; 0 in a resync, which tells the learners in other parts."""
    parts: NotRequired[int]
    """In the last part: how many parts there are. In those before: 0, it is not known yet."""
    learners: NotRequired[list[SettledAttendance]]
    """The learners of this part; may be empty in the last one."""
    recorded: NotRequired[bool]
    """True when a recording is to follow."""
    materialItemIds: NotRequired[list[str]]
    """Items to study in its place when no recording comes."""
    endedAt: NotRequired[str]
    """When the session ended."""


class AttendanceAmended(TypedDict):
    """One learner's settled attendance changed afterwards. The body of
    tandem.sessions.attendance.amended.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    fromVerdict: NotRequired[AttendanceVerdict]
    """The verdict until now; UNSPECIFIED when there was none, and in a resync."""
    toVerdict: NotRequired[AttendanceVerdict]
    """The verdict from now; UNSPECIFIED when there is none any more: the learner was not expected,
    and by marks that came late did not stay.
    """
    reason: NotRequired[str]
    """Why."""
    amendedAt: NotRequired[str]
    """When."""
    attended: NotRequired[list[Stretch]]
    """Where the learner was there for a part, PARTIAL or CAUGHT_UP from now: when, as in
    SettledAttendance. Also told where only this changed, and the verdict did not.
    """


class AttendanceCorrected(TypedDict):
    """Staff corrected one learner's settled attendance. Its sequence is one with
    tandem.sessions.attendance.amended.v1 of the same learner and session: the latest counts. The
    body of tandem.sessions.attendance.corrected.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    fromVerdict: NotRequired[AttendanceVerdict]
    """The verdict until now; UNSPECIFIED when there was none."""
    toVerdict: NotRequired[AttendanceVerdict]
    """The verdict from now; UNSPECIFIED when there is none any more."""
    reason: NotRequired[str]
    """Why."""
    correctedBy: NotRequired[str]
    """Who corrected it."""
    correctedAt: NotRequired[str]
    """When."""
    attended: NotRequired[list[Stretch]]
    """Where the learner was there for a part, PARTIAL or CAUGHT_UP from now: when, as in
    SettledAttendance. Empty where staff make PARTIAL of PRESENT: they contradict what was noted.
    """


class RecordingAttached(TypedDict):
    """A session has a recording, or a part of it: a new one, one in the place of another, or one
    that was corrected. It can be watched once its item is AVAILABLE. Of this and
    RecordingWithdrawn, the newest tells all parts that there are. The body of
    tandem.sessions.recording.attached.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    activityId: NotRequired[str]
    """The SESSION activity it held."""
    itemId: NotRequired[str]
    """The item of the library; of several parts the first."""
    attachedAt: NotRequired[str]
    """When."""
    startsAtOffset: NotRequired[str]
    """Where the recording begins, from the class's real start; negative: the recorder ran before;
    absent: 0.
    """
    parts: NotRequired[list[RecordedPart]]
    """All parts, by where they begin. Empty in an event of an older version: the item is the only
    one.
    """
    replacedItemIds: NotRequired[list[str]]
    """The items in whose place these came, with their transcripts and captions."""


class RecordingWithdrawn(TypedDict):
    """Parts of a session's recording were taken back, or all of it. The body of
    tandem.sessions.recording.withdrawn.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    activityId: NotRequired[str]
    """The SESSION activity it held."""
    itemIds: NotRequired[list[str]]
    """The items that were taken back, with their transcripts and captions; if the run keeps its
    recordings no longer, also those that were replaced or taken back before.
    """
    reason: NotRequired[str]
    """Why."""
    withdrawnAt: NotRequired[str]
    """When."""
    parts: NotRequired[list[RecordedPart]]
    """The parts that are left, by where they begin."""
    expired: NotRequired[bool]
    """True: the run keeps its recordings no longer."""
    withdrawnBy: NotRequired[str]
    """Who took them back; empty: the platform."""


class ClashFound(TypedDict):
    """A learner is expected at two sessions at one time: an enrolment, a change of groups, a plan
    or a move made them clash. It is told once for each learner and pair of sessions. The body of
    tandem.sessions.clash.found.v1.
    """

    learnerId: NotRequired[str]
    """The learner."""
    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """Its run."""
    title: NotRequired[str]
    """Its title."""
    startTime: NotRequired[str]
    """When it starts."""
    endTime: NotRequired[str]
    """The first instant after it."""
    otherSessionId: NotRequired[str]
    """The other session."""
    otherRunId: NotRequired[str]
    """Its run."""
    otherTitle: NotRequired[str]
    """Its title."""
    otherStartTime: NotRequired[str]
    """When it starts."""
    otherEndTime: NotRequired[str]
    """The first instant after it."""
    foundAt: NotRequired[str]
    """When it was found."""


class ClashResolved(TypedDict):
    """A clash is none any more: one of the sessions moved or was cancelled, or the learner is not
    expected at both. Nothing is told when a clash is over because its time is. The body of
    tandem.sessions.clash.resolved.v1.
    """

    learnerId: NotRequired[str]
    """The learner."""
    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """Its run."""
    otherSessionId: NotRequired[str]
    """The other session."""
    otherRunId: NotRequired[str]
    """Its run."""
    resolvedAt: NotRequired[str]
    """When it was found that it is none."""


class AvailabilityChanged(TypedDict):
    """When a person can teach has changed. A person of whom nothing was ever told can always teach.
    The body of tandem.sessions.availability.changed.v1.
    """

    personId: NotRequired[str]
    """The person."""
    zone: NotRequired[str]
    """The zone of the hours and days, an IANA name."""
    hours: NotRequired[list[TeachingWindow]]
    """The weekly hours in which the person can teach; none: the person can't teach."""
    away: NotRequired[list[Absence]]
    """Days without any hours."""
    setBy: NotRequired[str]
    """Who told it."""
    changedAt: NotRequired[str]
    """When it changed."""


class TimetableProgressed(TypedDict):
    """The search for a timetable has found the first one, or a better one. Told at most every ten
    seconds. The body of tandem.sessions.timetable.progressed.v1.
    """

    timetableId: NotRequired[str]
    """The timetable."""
    name: NotRequired[str]
    """Its name."""
    seconds: NotRequired[float]
    """Seconds of the search until it was found."""
    missing: NotRequired[int]
    """Classes without a place."""
    cost: NotRequired[str]
    """What it costs."""


class TimetableSolved(TypedDict):
    """The search for a timetable has ended with one. The body of
    tandem.sessions.timetable.solved.v1.
    """

    timetableId: NotRequired[str]
    """The timetable."""
    name: NotRequired[str]
    """Its name."""
    placed: NotRequired[int]
    """Classes with a place."""
    missing: NotRequired[int]
    """Classes without a place."""
    cost: NotRequired[str]
    """What it costs."""
    isBest: NotRequired[bool]
    """True when no timetable is better."""


class TimetableFailed(TypedDict):
    """The search for a timetable has ended without one. The body of
    tandem.sessions.timetable.failed.v1.
    """

    timetableId: NotRequired[str]
    """The timetable."""
    name: NotRequired[str]
    """Its name."""
    reason: NotRequired[str]
    """Why."""


class PollClosed(TypedDict):
    """A poll in a class has closed: its question, and the votes for each option. It tells nobody's
    vote. The body of tandem.sessions.poll.closed.v1.
    """

    pollId: NotRequired[str]
    """The poll."""
    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    question: NotRequired[str]
    """The question."""
    options: NotRequired[list[str]]
    """The texts of its options, in order."""
    right: NotRequired[list[int]]
    """The options that are right, by place, from 1."""
    voters: NotRequired[int]
    """How many voted."""
    counts: NotRequired[list[int]]
    """The votes for each option, in order; none when fewer than five voted."""
    named: NotRequired[bool]
    """True when staff may see who voted for what."""
    openedBy: NotRequired[str]
    """Who opened it."""
    openedAt: NotRequired[str]
    """When."""
    closedBy: NotRequired[str]
    """Who closed it; empty: the platform, because the class was over."""
    closedAt: NotRequired[str]
    """When."""


class FeedbackClosed(TypedDict):
    """No more feedback is taken on a class. It is told when at least five learners answered, with
    what is shown of their answers. The body of tandem.sessions.feedback.closed.v1.
    """

    sessionId: NotRequired[str]
    """The session."""
    runId: NotRequired[str]
    """The run."""
    answers: NotRequired[int]
    """How many answers the following is about."""
    pace: NotRequired[list[int]]
    """How many rated the pace 1, 2, 3, 4, 5: 1 is far too slow, 5 far too fast."""
    clarity: NotRequired[list[int]]
    """How many rated how clear it was 1, 2, 3, 4, 5: 5 is best."""
    usefulness: NotRequired[list[int]]
    """The same of how useful it was."""
    closedAt: NotRequired[str]
    """When."""


class QuestionAsked(TypedDict):
    """A learner asked a question. The body of tandem.sessions.question.asked.v1."""

    questionId: NotRequired[str]
    """The question."""
    runId: NotRequired[str]
    """The run."""
    groupIds: NotRequired[list[str]]
    """The groups whose classes it comes to; none: those of the whole run."""
    askerId: NotRequired[str]
    """Who asked."""
    question: NotRequired[str]
    """What."""
    askedAt: NotRequired[str]
    """When."""
    place: NotRequired[QuestionPlace]
    """Where."""
    askedIn: NotRequired[str]
    """LIVE: the session in which; RECORDING: the session whose recording."""
    itemId: NotRequired[str]
    """RECORDING: the recording."""
    offsetSeconds: NotRequired[float]
    """RECORDING: seconds from its begin; LIVE: seconds from the class's real start."""
    sessionId: NotRequired[str]
    """The session on whose agenda it is; empty: none is planned."""
    instructorIds: NotRequired[list[str]]
    """Who holds that session; without one, the run's instructors."""


class QuestionVoted(TypedDict):
    """How many learners want a question answered has changed. Told at most every few seconds. The
    body of tandem.sessions.question.voted.v1.
    """

    questionId: NotRequired[str]
    """The question."""
    runId: NotRequired[str]
    """The run."""
    votes: NotRequired[int]
    """How many learners want it answered."""
    countedAt: NotRequired[str]
    """When they were counted."""


class QuestionMerged(TypedDict):
    """Staff merged a question into another one. The body of tandem.sessions.question.merged.v1."""

    questionId: NotRequired[str]
    """The question."""
    runId: NotRequired[str]
    """The run."""
    mergedInto: NotRequired[str]
    """The question that it is the same as."""
    askerId: NotRequired[str]
    """Who asked it."""
    mergedBy: NotRequired[str]
    """Who merged it."""
    mergedAt: NotRequired[str]
    """When."""


class QuestionAnswered(TypedDict):
    """A question was answered; told for each question that was merged into it, too. The body of
    tandem.sessions.question.answered.v1.
    """

    questionId: NotRequired[str]
    """The question."""
    runId: NotRequired[str]
    """The run."""
    answeredQuestionId: NotRequired[str]
    """The question that has the answer; the same one unless it was merged."""
    askerId: NotRequired[str]
    """Who asked."""
    question: NotRequired[str]
    """What was asked."""
    answer: NotRequired[str]
    """The answer in words; empty: there is none."""
    sessionId: NotRequired[str]
    """The session in which it was answered live; empty: in none."""
    sessionTitle: NotRequired[str]
    """The title of that session."""
    offsetSeconds: NotRequired[float]
    """The moment, in seconds from the class's real start."""
    answeredBy: NotRequired[str]
    """Who answered it."""
    answeredAt: NotRequired[str]
    """When."""


class QuestionCarriedOver(TypedDict):
    """An open question came to the agenda of another session, or waits for one. The body of
    tandem.sessions.question.carried_over.v1.
    """

    questionId: NotRequired[str]
    """The question."""
    runId: NotRequired[str]
    """The run."""
    askerId: NotRequired[str]
    """Who asked."""
    question: NotRequired[str]
    """What."""
    fromSessionId: NotRequired[str]
    """The session on whose agenda it was; empty: none."""
    fromTitle: NotRequired[str]
    """The title of that session."""
    leftOpen: NotRequired[bool]
    """True when that class has ended and the question was still open; false when the class was
    cancelled, moved or not held, or when a class was planned for the first time.
    """
    sessionId: NotRequired[str]
    """The session on whose agenda it is; empty: none is planned."""
    title: NotRequired[str]
    """The title of that session."""
    startTime: NotRequired[str]
    """When it starts; absent without one."""
    instructorIds: NotRequired[list[str]]
    """Who held the class that ended, and who holds the next one."""
    carriedAt: NotRequired[str]
    """When."""
    alsoAskedBy: NotRequired[list[str]]
    """If the class left it open: who asked a question that was merged into it, without
    `asker_id`.
    """


class QuestionWithdrawn(TypedDict):
    """A question is not there any more: its asker took it back, or staff hid it. The body of
    tandem.sessions.question.withdrawn.v1.
    """

    questionId: NotRequired[str]
    """The question."""
    runId: NotRequired[str]
    """The run."""
    askerId: NotRequired[str]
    """Who asked."""
    hiddenBy: NotRequired[str]
    """Who hid it; empty: its asker took it back."""
    withdrawnAt: NotRequired[str]
    """When."""


class QuestionReopened(TypedDict):
    """An answered or hidden question is open again. The body of
    tandem.sessions.question.reopened.v1.
    """

    questionId: NotRequired[str]
    """The question."""
    runId: NotRequired[str]
    """The run."""
    askerId: NotRequired[str]
    """Who asked."""
    sessionId: NotRequired[str]
    """The session on whose agenda it is; empty: none is planned."""
    reopenedBy: NotRequired[str]
    """Who opened it."""
    reopenedAt: NotRequired[str]
    """When."""


class HelpInvited(TypedDict):
    """A learner who falls behind is invited to a help session: a seat is held until the learner
    answers (AnswerOffer). tandem.sessions.seat.offer_ended.v1 tells how that ended. The body of
    tandem.sessions.help.invited.v1.
    """

    sessionId: NotRequired[str]
    """The help session."""
    runId: NotRequired[str]
    """The run."""
    learnerId: NotRequired[str]
    """The learner."""
    enrolmentId: NotRequired[str]
    """The enrolment."""
    title: NotRequired[str]
    """The session's title."""
    startTime: NotRequired[str]
    """When the session starts."""
    endTime: NotRequired[str]
    """The first instant after it."""
    kind: NotRequired[SeatKind]
    """The seat that is held: IN_ROOM or ONLINE."""
    room: NotRequired[str]
    """The room's name; empty for a seat ONLINE."""
    invitedAt: NotRequired[str]
    """When the learner was invited."""
    answerBy: NotRequired[str]
    """Until when the learner may answer."""


TYPES: Mapping[str, type[Any]] = {
    "tandem.catalog.person.upserted.v1": PersonUpserted,
    "tandem.catalog.person.erased.v1": PersonErased,
    "tandem.catalog.run.opened.v1": RunOpened,
    "tandem.catalog.run.updated.v1": RunUpdated,
    "tandem.catalog.run.staff_changed.v1": RunStaffChanged,
    "tandem.catalog.run.closed.v1": RunClosed,
    "tandem.catalog.run.reopened.v1": RunReopened,
    "tandem.catalog.path.published.v1": PathPublished,
    "tandem.catalog.enrolment.created.v1": EnrolmentCreated,
    "tandem.catalog.enrolment.waitlisted.v1": EnrolmentWaitlisted,
    "tandem.catalog.enrolment.promoted.v1": EnrolmentPromoted,
    "tandem.catalog.enrolment.withdrawn.v1": EnrolmentWithdrawn,
    "tandem.catalog.enrolment.mode_changed.v1": EnrolmentModeChanged,
    "tandem.catalog.group.changed.v1": GroupChanged,
    "tandem.catalog.group.member_changed.v1": GroupMemberChanged,
    "tandem.catalog.due.extended.v1": DueExtended,
    "tandem.catalog.course.updated.v1": CourseUpdated,
    "tandem.library.item.uploaded.v1": ItemUploaded,
    "tandem.library.item.available.v1": ItemAvailable,
    "tandem.library.item.failed.v1": ItemFailed,
    "tandem.library.item.updated.v1": ItemUpdated,
    "tandem.library.item.retired.v1": ItemRetired,
    "tandem.library.item.rendition_available.v1": RenditionAvailable,
    "tandem.library.item.processing_failed.v1": ProcessingFailed,
    "tandem.notify.message.delivered.v1": MessageDelivered,
    "tandem.notify.message.failed.v1": MessageFailed,
    "tandem.progress.statements.recorded.v1": StatementsRecorded,
    "tandem.progress.activity.completed.v1": ActivityCompleted,
    "tandem.progress.activity.reopened.v1": ActivityReopened,
    "tandem.progress.activities.opened.v1": ActivitiesOpened,
    "tandem.progress.path.completed.v1": PathCompleted,
    "tandem.progress.catch_up.assigned.v1": CatchUpAssigned,
    "tandem.progress.catch_up.completed.v1": CatchUpCompleted,
    "tandem.progress.catch_up.changed.v1": CatchUpChanged,
    "tandem.progress.catch_up.withdrawn.v1": CatchUpWithdrawn,
    "tandem.progress.catch_up.missed.v1": CatchUpMissed,
    "tandem.progress.due.approaching.v1": DueApproaching,
    "tandem.progress.due.missed.v1": DueMissed,
    "tandem.progress.due.retracted.v1": DueRetracted,
    "tandem.progress.dues.changed.v1": DuesChanged,
    "tandem.progress.statements.stored.v1": StatementsStored,
    "tandem.progress.statement.voided.v1": StatementVoided,
    "tandem.progress.learner.fell_behind.v1": LearnerFellBehind,
    "tandem.progress.learner.recovered.v1": LearnerRecovered,
    "tandem.progress.catch_up.reopened.v1": CatchUpReopened,
    "tandem.sessions.session.scheduled.v1": SessionScheduled,
    "tandem.sessions.session.moved.v1": SessionMoved,
    "tandem.sessions.session.room_renamed.v1": SessionRoomRenamed,
    "tandem.sessions.session.cancelled.v1": SessionCancelled,
    "tandem.sessions.series.scheduled.v1": SeriesScheduled,
    "tandem.sessions.series.moved.v1": SeriesMoved,
    "tandem.sessions.series.cancelled.v1": SeriesCancelled,
    "tandem.sessions.session.started.v1": SessionStarted,
    "tandem.sessions.session.start_undone.v1": SessionStartUndone,
    "tandem.sessions.session.not_held.v1": SessionNotHeld,
    "tandem.sessions.meeting.made.v1": MeetingMade,
    "tandem.sessions.meeting.failed.v1": MeetingFailed,
    "tandem.sessions.session.ended.v1": SessionEnded,
    "tandem.sessions.seat.taken.v1": SeatTaken,
    "tandem.sessions.seat.promoted.v1": SeatPromoted,
    "tandem.sessions.seat.swapped.v1": SeatSwapped,
    "tandem.sessions.seat.offered.v1": SeatOffered,
    "tandem.sessions.seat.offer_ended.v1": SeatOfferEnded,
    "tandem.sessions.attendance.settled.v1": AttendanceSettled,
    "tandem.sessions.attendance.amended.v1": AttendanceAmended,
    "tandem.sessions.attendance.corrected.v1": AttendanceCorrected,
    "tandem.sessions.recording.attached.v1": RecordingAttached,
    "tandem.sessions.recording.withdrawn.v1": RecordingWithdrawn,
    "tandem.sessions.clash.found.v1": ClashFound,
    "tandem.sessions.clash.resolved.v1": ClashResolved,
    "tandem.sessions.availability.changed.v1": AvailabilityChanged,
    "tandem.sessions.timetable.progressed.v1": TimetableProgressed,
    "tandem.sessions.timetable.solved.v1": TimetableSolved,
    "tandem.sessions.timetable.failed.v1": TimetableFailed,
    "tandem.sessions.poll.closed.v1": PollClosed,
    "tandem.sessions.feedback.closed.v1": FeedbackClosed,
    "tandem.sessions.question.asked.v1": QuestionAsked,
    "tandem.sessions.question.voted.v1": QuestionVoted,
    "tandem.sessions.question.merged.v1": QuestionMerged,
    "tandem.sessions.question.answered.v1": QuestionAnswered,
    "tandem.sessions.question.carried_over.v1": QuestionCarriedOver,
    "tandem.sessions.question.withdrawn.v1": QuestionWithdrawn,
    "tandem.sessions.question.reopened.v1": QuestionReopened,
    "tandem.sessions.help.invited.v1": HelpInvited,
}
"""The type of each event's body, by the event's type."""
