"""Shares: a fixed set of things (lanes, partitions), each held by one of the members at a time.

Members tell that they live by a heartbeat; each holds its part of the things by leases, gives up
what is above its part, and takes what is free. The things of a member that dies are free when its
leases end. All rows are in the service's `leases`, and time is MongoDB's, as in chassis.data.lease.

A member calls `keep` several times in each lease. What it finds in `surplus` it stops using, and
then releases; until then nobody else has it.
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

Document = dict[str, Any]

# We count a lease as lost a little before MongoDB does.
MARGIN = 0.8
# MongoDB's code.
DUPLICATE = 11000


@dataclass(frozen=True)
class Holding:
    """What a member holds."""

    held: frozenset[str] = frozenset()
    surplus: frozenset[str] = frozenset()
    """Those of `held` that are more than its share."""
    until: float = 0.0
    """It may count on that until then, in seconds of time.monotonic()."""


@dataclass(frozen=True)
class Plan:
    """What a member should do next."""

    keep: frozenset[str]
    surplus: frozenset[str]
    """Those of `keep` that it should stop using, and release."""
    take: Sequence[str]
    """What is free, in the order in which it should try."""
    quota: int
    """As many it may hold."""


def plan(
    things: Collection[str], holders: Mapping[str, str], members: Iterable[str], me: str
) -> Plan:
    """Return what `me` should do; `holders` names who holds what now, by leases that run.

    If N things have M members, each may hold N / M of them, and the first (N mod M) members one
    more. Who holds more is first, so that as little as possible changes hands.
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
    """What both twins ask of MongoDB."""

    def __init__(
        self, leases: Any, group: str, things: Collection[str], holder: str, lasting: timedelta
    ) -> None:
        """`group` names the set of things, `holder` this member; a lease lasts `lasting`."""
        self._leases, self._holder, self._lasting = leases, holder, lasting
        self._names = {thing: f"{group}:{thing}" for thing in things}
        self._me = {"_id": f"member:{group}:{holder}"}
        self._members = {"member_of": group}

    def _heartbeat(self) -> list[Any]:
        """Tell that we live, and forget who doesn't."""
        until = {"$add": ["$$NOW", int(self._lasting.total_seconds() * 1000)]}
        me = {**self._members, "holder": self._holder, "until": until}
        ended = {**self._members, "$expr": {"$lt": ["$until", "$$NOW"]}}
        return [UpdateOne(self._me, [{"$set": me}], upsert=True), DeleteMany(ended)]

    def _ours(self, things: Iterable[str]) -> Document:
        return {"_id": {"$in": [self._names[thing] for thing in things]}, "holder": self._holder}

    def _claims(self, plan: Plan) -> list[Any]:
        """Renew what we keep, and try what we may take."""
        wanted = [*plan.keep, *plan.take[: max(0, plan.quota - len(plan.keep))]]
        claims = (lease.claim(self._names[each], self._holder, self._lasting) for each in wanted)
        return [UpdateOne(*each, upsert=True) for each in claims]

    def _look(self) -> tuple[Document, Document]:
        """All leases and members of the group, and whether their time still runs."""
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
        """Tell that we live, renew what we hold, and take what is free and our share."""
        began = time.monotonic()
        self._leases.bulk_write(self._heartbeat())
        plan = self._plan(self._leases.find(*self._look()))
        if claims := self._claims(plan):
            with _lost_races():
                self._leases.bulk_write(claims, ordered=False)
        return self._holding(began, plan, self._leases.find(*self._look()))

    def release(self, things: Iterable[str]) -> None:
        """Let others have things that we no longer use."""
        self._leases.delete_many(self._ours(things))

    def leave(self) -> None:
        """Release everything, and be no member any more."""
        self.release(self._names)
        self._leases.delete_one(self._me)


class AsyncShares(_Rows):
    """`Shares`, by pymongo's asynchronous client."""

    async def keep(self) -> Holding:
        """Tell that we live, renew what we hold, and take what is free and our share."""
        began = time.monotonic()
        await self._leases.bulk_write(self._heartbeat())
        plan = self._plan(await self._leases.find(*self._look()).to_list())
        if claims := self._claims(plan):
            with _lost_races():
                await self._leases.bulk_write(claims, ordered=False)
        return self._holding(began, plan, await self._leases.find(*self._look()).to_list())

    async def release(self, things: Iterable[str]) -> None:
        """Let others have things that we no longer use."""
        await self._leases.delete_many(self._ours(things))

    async def leave(self) -> None:
        """Release everything, and be no member any more."""
        await self.release(self._names)
        await self._leases.delete_one(self._me)


@contextmanager
def _lost_races() -> Iterator[None]:
    """Of two that insert one lease at once the second is told of a duplicate: it has lost."""
    try:
        yield
    except BulkWriteError as error:
        if any(each["code"] != DUPLICATE for each in error.details["writeErrors"]):
            raise
