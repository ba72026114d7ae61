"""The instants that the rules of a path name for all learners of a run alike."""

from datetime import date, datetime

from chassis.civil import Calendar, day_of_week
from services.progress.domain.enums import WEEK
from services.progress.domain.path import CivilRule, Run, TimeRule


def common_moment(
    rule: TimeRule, run: Run, calendar: Calendar, *, is_release: bool = False
) -> datetime | None:
    """Return the instant of a rule that names a fixed one, or a day of the run's calendar; None if
    it counts from something else, and beyond the end of the calendar.
    """
    if rule.civil is None:
        return rule.fixed
    try:
        day = _common_day(rule.civil, run)
    except OverflowError:
        return None
    return moment_of_day(day, rule.civil, calendar, is_release=is_release)


def moment_of_day(
    day: date | None, rule: CivilRule, calendar: Calendar, *, is_release: bool
) -> datetime | None:
    """Return the instant of a rule's time on a day; None without a day, and beyond the end of the
    calendar.
    """
    if day is None:
        return None
    instant = calendar.opening if is_release else calendar.due
    try:
        return instant(day, rule.time)
    except OverflowError:
        return None


def _common_day(rule: CivilRule, run: Run) -> date | None:
    named = rule.week_day
    if rule.date:
        return date.fromisoformat(rule.date)
    if named is None or not run.start_date or named.weekday not in WEEK:
        return None
    return day_of_week(run.start_date, named.week, WEEK.index(named.weekday) + 1)
