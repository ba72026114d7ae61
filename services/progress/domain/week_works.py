"""What a learner still has to do by oneself, and how long it takes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import takewhile

from services.progress.domain.catch_ups import CatchUp, CatchUpDue
from services.progress.domain.dues import Dues
from services.progress.domain.enums import ActivityKind, Stretch
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.path import Activity
from services.progress.domain.plan import Plan
from services.progress.domain.week_fit import FullWeek, Week, Work, fit, full_weeks

_WEEK = timedelta(days=7)
# Of what has no playing time, and of which the path's author says nothing.
USUAL = {
    ActivityKind.ITEM: timedelta(hours=1),
    ActivityKind.TASK: timedelta(hours=2),
    ActivityKind.CHECKPOINT: timedelta(minutes=30),
}
READING = timedelta(hours=1)


class WorkKind(StrEnum):
    """What a work is."""

    ACTIVITY = "ACTIVITY"
    CATCH_UP = "CATCH_UP"


@dataclass(frozen=True, slots=True)
class Task:
    """A work in one of the learner's runs."""

    kind: WorkKind
    run_id: str
    title: str
    work: Work
    activity_id: str = ""
    catch_up_id: str = ""


def tasks_of(
    run_state: LearnerRunState, catch_ups: Iterable[CatchUp], plan: Plan, now: datetime
) -> Iterator[Task]:
    """Yield what a learner has to do in a run: required activities that are due and not completed,
    without classes, and open catch-ups. None of a run that is over.
    """
    if plan.run.over_since(now) is not None:
        return
    dues = Dues(plan, run_state)
    for activity_id in plan.with_deadline:
        due = dues.of(activity_id).at
        activity = plan.activities[activity_id]
        effort = effort_of(activity, plan)
        if due is not None and effort and activity_id not in run_state.completed:
            begin = dues.release_of(activity_id)
            name = f"{plan.run.id}:{activity_id}"
            work = Work(name, effort.total_seconds(), due, begin if begin and begin > now else None)
            yield Task(WorkKind.ACTIVITY, plan.run.id, activity.title, work, activity_id)
    for each in catch_ups:
        if each.is_open:
            yield task_of(each, plan)


def task_of(catch_up: CatchUp, plan: Plan) -> Task:
    """Return what an open catch-up asks for."""
    left = effort_of_catch_up(catch_up, plan).total_seconds() * (1 - catch_up.watched_share)
    work = Work(catch_up.id, max(left, 0.0), catch_up.due)
    return Task(
        WorkKind.CATCH_UP,
        catch_up.run_id,
        catch_up.title,
        work,
        catch_up.activity_id,
        catch_up.id,
    )


def effort_of(activity: Activity, plan: Plan) -> timedelta | None:
    """Return how long an activity takes a learner by oneself; None of a class."""
    if activity.kind is ActivityKind.SESSION:
        return None
    item = plan.items.get(activity.item_id)
    playing = timedelta(seconds=item.length) if item and item.length else None
    return activity.effort or playing or USUAL.get(activity.kind, READING)


def effort_of_catch_up(catch_up: CatchUp, plan: Plan) -> timedelta:
    """Return how long a catch-up takes: the parts that it asks for, or its items."""
    parts = {each.item_id: each.stretches for each in catch_up.missed_parts}
    if not parts and catch_up.missed:
        return _length(catch_up.missed)
    items = (plan.items.get(each) for each in catch_up.item_ids)
    whole = {each.id: timedelta(seconds=each.length) for each in items if each and each.length}
    asked = parts or catch_up.item_ids
    told = (_length(parts[each]) if each in parts else whole.get(each, READING) for each in asked)
    return sum(told, timedelta())


def dues_to_try(due: CatchUpDue, plan: Plan) -> Iterator[CatchUpDue]:
    """Yield the dues that a catch-up may have: the usual one, and then a week later each time, as
    far as the run's slack and its end allow.
    """
    slack, end = plan.run.policy.slack, plan.run.ends_at
    latest = due.at + slack if end is None else max(due.at, min(due.at + slack, end))
    yield from takewhile(
        lambda each: each.at <= latest, (_later(due, place, plan) for place in range(_most(slack)))
    )


def weeks_until(latest: datetime, now: datetime) -> int:
    """Return how many weeks from the present one on hold all until an instant."""
    return max(1, -(-(latest - now) // _WEEK) + 1)


def weeks_without_room(
    others: Iterable[Work], weeks: Sequence[Week], until: datetime
) -> list[FullWeek]:
    """Return the weeks until an instant, with what others take of them."""
    planned = fit(others, weeks).weeks
    return [each for each in full_weeks(weeks, planned) if each.start < until]


def _later(due: CatchUpDue, weeks: int, plan: Plan) -> CatchUpDue:
    if not due.local:
        return CatchUpDue(due.at + _WEEK * weeks)
    day, _, at = due.local.partition("T")
    local = f"{date.fromisoformat(day) + _WEEK * weeks}T{at}"
    return CatchUpDue(plan.calendar.due_of_local(local), local)


def _most(slack: timedelta) -> int:
    return slack // _WEEK + 2


def _length(stretches: Iterable[Stretch]) -> timedelta:
    return timedelta(seconds=sum(each.end - each.start for each in stretches))
