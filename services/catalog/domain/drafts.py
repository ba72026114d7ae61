"""Draft paths: the steps that follow from accepted advice, before anybody publishes them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from chassis.errors import FieldViolation
from services.catalog.domain.advice import Advice, Override, WeekAdvice
from services.catalog.domain.enums import ActivityKind, Weekday, WeekForm
from services.catalog.domain.path import Activity, CivilRule, TimeRule, WeekDay
from services.catalog.domain.runs import Run
from services.catalog.domain.weeks import week_of_activity

MOST_ACTIVITIES = 500
"""What PublishPathRequest takes."""
SESSION, ITEM = ActivityKind.SESSION, ActivityKind.ITEM


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptAdvice:
    """Make a draft path of what was advised."""

    run_id: str
    overrides: tuple[Override, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPath:
    """A path that is not published."""

    run_id: str
    activities: tuple[Activity, ...]
    advice: Advice
    accepted_by: str
    accepted_at: datetime


def digest_violations(advice: Advice, digest: str) -> Iterator[FieldViolation]:
    """Yield a violation if something else is advised by now than was read."""
    if advice.digest != digest:
        wrong = "is of another advice: the facts or the overrides have changed"
        yield FieldViolation("digest", wrong, "the digest that AdviseDelivery answers now")


def count_violations(activities: Collection[Activity]) -> Iterator[FieldViolation]:
    """Yield a violation for more activities than a path may have."""
    if len(activities) > MOST_ACTIVITIES:
        wrong = f"has {len(activities)} rows"
        yield FieldViolation("activities", wrong, f"at most {MOST_ACTIVITIES}")


def drafted(activities: Sequence[Activity], advice: Advice, run: Run) -> tuple[Activity, ...]:
    """Return the activities of a path as the advice has them, in the order of their weeks.

    The classes of self-paced weeks are left out. A week without an activity of its form gets one:
    a SESSION, or an ITEM that is still to be chosen. Activities that no week is told of stay beside
    the one before them.
    """
    forms = {each.week: each.form for each in advice.weeks}
    placed = [(week_of_activity(each, run), each) for each in activities]
    kept = [
        (week, each)
        for week, each in placed
        if each.kind is not SESSION or forms.get(week) is not WeekForm.SELF_PACED
    ]
    there = {(week, each.kind) for week, each in kept}
    taken = {each.id for each in activities}
    added = [
        (each.week, _added(each, taken))
        for each in advice.weeks
        if each.first_day and (each.week, _kind(each.form)) not in there
    ]
    return tuple(each for _, each in sorted([*_ordered(kept), *added], key=lambda row: row[0]))


def _ordered(kept: Sequence[tuple[int, Activity]]) -> Iterator[tuple[int, Activity]]:
    """Yield activities with weeks that never decrease, so that they keep their order."""
    latest = 0
    for week, activity in kept:
        latest = max(latest, week)
        yield latest, activity


def _kind(form: WeekForm) -> ActivityKind:
    return SESSION if form is WeekForm.LIVE else ITEM


def _added(advised: WeekAdvice, taken: Collection[str]) -> Activity:
    """Return the activity of a week that had none of its form."""
    is_live = advised.form is WeekForm.LIVE
    name, title = ("class", "class") if is_live else ("study", "self-paced study")
    return Activity(
        id=_free(f"week-{advised.week}-{name}", taken),
        title=f"Week {advised.week}: {title}",
        kind=_kind(advised.form),
        release=_on(advised.week, advised.first_day),
        deadline=None if is_live else _on(advised.week, advised.last_day),
    )


def _free(name: str, taken: Collection[str]) -> str:
    """Return an id that the path does not have, with a number behind the name if needed."""
    names = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)


def _on(week: int, day: str) -> TimeRule:
    weekday = [*Weekday][date.fromisoformat(day).weekday()]
    return TimeRule(civil=CivilRule(week_day=WeekDay(week, weekday)))
