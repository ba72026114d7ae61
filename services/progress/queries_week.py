"""The weeks of a learner."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.progress.domain.study_hours import StudyHours
from services.progress.domain.week_fit import Fit, FullWeek, Part, Week, Work, fit
from services.progress.domain.week_works import Task, WorkKind
from services.progress.store import ProgressStore
from services.progress.usecases.week_fits import book_of

DEFAULT_WEEKS = 4
UNLIMITED = 1e12  # seconds


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """What of one work is planned for a week, or fits in none."""

    kind: WorkKind
    run_id: str
    activity_id: str
    catch_up_id: str
    title: str
    time: timedelta
    due: datetime


@dataclass(frozen=True, slots=True)
class WeekLoad:
    """One week."""

    start: datetime
    end: datetime
    budget: timedelta
    planned: timedelta
    works: Sequence[PlannedWork]


@dataclass(frozen=True, slots=True)
class UnfitWork:
    """Work that does not fit into the weeks until its due."""

    work: PlannedWork
    weeks: Sequence[FullWeek]


@dataclass(frozen=True, slots=True)
class WeekLoads:
    """GetWeekLoadResponse."""

    hours: StudyHours
    weeks: Sequence[WeekLoad]
    unfit: Sequence[UnfitWork]


def week_load(store: ProgressStore, learner_id: str, count: int) -> WeekLoads:
    """Return a learner's weeks from the present one on."""
    book = book_of(store, learner_id)
    weeks = book.weeks(store, count or DEFAULT_WEEKS)
    tasks = {each.work.id: each for each in book.tasks(store)}
    works = [each.work for each in tasks.values()]
    found = fit(works, weeks) if book.hours.time else _by_due(works, weeks)
    return WeekLoads(
        book.hours,
        [_load(week, parts, tasks) for week, parts in zip(weeks, found.weeks, strict=True)],
        [
            UnfitWork(_planned(tasks[each.work.id], each.seconds), each.weeks)
            for each in found.unfit
        ],
    )


def _by_due(works: Iterable[Work], weeks: Sequence[Week]) -> Fit:
    """Return a plan in which each work stands in the week in which it is due."""
    begun = [replace(each, begin=each.due - timedelta(microseconds=1)) for each in works]
    return fit(begun, [replace(each, budget=UNLIMITED) for each in weeks])


def _load(week: Week, parts: Iterable[Part], tasks: Mapping[str, Task]) -> WeekLoad:
    works = [_planned(tasks[each.work.id], each.seconds) for each in parts]
    planned = sum((each.time for each in works), timedelta())
    return WeekLoad(week.start, week.end, timedelta(seconds=week.budget), planned, works)


def _planned(task: Task, seconds: float) -> PlannedWork:
    return PlannedWork(
        task.kind,
        task.run_id,
        task.activity_id,
        task.catch_up_id,
        task.title,
        timedelta(seconds=seconds),
        task.work.due,
    )
