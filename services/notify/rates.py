"""The rates of mail, text messages and notifications, shared by all workers: one document for each
mail server, gateway and push service.

A worker takes a batch's mails at once, so the document is written once for each batch.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from pymongo.errors import DuplicateKeyError

from chassis.clock import Clock
from chassis.data.store import Database
from chassis.jobs import UNLIMITED, Limit
from services.notify.domain.enums import CODE, URGENT, Channel
from services.notify.domain.messages import lane_of
from services.notify.domain.rates import Rate

Limits = Callable[[Database[Any]], Limit]
Document = Mapping[str, Any]

FIRST = frozenset({URGENT, CODE, lane_of(Channel.SMS, URGENT), lane_of(Channel.PUSH, URGENT)})
"""The lanes of what is urgent to one person or few: they have the reserve of a rate."""
PATIENCE = 2.0
"""Seconds for which a slot waits for the rate of a push service."""


def no_limit(_: Database[Any]) -> Limit:
    """Return that nothing limits the rate."""
    return UNLIMITED


def limits(name: str, per_second: float, system: Clock) -> Limits:
    """Return what opens the limit of a channel's provider, such as EMAIL:smtp.example; 0 mails a
    second: without a limit. `system`: the system's clock.
    """
    if not per_second:
        return no_limit
    return lambda database: SharedRate(database, name, Rate(per_second), system)


class SharedRate:
    """A rate that all workers keep together, and until when its provider wants nothing at all."""

    def __init__(
        self, database: Database[Any], name: str, rate: Rate | None, system: Clock
    ) -> None:
        """`rate`: None: there is no limit but what the provider asks for (`hold`)."""
        self._rows, self._name = database.mongo["rates"], name
        self._rate, self._system = rate, system

    def take(self, lane: str, most: int) -> int:
        """Return how many messages of a lane may begin now, up to `most`; they count as begun."""
        rate, taken = self._rate, 0
        if rate is None:
            return 0 if self.held_for() else most

        def after(row: Document, full_at: float) -> float:
            nonlocal taken
            now = self._system.now().timestamp()
            if _held_for(row, now):
                taken = 0
                return full_at
            taken, full = rate.take(full_at, now, lane in FIRST, most)
            return full

        self._change(after)
        return taken

    def give_back(self, count: int) -> None:
        """Count so many messages less, which were taken and did not begin."""
        if count and (rate := self._rate):
            self._change(lambda _, full_at: rate.give_back(full_at, count))

    def hold(self, seconds: float) -> None:
        """Let nothing begin for so many seconds: the provider asks for it."""
        until = self._system.now().timestamp() + seconds
        change = {"$max": {"held_until": until}, "$setOnInsert": {"full_at": 0.0}}
        self._rows.update_one({"_id": self._name}, change, upsert=True)

    def held_for(self) -> float:
        """Return for how many seconds nothing may begin; 0: the provider takes messages."""
        row = self._rows.find_one({"_id": self._name}) or {}
        return _held_for(row, self._system.now().timestamp())

    def take_turn(self, lane: str) -> float:
        """Wait until a message of a lane may begin, and count it as begun: then return 0. Return
        the seconds until it is to be tried again if that takes longer than PATIENCE.
        """
        end = time.monotonic() + PATIENCE
        while not self.take(lane, 1):
            if held := self.held_for():
                return held
            left = end - time.monotonic()
            if left <= 0:
                return self._wait(lane)
            time.sleep(min(self._wait(lane), left))
        return 0.0

    def _wait(self, lane: str) -> float:
        """Return the seconds until a message of a lane may begin, a hundredth at least."""
        row = self._rows.find_one({"_id": self._name})
        if row is None or self._rate is None:
            return 0.01
        now = self._system.now().timestamp()
        return max(self._rate.wait(row["full_at"], now, lane in FIRST), 0.01)

    def _change(self, after: Callable[[Document, float], float]) -> None:
        """Replace the instant; compute it anew if another worker was faster. `after` gets the row
        as well.
        """
        while True:
            row = self._rows.find_one({"_id": self._name})
            before = row["full_at"] if row else 0.0
            full_at = after(row or {}, before)
            if full_at == before or self._replaced(before, full_at, row is None):
                return

    def _replaced(self, before: float, full_at: float, is_new: bool) -> bool:
        query, change = {"_id": self._name, "full_at": before}, {"$set": {"full_at": full_at}}
        try:
            done = self._rows.update_one(query, change, upsert=is_new)
        except DuplicateKeyError:
            return False
        return is_new or bool(done.matched_count)


def _held_for(row: Document, now: float) -> float:
    return max(float(row.get("held_until", 0.0)) - now, 0.0)
