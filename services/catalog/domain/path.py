"""A run's learning path, and the check for all its faults."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from zoneinfo import ZoneInfo

from chassis.errors import FieldViolation
from services.catalog.domain.enums import ActivityKind, DeliveryMode
from services.catalog.domain.runs import NOTHING, Run

SESSION = ActivityKind.SESSION
# Bytes. A path is part of one event of less than 256 KiB; its other fields take less than 1 KiB.
LARGEST = 255 * 1024
FIRST_DAY = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AfterActivity:
    """A time that counts from another activity."""

    activity_id: str
    offset: timedelta | None = None


@dataclass(frozen=True, slots=True)
class TimeRule:
    """When an activity is released, or is due. Exactly one field is set."""

    fixed: datetime | None = None
    after_enrolment: timedelta | None = None
    after_activity: AfterActivity | None = None


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
    for place, activity in enumerate(activities):
        field = f"activities[{place}]"
        if ids[activity.id] > 1:
            yield FieldViolation(
                f"{field}.id", f"{activity.id!r} is used twice", "an id of its own"
            )
        yield from _item_violations(activity, field, known_items)
        yield from _reference_violations(activity, field, ids)
        yield from _time_violations(activity, field, run, by_id)
    yield from _cycle_violations(activities)
    yield from _mode_violations(activities, run)


def size_violations(size: int) -> Iterator[FieldViolation]:
    """Yield a violation if the activities are too large for an event. `size`: bytes as JSON."""
    if size > LARGEST:
        right = f"at most {LARGEST} bytes: shorter titles, fewer activities or prerequisites"
        yield FieldViolation("activities", f"have {size} bytes as JSON", right)


def _item_violations(
    activity: Activity, field: str, known: Collection[str]
) -> Iterator[FieldViolation]:
    if activity.kind is ActivityKind.ITEM:
        if not activity.item_id:
            yield FieldViolation(
                f"{field}.item_id", "is missing", "the id of an item of the library"
            )
        elif activity.item_id not in known:
            wrong = f"item {activity.item_id!r} is not in the library, or is FAILED"
            yield FieldViolation(f"{field}.item_id", wrong, "the id of an item of the library")
    elif activity.item_id:
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
        after = rule.after_activity
        if after is not None and after.activity_id not in ids:
            wrong = f"{after.activity_id!r} is not in the path"
            where = f"{field}.{name}.after_activity.activity_id"
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
    if _is_before(activity.deadline, activity.release, activities):
        yield FieldViolation(
            f"{field}.deadline", "is before the release", "a time after the release"
        )


def _rule_violations(rule: TimeRule, field: str, run: Run) -> Iterator[FieldViolation]:
    parts = [rule.fixed, rule.after_enrolment, rule.after_activity]
    if sum(part is not None for part in parts) != 1:
        right = "one of fixed, after_enrolment, after_activity"
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


def _within(instant: datetime, run: Run) -> bool:
    day = instant.astimezone(ZoneInfo(run.zone)).date()
    return date.fromisoformat(run.start_date) <= day <= date.fromisoformat(run.end_date)


def _is_before(
    deadline: TimeRule | None, release: TimeRule | None, activities: Mapping[str, Activity]
) -> bool:
    """Return whether a deadline is surely before its release: both count from the same start."""
    if deadline is None or release is None:
        return False
    due, opens = _counted(deadline, activities), _counted(release, activities)
    return due is not None and opens is not None and due[0] == opens[0] and due[1] < opens[1]


def _counted(rule: TimeRule, activities: Mapping[str, Activity]) -> tuple[str, int] | None:
    """Return the start that a time finally counts from, and its microseconds after that start.

    The start is an activity whose end or due is not known yet, or the enrolment, or (for a fixed
    time) the first day of the calendar. Return None for a circle, or for a rule without a time.
    """
    way = counting(rule, activities)
    if not way:
        return None
    first = way[-1]
    offsets = sum(_microseconds(each.after_activity.offset) for each in way if each.after_activity)
    if first.fixed is not None:
        return "FIXED", offsets + _microseconds(first.fixed - FIRST_DAY)
    if first.after_enrolment is not None:
        return "ENROLMENT", offsets + _microseconds(first.after_enrolment)
    return (first.after_activity.activity_id, offsets) if first.after_activity else None


def counting(rule: TimeRule, activities: Mapping[str, Activity]) -> list[TimeRule]:
    """Return a rule, the deadline that it counts from, the one that this counts from, and so on.

    The list ends with a rule that counts from no other deadline: a rule after a SESSION counts from
    the end of the class. It is empty for a circle.
    """
    way, seen = [rule], set[str]()
    while after := way[-1].after_activity:
        other = activities.get(after.activity_id)
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
    """Yield a violation for each circle of prerequisites or of time rules."""
    places = {each.id: place for place, each in enumerate(activities)}
    for way in _cycles({each.id: set(each.requires) for each in activities}):
        yield _circle(f"activities[{places[way[0]]}].requires", way)
    for way in _cycles({each.id: set(_anchors(each)) for each in activities}):
        first = activities[places[way[0]]]
        name = next(name for name, to in _dependencies(first) if to == way[1])
        yield _circle(f"activities[{places[way[0]]}].{name}.after_activity.activity_id", way)


def _circle(field: str, way: Sequence[str]) -> FieldViolation:
    return FieldViolation(
        field, f"is part of a circle: {' -> '.join(way)}", "an order without circles"
    )


def _anchors(activity: Activity) -> Iterator[str]:
    return (to for _, to in _dependencies(activity))


def _dependencies(activity: Activity) -> Iterator[tuple[str, str]]:
    """Yield an activity's rules that depend on another activity, with the id of that activity.

    A rule after an activity depends on its deadline and on its release, so both rules count. But no
    rule depends on the deadline of a SESSION: rules after one count from the end of the class.
    """
    for name, rule in _rules(activity):
        if rule.after_activity and not (name == "deadline" and activity.kind is SESSION):
            yield name, rule.after_activity.activity_id


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
