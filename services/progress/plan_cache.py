"""A cache of the plans that this process has built, for batches over many runs."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock

from services.progress.domain.plan import Plan

# The capacity, in activities, sessions and items of about half a kilobyte each.
ROOM = 120_000


class PlanCache:
    """The plans that were used last, each under the tag of its version.

    A tag is unique, also over several databases and after a restore. So a cached plan is never out
    of date, and plans are removed only to make room.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._taken = 0
        self._lock = Lock()

    def find(self, tags: Iterable[str]) -> dict[str, Plan]:
        """Return the cached plans, by tag."""
        with self._lock:
            found = {tag: self._plans[tag] for tag in tags if tag in self._plans}
            for tag in found:
                self._plans.move_to_end(tag)
        return found

    def keep(self, plans: Mapping[str, Plan]) -> None:
        """Cache plans by tag; the least recently used ones make room."""
        with self._lock:
            for tag, plan in plans.items():
                if tag not in self._plans:
                    self._plans[tag] = plan
                    self._taken += plan.size
            while self._taken > self._room:
                _, gone = self._plans.popitem(last=False)
                self._taken -= gone.size
