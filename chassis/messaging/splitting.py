"""What a batch is cut into, and how what fails in it is found.

A unit is what one transaction applies: small enough to be far from MongoDB's limits (60 s, 16 MiB)
and a worker's memory, whatever the events hold, and however slow it goes (see `pace`). One event
alone is never cut, for it is below 256 KiB; its handler's work may not grow with anything but what
it holds.
"""

from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any, TypeVar

from pymongo.errors import OperationFailure

from chassis.contracts.events import Event
from chassis.data.store import is_away
from chassis.messaging.batch_limit import BatchLimit
from chassis.messaging.dispositions import Disposition, Kind, disposition_of, group_disposition
from chassis.messaging.subscriptions import Subscription, Wait

# The bodies that are decoded at once at most. Decoded, a body takes some three times its bytes.
BYTES = 4 * 2**20
# So many transactions may fail before one succeeds; then the events are taken to fail alike. The
# first of 1,000 events alone makes ten fail.
FAILURES = 20

T = TypeVar("T")
Events = Sequence[Event[Any]]
Dispositions = dict[str, Disposition]


class StoreAway(Exception):
    """MongoDB does not answer: nothing was applied, and nothing is wrong with the events."""


def cut(
    things: Sequence[T], cost: Callable[[T], int], most: Callable[[], int]
) -> Iterator[list[T]]:
    """Parts of consecutive things that cost `most` together at most; what costs more is alone.

    `most` is asked again while a part is put together, after what was done with the part before.
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
    """Events in the parts that are applied together: of 1,000 rows at most, or of one event."""
    return cut(events, subscription.rows, lambda: batch_limit.rows)


class Splitter:
    """Applies one unit: together, or without those that the handler names, or in halves.

    One event that fails among 500 costs some twenty transactions. Where `FAILURES` of them failed
    and none succeeded, what is left is tried in the groups at hand and no longer split: it is
    judged by what its group failed of, and comes back. Only an event in `last`, which would not
    come back, is always tried alone. So a unit in which all fails costs some 30 transactions.
    """

    def __init__(
        self, apply: Callable[[Events], Dispositions], last: Set[str] = frozenset()
    ) -> None:
        """`apply` applies all of some events or raises; `last`: ids of those on their last try."""
        self._apply, self._last = apply, last
        self._failed = 0
        self._succeeded = False

    def run(self, events: Events) -> Dispositions:
        """A verdict by event id. Raises StoreAway."""
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
    """The verdicts on those of the events that the handler named."""
    return {
        event.id: Disposition(Kind.WAIT, wait.reasons[event.id])
        for event in events
        if event.id in wait.reasons
    }


def _is_race(error: Exception) -> bool:
    """Whether it lost to other transactions for two minutes, or took too long to be repeated.

    A smaller batch meets fewer others, and takes less.
    """
    if not isinstance(error, OperationFailure) or error.timeout:
        return False
    return error.has_error_label("TransientTransactionError")
