"""Changes of dues: each is told once, with its cause.

The dues that a learner was told last are stored with the learner (`dues_known`), in the unit of
work that tells their changes. A change of a plan has its causes in the plan's history, so a learner
who is evaluated later still learns why. Told are activities, required or optional, that are not
completed, while the run goes on, if the old or the new due is still to come. The first dues of a
learner are no change.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.progress.domain.dues import Dues, stored
from services.progress.domain.enums import DueCause
from services.progress.domain.events import DueChange, DuesChanged
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.plan import Plan
from services.progress.domain.plan_history import Cause

_OF_RUNS = {DueCause.RUN_UPDATED, DueCause.ZONE_DATA}


def told(
    before: LearnerRunState, after: LearnerRunState, plan: Plan, now: datetime, dues: Dues
) -> tuple[LearnerRunState, DuesChanged | None]:
    """Return the run state with the dues that are known now, and the news of changes, if any.

    `before`: the run state before the unit of work. `dues`: those of `after`.
    """
    if not after.is_enrolled or plan.path is None or not _may_move(before, after, plan):
        return after, None
    known = _known(after, plan, dues)
    if known == after.dues_known:
        return after, None
    causes = plan.history.causes_since(before.plan_version)
    of_classes = {each.activity_id: each for each in causes if each.session_id}
    explain = _Explanation(before, after, plan, dues, causes, of_classes)
    changes = [
        explain.change(activity_id, old, new)
        for activity_id, old, new in _differences(after, known, now)
    ]
    return replace(after, dues_known=known), _news(after, changes, plan, now)


def _known(run_state: LearnerRunState, plan: Plan, dues: Dues) -> dict[str, datetime]:
    """Return the dues of all activities that have one, completed and optional ones too."""
    named = {*plan.dated, *run_state.extensions} & plan.activities.keys()
    found = {each: dues.of(each).at for each in sorted(named)}
    return {each: stored(at) for each, at in found.items() if at is not None}


def _news(
    run_state: LearnerRunState, changes: Sequence[DueChange], plan: Plan, now: datetime
) -> DuesChanged | None:
    if not changes or not run_state.path_seen or plan.run.over_since(now):
        return None
    who = (run_state.enrolment_id, run_state.run_id, run_state.learner_id)
    return DuesChanged(*who, tuple(changes))


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
    run_state: LearnerRunState, known: Mapping[str, datetime], now: datetime
) -> Iterator[tuple[str, datetime | None, datetime | None]]:
    """Yield the activities, not completed, whose due changed, with the old and the new one, of
    which one is still to come.
    """
    for activity_id in dict.fromkeys((*run_state.dues_known, *known)):
        old, new = run_state.dues_known.get(activity_id), known.get(activity_id)
        if old == new or activity_id in run_state.completed:
            continue
        if max(filter(None, (old, new))) > now:
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
    causes: Sequence[Cause]
    """Causes in the plan since the learner was evaluated last, in order."""
    of_classes: Mapping[str, Cause]
    """The last cause of each class that moved, by activity."""
    origins: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What `_origin` has found."""

    def change(self, activity_id: str, old: datetime | None, new: datetime | None) -> DueChange:
        """Return the change of an activity's due, with its cause."""
        cause = self._cause(activity_id)
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

    def _cause(self, activity_id: str) -> Cause:
        extended, last = self._origin(activity_id)
        if extended:
            return Cause(DueCause.EXTENSION, activity_id=extended)
        if self.before.enrolled_at != self.after.enrolled_at:
            return Cause(DueCause.ENROLMENT)
        if last in self.of_classes:
            return self.of_classes[last]
        if last in self.plan.classes and self.before.group_ids != self.after.group_ids:
            return Cause(DueCause.GROUPS)
        return self._of_plan()

    def _origin(self, activity_id: str) -> tuple[str, str]:
        """Return the nearest activity, from this one to what its due counts from in the end, that
        was extended now (or empty), and that last activity.

        Each activity is looked at once, and in a loop: a path may be a chain of hundreds.
        """
        way: list[str] = []
        while activity_id and activity_id not in self.origins:
            way.append(activity_id)
            self.origins[activity_id] = "", activity_id
            activity_id = self._counts_from(activity_id)
        for each in reversed(way):
            beyond = self.dues.depends_on(each)
            by_class = beyond in self.plan.classes or not beyond
            extended, last = ("", beyond or each) if by_class else self.origins[beyond]
            self.origins[each] = (each if self._is_extended(each) else extended), last
        return self.origins[way[0] if way else activity_id]

    def _counts_from(self, activity_id: str) -> str:
        """Return the activity whose due a due counts from; empty for a class, whose end counts."""
        beyond = self.dues.depends_on(activity_id)
        return "" if beyond in self.plan.classes else beyond

    def _is_extended(self, activity_id: str) -> bool:
        return self.before.extensions.get(activity_id) != self.after.extensions.get(activity_id)

    def _of_plan(self) -> Cause:
        version = self.plan.path_version
        if self.after.path_seen != version:
            return Cause(DueCause.PATH_PUBLISHED, path_version=version)
        of_run = [each for each in self.causes if each.kind in _OF_RUNS]
        return of_run[-1] if of_run else Cause(DueCause.RUN_UPDATED)
