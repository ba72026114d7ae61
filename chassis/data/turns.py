"""Turns at what units of work contend for: in this process, a line for each thing.

MongoDB lets the second writer of a document fail at once, so a crowd that wants the same document
would mostly disturb each other. A unit of work takes a turn at a thing that nobody has; else it
stands in the thing's line, and goes on when those before it have ended. A thing that nobody wants
has no line, and takes no memory.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chassis.context import deadline

# Seconds. Who has its turn for longer, or for half of what another's deadline leaves, is stuck.
LONGEST = 2.0


@dataclass(slots=True)
class _Line:
    """Who has its turn comes first; the others behind it, in the order of their coming."""

    places: "deque[Place]" = field(default_factory=deque)
    ended: int = 0
    """How many turns have ended: while it grows, the line moves."""


class Turns:
    """The lines of one process."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.lines: dict[str, _Line] = {}

    @contextmanager
    def place(self) -> Iterator["Place"]:
        """A unit of work's place: in no line yet, and in none any more at the end."""
        place = Place(self)
        try:
            yield place
        finally:
            place.leave()


class Place:
    """Where a unit of work stands: first, or behind others, in the line of each thing it wants."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._lines: dict[str, _Line] = {}
        self._behind = 0
        self._first = threading.Event()

    def take(self, thing: str) -> bool:
        """Have a turn at one thing more; false, and nothing done, where another has it."""
        if thing in self._lines:
            return True
        with self._turns.guard:
            if thing in self._turns.lines:
                return False
            self._enter(thing)
        return True

    def has(self, things: Collection[str]) -> bool:
        """Whether it stands in the line of each of them."""
        return self._lines.keys() >= set(things)

    def line_up(self, things: Collection[str]) -> None:
        """Leave its lines, and stand at the end of the lines of `things`, all at once.

        That no two places wait for each other follows from the one lock.
        """
        self.leave()
        with self._turns.guard:
            for thing in things:
                self._enter(thing)
            self._behind = sum(line.places[0] is not self for line in self._lines.values())
            self._first = threading.Event()
            self._tell()

    def wait(self) -> None:
        """Wait until it is first in all its lines, or until who has its turn is stuck.

        However long a line is: while it moves, to leave it would only disturb it.
        """
        if not self._behind:
            return
        _before_waiting(max(len(line.places) for line in self._lines.values()))
        while deadline.left() > 0:
            before = self._ended()
            if self._first.wait(max(0.0, min(LONGEST, deadline.left() / 2))):
                return
            if self._ended() == before:
                return

    def leave(self) -> None:
        """Leave all lines; in each, the next one moves up."""
        with self._turns.guard:
            for thing, line in self._lines.items():
                self._leave(thing, line)
            self._lines.clear()
            self._behind = 0

    def _enter(self, thing: str) -> None:
        line = self._turns.lines.setdefault(thing, _Line())
        line.places.append(self)
        self._lines[thing] = line

    def _leave(self, thing: str, line: _Line) -> None:
        was_first = line.places[0] is self
        line.places.remove(self)
        if not line.places:
            del self._turns.lines[thing]
        elif was_first:
            line.ended += 1
            line.places[0]._move_up()

    def _move_up(self) -> None:
        self._behind -= 1
        self._tell()

    def _tell(self) -> None:
        if not self._behind:
            self._first.set()

    def _ended(self) -> int:
        return sum(line.ended for line in self._lines.values())


_thread = threading.local()


@contextmanager
def before_waiting(act: Callable[[int], None]) -> Iterator[None]:
    """In this thread, do `act` before each wait for a turn; what it raises ends the wait.

    It is told how many stand in the line, the longest where there are more.
    """
    _thread.act = act
    try:
        yield
    finally:
        del _thread.act


def _before_waiting(in_line: int) -> None:
    act = getattr(_thread, "act", None)
    if act is not None:
        act(in_line)
