"""Changes of dues: each is told once, with its cause.

The dues that a learner was told last are stored with the learner (`dues_known`), in the unit of
work that tells their changes. A change of a plan has its causes in the plan's history, so a learner
who is evaluated later still learns why. Told are activities, required or optional, that are not
completed, while the run goes on, if the old or the new due is still to come. The first dues of a
learner are no change.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.progress.domain.dues import Dues, stored
from services.progress.domain.enums import DueCause
from services.progress.domain.events import DueChange, DuesChanged
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.plan import Plan
from services.progress.domain.plan_history import Cause

_OF_SESSIONS = {
    DueCause.SESSION_SCHEDULED,
    DueCause.SESSION_MOVED,
    DueCause.SESSION_CANCELLED,
}
_OF_RUNS = {DueCause.RUN_UPDATED, DueCause.ZONE_DATA}


def told(
    before: LearnerRunState, after: LearnerRunState, plan: Plan, now: datetime
) -> tuple[LearnerRunState, DuesChanged | None]:
    """Return the run state with the dues that are known now, and the news of changes, if any.

    `before`: the run state before the unit of work.
    """
    if not after.is_enrolled or plan.path is None or not _may_move(before, after, plan):
        return after, None
    dues = Dues(plan, after)
    named = {*plan.dated, *after.extensions} & plan.activities.keys()
    found = {each: dues.of(each).at for each in named}
    known = {each: stored(at) for each, at in sorted(found.items()) if at is not None}
    if known == after.dues_known:
        return after, None
    explain = _Explanation(before, after, plan, dues)
    changes = [
        explain.change(activity_id, old, new)
        for activity_id, old, new in _differences(after, known)
        if max(filter(None, (old, new))) > now
    ]
    is_news = changes and after.path_seen and not plan.run.over_since(now)
    who = (after.enrolment_id, after.run_id, after.learner_id)
    news = DuesChanged(*who, tuple(changes)) if is_news else None
    return replace(after, dues_known=known), news


def _may_move(before: LearnerRunState, after: LearnerRunState, plan: Plan) -> bool:
    """Return whether dues may have moved. Computing them in each review would cost too much."""
    return (
        plan.history.is_ahead_of(before.plan_version)
        or before.path_seen is None
        or before.state is not after.state
        or before.enrolled_at != after.enrolled_at
        or before.group_ids != after.group_ids
        or before.extensions is not after.extensions
    )


def _differences(
    run_state: LearnerRunState, known: Mapping[str, datetime]
) -> Iterator[tuple[str, datetime | None, datetime | None]]:
    """Yield the activities, not completed, whose due changed, with the old and the new one."""
    for activity_id in dict.fromkeys((*run_state.dues_known, *known)):
        old, new = run_state.dues_known.get(activity_id), known.get(activity_id)
        if old != new and activity_id not in run_state.completed:
            yield activity_id, old, new


@dataclass(frozen=True, slots=True)
class _Explanation:
    """Why dues of a learner changed in one unit of work.

    Of several causes the one that is nearest to the learner counts: an extension, the enrolment, a
    class, the groups, a version of the path, the run, the zone's data.
    """

    before: LearnerRunState
    after: LearnerRunState
    plan: Plan
    dues: Dues

    def change(self, activity_id: str, old: datetime | None, new: datetime | None) -> DueChange:
        """Return the change of an activity's due, with its cause."""
        cause = self._cause(self.dues.way(activity_id))
        activity = self.plan.activities.get(activity_id)
        return DueChange(
            activity_id,
            activity.title if activity else "",
            old,
            new,
            cause.kind,
            cause.activity_id,
            cause.session_id,
            cause.path_version,
        )

    def _cause(self, way: Sequence[str]) -> Cause:
        """Return the cause. `way`: the activity, the one that its due counts from, and so on."""
        for each in way:
            if self.before.extensions.get(each) != self.after.extensions.get(each):
                return Cause(DueCause.EXTENSION, activity_id=each)
        if self.before.enrolled_at != self.after.enrolled_at:
            return Cause(DueCause.ENROLMENT)
        return self._session(way) or self._groups(way) or self._of_plan()

    def _session(self, way: Sequence[str]) -> Cause | None:
        for each in reversed(self._causes):
            if each.kind in _OF_SESSIONS and each.activity_id in way:
                return each
        return None

    def _groups(self, way: Sequence[str]) -> Cause | None:
        moved = self.before.group_ids != self.after.group_ids
        return Cause(DueCause.GROUPS) if moved and self.plan.classes.intersection(way) else None

    def _of_plan(self) -> Cause:
        version = self.plan.path_version
        if self.after.path_seen != version:
            return Cause(DueCause.PATH_PUBLISHED, path_version=version)
        of_run = [each for each in self._causes if each.kind in _OF_RUNS]
        return of_run[-1] if of_run else Cause(DueCause.RUN_UPDATED)

    @property
    def _causes(self) -> Sequence[Cause]:
        return self.plan.history.causes_since(self.before.plan_version)
