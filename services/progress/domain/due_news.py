"""The news of dues: what a learner is told of deadlines, each exactly once.

Of each required activity with a deadline that is not completed, DueApproaching is told before the
due, by the policy's notice, and DueMissed after it. DueRetracted takes back what was told last,
when it no longer holds. What was told is stored with the learner (`DueTold`), in the unit of work
that tells it; so is the next instant at which something may be to tell (`next_due_at`), by which a
timer finds the learner.

Nothing is told of dues that were past when the learner came (`dues_since`): the enrolment, or the
moment at which this version saw a learner of an older one for the first time. After a run is over
nothing approaches, and what was due at its end or later is never missed; what was due before is, if
it could not be told in time. What was told is still retracted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.progress.domain.dues import Dues, stored
from services.progress.domain.events import DueApproaching, DueMissed, DueRetracted
from services.progress.domain.learner_run_state import DueTold, LearnerRunState
from services.progress.domain.path import Activity
from services.progress.domain.plan import Plan

# Instants are stored in milliseconds: the first at which a due is past.
AFTER = timedelta(milliseconds=1)
NOTHING_TOLD = DueTold()

News = DueApproaching | DueMissed | DueRetracted


@dataclass(frozen=True, slots=True)
class Overdue:
    """An activity that would be missed."""

    activity: Activity
    due: datetime


def since(before: LearnerRunState, after: LearnerRunState, now: datetime) -> LearnerRunState:
    """Return the run state with the instant since when the learner is told of dues.

    A learner who came just now is told of all dues since the enrolment, however late its event is,
    unless the update says since when (`adopted`); one whom an older version enrolled of those that
    are still to come. From now on, this version has seen the learner (`path_seen`).
    """
    if not after.is_enrolled:
        return after
    if after.path_seen is None:
        after = replace(after, path_seen=0)
    came = not before.is_enrolled or before.enrolled_at != after.enrolled_at
    if came and after.dues_since == before.dues_since:
        return replace(after, dues_since=after.enrolled_at or now)
    return replace(after, dues_since=now) if after.dues_since is None else after


def adopted(before: LearnerRunState, after: LearnerRunState, now: datetime) -> LearnerRunState:
    """Return the run state after an enrolment of a resync. A learner who was told of dues before
    the service lost the enrolment is told only of those that are still to come.
    """
    came = after.is_enrolled and not before.is_enrolled
    return replace(after, dues_since=now) if came else after


def is_needed(before: LearnerRunState, after: LearnerRunState, plan: Plan, now: datetime) -> bool:
    """Return whether something may be to tell: dues, groups or completions changed, or the next
    instant has come. Computing all dues in each review would cost too much.
    """
    return (
        plan.history.is_ahead_of(before.plan_version)
        or before.state is not after.state
        or before.dues_since != after.dues_since
        or before.path_seen is None
        or before.group_ids != after.group_ids
        or before.extensions is not after.extensions
        or before.completed is not after.completed
        or (after.next_due_at is not None and after.next_due_at <= now)
    )


def told(
    run_state: LearnerRunState, plan: Plan, now: datetime, known_dues: Dues | None = None
) -> tuple[LearnerRunState, list[News]]:
    """Return the run state after the learner was told all there is to tell, and the news.

    `known_dues`: the learner's dues, as far as they were computed already.
    """
    if not run_state.is_enrolled:
        return replace(run_state, next_due_at=None), []
    dues = _dues(run_state, plan, known_dues or Dues(plan, run_state))
    after, news = dict(run_state.dues_told), list[News]()
    nexts = list[datetime | None]()
    notice, is_over = plan.run.policy.notice, plan.run.over_since(now) is not None
    for activity_id in dict.fromkeys((*dues, *run_state.dues_told)):
        due = dues.get(activity_id)
        if due and notice and not is_over and activity_id not in after:
            near = _minus(due, notice)
            if now < near:  # most are far away: this is a short cut
                nexts.append(near)
                continue
        one = _Told(run_state, plan, now, activity_id, due)
        known = run_state.dues_told.get(activity_id, NOTHING_TOLD)
        now_told = one.told(known, news)
        if now_told is not known:
            after[activity_id] = now_told
        nexts.append(one.next_at(now_told))
    next_due_at = min(filter(None, nexts), default=None)
    changed = after if news else run_state.dues_told
    return replace(run_state, dues_told=changed, next_due_at=next_due_at), news


def overdue(run_state: LearnerRunState, plan: Plan, now: datetime) -> Iterator[Overdue]:
    """Yield the activities that would be told as missed now."""
    if not run_state.is_enrolled or run_state.next_due_at is None or run_state.next_due_at > now:
        return
    for activity_id, due in _dues(run_state, plan, Dues(plan, run_state)).items():
        known = run_state.dues_told.get(activity_id, NOTHING_TOLD)
        if _Told(run_state, plan, now, activity_id, due).is_missed(known):
            yield Overdue(plan.activities[activity_id], due)


def _dues(run_state: LearnerRunState, plan: Plan, dues: Dues) -> Mapping[str, datetime]:
    """Return the dues of the required activities that have one."""
    extended = plan.required.intersection(run_state.extensions)
    # What is completed needs a due only if something was told of it, and may be retracted.
    told_of = {each for each, known in run_state.dues_told.items() if known.due is not None}
    settled = run_state.completed.keys() - told_of
    wanted = (each for each in (*plan.with_deadline, *extended) if each not in settled)
    found = {each: dues.of(each).at for each in wanted}
    return {activity_id: stored(at) for activity_id, at in found.items() if at is not None}


@dataclass(frozen=True, slots=True)
class _Told:
    """One activity of a learner, at `now`."""

    run_state: LearnerRunState
    plan: Plan
    now: datetime
    activity_id: str
    due: datetime | None
    """None if nothing is required by a deadline."""

    def told(self, known: DueTold, news: list[News]) -> DueTold:
        """Return what was told after now, and append what is told now."""
        after = known
        if after.due is not None and not self._holds(after.due, after.missed):
            news.append(DueRetracted(*self._about(after.due), missed=after.missed))
            after = replace(after, due=None, missed=False)
        if self.due is not None and self.is_missed(after):
            news.append(DueMissed(*self._about(self.due)))
            after = replace(after, due=self.due, missed=True)
        elif self.due is not None and self._approaches(after):
            news.append(DueApproaching(*self._about(self.due)))
            after = DueTold(self.due, False, (*after.approached, self.due))
        return after

    def next_at(self, known: DueTold) -> datetime | None:
        """Return when something may be to tell next, if nothing changes until then."""
        run, due = self.plan.run, self.due
        is_settled = due is None or self._done_at or known.missed or self.now > due
        if due is None or is_settled or run.over_since(self.now):
            return None
        notice = run.policy.notice
        if notice and due not in known.approached:
            return _minus(due, notice)
        return due + AFTER if run.ends_at is None or due < run.ends_at else None

    def is_missed(self, known: DueTold) -> bool:
        """Return whether the due is past, and that is to be told."""
        if self.due is None or self._done_at or self.now <= self.due or known.missed:
            return False
        over_since = self.plan.run.over_since(self.now)
        is_news = self.run_state.dues_since is None or self.due > self.run_state.dues_since
        return is_news and (over_since is None or self.due < over_since)

    def _approaches(self, known: DueTold) -> bool:
        if self.due is None or self._done_at or self.now > self.due or known.missed:
            return False
        notice = self.plan.run.policy.notice
        is_near = notice > timedelta() and self.now >= _minus(self.due, notice)
        is_over = self.plan.run.over_since(self.now) is not None
        return is_near and not is_over and self.due not in known.approached

    def _holds(self, due: datetime, missed: bool) -> bool:
        """Return whether what was told of a due is still so."""
        if self.due is None:
            return False
        if not missed:
            return self.due == due and self._done_at is None
        # A due that was moved to an earlier instant is missed all the same.
        return self.due <= due and not (self._done_at and self._done_at <= self.due)

    @property
    def _done_at(self) -> datetime | None:
        return self.run_state.completed.get(self.activity_id)

    def _about(self, due: datetime) -> tuple[str, str, str, str, str, datetime]:
        activity = self.plan.activities.get(self.activity_id)
        one = self.run_state
        title = activity.title if activity else ""
        return one.enrolment_id, one.run_id, one.learner_id, self.activity_id, title, due


def _minus(due: datetime, notice: timedelta) -> datetime:
    try:
        return due - notice
    except OverflowError:
        return datetime.min.replace(tzinfo=due.tzinfo)
