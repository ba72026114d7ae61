"""Taking back: what a learner had only by statements, or by an attendance, that count no more.

The state after it is the one that would be there if these had never been. So what was proven before
and is not proven any more is not completed, not studied, and not open any more. What is still
proven was completed when the remaining statements first proved it; therefore they are gone through
in the order of their storing.

What the rules of today did not prove before either (it was completed by an older version of the
path, or by an attendance that was corrected later) stays: nothing shows that it rested on what was
taken back.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from services.progress.domain import catch_ups, openings
from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.completion import done_at
from services.progress.domain.credit import in_time_at, studied, until
from services.progress.domain.enums import ActivityKind, AttendanceStatus, CatchUpState
from services.progress.domain.evidence import targets_of
from services.progress.domain.learner import Learner, bare, did
from services.progress.domain.learner_run_state import LearnerRunState, with_completions
from services.progress.domain.path import Activity
from services.progress.domain.plan import Plan
from services.progress.domain.statements import Stored

Proof = Callable[[Learner, datetime], datetime | None]
"""When a learner did something, by what is known at an instant; None if it is not proven."""


def without_taken_back(learner: Learner, plan: Plan, now: datetime) -> Learner:
    """Return the learner without what only `learner.taken_back` proved."""
    if learner.taken_back is None:
        return learner
    known = learner.taken_back
    before, remaining = known.before, known.remaining
    learner = replace(learner, taken_back=None)
    targets = _changed_targets(before, learner) | known.targets
    if not targets and before.run_state == learner.run_state:
        return learner
    activities = _proven_activities(before, learner, targets, plan)
    studies = _proven_studies(before, learner, targets, plan)
    firsts = _first_proofs(learner, remaining, _proofs(activities, studies, plan))
    run_state = _with_activities(learner, activities, firsts, plan)
    found = {
        each.session_id: _still_studied(each, learner, firsts, remaining, plan, now)
        for each in studies
    }
    # Judged anew at once: the silence may be longer than it was.
    run_state = replace(run_state, judge_at=None)
    after = replace(learner, run_state=run_state, catch_ups={**learner.catch_ups, **found})
    opened = openings.still_open(before, after, plan, now)
    return replace(after, run_state=replace(run_state, opened=opened))


def _changed_targets(before: Learner, after: Learner) -> set[str]:
    named = before.evidence.keys() | after.evidence.keys()
    return {each for each in named if before.evidence.get(each) != after.evidence.get(each)}


def _proven_activities(
    before: Learner, after: Learner, targets: Set[str], plan: Plan
) -> list[Activity]:
    """Return the completed activities that were proven, and whose proof may be another now."""
    known = after.run_state.completed
    judged = plan.in_order(plan.judged_by(targets) & known.keys())
    return [
        each
        for each in judged
        if _is_touched(each, before, after, targets, plan) and done_at(each, before, plan)
    ]


def _is_touched(
    activity: Activity, before: Learner, after: Learner, targets: Set[str], plan: Plan
) -> bool:
    if activity.kind is not ActivityKind.SESSION:
        return True
    was, now = before.run_state.attendance, after.run_state.attendance
    return any(
        was.get(each.id) != now.get(each.id)
        or targets & plan.targets_in_place_of(each.id, plan.substitutes[each.id])
        for each in plan.sessions_of_activity.get(activity.id, ())
    )


def _proven_studies(
    before: Learner, after: Learner, targets: Set[str], plan: Plan
) -> list[CatchUp]:
    """Return the completed catch-ups that were proven, and whose proof may be another now."""
    return [
        each
        for each in after.catch_ups.values()
        if each.state is CatchUpState.COMPLETED
        and targets & plan.targets_in_place_of(each.session_id, each.item_ids)
        and _is_studied(each, before, plan)
    ]


def _is_studied(catch_up: CatchUp, learner: Learner, plan: Plan) -> bool:
    return studied(catch_up.session_id, catch_up.item_ids, learner, plan).enough


def _proofs(
    activities: Iterable[Activity], studies: Iterable[CatchUp], plan: Plan
) -> dict[str, Proof]:
    """Return what proves each activity and each catch-up, by id."""

    def of_activity(activity: Activity) -> Proof:
        return lambda learner, _: done_at(activity, learner, plan)

    def of_catch_up(catch_up: CatchUp) -> Proof:
        return lambda learner, at: at if _is_studied(catch_up, learner, plan) else None

    proofs = {each.id: of_activity(each) for each in activities}
    return proofs | {each.id: of_catch_up(each) for each in studies}


def _first_proofs(
    learner: Learner, remaining: Sequence[Stored], proofs: Mapping[str, Proof]
) -> dict[str, datetime]:
    """Return what the statements first proved, one unit of storing after the other."""
    found: dict[str, datetime] = {}
    for known, at in _steps(learner, remaining) if proofs else ():
        for name in proofs.keys() - found.keys():
            proven_at = proofs[name](known, at)
            if proven_at is not None:
                found[name] = proven_at
        if len(found) == len(proofs):
            break
    return found


def _steps(learner: Learner, remaining: Sequence[Stored]) -> Iterator[tuple[Learner, datetime]]:
    known = bare(learner)
    known = replace(known, run_state=_as_absent(known.run_state))
    for at, some in groupby(sorted(remaining, key=_stored_at), _stored_at):
        for each in some:
            known = did(known, each.statement)
        yield known, at


def _as_absent(run_state: LearnerRunState) -> LearnerRunState:
    """Return the run state without what followed from catch-ups that were studied."""
    attendance = {
        session_id: replace(each, verdict=AttendanceStatus.ABSENT)
        if each.verdict is AttendanceStatus.CAUGHT_UP
        else each
        for session_id, each in run_state.attendance.items()
    }
    return replace(run_state, attendance=attendance)


def _stored_at(stored: Stored) -> datetime:
    return stored.at


def _with_activities(
    learner: Learner, activities: Iterable[Activity], firsts: Mapping[str, datetime], plan: Plan
) -> LearnerRunState:
    """Return the run state with the activities that are still completed, each since it was first
    proven.
    """
    run_state, changes = learner.run_state, dict[str, datetime | None]()
    for each in activities:
        known = run_state.completed[each.id]
        is_done = done_at(each, learner, plan) is not None
        at = firsts.get(each.id, known) if is_done else None
        if at != known:
            changes[each.id] = at
    return with_completions(run_state, changes, plan.required) if changes else run_state


def _still_studied(
    catch_up: CatchUp,
    learner: Learner,
    firsts: Mapping[str, datetime],
    remaining: Sequence[Stored],
    plan: Plan,
    now: datetime,
) -> CatchUp:
    """Return a completed catch-up as the remaining statements have it: open again, completed at
    another time, or as it is.
    """
    session_id, item_ids = catch_up.session_id, catch_up.item_ids
    found = studied(session_id, item_ids, learner, plan)
    if not found.enough:
        due = catch_ups.nth_due(1, now, plan)
        return catch_ups.reopened(catch_up, plan.substitutes.get(session_id, ()), due)
    catch_up = replace(catch_up, watched_share=found.share)
    since = firsts.get(catch_up.id)
    if since is None:
        return catch_up
    targets = plan.targets_in_place_of(session_id, item_ids)
    about = [each for each in remaining if targets.intersection(targets_of(each.statement))]
    in_time = _first_in_time(catch_up, about, learner, plan)
    return catch_ups.completed_anew(catch_up, since, in_time)


def _first_in_time(
    catch_up: CatchUp, about: Sequence[Stored], learner: Learner, plan: Plan
) -> datetime | None:
    """Return when enough was studied before the due, by the first statements that were stored and
    are enough; None if all are not. What is enough stays so with more of them.
    """

    def found(last: datetime) -> datetime | None:
        stored = [each for each in about if each.at <= last]
        known = until(stored, catch_up.due, plan.run.policy)
        named = (catch_up.session_id, catch_up.item_ids)
        return in_time_at(*named, learner, known, plan) if known else None

    stored_at = sorted({each.at for each in about})
    first = bisect_left(stored_at, True, key=lambda last: found(last) is not None)
    return found(stored_at[first]) if first < len(stored_at) else None
