"""Operations of MongoDB that go on when their caller is cancelled."""

import asyncio
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import ServerSelectionTimeoutError

from chassis.data.uncancelled import uncancelled


def test_an_operation_goes_on_without_its_caller() -> None:
    """The caller ends at once; the operation ends later, though its caller was cancelled twice."""

    async def trial() -> None:
        go_on, done = asyncio.Event(), asyncio.Event()

        @uncancelled
        async def work() -> None:
            await go_on.wait()
            done.set()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not done.is_set()
        go_on.set()
        await done.wait()

    asyncio.run(trial())


def test_results_and_errors_pass() -> None:
    """An operation's result, and its error, come to its caller."""

    @uncancelled
    async def divided(one: int, by: int) -> float:
        return one / by

    assert asyncio.run(divided(1, by=2)) == 0.5
    with pytest.raises(ZeroDivisionError):
        asyncio.run(divided(1, by=0))


def test_a_client_stands_two_cancellations_of_its_callers() -> None:
    """Cancelled twice while they wait for a server, its callers leave a client that still answers.

    On a busy machine there is time for a second one: here the client's lock is taken meanwhile.
    """

    async def trial() -> None:
        client: AsyncMongoClient[Any] = AsyncMongoClient(
            "mongodb://127.0.0.1:1/?replicaSet=none", serverSelectionTimeoutMS=1_000
        )

        @uncancelled
        async def ping() -> None:
            await client.admin.command("ping")

        callers: list[asyncio.Task[None]] = []
        while len(client._topology._condition._waiters) < 3:  # they wait for a server
            if all(each.done() for each in callers):  # a busy machine: they have given up already
                callers = [asyncio.create_task(ping()) for _ in range(3)]
            await asyncio.sleep(0.01)
        async with client._topology._lock:
            for _ in range(2):
                for each in callers:
                    each.cancel()
                await asyncio.sleep(0.01)
        await asyncio.wait(callers)
        assert all(each.cancelled() for each in callers)
        with pytest.raises(ServerSelectionTimeoutError):
            await asyncio.wait_for(asyncio.shield(ping()), 60)
        await client.close()

    asyncio.run(trial())
