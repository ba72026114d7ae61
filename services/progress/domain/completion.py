"""Completion: when a learner has done an activity.

| activity | done when |
|---|---|
| ITEM with playing time | the union of what was watched reaches the run's `watched_share` of it |
| ITEM without (texts) | a statement says completed, passed or experienced |
| TASK | a statement says submitted, completed or passed |
| CHECKPOINT | someone other than the learner says passed, or completed and nobody says failed |
| ITEM or CHECKPOINT of cmi5 | its moveOn is met by what others than the learner say |
| SESSION | attendance counts as attended by the policy, or its substitutes are studied |

An item counts only after it is AVAILABLE in the library: only then is it known whether it has a
playing time. Earlier evidence is stored and counts then. What is completed stays completed, except
a CHECKPOINT that was completed and never passed, and of which a failure becomes known, and what a
voided statement completed.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from services.progress.domain.credit import made_up_at
from services.progress.domain.enums import ActivityKind, ActivityState, MoveOn
from services.progress.domain.evidence import (
    Evidence,
    activity_target,
    earliest,
    latest,
    success_at,
)
from services.progress.domain.learner import Learner
from services.progress.domain.path import Activity
from services.progress.domain.plan import Plan
from services.progress.domain.shares import evidence_on, studied_at
from services.progress.domain.sittings import sittings_of


def done_at(activity: Activity, learner: Learner, plan: Plan) -> datetime | None:
    """Return when the learner completed the activity; None if not yet, and for a kind that only a
    newer version knows.
    """
    rule = _unit_done if activity.cmi5 else _RULES.get(activity.kind)
    return rule(activity, learner, plan) if rule else None


def is_failed(activity: Activity, learner: Learner) -> bool:
    """Return whether a CHECKPOINT was failed, and not passed at any time."""
    found = learner.evidence.get(activity_target(activity.id))
    if activity.kind is not ActivityKind.CHECKPOINT or found is None:
        return False
    return found.failed_at is not None and success_at(found) is None


def state_of(activity: Activity, learner: Learner, plan: Plan, *, is_locked: bool) -> ActivityState:
    """Return the learner's state in an activity. `is_locked`: something is lacking before it opens
    (openings.py).
    """
    if activity.id in learner.run_state.completed:
        return ActivityState.COMPLETED
    if _begun(activity, learner, plan):
        return ActivityState.STARTED
    return ActivityState.LOCKED if is_locked else ActivityState.OPEN


def _item_done(activity: Activity, learner: Learner, plan: Plan) -> datetime | None:
    return studied_at(activity.item_id, learner, plan)


def _task_done(activity: Activity, learner: Learner, _: Plan) -> datetime | None:
    found = learner.evidence.get(activity_target(activity.id))
    return earliest(found.submitted_at, found.completed_at, found.passed_at) if found else None


def _checkpoint_done(activity: Activity, learner: Learner, _: Plan) -> datetime | None:
    found = learner.evidence.get(activity_target(activity.id))
    return success_at(found) if found else None


def _session_done(activity: Activity, learner: Learner, plan: Plan) -> datetime | None:
    instants = []
    for session in plan.sessions_of_activity.get(activity.id, ()):
        attendance = learner.run_state.attendance.get(session.id)
        if attendance is not None and attendance.verdict in plan.run.policy.attended:
            instants.append(session.ended_at or session.end_time)
        instants.append(made_up_at(session.id, plan.substitutes[session.id], learner, plan))
    return earliest(*instants)


def _unit_done(activity: Activity, learner: Learner, _: Plan) -> datetime | None:
    """Return when moveOn was met (cmi5, section 13.1.4); a waiver says that both were done."""
    found = learner.evidence.get(activity_target(activity.id))
    if found is None or activity.cmi5 is None:
        return None
    completed, passed = found.finished_at, found.passed_at
    both = latest(completed, passed) if completed and passed else None
    match activity.cmi5.move_on:
        case MoveOn.PASSED:
            return passed
        case MoveOn.COMPLETED:
            return completed
        case MoveOn.COMPLETED_OR_PASSED:
            return earliest(completed, passed)
        case MoveOn.NOT_APPLICABLE:
            return _begun_at(found)
    return both


def _begun_at(found: Evidence) -> datetime | None:
    sittings = sittings_of(found.sittings)
    return datetime.fromtimestamp(sittings[0][0], UTC) if sittings else None


_RULES: Mapping[ActivityKind, Callable[[Activity, Learner, Plan], datetime | None]] = {
    ActivityKind.ITEM: _item_done,
    ActivityKind.TASK: _task_done,
    ActivityKind.CHECKPOINT: _checkpoint_done,
    ActivityKind.SESSION: _session_done,
}


def _begun(activity: Activity, learner: Learner, plan: Plan) -> bool:
    on_item = evidence_on(activity.item_id, learner, plan) if activity.item_id else None
    found = (on_item, learner.evidence.get(activity_target(activity.id)))
    # Where all statements were voided, an evidence of nothing remains.
    return any(each is not None and each.last_at is not None for each in found)
