"""Statements: what a learner did, in the terms of xAPI 1.0.3."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FieldViolation
from services.progress.domain import video
from services.progress.domain.enums import Role
from services.progress.domain.verbs import Meaning, meaning_of
from services.progress.domain.video import VideoExtensions

# Clocks differ; a day is more than a wrong time zone can cause.
FUTURE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a statement; fields that it does not have are None."""

    completion: bool | None = None
    success: bool | None = None
    scaled_score: float | None = None
    duration: timedelta | None = None


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


@dataclass(frozen=True, slots=True)
class Stored:
    """A statement, and when it was stored."""

    statement: Statement
    at: datetime


def normal(statement: Statement) -> Statement:
    """Return the statement as it is stored and compared.

    UUIDs are equal in upper and lower case (RFC 4122, section 3); a timestamp is stored to the
    millisecond, the precision that xAPI requires (part 2, section 4.5); a time of a video that is
    no time is stored as not told, and what is no played segment is not stored.
    """
    at = statement.timestamp
    return replace(
        statement,
        id=statement.id.lower(),
        timestamp=at.replace(microsecond=at.microsecond // 1000 * 1000),
        video=video.normal(statement.video) if statement.video else None,
    )


def says_the_same(one: Statement, other: Statement) -> bool:
    """Return whether both say the same, whoever asserts it (xAPI 1.0.3, part 2, section 2.3.1).

    `one` is normal; `other` may be stored by a version before, which kept more of it.
    """
    return replace(one, authority=other.authority) == normal(other)


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


def says_completed(statement: Statement) -> bool:
    """Return whether it says that the activity was completed; an explicit "no" overrides the
    verb.
    """
    completion = statement.result.completion if statement.result else None
    return completion is not False and (completion is True or _means(statement, Meaning.COMPLETED))


def says_failed(statement: Statement) -> bool:
    """Return whether it says that the activity was failed, by its verb or by its result."""
    return _success(statement) is False or _means(statement, Meaning.FAILED)


def says_passed(statement: Statement) -> bool:
    """Return whether it says that the activity was passed, by its verb or by its result.

    An explicit failure overrides both.
    """
    told = _success(statement) is True or _means(statement, Meaning.PASSED)
    return told and not says_failed(statement)


def says_submitted(statement: Statement) -> bool:
    """Return whether it says that work was handed in."""
    return _means(statement, Meaning.SUBMITTED)


def says_experienced(statement: Statement) -> bool:
    """Return whether it says that something was read, seen or heard."""
    return _means(statement, Meaning.EXPERIENCED)


def score_of(statement: Statement) -> float | None:
    """Return the scaled score, -1 to 1, that someone other than the learner tells; None if none."""
    told = statement.result.scaled_score if statement.result else None
    return told if is_vouched_for(statement) else None


def duration_of(statement: Statement) -> timedelta | None:
    """Return how long what it tells took; None if it does not say."""
    return statement.result.duration if statement.result else None


def note_of(statement: Statement) -> str:
    """Return what of a statement counts for nothing, and why; empty if all of it counts."""
    faults = video.faults_of(statement.video) if statement.video else []
    return "; ".join(faults if _counts(statement) else [*faults, _why_nothing(statement)])


def _counts(statement: Statement) -> bool:
    if statement.video and video.is_played(statement.video.played_segments):
        return True
    told = (says_completed, says_passed, says_experienced, says_submitted)
    if any(says(statement) for says in told):
        return True
    return score_of(statement) is not None or (says_failed(statement) and is_vouched_for(statement))


def _why_nothing(statement: Statement) -> str:
    meaning = meaning_of(statement.verb)
    if meaning is None:
        return "the verb is not known: the statement is stored, and completes nothing"
    if meaning is Meaning.FAILED:
        return "a learner's own statement fails nothing"
    if meaning is Meaning.NOTHING:
        return "the verb completes nothing, and nothing was played"
    return "the result contradicts the verb: the statement completes nothing"


def _success(statement: Statement) -> bool | None:
    return statement.result.success if statement.result else None


def _means(statement: Statement, meaning: Meaning) -> bool:
    return meaning_of(statement.verb) is meaning
