"""Statements: what a learner did, in the terms of xAPI 1.0.3."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FieldViolation
from services.progress.domain import video
from services.progress.domain.enums import Role

# Clocks differ; a day is more than a wrong time zone can cause.
FUTURE = timedelta(days=1)

# Verbs that end an activity, without the scheme: the same verbs occur with http and https.
COMPLETED = frozenset({"adlnet.gov/expapi/verbs/completed", "activitystrea.ms/schema/1.0/complete"})
PASSED = frozenset({"adlnet.gov/expapi/verbs/passed"})
FAILED = frozenset({"adlnet.gov/expapi/verbs/failed"})
EXPERIENCED = frozenset({"adlnet.gov/expapi/verbs/experienced"})
SUBMITTED = frozenset(
    {
        "activitystrea.ms/schema/1.0/submit",
        "adlnet.gov/expapi/verbs/submitted",
        "w3id.org/xapi/dod-isd/verbs/submitted",
    }
)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a statement; fields that it does not have are None."""

    completion: bool | None = None
    success: bool | None = None
    scaled_score: float | None = None
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class VideoExtensions:
    """The extensions of the video profile, in seconds."""

    length: float = 0.0
    time: float = 0.0
    time_from: float = 0.0
    time_to: float = 0.0
    played_segments: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement."""

    id: str
    learner_id: str
    verb: str
    run_id: str
    activity_id: str
    item_id: str
    timestamp: datetime
    result: Result | None = None
    video: VideoExtensions | None = None
    authority: Role | None = None
    """The role of the sender; None in statements that an older version stored."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Statements of one learner, and when the last of them was recorded."""

    statements: tuple[Statement, ...]
    at: datetime


def normal(statement: Statement) -> Statement:
    """Return the statement as it is stored and compared.

    UUIDs are equal in upper and lower case (RFC 4122, section 3); a timestamp is stored to the
    millisecond, the precision that xAPI requires (part 2, section 4.5).
    """
    at = statement.timestamp
    return replace(
        statement,
        id=statement.id.lower(),
        timestamp=at.replace(microsecond=at.microsecond // 1000 * 1000),
    )


def says_the_same(one: Statement, other: Statement) -> bool:
    """Return whether both say the same, whoever asserts it (xAPI 1.0.3, part 2, section 2.3.1)."""
    return replace(one, authority=other.authority) == other


def is_vouched_for(statement: Statement) -> bool:
    """Return whether someone other than the learner asserts it."""
    return statement.authority is not Role.LEARNER


def violations_of(statement: Statement, now: datetime) -> Iterator[FieldViolation]:
    """Yield contradictions between a statement's fields, and a time in the future of `now`."""
    if not statement.activity_id and not statement.item_id:
        yield FieldViolation("activity_id", "is missing, and so is item_id", "one of them, or both")
    if statement.timestamp > now + FUTURE:
        yield FieldViolation(
            "timestamp",
            f"is {statement.timestamp.isoformat()}, in the future",
            f"at most a day after {now.isoformat()}",
        )
    if statement.video:
        yield from video.violations_of(statement.video.played_segments, statement.video.length)


def says_completed(statement: Statement) -> bool:
    """Return whether it says that the activity was completed; an explicit "no" overrides the
    verb.
    """
    completion = statement.result.completion if statement.result else None
    return completion is not False and (completion is True or _is(statement, COMPLETED))


def says_passed(statement: Statement) -> bool:
    """Return whether it says that the activity was passed, or completed and not failed.

    An explicit failure overrides the verb.
    """
    success = statement.result.success if statement.result else None
    if success is False or _is(statement, FAILED):
        return False
    return _is(statement, PASSED) or says_completed(statement)


def says_submitted(statement: Statement) -> bool:
    """Return whether it says that work was handed in."""
    return _is(statement, SUBMITTED)


def says_experienced(statement: Statement) -> bool:
    """Return whether it says that something was read, seen or heard."""
    return _is(statement, EXPERIENCED)


def _is(statement: Statement, verbs: frozenset[str]) -> bool:
    return statement.verb.partition("://")[2] in verbs
