"""Views of learners and runs: the contract's resources of the same names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce

from services.progress.domain import sittings
from services.progress.domain.class_overview import ModeSummary, Totals, overview
from services.progress.domain.completion import state_of
from services.progress.domain.dues import Dues, to_be_done
from services.progress.domain.enums import (
    ActivityKind,
    ActivityState,
    AttendanceMode,
    AttendanceStatus,
)
from services.progress.domain.evidence import activity_target, item_target
from services.progress.domain.falling_behind import Reason
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import LearnerRunState, is_complete
from services.progress.domain.openings import Lack, lacks_of
from services.progress.domain.path import Activity
from services.progress.domain.plan import Plan
from services.progress.domain.scores import mean_score
from services.progress.domain.shares import evidence_on, playing_time, share_of


@dataclass(frozen=True, slots=True)
class ActivityProgress:
    """One learner's progress in one activity."""

    activity_id: str
    title: str
    kind: ActivityKind
    state: ActivityState
    due: datetime | None
    extended: bool
    completed_at: datetime | None
    watched_share: float
    attendance: AttendanceStatus | None
    optional: bool
    lacks: Sequence[Lack] = ()
    """What is lacking before it opens."""
    week: int = 0
    """The week of the run to which it belongs, from 1; 0: none."""
    best_score: float | None = None
    """The best scaled score that a service told, -1 to 1."""
    time_on_task: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class FallingBehind:
    """That a learner is falling behind."""

    since: datetime
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class LearnerProgress:
    """One learner in one run."""

    run_id: str
    learner_id: str
    mode: AttendanceMode | None
    completed: int
    required: int
    overdue: int
    open_catch_ups: int
    last_seen_at: datetime | None
    completed_at: datetime | None
    time_on_task: timedelta
    mean_score: float | None
    """The mean of the activities' best scores, -1 to 1; None without any."""
    missed_catch_ups: int
    enrolled_at: datetime | None
    group_ids: tuple[str, ...]
    falling_behind: FallingBehind | None = None


@dataclass(frozen=True, slots=True)
class StudyTime:
    """When a learner was at work in a run: alone, as statements tell, and in class."""

    time_on_task: timedelta
    this_week: timedelta
    """Since Monday, 00:00 in the run's zone."""
    days: int
    """Days with work, or with a class that the learner attended."""
    streak_days: int
    """Such days in a row until today, or until yesterday."""
    longest_streak_days: int


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The summary of a run."""

    run_id: str
    learners: int = 0
    completed_path: int = 0
    completed_activities: int = 0
    open_catch_ups: int = 0
    completed_catch_ups: int = 0
    missed_catch_ups: int = 0
    statements: int = 0
    overdue_learners: int = 0
    silent_learners: int = 0
    average_share: float = 0.0
    modes: Sequence[ModeSummary] = ()
    falling_behind: int = 0


def run_summary(plan: Plan, totals: Totals, now: datetime) -> RunSummary:
    """Return the summary of a run by what its learners add up to."""
    seen = overview(totals.buckets, now)
    wanted = totals.counts["learners"] * len(plan.required)
    return RunSummary(
        plan.run.id,
        **totals.counts,
        overdue_learners=seen.overdue_learners,
        silent_learners=seen.silent_learners,
        average_share=totals.counts["completed_activities"] / wanted if wanted else 0.0,
        modes=seen.modes,
    )


def learner_progress(run_state: LearnerRunState, plan: Plan, now: datetime) -> LearnerProgress:
    """Return a learner's progress in brief. It is cheap, because a page has hundreds."""
    missing = plan.required - run_state.completed.keys()
    dues = to_be_done(run_state, plan, Dues(plan, run_state))
    complete = is_complete(run_state, plan.required)
    return LearnerProgress(
        run_id=run_state.run_id,
        learner_id=run_state.learner_id,
        mode=run_state.mode,
        completed=len(plan.required) - len(missing),
        required=len(plan.required),
        overdue=sum(at < now for at in dues),
        open_catch_ups=run_state.counted.open_catch_ups,
        last_seen_at=run_state.last_seen_at,
        completed_at=run_state.path_completed_at if complete else None,
        time_on_task=sittings.time_on_task(run_state.sittings),
        mean_score=mean_score(run_state.scores, plan),
        missed_catch_ups=run_state.counted.missed_catch_ups,
        enrolled_at=run_state.enrolled_at,
        group_ids=run_state.group_ids,
        falling_behind=_falling_behind(run_state),
    )


def _falling_behind(run_state: LearnerRunState) -> FallingBehind | None:
    since = run_state.behind_since
    return FallingBehind(since, run_state.behind_reasons) if since else None


def study_time(run_state: LearnerRunState, plan: Plan, now: datetime) -> StudyTime:
    """Return when a learner was at work in a run."""
    calendar, packed = plan.calendar, run_state.sittings
    today = calendar.day_of(now)
    monday = calendar.opening(today - timedelta(days=today.weekday()))
    days = sittings.days_of(packed, calendar) | _class_days(run_state, plan)
    streak, longest = sittings.streaks(days, today)
    return StudyTime(
        time_on_task=sittings.time_on_task(packed),
        this_week=sittings.time_between(packed, monday, now),
        days=len(days),
        streak_days=streak,
        longest_streak_days=longest,
    )


def _class_days(run_state: LearnerRunState, plan: Plan) -> set[date]:
    """Return the days of the classes that a learner attended, whole or for a part."""
    attended = {AttendanceStatus.PRESENT, AttendanceStatus.PARTIAL}
    ids = (name for name, each in run_state.attendance.items() if each.verdict in attended)
    ends = (plan.sessions[each].ended_at for each in ids if each in plan.sessions)
    return {plan.calendar.day_of(at) for at in ends if at}


def activity_progress(learner: Learner, plan: Plan, now: datetime) -> list[ActivityProgress]:
    """Return a learner's progress in each activity, in the path's order."""
    dues = Dues(plan, learner.run_state)
    return [_activity(each, learner, plan, dues, now) for each in plan.activities.values()]


def _activity(
    activity: Activity, learner: Learner, plan: Plan, dues: Dues, now: datetime
) -> ActivityProgress:
    due, lacks = dues.of(activity.id), lacks_of(activity, learner, plan, dues, now)
    return ActivityProgress(
        activity_id=activity.id,
        title=activity.title,
        kind=activity.kind,
        state=state_of(activity, learner, plan, is_locked=bool(lacks)),
        due=due.at,
        extended=due.extended,
        completed_at=learner.run_state.completed.get(activity.id),
        watched_share=_watched_share(activity, learner, plan),
        attendance=_attendance(activity, learner, plan),
        optional=activity.optional,
        lacks=lacks,
        week=_week(activity, plan, dues),
        best_score=learner.run_state.scores.get(activity.id),
        time_on_task=_time_on_task(activity, learner),
    )


def _week(activity: Activity, plan: Plan, dues: Dues) -> int:
    """Return the week of a class, or in which an activity is due or else released; 0: of none."""
    start = dues.start_of(activity.id)
    end = None if start else dues.of(activity.id).at
    at = start or end or dues.release_of(activity.id)
    return plan.week_of(at, is_end=end is not None) if at else 0


def _time_on_task(activity: Activity, learner: Learner) -> timedelta:
    """Return how long a learner worked on an activity: on what names it, or its item."""
    targets = (activity_target(activity.id), item_target(activity.item_id))
    found = (learner.evidence[each].sittings for each in targets if each in learner.evidence)
    return sittings.time_on_task(reduce(sittings.united, found, b""))


def _watched_share(activity: Activity, learner: Learner, plan: Plan) -> float:
    item = plan.items.get(activity.item_id)
    evidence = evidence_on(activity.item_id, learner, plan) if item else None
    if item is None or evidence is None or not playing_time(item, evidence):
        return 0.0
    return share_of(activity.item_id, learner, plan)


_BEST = (
    AttendanceStatus.PRESENT,
    AttendanceStatus.CAUGHT_UP,
    AttendanceStatus.EXCUSED,
    AttendanceStatus.PARTIAL,
    AttendanceStatus.ABSENT,
)
_RANKS = {status: rank for rank, status in enumerate(_BEST)}


def _attendance(activity: Activity, learner: Learner, plan: Plan) -> AttendanceStatus | None:
    """Return the attendance status of the activity; the best one if it has several sessions."""
    sessions = plan.sessions_of_activity.get(activity.id, ())
    known = [learner.run_state.attendance.get(session.id) for session in sessions]
    statuses = [each.verdict for each in known if each and each.verdict]
    # A status that only a newer version knows comes last.
    return min(statuses, key=lambda each: _RANKS.get(each, len(_RANKS)), default=None)
