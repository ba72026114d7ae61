"""Cutting a batch into units, and finding the events that fail.

A unit is what one transaction applies: small enough to stay far from MongoDB's limits (60 s, 16
MiB) and a worker's memory, whatever the events contain, and however slow the handler is (see
`batch_limit`). One event alone is never cut, because it is below 256 KiB; its handler's work may
grow only with the event's content.
"""

from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any, TypeVar

from pymongo.errors import OperationFailure

from chassis.contracts.events import Event
from chassis.data.store import is_away
from chassis.messaging.batch_limit import BatchLimit
from chassis.messaging.dispositions import Disposition, Kind, disposition_of, group_disposition
from chassis.messaging.subscriptions import Subscription, Wait

# Bytes of bodies that are decoded at once. A decoded body takes about three times its bytes.
BYTES = 4 * 2**20
# If so many transactions have failed and none has succeeded, we assume that all events fail alike.
# The first of 1,000 events alone makes ten transactions fail.
FAILURES = 20

T = TypeVar("T")
Events = Sequence[Event[Any]]
Dispositions = dict[str, Disposition]


class StoreAway(Exception):
    """MongoDB does not answer: nothing was applied, and nothing is wrong with the events."""


def cut(
    things: Sequence[T], cost: Callable[[T], int], most: Callable[[], int]
) -> Iterator[list[T]]:
    """Yield parts of consecutive things that cost up to `most` together; a dearer thing is alone.

    `most` is called again for each part, after the caller has used the part before.
    """
    part: list[T] = []
    total = 0
    for thing in things:
        if part and total + cost(thing) > most():
            yield part
            part, total = [], 0
        part.append(thing)
        total += cost(thing)
    if part:
        yield part


def units(
    subscription: Subscription[Any], events: Events, batch_limit: BatchLimit
) -> Iterator[Events]:
    """Yield the units of events: of 1,000 rows at most, or of one event."""
    return cut(events, subscription.rows, lambda: batch_limit.rows)


class Splitter:
    """Applies one unit: all events together, or without those that the handler names, or in halves.

    One failing event among 500 costs about twenty transactions. After `FAILURES` failed
    transactions and no success, the remaining groups are no longer split: each event gets the
    disposition of its group's error, and comes back. Only an event in `last`, which would not come
    back, is always tried alone. So a unit in which every event fails costs about 30 transactions.
    """

    def __init__(
        self, apply: Callable[[Events], Dispositions], last: Set[str] = frozenset()
    ) -> None:
        """`apply` applies all given events or raises; `last`: ids of events on their last try."""
        self._apply, self._last = apply, last
        self._failed = 0
        self._succeeded = False

    def run(self, events: Events) -> Dispositions:
        """Return the disposition of each event, by id. Raises StoreAway."""
        waiting: Dispositions = {}
        while left := [event for event in events if event.id not in waiting]:
            try:
                done = self._apply(left)
                self._succeeded = True
                return waiting | done
            except Wait as wait:
                if not (named := _named(wait, left)) or self._is_hopeless():
                    return waiting | self._split(left, wait)
                self._failed += 1
                waiting |= named
            except Exception as error:
                return waiting | self._split(left, error)
        return waiting

    def _split(self, events: Events, error: Exception) -> Dispositions:
        alone, race = len(events) == 1, _is_race(error)
        if is_away(error) and (alone or not race):
            raise StoreAway(str(error)) from error
        if alone:
            self._failed += 1
            return {events[0].id: disposition_of(error)}
        if not race:
            if self._is_hopeless():
                return self._give_up(events, error)
            self._failed += 1
        middle = len(events) // 2
        return self.run(events[:middle]) | self.run(events[middle:])

    def _is_hopeless(self) -> bool:
        return not self._succeeded and self._failed >= FAILURES

    def _give_up(self, events: Events, error: Exception) -> Dispositions:
        found: Dispositions = {}
        for event in events:
            found |= (
                self.run([event])
                if event.id in self._last
                else {event.id: group_disposition(error)}
            )
        return found


def _named(wait: Wait, events: Events) -> Dispositions:
    """Return the dispositions of those of the events that the handler named."""
    return {
        event.id: Disposition(Kind.WAIT, wait.reasons[event.id])
        for event in events
        if event.id in wait.reasons
    }


def _is_race(error: Exception) -> bool:
    """Return whether it had conflicts for two minutes, or took too long to be repeated.

    A smaller batch has fewer conflicts, and takes less time.
    """
    if not isinstance(error, OperationFailure) or error.timeout:
        return False
    return error.has_error_label("TransientTransactionError")
