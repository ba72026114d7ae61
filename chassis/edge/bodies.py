"""Room for the bodies of requests: a bounded number of bodies is in memory at once.

A request needs room before it reads its body. It gives the room back when it begins to work, or at
its end if the body is large. A body may have 4 MB; the body of a request that waits for room stays
with its caller. A caller who sends headers and no body loses the room after a moment, as soon as
another request needs it. The next room goes to the caller who holds the least of it.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chassis.edge.statuses import DeadlinePassed, Exhausted

MOST_BODIES = 8
# Seconds for a body to arrive while other requests wait for its room.
GRACE = 1.0
# Seconds between two checks of a request that waits.
POLL_INTERVAL = 0.1
End = Callable[[], object]


def _nothing() -> None:
    """Do nothing."""


class Bodies:
    """The room for bodies in a replica: a number of bodies that may be in memory.

    A caller is named by its subject.
    """

    def __init__(self, most: int = MOST_BODIES, grace: float = GRACE) -> None:
        self._most, self._grace = most, grace
        # Python may end a request while this lock is held.
        self._lock = threading.RLock()
        self._held: list[Body] = []  # who has had room for longest comes first
        self._waiting: list[Body] = []

    def try_room(self, caller: str, end: End) -> "Body | None":
        """Return room for a body of `caller` if there is some now, else None. Never waits."""
        body = Body(self, caller, end)
        with self._lock:
            if self._waiting or len(self._held) >= self._most:
                return None
            self._give_room(body)
        return body

    def room(self, caller: str, end: End, seconds: float) -> "Body":
        """Wait for room for a body of `caller`. `end` must stop the reading when it is called.

        Raises DeadlinePassed if there is no room within `seconds`.
        """
        found = self.try_room(caller, end)
        if found is not None:
            return found
        ends, body = time.monotonic() + seconds, self.queue(caller, end)
        while not body.has_room.wait(POLL_INTERVAL):
            body.look(ends)
        return body

    def queue(self, caller: str, end: End, tell: Callable[[], object] = _nothing) -> "Body":
        """Queue for room; `tell` is called when there is some. Call `look` meanwhile."""
        body = Body(self, caller, end, tell)
        with self._lock:
            self._waiting.append(body)
            self._hand_on()
        return body

    def end_one(self) -> bool:
        """End the oldest request without a body, of the caller who has the most of them.

        Returns False if there is none.
        """
        with self._lock:
            awaited = [body for body in self._held if body.is_awaited]
            each = Counter(body.caller for body in awaited)
            if awaited:
                most = max(each.values())
                self._end(next(body for body in awaited if each[body.caller] == most))
        return bool(awaited)

    def end_all(self) -> None:
        """End all requests without a body: the replica stops."""
        while self.end_one():
            pass

    def leave(self, body: "Body") -> None:
        """Give the room of a body to the next request."""
        with self._lock:
            if body in self._waiting:
                self._waiting.remove(body)
            elif body in self._held:
                self._held.remove(body)
                self._hand_on()

    def has_come(self, body: "Body") -> bool:
        """Note that the body was read. Returns False if it lost its room meanwhile."""
        with self._lock:
            body.is_awaited = False
            return body in self._held

    def look(self, body: "Body", ends: float) -> None:
        """End requests whose bodies are late. Raises DeadlinePassed after `ends`."""
        with self._lock:
            self._end_overdue()
            if time.monotonic() > ends and body in self._waiting:
                self._waiting.remove(body)
                raise DeadlinePassed("the deadline passed before there was room for the body")

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for body in list(self._held):
            if body.is_awaited and now - body.since > self._grace:
                self._end(body)

    def _end(self, body: "Body") -> None:
        self._held.remove(body)
        body.end()
        self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and len(self._held) < self._most:
            each = Counter(body.caller for body in self._held)
            body = min(self._waiting, key=lambda one: each[one.caller])  # the first of these
            self._waiting.remove(body)
            self._give_room(body)

    def _give_room(self, body: "Body") -> None:
        body.since = time.monotonic()
        self._held.append(body)
        body.has_room.set()
        body.tell()


class Body:
    """The body of a request. It is left when the request begins to work, or ends."""

    def __init__(
        self, bodies: Bodies, caller: str, end: End, tell: Callable[[], object] = _nothing
    ) -> None:
        self._bodies, self.caller, self.end, self.tell = bodies, caller, end, tell
        self.has_room = threading.Event()
        self.is_awaited = True
        self.since = 0.0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read the body inside this context. Raises Exhausted if it lost its room meanwhile."""
        try:
            yield
        except BaseException as error:
            if self._bodies.has_come(self):
                raise
            raise _too_slow() from error
        if not self._bodies.has_come(self):
            raise _too_slow()

    def look(self, ends: float) -> None:
        """End late bodies while this one waits. Raises DeadlinePassed after `ends` (monotonic)."""
        self._bodies.look(self, ends)

    def leave(self) -> None:
        """Give the room to the next request."""
        self._bodies.leave(self)

    def __enter__(self) -> "Body":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


def _too_slow() -> Exhausted:
    return Exhausted("the request's body came too slowly", "bodies")
