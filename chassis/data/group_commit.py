"""Group commit: what many threads want to store at once is stored in one unit of work.

A unit of work costs several round trips, and those that write to the same documents make each other
start again. So what comes while one is under way waits, and the next one stores all of it: the more
comes at once, the less each costs. Nobody waits for more to come.
"""

import math
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pymongo.errors import ExecutionTimeout

from chassis.context import deadline
from chassis.data.store import is_away

# Keys of the items of one unit of work: what it writes grows with them.
MOST = 400
# Seconds that a unit of work may take; the deadline of one caller must not end the work of others.
LONGEST = 10.0

I = TypeVar("I")  # noqa: E741
R = TypeVar("R")


@dataclass(eq=False)
class _Waiting(Generic[I, R]):
    """An item that waits to be stored, or is stored now."""

    item: I
    keys: frozenset[Hashable]
    outcome: "Future[R]" = field(default_factory=Future)


class GroupCommit(Generic[I, R]):
    """Stores items of many threads, in units of work one after the other."""

    def __init__(
        self,
        store: Callable[[Sequence[I]], Sequence[R | Exception]],
        idle: Callable[[], object] = lambda: None,
        most: int = MOST,
    ) -> None:
        """`store` stores some items in one unit of work, and returns for each its result, or why it
        is refused. It runs on a thread of its own, outside of the context of those who call.
        `idle` is called there after something waited, and then nothing was left to store. `most`:
        how many keys the items of one unit of work have together, unless it is a single item.
        """
        self._store, self._idle, self._most = store, idle, most
        self._mutex = threading.Lock()
        self._waiting: list[_Waiting[I, R]] = []
        self._thread = ThreadPoolExecutor(1, "group-commit")

    def do(self, item: I, keys: Iterable[Hashable]) -> R:
        """Have an item stored, and return its result. Items that have a key in common are stored in
        different units of work, in the order in which they came.

        Raises what `store` returned for it or raised, and a timeout of MongoDB when the caller's
        deadline passes; then an item that still waits is not stored.
        """
        waiting: _Waiting[I, R] = _Waiting(item, frozenset(keys))
        with self._mutex:
            self._waiting.append(waiting)
        self._thread.submit(self._store_next)
        left = deadline.left()
        try:
            return waiting.outcome.result(None if left == math.inf else max(left, 0.0))
        except TimeoutError:
            waiting.outcome.cancel()
            raise ExecutionTimeout("the deadline passed while it waited to be stored") from None

    def has_waiting(self) -> bool:
        """Return whether anything waits to be stored: then `store` or `idle` will be called."""
        return bool(self._waiting)

    def _store_next(self) -> None:
        """Store what waits. Each item brought one call of this, so none is left behind."""
        taken = [each for each in self._take() if each.outcome.set_running_or_notify_cancel()]
        if not taken:
            self._idle()
            return
        outcomes = self._outcomes([each.item for each in taken])
        for each, outcome in zip(taken, outcomes, strict=True):
            if isinstance(outcome, Exception):
                each.outcome.set_exception(outcome)
            else:
                each.outcome.set_result(outcome)

    def _take(self) -> list[_Waiting[I, R]]:
        """Take what the next unit of work may store."""
        with self._mutex:
            places = first_group([each.keys for each in self._waiting], self._most)
            taken = [self._waiting[place] for place in sorted(places)]
            self._waiting = [e for place, e in enumerate(self._waiting) if place not in places]
        return taken

    def _outcomes(self, items: Sequence[I]) -> Sequence[R | Exception]:
        """Store items together; if that fails, each alone: one that can't be stored fails alone."""
        try:
            with deadline.within(LONGEST):
                return self._store(items)
        except Exception as error:
            if len(items) == 1 or is_away(error):
                return [error] * len(items)
            return [self._outcomes([each])[0] for each in items]


def first_group(keys: Sequence[Set[Hashable]], most: int = MOST) -> set[int]:
    """Return the places of those items, by their keys, that one unit of work may store: the first
    ones, without those that share a key with any before them; with at most `most` keys, or one
    item.
    """
    found: set[int] = set()
    used: set[Hashable] = set()
    size = 0
    for place, each in enumerate(keys):
        if found and size + max(1, len(each)) > most:
            break
        if used.isdisjoint(each):
            found.add(place)
            size += max(1, len(each))
        used |= each
    return found
