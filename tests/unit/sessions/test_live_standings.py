"""Who joins at one moment is asked for together."""

import asyncio
from collections.abc import Mapping, Set

import pytest

from chassis.errors import NotFound
from services.sessions.domain.live_channel import Standing
from services.sessions.live.standings import AT_ONCE, Standings


class Register:
    """Knows what people may do, notes for whom it is asked, and answers when it is told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, set[str]]] = []
        self.answers = asyncio.Event()

    async def ask(self, session_id: str, people: Set[str]) -> Mapping[str, Standing]:
        """What some people may do in a class: those with a name in capitals are its staff."""
        self.asked.append((session_id, {*people}))
        await self.answers.wait()
        if session_id == "unknown":
            raise NotFound("no such session")
        return {each: Standing(each.isupper()) for each in people if each != "stranger"}


def test_many_are_asked_for_together() -> None:
    """However many join, a class is asked for once, and once more for who came meanwhile; each gets
    the own standing, also if another one has left.
    """

    async def join() -> None:
        register = Register()
        standings = Standings(register.ask)
        first = [asyncio.create_task(standings.of("s", f"p{n}")) for n in range(1_000)]
        await asyncio.sleep(0)  # all have asked
        await asyncio.sleep(0)  # the group is being asked for
        then = [asyncio.create_task(standings.of("s", each)) for each in ("ADA", "stranger")]
        await asyncio.sleep(0)
        first[0].cancel()
        register.answers.set()
        assert {await each for each in first[1:]} == {Standing(is_staff=False)}
        assert [await each for each in then] == [Standing(is_staff=True), None]
        assert [len(people) for _, people in register.asked] == [1_000, 2]

    asyncio.run(join())


def test_few_groups_are_asked_for_at_a_time() -> None:
    """The others wait; an error of one class reaches those who asked for it, and nobody else."""

    async def join() -> None:
        register = Register()
        standings = Standings(register.ask)
        names = ["unknown", *(f"s{n}" for n in range(2 * AT_ONCE))]
        asking = [asyncio.create_task(standings.of(each, "ada")) for each in names]
        while len(register.asked) < AT_ONCE:
            await asyncio.sleep(0)
        assert len(register.asked) == AT_ONCE
        register.answers.set()
        with pytest.raises(NotFound):
            await asking[0]
        assert [await each for each in asking[1:]] == [Standing(is_staff=False)] * 2 * AT_ONCE

    asyncio.run(join())
