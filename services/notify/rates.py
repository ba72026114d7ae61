"""The rate of mail, shared by all workers: one document for each mail server.

A worker takes a batch's mails at once, so the document is written once for each batch.
"""

from collections.abc import Callable
from typing import Any

from pymongo.errors import DuplicateKeyError

from chassis.clock import Clock
from chassis.data.store import Database
from chassis.jobs import UNLIMITED, Limit
from services.notify.domain.enums import URGENT
from services.notify.domain.rates import Rate

Limits = Callable[[Database[Any]], Limit]


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
    """A rate that all workers keep together."""

    def __init__(self, database: Database[Any], name: str, rate: Rate, system: Clock) -> None:
        self._rows, self._name = database.mongo["rates"], name
        self._rate, self._system = rate, system

    def take(self, lane: str, most: int) -> int:
        """Return how many mails of a lane may begin now, up to `most`; they count as begun."""
        taken = 0

        def after(full_at: float) -> float:
            nonlocal taken
            now = self._system.now().timestamp()
            taken, full = self._rate.take(full_at, now, lane == URGENT, most)
            return full

        self._change(after)
        return taken

    def give_back(self, count: int) -> None:
        """Count so many mails less, which were taken and did not begin."""
        if count:
            self._change(lambda full_at: self._rate.give_back(full_at, count))

    def _change(self, after: Callable[[float], float]) -> None:
        """Replace the instant; compute it anew if another worker was faster."""
        while True:
            row = self._rows.find_one({"_id": self._name})
            before = row["full_at"] if row else 0.0
            full_at = after(before)
            if full_at == before or self._replaced(before, full_at, row is None):
                return

    def _replaced(self, before: float, full_at: float, is_new: bool) -> bool:
        query, change = {"_id": self._name, "full_at": before}, {"$set": {"full_at": full_at}}
        try:
            done = self._rows.update_one(query, change, upsert=is_new)
        except DuplicateKeyError:
            return False
        return is_new or bool(done.matched_count)
