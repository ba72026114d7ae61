"""The unconfirmed publishes of a channel, as plain bookkeeping: no connection, no clock.

Publications are counted from 1, as AMQP's delivery tags are. The broker confirms them one by one,
many at once ("multiple"), and in any order.

Order within an aggregate: a later event must not overtake one that no queue takes, although many
events are in flight by then. Whether a queue takes an event depends only on its type. So until the
first event of a type is confirmed on this channel, later events of its aggregate wait; from then on
nothing waits.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

SIZE = 500
"""Measured: 50, 200, 500, 1000 give 7.0, 9.0, 10.5, 10.7 thousand events a second."""

Row = Mapping[str, Any]
T = TypeVar("T")


@dataclass
class Outcome:
    """What happened to outbox rows, by their ids."""

    confirmed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """The broker did not accept them (nack)."""
    returned: list[str] = field(default_factory=list)
    """No queue took them (mandatory)."""
    kept: list[str] = field(default_factory=list)
    """Not sent, because an earlier row of their aggregate was refused or returned."""
    types: Counter[str] = field(default_factory=Counter, compare=False)
    """How many of each type were confirmed."""

    def __bool__(self) -> bool:
        """Return whether there is anything in it."""
        return bool(self.confirmed or self.refused or self.returned or self.kept)


class UnconfirmedPublishes(Generic[T]):
    """The outbox rows in flight on one channel, and the outcome of those before them.

    The sender attaches a mark to each row, and gets it back when the broker has confirmed the row.
    """

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._sent = 0
        self._in_flight: dict[int, tuple[Row, T]] = {}
        # Counted: an event may be in flight twice, if it is published again before the first
        # confirm.
        self._came_back: Counter[str] = Counter()
        self._proven_types: set[str] = set()
        self._unproven_type: dict[str, str] = {}
        """By aggregate: the type in flight for which we don't know whether a queue takes it."""
        self._blocked_keys: set[str] = set()
        self._outcome = Outcome()

    @property
    def is_empty(self) -> bool:
        """Whether the broker has confirmed or refused everything."""
        return not self._in_flight

    def unblock(self, keys: Iterable[str]) -> None:
        """Unblock aggregates, which are read again from the row that was refused or returned."""
        self._blocked_keys.difference_update(keys)

    def keep(self, row: Row) -> None:
        """Note that `row` is not sent."""
        self._outcome.kept.append(row["_id"])

    def is_blocked(self, row: Row) -> bool:
        """Return whether an earlier row of its aggregate was refused or returned."""
        return row["key"] in self._blocked_keys

    def has_room(self, row: Row) -> bool:
        """Return whether `row` may be sent now; otherwise wait for a confirm."""
        unproven = self._unproven_type.get(row["key"])
        ready = unproven is None or unproven in self._proven_types
        return ready and len(self._in_flight) < self._size

    def send(self, row: Row, mark: T) -> None:
        """Note that `row` is the next publication."""
        self._sent += 1
        self._in_flight[self._sent] = row, mark
        if row["type"] not in self._proven_types:
            self._unproven_type[row["key"]] = row["type"]

    def come_back(self, event_id: str) -> None:
        """Note that no queue took it. The broker says so before it confirms the same
        publication.
        """
        self._came_back[event_id] += 1

    def settle(self, tag: int, multiple: bool, acked: bool) -> list[T]:
        """Note that the broker confirmed (`acked`) or refused publication `tag`, or all up to it.

        Return their marks.
        """
        tags = list(self._up_to(tag)) if multiple else [tag]
        marks = []
        for each in tags:
            row, mark = self._in_flight.pop(each)
            self._judge(row, acked)
            marks.append(mark)
        return marks

    def take_outcome(self) -> Outcome:
        """Return what happened to rows since the last call."""
        outcome, self._outcome = self._outcome, Outcome()
        return outcome

    def _up_to(self, tag: int) -> Iterable[int]:
        for each in self._in_flight:  # in the order of sending
            if each > tag:
                return
            yield each

    def _judge(self, row: Row, acked: bool) -> None:
        event_id, key, kind = row["_id"], row["key"], row["type"]
        if self._unproven_type.get(key) == kind:
            del self._unproven_type[key]
        if self._came_back[event_id]:
            self._came_back -= Counter([event_id])
            self._proven_types.discard(kind)
            self._outcome.returned.append(event_id)
            self._blocked_keys.add(key)
        elif acked:
            self._proven_types.add(kind)
            self._outcome.confirmed.append(event_id)
            self._outcome.types[kind] += 1
        else:
            self._outcome.refused.append(event_id)
            self._blocked_keys.add(key)
