"""Questions to the database about classes, asked once for many members.

When a class begins, or a replica is gone, thousands join at one moment. A few groups of them are
asked for at a time; who comes meanwhile is in the next group of the class. So an answer is never
older than who asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, field
from typing import Generic, TypeVar

# Questions at a time; the commands of those who have joined need threads and connections, too.
AT_ONCE = 4

T = TypeVar("T")
Ask = Callable[[str, Set[str]], Awaitable[T]]


@dataclass(eq=False)
class _Group(Generic[T]):
    """People of one class who wait to be asked for."""

    people: set[str] = field(default_factory=set)
    answer: "asyncio.Task[T] | None" = None


class Gathered(Generic[T]):
    """A question about people of a class, asked for many of them together."""

    def __init__(self, ask: Ask[T]) -> None:
        """`ask` answers it for some people of a class."""
        self._ask, self._turns = ask, asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[str, _Group[T]] = {}

    async def answer(self, session_id: str, person_id: str) -> T:
        """Return the answer for a person of a class, and others. Raises what `ask` raises."""
        group = self._waiting.setdefault(session_id, _Group())
        group.people.add(person_id)
        if group.answer is None:
            group.answer = asyncio.create_task(self._answer(session_id, group))
        # the others of the group wait for the answer, too, when this one has left
        return await asyncio.shield(group.answer)

    async def _answer(self, session_id: str, group: _Group[T]) -> T:
        async with self._turns:
            del self._waiting[session_id]  # who comes from now on is in the next group
            return await self._ask(session_id, group.people)
