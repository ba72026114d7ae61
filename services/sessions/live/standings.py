"""What people may do in classes, asked for many at once.

When a class begins, or a replica is gone, thousands join at one moment. The database is asked for a
few groups of them at a time; who comes meanwhile is in the next group of the class.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass, field

from services.sessions.domain.live_channel import Standing

Found = Mapping[str, Standing]
Ask = Callable[[str, Set[str]], Awaitable[Found]]
# Groups that are asked for at a time; the commands of those who have joined need threads, too.
AT_ONCE = 4


@dataclass(eq=False)
class _Group:
    """People of one class who wait to be asked for."""

    people: set[str] = field(default_factory=set)
    answer: "asyncio.Task[Found] | None" = None


class Standings:
    """Asks what people may do, those of one class together."""

    def __init__(self, ask: Ask) -> None:
        """`ask` returns what some people may do in a class; who has no part in it is left out."""
        self._ask, self._turns = ask, asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[str, _Group] = {}

    async def of(self, session_id: str, person_id: str) -> Standing | None:
        """Return what a person may do in a class; None: nothing. Raises what `ask` raises."""
        group = self._waiting.setdefault(session_id, _Group())
        group.people.add(person_id)
        if group.answer is None:
            group.answer = asyncio.create_task(self._answer(session_id, group))
        # the others of the group wait for the answer, too, when this one has left
        return (await asyncio.shield(group.answer)).get(person_id)

    async def _answer(self, session_id: str, group: _Group) -> Found:
        async with self._turns:
            del self._waiting[session_id]  # who comes from now on is in the next group
            return await self._ask(session_id, group.people)
