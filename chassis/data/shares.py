"""Shares of a fixed set of resources (lanes, partitions); one member at a time holds each of them.

Members send heartbeats. Each member holds its share of the resources by leases, gives up what
exceeds its share, and takes free ones. The resources of a member that dies are free when its leases
end. All rows are in the service's `leases`, and time is MongoDB's, as in chassis.data.lease.

A member calls `keep` several times in each lease. It stops using the resources in `surplus`, and
then releases them; until then no other member takes them.
"""

import time
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pymongo import DeleteMany, UpdateOne
from pymongo.errors import BulkWriteError

from chassis.data import lease
from chassis.data.uncancelled import uncancelled

Document = dict[str, Any]

# A member treats a lease as lost a little before MongoDB does.
MARGIN = 0.8
# MongoDB's error code of a duplicate key.
DUPLICATE = 11000


@dataclass(frozen=True)
class Holding:
    """The resources that a member holds."""

    held: frozenset[str] = frozenset()
    surplus: frozenset[str] = frozenset()
    """Those of `held` that exceed its share."""
    until: float = 0.0
    """Until when the leases hold, in seconds of time.monotonic()."""


@dataclass(frozen=True)
class Plan:
    """What a member should do next."""

    keep: frozenset[str]
    surplus: frozenset[str]
    """Those of `keep` that it should stop using and release."""
    take: Sequence[str]
    """Free resources, in the order in which the member should try to take them."""
    quota: int
    """How many resources it may hold."""


def plan(
    things: Collection[str], holders: Mapping[str, str], members: Iterable[str], me: str
) -> Plan:
    """Return what `me` should do; `holders` maps each resource to its holder, by valid leases.

    Of N things each of M members may hold N / M, and the first (N mod M) members one more. Members
    that hold more come first, so that as few things as possible change hands.
    """
    living = {*members, me}
    mine = sorted(thing for thing in things if holders.get(thing) == me)
    quota = _quota(len(things), Counter(holders.get(thing) for thing in things), living, me)
    free = [thing for thing in things if thing not in holders]
    return Plan(
        keep=frozenset(mine),
        surplus=frozenset(mine[quota:]),
        take=sorted(free, key=lambda thing: zlib.crc32(f"{me} {thing}".encode())),
        quota=quota,
    )


def _quota(count: int, held: Counter[str | None], living: Collection[str], me: str) -> int:
    place = sorted(living, key=lambda member: (-held[member], member)).index(me)
    each, rest = divmod(count, len(living))
    return each + (place < rest)


class _Rows:
    """The queries that both clients, synchronous and asynchronous, send to MongoDB."""

    def __init__(
        self, leases: Any, group: str, things: Collection[str], holder: str, lasting: timedelta
    ) -> None:
        """`group` names the set of things, `holder` names this member; a lease lasts `lasting`."""
        self._leases, self._holder, self._lasting = leases, holder, lasting
        self._names = {thing: f"{group}:{thing}" for thing in things}
        self._me = {"_id": f"member:{group}:{holder}"}
        self._members = {"member_of": group}

    def _heartbeat(self) -> list[Any]:
        """Write our heartbeat, and remove members whose heartbeat has ended."""
        until = {"$add": ["$$NOW", int(self._lasting.total_seconds() * 1000)]}
        me = {**self._members, "holder": self._holder, "until": until}
        ended = {**self._members, "$expr": {"$lt": ["$until", "$$NOW"]}}
        return [UpdateOne(self._me, [{"$set": me}], upsert=True), DeleteMany(ended)]

    def _ours(self, things: Iterable[str]) -> Document:
        return {"_id": {"$in": [self._names[thing] for thing in things]}, "holder": self._holder}

    def _claims(self, plan: Plan) -> list[Any]:
        """Return writes that renew what we keep, and try to take what we may take."""
        wanted = [*plan.keep, *plan.take[: max(0, plan.quota - len(plan.keep))]]
        claims = (lease.claim(self._names[each], self._holder, self._lasting) for each in wanted)
        return [UpdateOne(*each, upsert=True) for each in claims]

    def _look(self) -> tuple[Document, Document]:
        """Return the query for all leases and members of the group, and whether they are valid."""
        wanted = {"$or": [{"_id": {"$in": list(self._names.values())}}, self._members]}
        return wanted, {"holder": 1, "runs": {"$gt": ["$until", "$$NOW"]}}

    def _plan(self, rows: Iterable[Document]) -> Plan:
        holder = {row["_id"]: row["holder"] for row in rows if row["runs"]}
        names = self._names.items()
        holders = {thing: holder.pop(name) for thing, name in names if name in holder}
        return plan(list(self._names), holders, holder.values(), self._holder)

    def _holding(self, began: float, plan: Plan, rows: Iterable[Document]) -> Holding:
        names = {row["_id"] for row in rows if row["runs"] and row["holder"] == self._holder}
        held = frozenset(thing for thing, name in self._names.items() if name in names)
        return Holding(held, plan.surplus & held, began + MARGIN * self._lasting.total_seconds())


class Shares(_Rows):
    """One member's share, by pymongo's synchronous client."""

    def keep(self) -> Holding:
        """Send a heartbeat, renew our leases, and take free things up to our share."""
        began = time.monotonic()
        self._leases.bulk_write(self._heartbeat())
        plan = self._plan(self._leases.find(*self._look()))
        if claims := self._claims(plan):
            with _lost_races():
                self._leases.bulk_write(claims, ordered=False)
        return self._holding(began, plan, self._leases.find(*self._look()))

    def release(self, things: Iterable[str]) -> None:
        """Release things that we no longer use."""
        self._leases.delete_many(self._ours(things))

    def leave(self) -> None:
        """Release everything, and stop being a member."""
        self.release(self._names)
        self._leases.delete_one(self._me)


class AsyncShares(_Rows):
    """`Shares`, by pymongo's asynchronous client."""

    @uncancelled
    async def keep(self) -> Holding:
        """Send a heartbeat, renew our leases, and take free things up to our share."""
        began = time.monotonic()
        await self._leases.bulk_write(self._heartbeat())
        plan = self._plan(await self._leases.find(*self._look()).to_list())
        if claims := self._claims(plan):
            with _lost_races():
                await self._leases.bulk_write(claims, ordered=False)
        return self._holding(began, plan, await self._leases.find(*self._look()).to_list())

    @uncancelled
    async def release(self, things: Iterable[str]) -> None:
        """Release things that we no longer use."""
        await self._leases.delete_many(self._ours(things))

    @uncancelled
    async def leave(self) -> None:
        """Release everything, and stop being a member."""
        await self.release(self._names)
        await self._leases.delete_one(self._me)


@contextmanager
def _lost_races() -> Iterator[None]:
    """Ignore duplicate keys: another member inserted the same lease first."""
    try:
        yield
    except BulkWriteError as error:
        if any(each["code"] != DUPLICATE for each in error.details["writeErrors"]):
            raise
