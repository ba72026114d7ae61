"""One learner's timeline: live classes, deadlines and catch-ups together, by time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from chassis.errors import FieldViolation
from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.dues import Dues
from services.progress.domain.enums import (
    CatchUpState,
    CivilTime,
    SessionPurpose,
    SessionState,
    TimelineKind,
)
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.openings import Lack, lacks_of
from services.progress.domain.plan import Plan
from services.progress.domain.sessions import Session

LONGEST = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class TimelineInterval:
    """The interval of one learner's time that is asked for: GetTimelineRequest."""

    learner_id: str
    from_time: datetime
    until_time: datetime
    zone: str

    def __contains__(self, at: datetime | None) -> bool:
        return at is not None and self.from_time <= at < self.until_time


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry of a timeline."""

    kind: TimelineKind
    at: datetime
    title: str
    run_id: str
    until: datetime | None = None
    local: CivilTime | None = None
    activity_id: str = ""
    session_id: str = ""
    done: bool = False
    cancelled: bool = False
    substitute_item_id: str = ""
    locked: bool = False
    lacks: Sequence[Lack] = ()
    """Of a locked one: what is lacking before it opens."""
    week: int = 0
    """The week of the run that holds `at`, from 1."""
    purpose: SessionPurpose | None = None
    """Of a live class: what it is for."""


def violations_of(interval: TimelineInterval) -> Iterator[FieldViolation]:
    """Yield what is wrong with an interval."""
    if interval.until_time <= interval.from_time:
        yield FieldViolation("until_time", "is not after from_time", "an instant after from_time")
    if interval.until_time - interval.from_time > LONGEST:
        yield FieldViolation(
            "until_time", "is too late", f"at most {LONGEST.days} days after from_time"
        )


def lines_of_run(
    learner: Learner, plan: Plan, interval: TimelineInterval, now: datetime
) -> Iterator[TimelineEntry]:
    """Yield the classes and dues of one of the learner's runs within the interval.

    Of the learner's evidence, only that on the plan's `scored_targets` is needed.
    """
    zone, dues = interval.zone or plan.run.zone, Dues(plan, learner.run_state)
    for line in (*_classes(learner.run_state, plan), *_dues(learner.run_state, plan, dues)):
        if line.at in interval or _is_under_way(line, interval.from_time):
            activity = plan.activities.get(line.activity_id)
            lacks = lacks_of(activity, learner, plan, dues, now) if activity else []
            is_end = line.kind is TimelineKind.DUE
            week = plan.week_of(line.at, is_end=is_end)
            yield localized(replace(line, locked=bool(lacks), lacks=lacks, week=week), zone)


def line_of_catch_up(catch_up: CatchUp, plan: Plan) -> TimelineEntry:
    """Return the entry of a catch-up's deadline."""
    return TimelineEntry(
        TimelineKind.CATCH_UP,
        catch_up.due,
        catch_up.title,
        catch_up.run_id,
        activity_id=catch_up.activity_id,
        session_id=catch_up.session_id,
        done=catch_up.state is CatchUpState.COMPLETED,
        week=plan.week_of(catch_up.due, is_end=True),
    )


def localized(line: TimelineEntry, zone: str) -> TimelineEntry:
    """Return the entry with its civil time in `zone` (IANA)."""
    wall = line.at.astimezone(ZoneInfo(zone) if zone else UTC)
    local = wall.replace(tzinfo=None).isoformat(timespec="seconds")
    return replace(line, local=CivilTime(local, zone or "UTC"))


def by_time(lines: Iterable[TimelineEntry]) -> list[TimelineEntry]:
    """Return the entries in a stable order."""
    return sorted(lines, key=lambda x: (x.at, x.kind, x.title, x.run_id, x.activity_id))


def _is_under_way(line: TimelineEntry, at: datetime) -> bool:
    return line.until is not None and line.at < at < line.until


def _classes(run_state: LearnerRunState, plan: Plan) -> Iterator[TimelineEntry]:
    for session in plan.sessions.values():
        if session.start_time is not None and _concerns(session, run_state):
            yield TimelineEntry(
                TimelineKind.SESSION,
                session.start_time,
                session.title,
                session.run_id,
                until=session.end_time,
                activity_id=session.activity_id,
                session_id=session.id,
                done=session.activity_id in run_state.completed or _is_over(session),
                cancelled=session.state is SessionState.CANCELLED,
                substitute_item_id=session.substitute_item_id,
                purpose=session.purpose,
            )


def _concerns(session: Session, run_state: LearnerRunState) -> bool:
    """Return whether a class is the learner's: of the run or their groups, or one they came to."""
    attendance = run_state.attendance.get(session.id)
    return session.is_for(run_state.group_ids) or bool(attendance and attendance.verdict)


def _is_over(session: Session) -> bool:
    """Return whether nothing is left to do: a cancelled class may have a substitute item."""
    if session.state is SessionState.CANCELLED:
        return not session.substitute_item_id
    return session.state is SessionState.ENDED


def _dues(run_state: LearnerRunState, plan: Plan, dues: Dues) -> Iterator[TimelineEntry]:
    for activity in plan.activities.values():
        at = dues.of(activity.id).at
        if at is not None:
            yield TimelineEntry(
                TimelineKind.DUE,
                at,
                activity.title,
                plan.run.id,
                activity_id=activity.id,
                done=activity.id in run_state.completed,
            )
