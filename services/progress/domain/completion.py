"""Completion: when a learner has done an activity.

| activity | done when |
|---|---|
| ITEM with playing time | the union of what was watched reaches the run's `watched_share` of it |
| ITEM without (texts) | a statement says completed, passed or experienced |
| TASK | a statement says submitted, completed or passed |
| CHECKPOINT | someone other than the learner says passed, or completed and nobody says failed |
| SESSION | attendance counts as attended by the policy, or its substitutes are studied |

An item counts only after it is AVAILABLE in the library: only then is it known whether it has a
playing time. Earlier evidence is stored and counts then. What is completed stays completed, except
a CHECKPOINT that was completed and never passed, and of which a failure becomes known.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from services.progress.domain.catch_ups import Studied
from services.progress.domain.dues import Dues
from services.progress.domain.enums import ActivityKind, ActivityState
from services.progress.domain.evidence import (
    Evidence,
    activity_target,
    earliest,
    latest,
    merged,
    success_at,
)
from services.progress.domain.intervals import joined, measure, within
from services.progress.domain.learner import Learner
from services.progress.domain.path import Activity
from services.progress.domain.plan import Plan
from services.progress.domain.sessions import PLAYED, Item

# Shares are quotients of floats: 0.9 of a length may come out slightly below 0.9.
HAIR = 1e-9
# Players round, and leave hairs between segments: a gap of up to a second counts as watched.
SEAM = 1.0


def done_at(activity: Activity, learner: Learner, plan: Plan) -> datetime | None:
    """Return when the learner completed the activity; None if not yet."""
    return _RULES[activity.kind](activity, learner, plan)


def is_failed(activity: Activity, learner: Learner) -> bool:
    """Return whether a CHECKPOINT was failed, and not passed at any time."""
    found = learner.evidence.get(activity_target(activity.id))
    if activity.kind is not ActivityKind.CHECKPOINT or found is None:
        return False
    return found.failed_at is not None and success_at(found) is None


def state_of(activity: Activity, learner: Learner, plan: Plan, now: datetime) -> ActivityState:
    """Return the learner's state in an activity."""
    if activity.id in learner.run_state.completed:
        return ActivityState.COMPLETED
    if _begun(activity, learner, plan):
        return ActivityState.STARTED
    release = Dues(plan, learner.run_state).release_of(activity.id)
    missing = set(activity.requires) - learner.run_state.completed.keys()
    locked = missing or (release is not None and release > now)
    return ActivityState.LOCKED if locked else ActivityState.OPEN


def share_of(item_id: str, learner: Learner, plan: Plan) -> float:
    """Return the share of an item that was studied, 0 to 1; of a text 0 or 1."""
    item, evidence = plan.items.get(item_id), evidence_on(item_id, learner, plan)
    if item is None or evidence is None:
        return 0.0
    length = playing_time(item, evidence)
    if length:
        watched = joined(within(evidence.watched, length), length, SEAM)
        return min(1.0, measure(watched) / length)
    return 1.0 if _read_at(evidence) else 0.0


def studied_at(item_id: str, learner: Learner, plan: Plan) -> datetime | None:
    """Return when enough of an item was studied; None if not yet, or if it is not available."""
    item, evidence = plan.items.get(item_id), evidence_on(item_id, learner, plan)
    if item is None or not item.available or evidence is None:
        return None
    if not playing_time(item, evidence):
        return _read_at(evidence)
    enough = share_of(item_id, learner, plan) + HAIR >= plan.run.policy.watched_share
    return evidence.last_at if enough else None


def studied(item_ids: tuple[str, ...], learner: Learner, plan: Plan) -> Studied:
    """Return the mean of the studied shares of several items, and whether all are enough."""
    shares = [share_of(item_id, learner, plan) for item_id in item_ids]
    return Studied(
        share=sum(shares) / len(shares) if shares else 0.0,
        enough=_all_studied_at(item_ids, learner, plan) is not None,
    )


def playing_time(item: Item, evidence: Evidence) -> float:
    """Return an item's seconds, as measured by the library or else by the player; 0 for texts."""
    if item.seconds or item.kind not in PLAYED:
        return item.seconds
    return evidence.length


def evidence_on(item_id: str, learner: Learner, plan: Plan) -> Evidence | None:
    """Return the learner's evidence on an item, from the item and from activities that study it.

    None if there is none.
    """
    found: Evidence | None = None
    for target in plan.targets_of_item(item_id):
        more = learner.evidence.get(target)
        if more is not None:
            found = merged(found, more) if found else more
    return found


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
        instants.append(_all_studied_at(plan.substitutes[session.id], learner, plan))
    return earliest(*instants)


_RULES: Mapping[ActivityKind, Callable[[Activity, Learner, Plan], datetime | None]] = {
    ActivityKind.ITEM: _item_done,
    ActivityKind.TASK: _task_done,
    ActivityKind.CHECKPOINT: _checkpoint_done,
    ActivityKind.SESSION: _session_done,
}


def _all_studied_at(item_ids: tuple[str, ...], learner: Learner, plan: Plan) -> datetime | None:
    instants = [studied_at(item_id, learner, plan) for item_id in item_ids]
    return latest(*instants) if instants and None not in instants else None


def _read_at(evidence: Evidence) -> datetime | None:
    return earliest(evidence.completed_at, evidence.passed_at, evidence.experienced_at)


def _begun(activity: Activity, learner: Learner, plan: Plan) -> bool:
    if activity.item_id and evidence_on(activity.item_id, learner, plan):
        return True
    return activity_target(activity.id) in learner.evidence
