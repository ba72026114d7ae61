"""Shares in a real MongoDB: members that come, race, leave and die."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from chassis.data.shares import AsyncShares, Shares
from chassis.data.store import Store
from tests.integration.chassis.bus import eventually

LONG, SHORT = timedelta(seconds=60), timedelta(seconds=1)
THINGS = [str(number) for number in range(9)]

# A member as a process: it holds its share until it is killed.
MEMBER = """
import sys, time
from datetime import timedelta
from chassis.data.shares import Shares
from chassis.data.store import connect
with connect(sys.argv[1], "tests") as client:
    shares = Shares(client[sys.argv[2]]["leases"], "x", sys.argv[3].split(), "killed",
                    timedelta(seconds=1))
    while True:
        shares.keep()
        time.sleep(0.05)
"""


class ShareStore(Store):
    service = "catalog"


@pytest.fixture
def leases(make_database: Any) -> Any:
    """A service's leases."""
    return make_database(ShareStore).mongo["leases"]


def _held(members: list[Shares]) -> list[frozenset[str]]:
    """The things that each member holds after one round of all members."""

    def act(member: Shares) -> frozenset[str]:
        holding = member.keep()
        member.release(holding.surplus)
        return holding.held - holding.surplus

    with ThreadPoolExecutor(len(members)) as pool:
        return list(pool.map(act, members))


def _fair(members: list[Shares]) -> bool:
    """Whether all hold everything, in parts that differ by one at the most."""
    held = _held(members)
    counts = Counter(thing for each in held for thing in each)
    assert set(counts.values()) <= {1}, "a thing has two holders"
    return len(counts) == len(THINGS) and max(map(len, held)) - min(map(len, held)) <= 1


def test_members_that_race_share_everything(leases: Any) -> None:
    """Five members start at once: no two hold the same thing, and soon the shares are fair."""
    members = [Shares(leases, "x", THINGS, name, LONG) for name in "abcde"]
    eventually("a fair share", lambda: _fair(members))


def test_who_comes_later_gets_a_share_and_who_leaves_gives_it_back(leases: Any) -> None:
    """One member holds all; with a second it gives up half, once it has released it."""
    one, two = (Shares(leases, "x", THINGS, name, LONG) for name in "ab")
    assert one.keep().held == set(THINGS)
    assert two.keep().held == set()
    holding = one.keep()
    assert (len(holding.held), len(holding.surplus)) == (9, 4)
    assert two.keep().held == set(), "it is not released yet"
    one.release(holding.surplus)
    assert two.keep().held == holding.surplus
    two.leave()
    assert one.keep().held == set(THINGS)
    one.leave()
    assert leases.count_documents({}) == 0


def test_groups_know_nothing_of_each_other(leases: Any) -> None:
    """Two groups whose names begin alike have their own things and members."""
    assert Shares(leases, "x", THINGS, "a", LONG).keep().held == set(THINGS)
    assert Shares(leases, "x:x", THINGS, "b", LONG).keep().held == set(THINGS)
    assert not Shares(leases, "x", THINGS, "a", LONG).keep().surplus


def test_a_lease_that_ended_unseen_is_held_again_or_lost(leases: Any) -> None:
    """A member that was away for longer than its lease keeps only what nobody took meanwhile."""
    one = Shares(leases, "x", THINGS, "a", timedelta(milliseconds=1))
    one.keep()
    eventually("its end", lambda: Shares(leases, "x", THINGS, "b", LONG).keep().held == set(THINGS))
    assert one.keep().held == set()


def test_what_a_killed_member_held_is_shared_by_the_others(leases: Any) -> None:
    """A process that is killed has its things until its leases end, and then the others do."""
    url = "mongodb://{}:{}/?directConnection=true".format(*leases.database.client.address)
    command = [sys.executable, "-c", MEMBER, url, leases.database.name, " ".join(THINGS)]
    things = {"holder": "killed", "member_of": None}  # and not that it is a member
    with subprocess.Popen(command) as process:
        try:
            eventually("a holder", lambda: leases.count_documents(things) == len(THINGS))
        finally:
            process.kill()
    others = [Shares(leases, "x", THINGS, name, LONG) for name in "ab"]
    eventually("a fair share", lambda: _fair(others))
    # Its heartbeat may have ended just after they looked for such ones.
    killed = {"member_of": "x", "holder": "killed"}
    eventually("it to be forgotten", lambda: _fair(others) and not leases.count_documents(killed))


def test_the_twin_shares_with_the_other(leases: Any) -> None:
    """The asynchronous twin does the same, and both see each other."""

    async def run() -> None:
        host, port = leases.database.client.address
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            host, port, directConnection=True
        )
        async with client:
            rows = client[leases.database.name]["leases"]
            mine = AsyncShares(rows, "x", THINGS, "async", LONG)
            assert (await mine.keep()).held == set(THINGS)
            other = Shares(leases, "x", THINGS, "sync", LONG)
            assert other.keep().held == set()
            holding = await mine.keep()
            assert holding.until > time.monotonic()
            await mine.release(holding.surplus)
            assert other.keep().held == holding.surplus
            await mine.leave()
        assert other.keep().held == set(THINGS)

    asyncio.run(run())
