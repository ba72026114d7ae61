"""Requests whose bodies have not come yet: whoever sends headers and nothing more holds nothing.

Such a request keeps its room only as long as nobody else needs it. Then the one is ended that has
waited longest, of the caller who has the most of them.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chassis.edge.statuses import Exhausted

# By gRPC each of them holds a thread.
MOST_BODIES = 128
End = Callable[[], object]


class Bodies:
    """The bodies that a replica waits for."""

    def __init__(self, most: int = MOST_BODIES) -> None:
        self._most = most
        self._lock = threading.RLock()
        self._awaited: dict[object, tuple[str, End]] = {}

    @contextmanager
    def awaiting(self, caller: str, end: End) -> Iterator[None]:
        """Read a body in here; `end` ends the reading when another needs the room.

        Raises Exhausted where that happened.
        """
        mark = object()
        self._enter(mark, caller, end)
        try:
            yield
        except BaseException as error:
            if self._leave(mark):
                raise
            raise _too_slow() from error
        if not self._leave(mark):
            raise _too_slow()

    def end_one(self) -> bool:
        """End the one that waits longest, of the caller who has the most; false without any."""
        with self._lock:
            if not self._awaited:
                return False
            each = Counter(caller for caller, _ in self._awaited.values())
            most = max(each.values())
            mark = next(mark for mark, (who, _) in self._awaited.items() if each[who] == most)
            _, end = self._awaited.pop(mark)
            end()
        return True

    def end_all(self) -> None:
        """End all of them: the replica stops."""
        while self.end_one():
            pass

    def _enter(self, mark: object, caller: str, end: End) -> None:
        with self._lock:
            self._awaited[mark] = caller, end
            if len(self._awaited) > self._most:
                self.end_one()

    def _leave(self, mark: object) -> bool:
        """Whether it was still waited for."""
        with self._lock:
            return self._awaited.pop(mark, None) is not None


def _too_slow() -> Exhausted:
    return Exhausted("the request's body came too slowly", "bodies")
