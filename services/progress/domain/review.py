"""The review: evaluating a learner against the run's plan.

Every cause leads here: a statement, an attendance, a new version of the path, a recording that can
be played. Reviewing twice, or in another order, gives the same result.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime

from services.progress.domain import alternatives, catch_ups
from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.completion import done_at, is_failed
from services.progress.domain.credit import missed, missed_parts, studied
from services.progress.domain.enums import CatchUpState
from services.progress.domain.events import ActivityCompleted, ActivityReopened, PathCompleted
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import (
    Counts,
    LearnerRunState,
    is_complete,
    path_done_at,
    with_completions,
)
from services.progress.domain.plan import Plan
from services.progress.domain.taking_back import without_taken_back

NONE: Mapping[str, datetime] = {}


def reviewed(
    learner: Learner,
    plan: Plan,
    at: datetime,
    now: datetime,
    in_time: Mapping[str, datetime] = NONE,
) -> Learner:
    """Return the learner after a review at `now` of what became known at `at`.

    `in_time`: by session, when catch-ups were studied before their dues, though that becomes known
    only now (`credit.in_time_at`).
    """
    learner = without_taken_back(learner, plan, now)
    if may_have_catch_ups(learner.run_state, plan):
        found = _reviewed_catch_ups(learner, plan, at, now, in_time)
        learner = replace(learner, catch_ups={each.session_id: each for each in found})
    if not learner.run_state.is_enrolled:
        return learner
    run_state = _reviewed_run_state(learner, plan)
    return replace(learner, run_state=run_state)


def may_have_catch_ups(run_state: LearnerRunState, plan: Plan | None) -> bool:
    """Return whether the learner may have missed a session: was absent, or came late."""
    came = run_state.enrolled_at
    return bool(run_state.attendance or (plan and came and plan.held_until(came)))


def events_between(before: Learner, after: Learner) -> Iterator[object]:
    """Yield the events of the change of a learner from one review to the next."""
    yield from _run_state_events(before.run_state, after.run_state)
    for session_id, catch_up in after.catch_ups.items():
        yield from catch_ups.events_between(before.catch_ups.get(session_id), catch_up)


def counts_of(learner: Learner, required: frozenset[str]) -> Counts:
    """Return what the learner adds to the run's summary: nothing without a place in the run."""
    run_state = learner.run_state
    if not run_state.is_enrolled:
        return Counts()
    rows = [each for each in learner.catch_ups.values() if not each.dropped]
    in_time = sum(row.state is CatchUpState.COMPLETED and row.in_time for row in rows)
    still_open = sum(row.is_open for row in rows)
    return Counts(
        learners=1,
        completed_path=int(is_complete(run_state, required)),
        completed_activities=len(required.intersection(run_state.completed)),
        open_catch_ups=still_open,
        completed_catch_ups=in_time,
        missed_catch_ups=len(rows) - in_time - still_open,
        falling_behind=int(run_state.behind_since is not None),
    )


def _reviewed_run_state(learner: Learner, plan: Plan) -> LearnerRunState:
    changes = _changes(learner, plan)
    run_state = learner.run_state
    if changes:
        run_state = with_completions(run_state, changes, plan.required)
    is_new = plan.path_version > run_state.path_version
    if not is_new or not is_complete(run_state, plan.required):
        return run_state
    ends = path_done_at(run_state, plan.required)
    return replace(run_state, path_version=plan.path_version, path_completed_at=ends)


def _changes(learner: Learner, plan: Plan) -> dict[str, datetime | None]:
    """Return when activities were completed, as far as that changes; None: not completed any more.

    What is completed stays completed (but for what is taken back: taking_back.py). Of a CHECKPOINT
    only what is known of passes and failures counts, whatever came first.
    """
    known, changes = learner.run_state.completed, dict[str, datetime | None]()
    judged = plan.judged_by(learner.evidence)
    for activity in plan.in_order((judged - known.keys()) | (judged & plan.checkpoints)):
        at = done_at(activity, learner, plan)
        told = at is not None or is_failed(activity, learner)
        if told and at != known.get(activity.id):
            changes[activity.id] = at
    return changes


def _reviewed_catch_ups(
    learner: Learner, plan: Plan, at: datetime, now: datetime, in_time: Mapping[str, datetime]
) -> Iterator[CatchUp]:
    run_state, is_over = learner.run_state, plan.run.over_since(now) is not None
    late = catch_ups.late_sessions(run_state, plan)
    spared = _spared(run_state, plan, late)
    late = [each for each in late if each not in spared]
    for session_id in dict.fromkeys((*run_state.attendance, *late, *learner.catch_ups)):
        catch_up = learner.catch_ups.get(session_id)
        if catch_up is None and not is_over and session_id not in spared:
            catch_up = _first(learner, plan, session_id, late, now)
        if catch_up is not None:
            catch_up = catch_ups.rezoned(catch_up, plan.calendar)
            catch_up = catch_ups.kept_up(catch_up, run_state, late, now, plan, session_id in spared)
            stocked = catch_ups.restocked(catch_up, plan.substitutes.get(session_id, ()))
            if stocked is not catch_up:
                due = catch_ups.due_of(session_id, late, now, plan)
                catch_up = catch_ups.with_time_for(catch_up, stocked, due, now)
            asked = (session_id, catch_up.item_ids, learner, plan)
            asking = catch_ups.asking_for(catch_up, missed(*asked), missed_parts(*asked))
            judged = _judged(asking, learner, plan, at)
            studied_at = in_time.get(session_id) if learner.run_state.is_enrolled else None
            yield catch_ups.in_time_after_all(judged, studied_at) if studied_at else judged


def _spared(run_state: LearnerRunState, plan: Plan, late: Sequence[str]) -> Set[str]:
    """Return the sessions that need no catch-up: help sessions, and those that the learner missed
    and that an alternative makes up for.
    """
    policy = plan.run.policy
    missed = [
        session_id
        for session_id in {*run_state.attendance, *late}
        if catch_ups.is_due_to(run_state, session_id, late, policy)
    ]
    return alternatives.spared(run_state, plan, missed) | plan.help_sessions


def _judged(catch_up: CatchUp, learner: Learner, plan: Plan, at: datetime) -> CatchUp:
    if not learner.run_state.is_enrolled:
        return catch_up
    done = studied(catch_up.session_id, catch_up.item_ids, learner, plan)
    return catch_ups.judged(catch_up, done, at)


def _first(
    learner: Learner, plan: Plan, session_id: str, late: Sequence[str], now: datetime
) -> CatchUp | None:
    item_ids = plan.substitutes.get(session_id, ())
    if not item_ids or not catch_ups.is_due_to(
        learner.run_state, session_id, late, plan.run.policy
    ):
        return None
    due = catch_ups.due_of(session_id, late, now, plan)
    return catch_ups.assigned(learner.run_state, plan.sessions[session_id], item_ids, now, due)


def _run_state_events(before: LearnerRunState, after: LearnerRunState) -> Iterator[object]:
    who = (after.enrolment_id, after.run_id, after.learner_id)
    for activity_id, at in after.completed.items():
        if activity_id not in before.completed:
            yield ActivityCompleted(*who, activity_id, at)
    for activity_id in before.completed:
        if activity_id not in after.completed:
            yield ActivityReopened(*who, activity_id)
    if after.path_version != before.path_version and after.path_completed_at is not None:
        yield PathCompleted(*who, after.path_version, after.path_completed_at)
