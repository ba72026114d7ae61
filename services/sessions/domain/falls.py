"""Falls: learners who fall behind in a run, as progress tells it, and how far they were looked at.

The state of a fall follows from the newest event, in whatever order they come.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

LOOK_AGAIN_AFTER = timedelta(days=1)
"""How often it is looked whether learners who wait have become free, or others now fit."""

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when a learner was behind whose recovery does not tell it."""


class FallState(StrEnum):
    """What is done about a learner's falling behind."""

    WAITING = "WAITING"
    """The learner waits for a place in a help session."""
    INVITED = "INVITED"
    """The learner is invited, or has taken a seat."""
    OVER = "OVER"
    """The learner is not behind any more, or has left the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """A learner's falling behind in a run."""

    run_id: str
    learner_id: str
    enrolment_id: str
    since: datetime
    sequence: int
    """That of the newest event of progress."""
    state: FallState
    session_id: str = ""
    """INVITED: the help session."""
    not_before: datetime | None = None
    """WAITING: when the learner may be invited again; None: at once."""

    @property
    def key(self) -> tuple[str, str]:
        """Return the run and the learner."""
        return self.run_id, self.learner_id


@dataclass(frozen=True, slots=True, kw_only=True)
class FallNews:
    """What progress tells of a learner: behind since then, or (None) not any more."""

    run_id: str
    learner_id: str
    enrolment_id: str
    since: datetime | None
    was_since: datetime | None
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How far the learners of a run who wait have been looked at."""

    id: str
    """The run."""
    due: datetime
    """When it is looked at them next."""
    after_since: datetime | None = None
    """The last learner whom this round has looked at was behind since then; None: it begins."""
    after_learner: str = ""


def fallen(known: Fall | None, news: FallNews) -> Fall | None:
    """Return a fall after news; None if the news are not newer than what is known.

    A recovery is stored, too, also of a learner who was not known to be behind: older news of the
    same fall may follow.
    """
    if known is not None and news.sequence <= known.sequence:
        return None
    since = _as_stored(news.since or news.was_since or NEVER)
    is_same = known is not None and known.state is not FallState.OVER and known.since == since
    if known is not None and news.since and is_same:
        return replace(known, sequence=news.sequence)
    return Fall(
        run_id=news.run_id,
        learner_id=news.learner_id,
        enrolment_id=news.enrolment_id,
        since=since,
        sequence=news.sequence,
        state=FallState.WAITING if news.since else FallState.OVER,
    )


def after(last: Fall, now: datetime) -> Turn:
    """Return the turn that goes on after the last learner whom a unit of work has looked at."""
    learner = last.learner_id
    return Turn(id=last.run_id, due=now, after_since=last.since, after_learner=learner)


def invited(fall: Fall, session_id: str) -> Fall:
    """Return the fall of a learner who is invited to a session, or has a seat in it."""
    return replace(fall, state=FallState.INVITED, session_id=session_id, not_before=None)


def over(fall: Fall) -> Fall:
    """Return a fall that is over."""
    return replace(fall, state=FallState.OVER, session_id="", not_before=None)


def look_again(first: Fall, now: datetime) -> datetime:
    """Return when it is looked at a run's learners again. `first`: who may be invited first."""
    latest = now + LOOK_AGAIN_AFTER
    return min(first.not_before, latest) if first.not_before and first.not_before > now else latest


def _as_stored(instant: datetime) -> datetime:
    """Return an instant in whole milliseconds, like a BSON date, so that a repeat equals it."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
