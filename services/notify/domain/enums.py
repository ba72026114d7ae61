"""Enums, named like the contract's values without their prefix."""

from enum import StrEnum


class Channel(StrEnum):
    """How a message reaches a person."""

    IN_APP = "IN_APP"
    EMAIL = "EMAIL"
    SMS = "SMS"
    PUSH = "PUSH"


BY_DEVICE = frozenset({Channel.SMS, Channel.PUSH})
"""The channels that reach only who has registered a device."""


class Category(StrEnum):
    """What a message is about."""

    ENROLMENT = "ENROLMENT"
    SESSION = "SESSION"
    SEAT = "SEAT"
    CATCH_UP = "CATCH_UP"
    DEADLINE = "DEADLINE"
    REMINDER = "REMINDER"
    ACTIVITY = "ACTIVITY"
    QUESTION = "QUESTION"
    PROGRESS = "PROGRESS"
    ACCOUNT = "ACCOUNT"


class DeliveryState(StrEnum):
    """The state of a delivery."""

    QUEUED = "QUEUED"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    WAITING = "WAITING"
    """For a digest or a fold, or for the end of quiet hours."""


class Frequency(StrEnum):
    """How often a channel is used for a category."""

    IMMEDIATE = "IMMEDIATE"
    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    OFF = "OFF"


DIGESTS = frozenset({Frequency.HOURLY, Frequency.DAILY, Frequency.WEEKLY})


class Weekday(StrEnum):
    """A day of the week, in the order of ISO 8601."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


class EnrolmentState(StrEnum):
    """Whether a learner holds a place in a run."""

    ENROLLED = "ENROLLED"
    WAITLISTED = "WAITLISTED"
    WITHDRAWN = "WITHDRAWN"


class AttendanceMode(StrEnum):
    """How a learner usually takes part in a run."""

    CLASSROOM = "CLASSROOM"
    ONLINE = "ONLINE"
    SELF_PACED = "SELF_PACED"


class SessionPurpose(StrEnum):
    """What a session is for."""

    CLASS = "CLASS"
    HELP = "HELP"
    """Learners come freely: nobody is expected."""


class Kind(StrEnum):
    """The kind of a notice; the value is the name of its template."""

    ENROLMENT_PROMOTED = "enrolment_promoted"
    SESSION_MOVED = "session_moved"
    SESSION_CANCELLED = "session_cancelled"
    SERIES_MOVED = "series_moved"
    SERIES_CANCELLED = "series_cancelled"
    SESSION_NOT_HELD = "session_not_held"
    MEETING_FAILED = "meeting_failed"
    MEETING_MADE = "meeting_made"
    SEAT_PROMOTED = "seat_promoted"
    SEAT_OFFERED = "seat_offered"
    SEAT_SWAPPED = "seat_swapped"
    HELP_INVITED = "help_invited"
    CATCH_UP_ASSIGNED = "catch_up_assigned"
    CATCH_UP_CHANGED = "catch_up_changed"
    CATCH_UP_COMPLETED = "catch_up_completed"
    CATCH_UP_MISSED = "catch_up_missed"
    DUE_EXTENDED = "due_extended"
    DUE_APPROACHING = "due_approaching"
    DUE_MISSED = "due_missed"
    DUES_CHANGED = "dues_changed"
    ACTIVITIES_OPENED = "activities_opened"
    QUESTION_ANSWERED = "question_answered"
    QUESTION_CARRIED_OVER = "question_carried_over"
    QUESTIONS_WAITING = "questions_waiting"
    FELL_BEHIND = "fell_behind"
    LEARNERS_FELL_BEHIND = "learners_fell_behind"
    REMINDER = "reminder"
    MAIL_RETURNED = "mail_returned"


URGENT, CROWD, BULK, DIGEST = "urgent", "crowd", "bulk", "digest"
"""The lanes in which mail waits. URGENT is for one person or few, CROWD for urgent changes of
classes, which a closure tells to everyone; bulk mail and digests delay neither."""
CODE = "code"
"""The lane of the codes that confirm phone numbers."""
