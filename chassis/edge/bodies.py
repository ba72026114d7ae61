"""The bodies of requests: few are in memory at once, and who sends none holds nothing for long.

A request needs room for its body before it reads it. It gives the room back when it begins to work,
or at its end where the body is large. A body may have 4 MB; those that wait for room are still with
their callers. Whose body has
not come after a moment is ended as soon as another needs the room. The next room goes to the caller
who has the least of it.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from chassis.edge.statuses import DeadlinePassed, Exhausted

MOST_BODIES = 8
# Seconds for a body to come while others wait for its room.
GRACE = 1.0
# Seconds between two looks of who waits.
POLL_INTERVAL = 0.1
End = Callable[[], object]


def _nothing() -> None:
    """Nobody is told."""


class Bodies:
    """The room of a replica for bodies."""

    def __init__(self, most: int = MOST_BODIES, grace: float = GRACE) -> None:
        self._most, self._grace = most, grace
        # Where Python frees memory a request may end, in here too.
        self._lock = threading.RLock()
        self._held: list[Body] = []  # who has had room for longest comes first
        self._waiting: list[Body] = []

    def try_room(self, principal: str, end: End) -> "Body | None":
        """Room for a body of `caller`, None where there is none now. It never waits."""
        body = Body(self, principal, end)
        with self._lock:
            if self._waiting or len(self._held) >= self._most:
                return None
            self._give_room(body)
        return body

    def room(self, principal: str, end: End, seconds: float) -> "Body":
        """Room for a body of `caller`, once there is some; `end` ends the reading of it.

        Raises DeadlinePassed where that takes longer than `seconds`.
        """
        found = self.try_room(principal, end)
        if found is not None:
            return found
        ends, body = time.monotonic() + seconds, self.queue(principal, end)
        while not body.has_room.wait(POLL_INTERVAL):
            body.look(ends)
        return body

    def queue(self, principal: str, end: End, tell: Callable[[], object] = _nothing) -> "Body":
        """A body that waits for room; `tell` is called when it has it. Who waits must `look`."""
        body = Body(self, principal, end, tell)
        with self._lock:
            self._waiting.append(body)
            self._hand_on()
        return body

    def end_one(self) -> bool:
        """End one whose body has not come, the first of the caller who has the most of these.

        False where there is none.
        """
        with self._lock:
            awaited = [body for body in self._held if body.is_awaited]
            each = Counter(body.principal for body in awaited)
            if awaited:
                most = max(each.values())
                self._end(next(body for body in awaited if each[body.principal] == most))
        return bool(awaited)

    def end_all(self) -> None:
        """End all whose bodies have not come: the replica stops."""
        while self.end_one():
            pass

    def leave(self, body: "Body") -> None:
        """Its room is another's now."""
        with self._lock:
            if body in self._waiting:
                self._waiting.remove(body)
            elif body in self._held:
                self._held.remove(body)
                self._hand_on()

    def has_come(self, body: "Body") -> bool:
        """The body is read; false where it was given up meanwhile."""
        with self._lock:
            body.is_awaited = False
            return body in self._held

    def look(self, body: "Body", ends: float) -> None:
        """End those who are silent for too long. Raises DeadlinePassed where `ends` has passed."""
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
            each = Counter(body.principal for body in self._held)
            body = min(self._waiting, key=lambda one: each[one.principal])  # the first of these
            self._waiting.remove(body)
            self._give_room(body)

    def _give_room(self, body: "Body") -> None:
        body.since = time.monotonic()
        self._held.append(body)
        body.has_room.set()
        body.tell()


class Body:
    """A request's body: entered when there is room for it, left when its request works or ends."""

    def __init__(
        self, bodies: Bodies, principal: str, end: End, tell: Callable[[], object] = _nothing
    ) -> None:
        self._bodies, self.principal, self.end, self.tell = bodies, principal, end, tell
        self.has_room = threading.Event()
        self.is_awaited = True
        self.since = 0.0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read it in here. Raises Exhausted where another needed the room meanwhile."""
        try:
            yield
        except BaseException as error:
            if self._bodies.has_come(self):
                raise
            raise _too_slow() from error
        if not self._bodies.has_come(self):
            raise _too_slow()

    def look(self, ends: float) -> None:
        """Called now and then while it waits. Raises DeadlinePassed after `ends` (monotonic)."""
        self._bodies.look(self, ends)

    def leave(self) -> None:
        """Let another have the room."""
        self._bodies.leave(self)

    def __enter__(self) -> "Body":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()


def _too_slow() -> Exhausted:
    return Exhausted("the request's body came too slowly", "bodies")
