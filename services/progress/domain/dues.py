"""Dues: one learner's deadlines, computed from the path's rules whenever they are needed.

Dues are not stored. So if a session of ten thousand learners is moved, one changed document moves
all their dues; and if the law of a zone changes, its new data move the dues by civil times.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.progress.domain.catch_ups import nth_due
from services.progress.domain.enums import SessionState
from services.progress.domain.evidence import earliest, latest
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.moments import common_moment, moment_of_day
from services.progress.domain.path import Activity, CivilRule, TimeRule
from services.progress.domain.plan import Plan
from services.progress.domain.sessions import Session


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline."""

    at: datetime | None = None
    """None if there is none, or if it depends on a session that is not scheduled."""
    extended: bool = False
    """Whether it was extended for this learner."""


class Dues:
    """The deadlines of one learner, each computed once.

    An extension also moves deadlines that depend on it, and never makes a deadline earlier: if the
    rule's own instant is later, that one counts.
    """

    def __init__(self, plan: Plan, run_state: LearnerRunState) -> None:
        self._plan, self._run_state = plan, run_state
        self._known: dict[str, Due] = {}

    def of(self, activity_id: str) -> Due:
        """Return the deadline of an activity; none if the path doesn't have the activity."""
        common = self._plan.common_dues.get(activity_id)
        if common is not None and activity_id not in self._run_state.extensions:
            return Due(common)
        for each in reversed(self._unknown(activity_id)):
            self._known[each] = self._worked_out(each)
        return self._known[activity_id]

    def release_of(self, activity_id: str) -> datetime | None:
        """Return when an activity opens; None: with the run."""
        return self._moment(self._plan.activities[activity_id].release, is_release=True)

    def _unknown(self, activity_id: str) -> list[str]:
        """Return the chain of activities, from this one, whose dues are needed and not known yet.

        It is a loop, not a recursion: a path may be a chain of a thousand. A cycle, which catalog
        refuses, ends at its start, which then has no due.
        """
        chain: list[str] = []
        while activity_id and activity_id not in self._known:
            chain.append(activity_id)
            self._known[activity_id] = Due()
            activity_id = self.depends_on(activity_id)
        return chain

    def depends_on(self, activity_id: str) -> str:
        """Return the activity that a deadline counts from; empty if it counts from none."""
        activity = self._plan.activities.get(activity_id)
        rule = activity.deadline if activity else None
        return rule.depends_on if rule else ""

    def _worked_out(self, activity_id: str) -> Due:
        activity = self._plan.activities.get(activity_id)
        if activity is None:
            return Due()
        by_rule = self._not_past_when_added(activity, self._moment(activity.deadline))
        extension = self._run_state.extensions.get(activity_id)
        if extension is None or (by_rule is not None and extension.until <= by_rule):
            return Due(by_rule)
        return Due(extension.until, extended=True)

    def _not_past_when_added(self, activity: Activity, by_rule: datetime | None) -> datetime | None:
        """Return the due by the rule; of an activity that was added while the learner was under
        way, with a due that was past by then, the time that the policy gives for a catch-up.
        """
        added, came = activity.added_at, self._run_state.enrolled_at
        if by_rule is None or added is None or came is None or came >= added or by_rule > added:
            return by_rule
        return nth_due(1, added, self._plan).at

    def _moment(self, rule: TimeRule | None, *, is_release: bool = False) -> datetime | None:
        if rule is None:
            return None
        plan = self._plan
        common = common_moment(rule, plan.run, plan.calendar, is_release=is_release)
        if common is not None:
            return common
        if rule.civil is not None:
            return self._civil_moment(rule.civil, is_release)
        if rule.after_enrolment is not None:
            return _plus(self._run_state.enrolled_at, rule.after_enrolment)
        if rule.after_activity is not None:
            other = rule.after_activity
            return _plus(self._end_of(other.activity_id), other.offset or timedelta())
        return None

    def _civil_moment(self, rule: CivilRule, is_release: bool) -> datetime | None:
        try:
            day = self._day(rule)
        except OverflowError:
            return None  # beyond the end of the calendar
        return moment_of_day(day, rule, self._plan.calendar, is_release=is_release)

    def _day(self, rule: CivilRule) -> date | None:
        calendar, days = self._plan.calendar, rule.working_days
        if rule.days_after_enrolment is not None:
            came = self._run_state.enrolled_at
            return came and calendar.later(calendar.day_of(came), rule.days_after_enrolment, days)
        if rule.after_activity is not None:
            end = self._end_of(rule.after_activity.activity_id)
            return end and calendar.later(calendar.day_until(end), rule.after_activity.days, days)
        return None

    def _end_of(self, activity_id: str) -> datetime | None:
        """Return what an activity's dependants count from: a class's end, or a due."""
        if activity_id in self._plan.classes:
            return end_of_class(self._classes(activity_id))
        return self.of(activity_id).at

    def start_of(self, activity_id: str) -> datetime | None:
        """Return when the first class of a SESSION activity begins; None for other activities, and
        if none is scheduled.
        """
        return earliest(*(each.start_time for each in self._classes(activity_id)))

    def _classes(self, activity_id: str) -> Sequence[Session]:
        """Return the classes of the learner's groups; of a learner who is in none yet, all."""
        sessions = self._plan.sessions_of_activity.get(activity_id, ())
        return [each for each in sessions if each.is_for(self._run_state.group_ids)] or sessions


def to_be_done(run_state: LearnerRunState, plan: Plan, dues: Dues) -> list[datetime]:
    """Return the dues of the required activities that are not completed, in no order."""
    dated = (plan.dated | run_state.extensions.keys()) & plan.required
    instants = (dues.of(activity_id).at for activity_id in dated - run_state.completed.keys())
    return [at for at in instants if at is not None]


def end_of_class(sessions: Iterable[Session]) -> datetime | None:
    """Return when a SESSION activity is over: the end of its last session that was not cancelled.

    If all were cancelled, the planned end counts: a deadline that people know does not vanish with
    the class.
    """
    known = list(sessions)
    held = [each for each in known if each.state is not SessionState.CANCELLED]
    return latest(*(each.end_time or each.ended_at for each in held or known))


def stored(at: datetime) -> datetime:
    """Return an instant as precise as it is stored."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _plus(at: datetime | None, offset: timedelta) -> datetime | None:
    try:
        return None if at is None else at + offset
    except OverflowError:
        return None  # beyond the end of the calendar
