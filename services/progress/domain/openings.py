"""Openings: what an activity waits for before it opens for a learner.

An activity is open when its release has come, all that it requires is completed, and all of its
conditions hold. What has opened stays open: it is stored with the learner (`opened`), in the unit
of work that tells it, so neither a later statement nor a new version of the path locks it again.
But what only something had opened that was taken back (taking_back.py) is locked. What was studied
before counts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from services.progress.domain.dues import Dues
from services.progress.domain.enums import AttendanceStatus, ConditionKind, LackKind
from services.progress.domain.events import ActivitiesOpened
from services.progress.domain.evidence import activity_target
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.path import Activity, Condition
from services.progress.domain.plan import Plan

# What an answer tells of an activity: a path of 255 KiB could lack megabytes.
MOST = 10
# A score of 0.8 may come as 0.7999999999, a quotient of floats.
HAIR = 1e-9


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that an activity waits for."""

    kind: LackKind
    activity_id: str = ""
    """The other activity; empty for a RELEASE."""
    title: str = ""
    opens_at: datetime | None = None
    """RELEASE: when; None while it depends on a class that is not scheduled."""
    score: float = 0.0
    """SCORE: the least score that opens the activity."""
    best_score: float | None = None
    """SCORE: the learner's best score; None if there is none."""


def is_needed(before: Learner, after: Learner, plan: Plan) -> bool:
    """Return whether an attendance or a score may have opened something."""
    attended = before.run_state.attendance is not after.run_state.attendance
    scored = (
        before.evidence.get(target) is not after.evidence.get(target)
        for target in plan.scored_targets
    )
    return (plan.waits_for_attendance and attended) or any(scored)


def opened(
    before: LearnerRunState, learner: Learner, plan: Plan, now: datetime
) -> tuple[Learner, ActivitiesOpened | None]:
    """Return the learner with what is open now, and the news of it, if any. `before`: the run state
    before the unit of work.

    Nothing is news to a learner who was not evaluated against a path before (`path_seen`), or after
    the run is over; nor is what is completed, or what waits for nothing.
    """
    run_state = learner.run_state
    if not run_state.is_enrolled or plan.path is None:
        return learner, None
    waiting = _waiting(learner, plan, now)
    fresh = [activity_id for activity_id, lacks in waiting.items() if not lacks]
    after = replace(
        run_state,
        opened=tuple(sorted({*run_state.opened, *fresh})) if fresh else run_state.opened,
        next_due_at=_next_at(run_state, waiting.values(), plan, now),
        path_seen=plan.path_version,
    )
    return replace(learner, run_state=after), _news(before, run_state, fresh, plan, now)


def still_open(before: Learner, after: Learner, plan: Plan, now: datetime) -> tuple[str, ...]:
    """Return what has opened for a learner and stays open, after something was taken back
    (taking_back.py): without what nothing was lacking for before, and something is now.
    """

    def is_lacking(activity: Activity, learner: Learner, dues: Dues) -> bool:
        return any(_lacks(activity, learner, plan, dues, now))

    dues = Dues(plan, after.run_state)
    locked = {
        each.id
        for each in plan.in_order(after.run_state.opened)
        if is_lacking(each, after, dues) and not is_lacking(each, before, dues)
    }
    return tuple(each for each in after.run_state.opened if each not in locked)


def _waiting(learner: Learner, plan: Plan, now: datetime) -> dict[str, list[Lack]]:
    """Return what the activities lack that have not opened until now, in the path's order."""
    dues, closed = Dues(plan, learner.run_state), plan.activities.keys() - learner.run_state.opened
    # Two are enough to know whether the release is the only one.
    return {
        each.id: list(islice(_lacks(each, learner, plan, dues, now), 2))
        for each in plan.in_order(closed)
    }


def _next_at(
    run_state: LearnerRunState, waiting: Iterable[Sequence[Lack]], plan: Plan, now: datetime
) -> datetime | None:
    """Return when something may be to tell next: of a due, or of what waits for a release only."""
    nexts = [run_state.next_due_at]
    if not plan.run.over_since(now):
        nexts += [lacks[0].opens_at for lacks in waiting if len(lacks) == 1]
    return min(filter(None, nexts), default=None)


def _news(
    before: LearnerRunState,
    run_state: LearnerRunState,
    fresh: Iterable[str],
    plan: Plan,
    now: datetime,
) -> ActivitiesOpened | None:
    completed = run_state.completed
    told = [each for each in fresh if plan.activities[each].waits and each not in completed]
    if not told or not run_state.path_seen or plan.run.over_since(now):
        return None
    by_completion = all(
        set(plan.activities[each].requires) - before.completed.keys() for each in told
    )
    who = (run_state.enrolment_id, run_state.run_id, run_state.learner_id)
    return ActivitiesOpened(*who, tuple(told), by_completion)


def lacks_of(
    activity: Activity, learner: Learner, plan: Plan, dues: Dues, now: datetime
) -> list[Lack]:
    """Return what is lacking before an activity opens, at most `MOST`; nothing if it is open, or
    completed.
    """
    run_state = learner.run_state
    if activity.id in run_state.opened or activity.id in run_state.completed:
        return []
    return list(islice(_lacks(activity, learner, plan, dues, now), MOST))


def _lacks(
    activity: Activity, learner: Learner, plan: Plan, dues: Dues, now: datetime
) -> Iterator[Lack]:
    if activity.release is not None:
        opens_at = dues.release_of(activity.id)
        # A rule that counts from a class waits until it is scheduled.
        waits = opens_at is None and activity.release.depends_on in plan.classes
        if waits or (opens_at is not None and opens_at > now):
            yield Lack(LackKind.RELEASE, opens_at=opens_at)
    for required in activity.requires:
        if required not in learner.run_state.completed:
            yield Lack(LackKind.COMPLETION, required, _title(required, plan))
    for condition in activity.opens_when:
        if not _holds(condition, learner, plan):
            yield _lack(condition, learner, plan)


def _holds(condition: Condition, learner: Learner, plan: Plan) -> bool:
    """Return whether a condition holds; one of a kind that only a newer version knows does not."""
    if condition.kind is ConditionKind.ATTENDED:
        return _is_attended(condition, learner, plan)
    best = best_score(condition.activity_id, learner)
    is_score = condition.kind is ConditionKind.SCORED
    return is_score and best is not None and best + HAIR >= condition.score


def _is_attended(condition: Condition, learner: Learner, plan: Plan) -> bool:
    """Return whether one of the activity's sessions was attended; an excuse is no attendance."""
    enough = set(plan.run.policy.present)
    if condition.or_caught_up:
        enough.add(AttendanceStatus.CAUGHT_UP)
    sessions = plan.sessions_of_activity.get(condition.activity_id, ())
    known = (learner.run_state.attendance.get(each.id) for each in sessions)
    return any(each.verdict in enough for each in known if each is not None)


def best_score(activity_id: str, learner: Learner) -> float | None:
    """Return the best scaled score that a service told; None if there is none."""
    found = learner.evidence.get(activity_target(activity_id))
    return found.best_score if found else None


def _lack(condition: Condition, learner: Learner, plan: Plan) -> Lack:
    other = condition.activity_id
    if condition.kind is ConditionKind.ATTENDED:
        return Lack(LackKind.ATTENDANCE, other, _title(other, plan))
    best = best_score(other, learner)
    return Lack(LackKind.SCORE, other, _title(other, plan), score=condition.score, best_score=best)


def _title(activity_id: str, plan: Plan) -> str:
    activity = plan.activities.get(activity_id)
    return activity.title if activity else ""
