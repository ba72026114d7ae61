"""A run's plan: the data of a run that are the same for all its learners."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from chassis.civil import Calendar, week_of
from services.progress.domain.enums import (
    ActivityKind,
    ConditionKind,
    SessionPurpose,
    SessionState,
)
from services.progress.domain.evidence import activity_target, item_target
from services.progress.domain.moments import common_moment
from services.progress.domain.path import Activity, Condition, Path, Run
from services.progress.domain.plan_history import PlanHistory
from services.progress.domain.recorded_time import Stretches
from services.progress.domain.sessions import AttachedRecording, Item, Session, agree, substitutes

# The end of a session whose end is not known yet.
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier recording of a class that is as long as a later one, or tells what it contains."""

    item_id: str
    on_class: Stretches
    """What of the class's time it contains."""


@dataclass(frozen=True, slots=True)
class Line:
    """The time line of a class's recording."""

    on_class: Stretches
    """What of the class's time it contains."""
    earlier: tuple[Earlier, ...]
    """The earlier recordings of which what was watched counts for this one."""


@dataclass(frozen=True)
class Plan:
    """A run with its path, its sessions, and the items that they name."""

    run: Run
    path: Path | None
    sessions: Mapping[str, Session]
    items: Mapping[str, Item]
    history: PlanHistory

    @property
    def path_version(self) -> int:
        """Return the path's version; 0 before the first."""
        return self.path.version if self.path else 0

    @property
    def size(self) -> int:
        """Return the number of parts, for the cache."""
        return 1 + len(self.activities) + len(self.sessions) + len(self.items)

    @cached_property
    def activities(self) -> Mapping[str, Activity]:
        """Return the path's activities by id, in order."""
        return {each.id: each for each in self.path.activities} if self.path else {}

    @cached_property
    def calendar(self) -> Calendar:
        """Return the calendar of the run's zone, with its holidays."""
        return Calendar(self.run.zone, frozenset(self.run.holidays))

    @cached_property
    def begins_at(self) -> datetime | None:
        """Return when the run's first day begins; None if that is not known."""
        first = self.run.start_date
        return self.calendar.opening(date.fromisoformat(first)) if first else None

    def is_optional(self, session_id: str) -> bool:
        """Return whether the path can be completed without a session's activity."""
        session = self.sessions.get(session_id)
        activity = self.activities.get(session.activity_id) if session else None
        return activity is not None and activity.optional

    def week_of(self, at: datetime, *, is_end: bool) -> int:
        """Return the week of the run that holds an instant, from 1; 0 before it, or if the run's
        first day is not known. `is_end`: an instant between two days is of the first.
        """
        if not self.run.start_date:
            return 0
        day = self.calendar.day_until(at) if is_end else self.calendar.day_of(at)
        return max(0, week_of(self.run.start_date, day))

    @cached_property
    def required(self) -> frozenset[str]:
        """Return the ids of the activities that the path requires."""
        return frozenset(each.id for each in self.activities.values() if not each.optional)

    @cached_property
    def with_deadline(self) -> Sequence[str]:
        """Return the ids of the required activities that have a deadline, in order."""
        return [each.id for each in self.activities.values() if each.deadline and not each.optional]

    @cached_property
    def dated(self) -> frozenset[str]:
        """Return the ids of the activities that have a deadline, optional ones too."""
        return frozenset(each.id for each in self.activities.values() if each.deadline)

    @cached_property
    def common_dues(self) -> Mapping[str, datetime]:
        """Return the deadlines that are the same for all learners but those with an extension, by
        activity. A list of learners asks for them again and again.
        """
        rules = {each.id: each.deadline for each in self.activities.values() if not each.added_at}
        found = (
            (each, common_moment(rule, self.run, self.calendar))
            for each, rule in rules.items()
            if rule
        )
        return {activity_id: at for activity_id, at in found if at is not None}

    @property
    def _conditions(self) -> Iterable[Condition]:
        return (one for each in self.activities.values() for one in each.opens_when)

    @cached_property
    def waits_for_attendance(self) -> bool:
        """Return whether an activity opens by attendance."""
        return any(each.kind is ConditionKind.ATTENDED for each in self._conditions)

    @cached_property
    def scored_targets(self) -> frozenset[str]:
        """Return the targets of evidence whose scores open activities."""
        kind = ConditionKind.SCORED
        scored = (each.activity_id for each in self._conditions if each.kind is kind)
        return frozenset(map(activity_target, scored))

    @cached_property
    def activities_of_item(self) -> Mapping[str, Sequence[str]]:
        """Return the ids of the activities that study an item, by item."""
        found = defaultdict(list)
        for each in self.activities.values():
            if each.item_id:
                found[each.item_id].append(each.id)
        return found

    @cached_property
    def sessions_of_activity(self) -> Mapping[str, Sequence[Session]]:
        """Return the sessions of each SESSION activity, by activity."""
        found = defaultdict(list)
        for session in self.sessions.values():
            if session.activity_id:
                found[session.activity_id].append(session)
        return found

    @cached_property
    def _held(self) -> Sequence[Session]:
        """The sessions that have ended, by their end."""
        held = [each for each in self.sessions.values() if each.state is SessionState.ENDED]
        return sorted(held, key=lambda each: (each.ended_at or _NEVER, each.id))

    def held_until(self, at: datetime) -> Sequence[Session]:
        """Return the sessions that had ended by an instant, by their end."""
        count = bisect_right(self._held, at, key=lambda each: each.ended_at or _NEVER)
        return self._held[:count]

    @cached_property
    def help_sessions(self) -> frozenset[str]:
        """Return the ids of the help sessions: nobody who stays away misses anything."""
        help_ = SessionPurpose.HELP
        return frozenset(each.id for each in self.sessions.values() if each.purpose is help_)

    @cached_property
    def classes(self) -> frozenset[str]:
        """Return the ids of the SESSION activities."""
        kind = ActivityKind.SESSION
        return frozenset(each.id for each in self.activities.values() if each.kind is kind)

    @cached_property
    def checkpoints(self) -> frozenset[str]:
        """Return the ids of the CHECKPOINT activities."""
        kind = ActivityKind.CHECKPOINT
        return frozenset(each.id for each in self.activities.values() if each.kind is kind)

    @cached_property
    def substitutes(self) -> Mapping[str, tuple[str, ...]]:
        """Return the substitute materials of each session, by session."""
        return {each.id: substitutes(each, self.items) for each in self.sessions.values()}

    @cached_property
    def _lines(self) -> Mapping[tuple[str, str], Line]:
        """The lines of all recordings that classes have or had, by class and item."""
        return {
            (session.id, each.item_id): Line(each.on_class, tuple(self._agreeing(session, each)))
            for session in self.sessions.values()
            for each in session.attached
        }

    def _agreeing(self, session: Session, one: AttachedRecording) -> Iterable[Earlier]:
        """Yield the recordings of before `one` of which we know what of `one` they show. Parts of
        one recording are not before each other.
        """
        items = self.items
        for each in session.attached:
            is_told = each.stretches and one.stretches
            if each.sequence < one.sequence and (
                is_told or agree(items.get(each.item_id), items.get(one.item_id))
            ):
                yield Earlier(each.item_id, each.on_class)

    def has_nothing_left(self, session_id: str) -> bool:
        """Return whether a class's recording was taken back, and nothing is there in its place."""
        session = self.sessions.get(session_id)
        return session is not None and session.is_withdrawn and not self.substitutes.get(session_id)

    def line_of(self, session_id: str, item_id: str) -> Line | None:
        """Return the time line of a class's recording; None if the item is none of them."""
        return self._lines.get((session_id, item_id))

    @cached_property
    def _groups(self) -> Sequence[tuple[str, ...]]:
        """Groups of items that are evaluated together: substitutes, and recordings of a class."""
        lines = self._lines.items()
        carried = (
            (item_id, *(each.item_id for each in line.earlier))
            for (_, item_id), line in lines
            if line.earlier
        )
        return (*filter(None, self.substitutes.values()), *carried)

    def targets_in_place_of(self, session_id: str, item_ids: Iterable[str]) -> frozenset[str]:
        """Return the targets of evidence on what is studied in the place of a class."""
        wanted = list(item_ids)
        lines = (self.line_of(session_id, item_id) for item_id in wanted)
        wanted += [each.item_id for line in lines if line for each in line.earlier]
        return self.targets_of_items(wanted)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {activity_id: place for place, activity_id in enumerate(self.activities)}

    def in_order(self, activity_ids: Iterable[str]) -> list[Activity]:
        """Return those of these activities that the path has, in its order.

        It is fast, because a path may have hundreds of activities, and a batch hundreds of
        learners.
        """
        known = [each for each in activity_ids if each in self._places]
        return [self.activities[each] for each in sorted(known, key=self._places.__getitem__)]

    def targets_of_item(self, item_id: str) -> list[str]:
        """Return the targets of evidence on an item: the item, and the activities that study it."""
        return [
            item_target(item_id),
            *map(activity_target, self.activities_of_item.get(item_id, ())),
        ]

    def targets_of_items(self, item_ids: Iterable[str]) -> frozenset[str]:
        """Return the targets of evidence on several items."""
        return frozenset(target for one in item_ids for target in self.targets_of_item(one))

    def related(
        self, targets: Iterable[str], together: Iterable[tuple[str, ...]] = ()
    ) -> frozenset[str]:
        """Return all targets whose evidence is needed to evaluate changes of `targets`.

        `together`: more groups of items that are evaluated together, such as a catch-up's.
        """
        touched = set(targets)
        items = set(self._items_of(touched))
        groups = (*self._groups, *together)
        items = items.union(*(group for group in groups if items.intersection(group)))
        return self.targets_of_items(items) | touched

    def judged_by(self, targets: Iterable[str]) -> set[str]:
        """Return the ids of the activities that evidence on `targets` may complete.

        SESSION activities are always included, because attendance may complete them too.
        """
        found = set(self.classes)
        for target in targets:
            kind, _, name = target.partition(":")
            item_id = name
            if kind == "activity":
                found.add(name)
                item_id = self.activities[name].item_id if name in self.activities else ""
            found.update(self.activities_of_item.get(item_id, ()))
        return found

    def _items_of(self, targets: set[str]) -> Iterable[str]:
        for target in targets:
            kind, _, name = target.partition(":")
            if kind == "item":
                yield name
            elif name in self.activities and self.activities[name].item_id:
                yield self.activities[name].item_id
