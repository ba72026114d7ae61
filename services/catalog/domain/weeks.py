"""The weeks of a run, and the weeks in which its activities are."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from chassis.civil import DAY, is_working_day, week_of
from chassis.errors import FieldViolation
from services.catalog.domain.path import Activity, TimeRule
from services.catalog.domain.runs import Run

MOST_WEEKS = 100
"""About two years. A draft has an activity for each week, and a path at most 500."""


@dataclass(frozen=True, slots=True)
class Week:
    """A week of a run. Week 1 holds the run's first day, and weeks begin on Monday."""

    number: int
    days: tuple[str, ...]
    """Its working days in the run, YYYY-MM-DD, in order; none: it is a break."""


def length_violations(run: Run) -> Iterator[FieldViolation]:
    """Yield a violation for a run that has more weeks than advice is given for."""
    count = _count(run)
    if count > MOST_WEEKS:
        wrong = f"run {run.id!r} has {count} weeks"
        yield FieldViolation("run_id", wrong, f"a run of at most {MOST_WEEKS} weeks")


def weeks_of(run: Run) -> list[Week]:
    """Return the weeks of a run, in order."""
    days: dict[int, list[str]] = {number: [] for number in range(1, _count(run) + 1)}
    day, last = date.fromisoformat(run.start_date), date.fromisoformat(run.end_date)
    while day <= last:
        if is_working_day(day, run.calendar.holidays):
            days[week_of(run.start_date, day)].append(day.isoformat())
        day += DAY
    return [Week(number, tuple(of_week)) for number, of_week in days.items()]


def week_of_activity(activity: Activity, run: Run) -> int:
    """Return the week in which an activity is due, or else is released; 0 if no rule tells it
    before a learner enrols or a class ends.
    """
    for rule in (activity.deadline, activity.release):
        week = _week(rule, run) if rule else 0
        if week:
            return week
    return 0


def _week(rule: TimeRule, run: Run) -> int:
    if rule.civil is not None and rule.civil.week_day is not None:
        return rule.civil.week_day.week
    if rule.civil is not None and rule.civil.date:
        return week_of(run.start_date, date.fromisoformat(rule.civil.date))
    if rule.fixed is not None:
        return week_of(run.start_date, run.calendar.day_until(rule.fixed))
    return 0


def _count(run: Run) -> int:
    return week_of(run.start_date, date.fromisoformat(run.end_date))
