"""A run's learning path, and the check for all its faults."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from chassis.civil import DAY, Calendar, day_of_week
from chassis.errors import FieldViolation
from services.catalog.domain.assignable_units import AssignableUnit, unit_violations
from services.catalog.domain.conditions import Condition, condition_violations
from services.catalog.domain.enums import ActivityKind, DeliveryMode, Weekday
from services.catalog.domain.runs import NOTHING, Run

SESSION = ActivityKind.SESSION
# Bytes. A path is part of one event of less than 256 KiB; its other fields take less than 1 KiB.
LARGEST = 255 * 1024
LONGEST_EFFORT = timedelta(hours=1_000)
# Bytes as JSON of `added_at`, with the most digits.
ADDED_AT = len(',"added_at":"2026-03-01T09:00:00.123456789Z"')
FIRST_DAY = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AfterActivity:
    """A time that counts from another activity."""

    activity_id: str
    offset: timedelta | None = None


@dataclass(frozen=True, slots=True)
class WeekDay:
    """A day of a week of the run; week 1 holds its first day."""

    week: int
    weekday: Weekday


@dataclass(frozen=True, slots=True)
class DaysAfterActivity:
    """A day that counts from another activity."""

    activity_id: str
    days: int = 0


@dataclass(frozen=True, slots=True)
class CivilRule:
    """A civil time in the run's zone. Exactly one of the first four fields is set."""

    date: str = ""
    week_day: WeekDay | None = None
    days_after_enrolment: int | None = None
    after_activity: DaysAfterActivity | None = None
    working_days: bool = False
    time: str = ""
    """HH:MM; empty: the end of the day, of a release its beginning."""


@dataclass(frozen=True, slots=True)
class TimeRule:
    """When an activity is released, or is due. Exactly one field is set."""

    fixed: datetime | None = None
    after_enrolment: timedelta | None = None
    after_activity: AfterActivity | None = None
    civil: CivilRule | None = None

    @property
    def depends_on(self) -> str:
        """Return the id of the activity that it counts from; empty if it counts from none."""
        after = self.after_activity or (self.civil and self.civil.after_activity)
        return after.activity_id if after else ""

    @property
    def after_field(self) -> str:
        """Return the name of the field with the activity that it counts from."""
        after = "after_activity" if self.after_activity else "civil.after_activity"
        return f"{after}.activity_id"


@dataclass(frozen=True, slots=True)
class Activity:
    """One step of a path."""

    id: str
    title: str
    kind: ActivityKind
    item_id: str = ""
    requires: tuple[str, ...] = ()
    release: TimeRule | None = None
    deadline: TimeRule | None = None
    optional: bool = False
    opens_when: tuple[Condition, ...] = ()
    added_at: datetime | None = None
    """When a version first had it, after a version without it; None: the first version had it."""
    effort: timedelta | None = None
    """How long it takes a learner; None: not said."""
    cmi5: AssignableUnit | None = None
    """The assignable unit that it is; None: it is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One published version of a run's path."""

    run_id: str
    version: int
    activities: tuple[Activity, ...]
    published_at: datetime
    published_by: str


def path_violations(
    activities: Sequence[Activity], run: Run, known_items: Collection[str]
) -> Iterator[FieldViolation]:
    """Yield every violation of a path that is to be published for `run`.

    `known_items`: those of the path's items that the library has.
    """
    ids = Counter(activity.id for activity in activities)
    by_id = {activity.id: activity for activity in activities}
    kinds = {activity.id: activity.kind for activity in activities}
    for place, activity in enumerate(activities):
        field = f"activities[{place}]"
        if ids[activity.id] > 1:
            yield FieldViolation(
                f"{field}.id", f"{activity.id!r} is used twice", "an id of its own"
            )
        yield from _item_violations(activity, field, known_items)
        yield from _reference_violations(activity, field, ids)
        yield from condition_violations(activity.opens_when, field, kinds)
        yield from _time_violations(activity, field, run, by_id)
        yield from _effort_violations(activity, field)
    yield from unit_violations(activities)
    yield from _cycle_violations(activities)
    yield from _mode_violations(activities, run)


def _effort_violations(activity: Activity, field: str) -> Iterator[FieldViolation]:
    effort = activity.effort
    if effort is not None and not timedelta() < effort <= LONGEST_EFFORT:
        wrong = f"is {effort.total_seconds():g} s"
        yield FieldViolation(f"{field}.effort", wrong, "above 0, and at most 1,000 hours")


def size_violations(size: int) -> Iterator[FieldViolation]:
    """Yield a violation if the activities are too large for an event. `size`: bytes as JSON."""
    if size > LARGEST:
        right = f"at most {LARGEST} bytes: shorter titles, fewer activities or prerequisites"
        yield FieldViolation("activities", f"have {size} bytes as JSON", right)


def _item_violations(
    activity: Activity, field: str, known: Collection[str]
) -> Iterator[FieldViolation]:
    if activity.kind is ActivityKind.ITEM and activity.cmi5 is None:
        if not activity.item_id:
            yield FieldViolation(
                f"{field}.item_id", "is missing", "the id of an item of the library"
            )
        elif activity.item_id not in known:
            wrong = f"item {activity.item_id!r} is not in the library, or is FAILED"
            yield FieldViolation(f"{field}.item_id", wrong, "the id of an item of the library")
    elif activity.item_id and activity.cmi5 is None:
        yield FieldViolation(
            f"{field}.item_id", f"is set on a {activity.kind}", "an item on an ITEM only"
        )


def _reference_violations(
    activity: Activity, field: str, ids: Mapping[str, int]
) -> Iterator[FieldViolation]:
    for place, required in enumerate(activity.requires):
        if required not in ids:
            wrong = f"{required!r} is not in the path"
            yield FieldViolation(f"{field}.requires[{place}]", wrong, "the id of another activity")
    for name, rule in _rules(activity):
        if rule.depends_on and rule.depends_on not in ids:
            wrong = f"{rule.depends_on!r} is not in the path"
            where = f"{field}.{name}.{rule.after_field}"
            yield FieldViolation(where, wrong, "the id of another activity")


def _rules(activity: Activity) -> Iterator[tuple[str, TimeRule]]:
    for name, rule in (("release", activity.release), ("deadline", activity.deadline)):
        if rule is not None:
            yield name, rule


def _time_violations(
    activity: Activity, field: str, run: Run, activities: Mapping[str, Activity]
) -> Iterator[FieldViolation]:
    for name, rule in _rules(activity):
        yield from _rule_violations(rule, f"{field}.{name}", run)
    if is_before(activity.deadline, activity.release, activities, run):
        yield FieldViolation(
            f"{field}.deadline", "is before the release", "a time after the release"
        )


def _rule_violations(rule: TimeRule, field: str, run: Run) -> Iterator[FieldViolation]:
    parts = [rule.fixed, rule.after_enrolment, rule.after_activity, rule.civil]
    if sum(part is not None for part in parts) != 1:
        right = "one of fixed, after_enrolment, after_activity, civil"
        yield FieldViolation(
            field, "has more than one time" if any(parts) else "has no time", right
        )
    after = rule.after_activity
    offsets = {
        "after_enrolment": rule.after_enrolment,
        "after_activity.offset": after.offset if after else None,
    }
    for name, offset in offsets.items():
        if offset is not None and offset < NOTHING:
            yield FieldViolation(f"{field}.{name}", "is negative", "a duration of 0 or more")
    if rule.fixed is not None and not _within(rule.fixed, run):
        wrong = f"{rule.fixed.isoformat()} is outside the run"
        right = f"a time from {run.start_date} to {run.end_date} in {run.zone}"
        yield FieldViolation(f"{field}.fixed", wrong, right)
    if rule.civil is not None:
        yield from _civil_violations(rule.civil, f"{field}.civil", run)


def _civil_violations(civil: CivilRule, field: str, run: Run) -> Iterator[FieldViolation]:
    counted = [civil.days_after_enrolment, civil.after_activity]
    bases = [civil.date or None, civil.week_day, *counted]
    if sum(base is not None for base in bases) != 1:
        wrong = "has more than one day" if any(base is not None for base in bases) else "has no day"
        right = "one of date, week_day, days_after_enrolment, after_activity"
        yield FieldViolation(field, wrong, right)
    if civil.working_days and counted == [None, None]:
        wrong = "is set, and no days are counted"
        right = "working_days with days_after_enrolment or after_activity only"
        yield FieldViolation(f"{field}.working_days", wrong, right)
    for name, day in (("date", civil.date), ("week_day", _day_of_week(civil, run))):
        if day and not run.start_date <= str(day) <= run.end_date:
            right = f"a day from {run.start_date} to {run.end_date}"
            yield FieldViolation(f"{field}.{name}", f"{day} is outside the run", right)


def _day_of_week(civil: CivilRule, run: Run) -> date | None:
    """Return the day of a rule with a week; None for others, and beyond the calendar."""
    try:
        return _first_day(civil, run) if civil.week_day else None
    except OverflowError:
        return date.max


def _within(instant: datetime, run: Run) -> bool:
    day = run.calendar.day_of(instant)
    return date.fromisoformat(run.start_date) <= day <= date.fromisoformat(run.end_date)


def is_before(
    deadline: TimeRule | None,
    release: TimeRule | None,
    activities: Mapping[str, Activity],
    run: Run,
) -> bool:
    """Return whether a deadline is surely before its release: both count from the same start."""
    if deadline is None or release is None:
        return False
    ways = counting(deadline, activities), counting(release, activities)
    if any(rule.civil for way in ways for rule in way):
        return _is_civil_before(*ways, run)
    due, opens = _counted(ways[0]), _counted(ways[1])
    return due is not None and opens is not None and due[0] == opens[0] and due[1] < opens[1]


def _is_civil_before(due: Sequence[TimeRule], opens: Sequence[TimeRule], run: Run) -> bool:
    """Return whether a deadline is before its release, whenever in the run their start is.

    Two rules that count from the same may be in either order, for days are not all equally long:
    they are tried from the beginning, the middle and the end of each day, until they are in order.
    """
    if not due or not opens or _start(due[-1]) != _start(opens[-1]) or not _start(due[-1]):
        return False
    # What opens at midnight opens a day later than the one that ends then.
    ends_a_day = due[0].civil is not None and not due[0].civil.time
    for at in _starts(run) if _start(due[-1]) != _FIXED else [run.ends_at]:
        last, first = _moment(due, at, run), _moment(opens, at, run, is_release=True)
        if last is None or first is None or last > first or (last == first and not ends_a_day):
            return False
    return True


def _starts(run: Run) -> Iterator[datetime]:
    day, last = date.fromisoformat(run.start_date), date.fromisoformat(run.end_date)
    for _ in range(min((last - day).days, _LONGEST) + 1):
        yield run.calendar.opening(day)
        yield run.calendar.opening(day, "12:00")
        yield run.calendar.due(day, "23:59")
        day += DAY


_FIXED = "FIXED"
# Days of a run of which it is tried whether a deadline is before its release.
_LONGEST = 400


def _start(rule: TimeRule) -> str:
    """Return what a rule counts from that counts from no other deadline; empty: from nothing."""
    civil = rule.civil or CivilRule()
    if rule.fixed is not None or civil.date or civil.week_day:
        return _FIXED
    if rule.after_enrolment is not None or civil.days_after_enrolment is not None:
        return "ENROLMENT"
    return rule.depends_on


def _moment(
    way: Sequence[TimeRule], start: datetime, run: Run, is_release: bool = False
) -> datetime | None:
    """Return the time of the first rule of a way, whose last rule counts from `start`."""
    at: datetime | None = start
    for place, rule in reversed(list(enumerate(way))):
        at = at and moment(rule, at, run, is_release=is_release and place == 0)
    return at


def moment(
    rule: TimeRule, start: datetime, run: Run, *, is_release: bool = False
) -> datetime | None:
    """Return the time of a rule that counts from `start`: an enrolment, a class's end, a due.

    None if it is beyond the last day that a datetime can have.
    """
    try:
        if rule.civil is not None:
            return _civil_moment(rule.civil, start, run, is_release)
        if rule.fixed is not None:
            return rule.fixed
        after = rule.after_activity
        return start + (rule.after_enrolment or (after and after.offset) or NOTHING)
    except OverflowError:
        return None


def _civil_moment(civil: CivilRule, start: datetime, run: Run, is_release: bool) -> datetime:
    calendar, day = run.calendar, _first_day(civil, run)
    if day is None:
        day = _counted_day(civil, start, calendar)
    return calendar.opening(day, civil.time) if is_release else calendar.due(day, civil.time)


def _first_day(civil: CivilRule, run: Run) -> date | None:
    """Return the day of a rule that counts from nothing that comes later."""
    if civil.week_day is not None:
        return day_of_week(run.start_date, civil.week_day.week, civil.week_day.weekday.number)
    return date.fromisoformat(civil.date) if civil.date else None


def _counted_day(civil: CivilRule, start: datetime, calendar: Calendar) -> date:
    if civil.after_activity is not None:
        first, days = calendar.day_until(start), civil.after_activity.days
    else:
        first, days = calendar.day_of(start), civil.days_after_enrolment or 0
    return calendar.later(first, days, civil.working_days)


def counts_weeks(activities: Collection[Activity]) -> bool:
    """Return whether a rule of a path counts the weeks of the run."""
    rules = (rule for each in activities for _, rule in _rules(each))
    return any(rule.civil is not None and rule.civil.week_day is not None for rule in rules)


def _counted(way: Sequence[TimeRule]) -> tuple[str, int] | None:
    """Return the start that a time finally counts from, and its microseconds after that start.

    The start is an activity whose end or due is not known yet, or the enrolment, or (for a fixed
    time) the first day of the calendar. Return None for a circle, or for a rule without a time.
    """
    if not way:
        return None
    first = way[-1]
    offsets = sum(_microseconds(each.after_activity.offset) for each in way if each.after_activity)
    if first.fixed is not None:
        return _FIXED, offsets + _microseconds(first.fixed - FIRST_DAY)
    if first.after_enrolment is not None:
        return "ENROLMENT", offsets + _microseconds(first.after_enrolment)
    return (first.after_activity.activity_id, offsets) if first.after_activity else None


def counting(rule: TimeRule, activities: Mapping[str, Activity]) -> list[TimeRule]:
    """Return a rule, the deadline that it counts from, the one that this counts from, and so on.

    The list ends with a rule that counts from no other deadline: a rule after a SESSION counts from
    the end of the class. It is empty for a circle.
    """
    way, seen = [rule], set[str]()
    while after := way[-1].depends_on:
        other = activities.get(after)
        if other is None or other.kind is SESSION or other.deadline is None:
            break
        if other.id in seen:
            return []
        seen.add(other.id)
        way.append(other.deadline)
    return way


def _microseconds(offset: timedelta | None) -> int:
    """Return an offset as a number, because a sum of many may be too long for a timedelta."""
    return (offset or NOTHING) // timedelta(microseconds=1)


def _cycle_violations(activities: Sequence[Activity]) -> Iterator[FieldViolation]:
    """Yield a violation for each circle of what activities wait for to open, and of time rules."""
    places = {each.id: place for place, each in enumerate(activities)}
    by_id = {each.id: each for each in activities}
    for way in _cycles({each.id: {to for _, to in _awaited(each)} for each in activities}):
        if any(_needs(by_id[one], to) for one, to in pairwise(way)):  # others are found below
            name = next(name for name, to in _awaited(by_id[way[0]]) if to == way[1])
            yield _circle(f"activities[{places[way[0]]}].{name}", way)
    for way in _cycles({each.id: set(_anchors(each)) for each in activities}):
        first = activities[places[way[0]]]
        name = next(name for name, to in _dependencies(first) if to == way[1])
        yield _circle(f"activities[{places[way[0]]}].{name}", way)


def _awaited(activity: Activity) -> Iterator[tuple[str, str]]:
    """Yield the fields that name what an activity waits for before it opens, with its id."""
    for required in activity.requires:
        yield "requires", required
    for place, condition in enumerate(activity.opens_when):
        yield f"opens_when[{place}].activity_id", condition.activity_id
    if activity.release is not None and activity.release.depends_on:
        yield f"release.{activity.release.after_field}", activity.release.depends_on


def _needs(activity: Activity, other: str) -> bool:
    """Return whether an activity waits for what a learner does in another one."""
    conditions = (each.activity_id for each in activity.opens_when)
    return other in activity.requires or other in conditions


def _circle(field: str, way: Sequence[str]) -> FieldViolation:
    return FieldViolation(
        field, f"is part of a circle: {' -> '.join(way)}", "an order without circles"
    )


def _anchors(activity: Activity) -> Iterator[str]:
    return (to for _, to in _dependencies(activity))


def _dependencies(activity: Activity) -> Iterator[tuple[str, str]]:
    """Yield the fields of an activity's rules that name another activity, with its id.

    A rule after an activity depends on its deadline and on its release, so both rules count. But no
    rule depends on the deadline of a SESSION: rules after one count from the end of the class.
    """
    for name, rule in _rules(activity):
        if rule.depends_on and not (name == "deadline" and activity.kind is SESSION):
            yield f"{name}.{rule.after_field}", rule.depends_on


def _cycles(graph: Mapping[str, set[str]]) -> Iterator[Sequence[str]]:
    """Yield circles that share no activity; each starts and ends with the same activity."""
    while way := _cycle(graph):
        yield way
        rest = graph.keys() - way
        graph = {each: graph[each] & rest for each in graph if each in rest}


def _cycle(graph: Mapping[str, set[str]]) -> Sequence[str]:
    try:
        # sorted, so that the same path always gets the same answer
        TopologicalSorter({each: sorted(to) for each, to in graph.items()}).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def _mode_violations(activities: Sequence[Activity], run: Run) -> Iterator[FieldViolation]:
    live = any(activity.kind is SESSION for activity in activities)
    if run.delivery_mode is DeliveryMode.SYNCHRONOUS and not live:
        yield FieldViolation(
            "activities", "have no SESSION", "at least one, because the run is SYNCHRONOUS"
        )
    if run.delivery_mode is DeliveryMode.ASYNCHRONOUS and live:
        yield FieldViolation(
            "activities", "have a SESSION", "none, because the run is ASYNCHRONOUS"
        )
