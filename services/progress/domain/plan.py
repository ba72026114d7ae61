"""A run's plan: everything about a run that is the same for all its learners."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from services.progress.domain.enums import ActivityKind
from services.progress.domain.evidence import activity_target, item_target
from services.progress.domain.path import Activity, Path, Run
from services.progress.domain.plan_history import PlanHistory
from services.progress.domain.sessions import Item, Session, substitutes


@dataclass(frozen=True)
class Plan:
    """A run with its path, its sessions, and the items that these name."""

    run: Run
    path: Path | None
    sessions: Mapping[str, Session]
    items: Mapping[str, Item]
    history: PlanHistory

    @property
    def path_version(self) -> int:
        """The path's version; 0 before the first."""
        return self.path.version if self.path else 0

    @property
    def size(self) -> int:
        """How many things it is made of."""
        return 1 + len(self.activities) + len(self.sessions) + len(self.items)

    @cached_property
    def activities(self) -> Mapping[str, Activity]:
        """The path's activities by id, in their order."""
        return {each.id: each for each in self.path.activities} if self.path else {}

    @cached_property
    def required(self) -> frozenset[str]:
        """Ids of the activities without which the path is not completed."""
        return frozenset(each.id for each in self.activities.values() if not each.optional)

    @cached_property
    def activities_of_item(self) -> Mapping[str, Sequence[str]]:
        """Ids of the activities that are to study an item, by the item."""
        found = defaultdict(list)
        for each in self.activities.values():
            if each.item_id:
                found[each.item_id].append(each.id)
        return found

    @cached_property
    def sessions_of_activity(self) -> Mapping[str, Sequence[Session]]:
        """The sessions that hold a SESSION activity, by the activity."""
        found = defaultdict(list)
        for session in self.sessions.values():
            if session.activity_id:
                found[session.activity_id].append(session)
        return found

    @cached_property
    def classes(self) -> frozenset[str]:
        """Ids of the SESSION activities."""
        kind = ActivityKind.SESSION
        return frozenset(each.id for each in self.activities.values() if each.kind is kind)

    @cached_property
    def substitutes(self) -> Mapping[str, tuple[str, ...]]:
        """The items that stand in for each session, by the session."""
        return {each.id: substitutes(each, self.items) for each in self.sessions.values()}

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {activity_id: place for place, activity_id in enumerate(self.activities)}

    def in_order(self, activity_ids: Iterable[str]) -> list[Activity]:
        """Those of these activities that the path has, in its order.

        A path may have hundreds of activities, and a batch hundreds of learners.
        """
        known = [each for each in activity_ids if each in self._places]
        return [self.activities[each] for each in sorted(known, key=self._places.__getitem__)]

    def targets_of_item(self, item_id: str) -> list[str]:
        """What evidence of an item may be found by: itself, and the activities that study it."""
        return [
            item_target(item_id),
            *map(activity_target, self.activities_of_item.get(item_id, ())),
        ]

    def targets_of_items(self, item_ids: Iterable[str]) -> frozenset[str]:
        """The same of several items."""
        return frozenset(target for one in item_ids for target in self.targets_of_item(one))

    def related(
        self, targets: Iterable[str], together: Iterable[tuple[str, ...]] = ()
    ) -> frozenset[str]:
        """All targets whose evidence is needed to judge what the evidence of `targets` changes.

        `together`: more groups of items that are judged together, such as a catch-up's.
        """
        touched = set(targets)
        items = set(self._items_of(touched))
        groups = (*self.substitutes.values(), *together)
        items = items.union(*(group for group in groups if items.intersection(group)))
        return self.targets_of_items(items) | touched

    def judged_by(self, targets: Iterable[str]) -> set[str]:
        """Ids of the activities of which evidence of `targets` may decide something.

        SESSION activities are among them always, for attendance decides too.
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
