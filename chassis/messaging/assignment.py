"""The queues of a partitioned subscription that this worker consumes: its share, by leases.

Leases in MongoDB decide which worker has a partition; each worker gets a fair share. The plain
queue is shared in the same way. When a worker loses a lease, it stops consuming at once; the batch
at hand goes on, because conflicts and the inbox decide what it may still commit.
"""

import contextlib
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import eventlet
import structlog
from pymongo.errors import PyMongoError

from chassis.data.shares import Holding, Shares
from chassis.data.store import Database
from chassis.messaging import partitions
from chassis.messaging.batch import Unsettled
from chassis.messaging.queue_watch import Ready
from chassis.messaging.subscriptions import Subscription
from chassis.operations import metrics

# After a worker dies, another takes its partitions this much later.
LEASE = timedelta(seconds=15)
# Seconds between two renewals, and between two checks of what can be released.
RENEW_INTERVAL, TICK = 3.0, 0.5

log = structlog.get_logger()


class Assignment:
    """The queues of one subscription that one worker consumes (a `batch.Source`)."""

    def __init__(
        self, database: Database[Any], subscription: Subscription[Any], count: int, holder: str
    ) -> None:
        """`count`: the number of partitions by this worker's settings; `holder` names this
        worker.
        """
        self._leases = database.mongo["leases"]
        self._subscription, self._holder = subscription, holder
        self._usual = frozenset(partitions.queues(subscription, count))
        self._ready: Ready = {}
        self._busy = frozenset[str]()
        self._shares = self._shares_of(())
        self._holding = Holding()
        self._renew_at = 0.0
        self._left = False
        self.wanted = frozenset[str]()
        self.consumed: Mapping[str, Unsettled] = {}

    def seen(self, ready: Ready) -> None:
        """Take note of the queues that exist, and of how many messages are ready in each.

        A partition beyond our number comes from an earlier or a newer setting: it is consumed while
        it has messages, and released when none of its messages is in flight here, so that the
        declare role can see that it is drained, and remove it.
        """
        if ready.keys() != self._ready.keys():
            self._shares = self._shares_of(ready)
            self._renew_at = 0.0
        self._busy = frozenset(each for each in ready if ready[each] or self._has_in_flight(each))
        self._ready = ready

    def keep(self) -> None:
        """Keep our share until `leave`."""
        while not self._left:
            try:
                self._keep()
            except PyMongoError as error:
                log.warning("can't renew partitions", subscription=self._name, why=str(error)[:200])
            self._decide()
            eventlet.sleep(TICK)

    def leave(self) -> None:
        """Release all partitions at once."""
        self._left = True
        with contextlib.suppress(PyMongoError):  # then the leases end by themselves
            self._shares.leave()

    def _has_in_flight(self, queue: str) -> bool:
        return queue in self.consumed and self.consumed[queue].unsettled > 0

    @property
    def _name(self) -> str:
        return self._subscription.name

    def _shares_of(self, queues: Any) -> Shares:
        return Shares(self._leases, f"queues:{self._name}", list(queues), self._holder, LEASE)

    def _keep(self) -> None:
        now = time.monotonic()
        if self._ready and now >= self._renew_at:
            self._renew_at = now + RENEW_INTERVAL
            self._holding = self._shares.keep()
        done = self._holding.surplus - self.consumed.keys()
        if done:
            self._shares.release(done)
            self._holding = Holding(
                self._holding.held - done, self._holding.surplus - done, self._holding.until
            )

    def _decide(self) -> None:
        """Decide which queues to consume now."""
        ours = self._holding.held - self._holding.surplus
        if time.monotonic() >= self._holding.until:
            ours = frozenset()
        wanted = ours & self._ready.keys() & (self._usual | self._busy)
        if wanted != self.wanted:
            log.info("partitions", subscription=self._name, queues=sorted(wanted))
            self.wanted = wanted
        metrics.PARTITIONS.labels(self._name).set(len(self.consumed))
