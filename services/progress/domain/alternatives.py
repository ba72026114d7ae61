"""Alternatives: the sessions of one activity, of which attending one is enough.

A session may be for some groups only, and a learner may come to another group's. So whether a class
was missed does not follow from its session alone.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.plan import Plan

_NEVER = datetime.max.replace(tzinfo=UTC)


def spared(run_state: LearnerRunState, plan: Plan, missed: Iterable[str]) -> frozenset[str]:
    """Return those of the missed sessions that need no catch-up because of an alternative.

    If the learner attended an alternative, these are all of its activity. Otherwise one catch-up is
    enough: that of the missed session that ended first.
    """
    found: set[str] = set()
    for activity_id, session_ids in _by_activity(plan, missed).items():
        alternatives = plan.sessions_of_activity[activity_id]
        if not any(_is_attended(run_state, plan, each.id) for each in alternatives):
            session_ids.remove(min(session_ids, key=lambda each: _order(plan, each)))
        found.update(session_ids)
    return frozenset(found)


def _by_activity(plan: Plan, session_ids: Iterable[str]) -> dict[str, set[str]]:
    found = defaultdict(set)
    for session_id in session_ids:
        session = plan.sessions.get(session_id)
        if session is not None and session.activity_id:
            found[session.activity_id].add(session_id)
    return found


def _is_attended(run_state: LearnerRunState, plan: Plan, session_id: str) -> bool:
    attendance = run_state.attendance.get(session_id)
    return attendance is not None and attendance.verdict in plan.run.policy.attended


def _order(plan: Plan, session_id: str) -> tuple[datetime, str]:
    return plan.sessions[session_id].ended_at or _NEVER, session_id
