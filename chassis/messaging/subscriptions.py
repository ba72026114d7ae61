"""Subscriptions and timers of a service, as data: the worker role runs them, the topology declares
the queues."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from chassis.contracts.events import Event, event_type
from chassis.data.store import Database, Store
from chassis.operations import tracing

S = TypeVar("S", bound=Store)


class Retry(Exception):
    """A handler raises this if an event can't be applied now. It comes back after a delay."""


class Wait(Exception):
    """A handler raises this if an event needs another one, of another service, that is not here
    yet.

    The event comes back for up to a day (TANDEM_WAIT_LIMIT), and waiting does not count as failing.
    If the handler knows which of its events wait, it names them all: then the others are applied
    without them, in a second transaction. Otherwise the events are tried in halves.
    """

    def __init__(self, reason: str, events: Iterable[str] | Mapping[str, str] = ()) -> None:
        """`events`: the ids of those that wait, or a reason for each of these ids."""
        super().__init__(reason)
        named = events if isinstance(events, Mapping) else dict.fromkeys(events, reason)
        self.reasons: Mapping[str, str] = dict(named)


class DeadLetter(Exception):
    """A handler raises this if an event can never be applied. It goes to the dead letters."""


def one(_: Event[Any]) -> int:
    """Return 1, the weight of an event about one thing."""
    return 1


@dataclass(frozen=True)
class Subscription(Generic[S]):
    """One queue and the handler of its events."""

    name: str
    """The queue: <service>.<subscription>."""
    types: tuple[type[Message], ...]
    """The events that it is bound to."""
    handle: Callable[[S, Sequence[Event[Any]]], None]
    """Applies events, in order, in one unit of work. The inbox has removed repeats before.

    Events that it records belong to the trace of the applied events, if these share one. If it
    handles each event within `tracing.under(event.traceparent)`, as `one_by_one` does, they belong
    to the trace of their cause.
    """
    weigh: Callable[[Event[Any]], int] = one
    """About how many documents the handler reads or writes for an event. One transaction takes
    events of up to 1,000 together (fewer if that takes long), or one event that weighs more."""
    replacing: frozenset[type[Message]] = frozenset()
    """Event types without inbox rows, because a repeated or an old event has no effect: the handler
    only replaces fields that are guarded by the event's own sequence. A type whose handler adds,
    counts or records events must not be here."""
    partitioned: bool = False
    """Whether its events are spread over several queues by their partition key, each consumed by
    one worker: for heavy work that concerns one aggregate at a time."""
    resync: Callable[[S, Sequence[Event[Any]]], None] | None = None
    """Applies events of a resync, which tell the state that holds now, and not that something
    happened: it updates copies, and tells nobody what people were told before. None: the
    subscription takes no resync."""
    resync_types: tuple[type[Message], ...] = ()
    """The events of a resync that it takes; empty: all of its types."""
    former: tuple[type[Message], ...] = ()
    """Events to which versions before bound the queue, and which another subscription takes now: it
    is bound to them no more, and applies those that it still has."""
    needs: Callable[[S], Callable[[str], bool]] | None = None
    """Looks up, once for a batch, which of its types it handles now: events of the others are
    dropped, and not even decoded. None: it handles all."""

    @property
    def routing_keys(self) -> tuple[str, ...]:
        """The routing keys of the queue's bindings: the types' names."""
        return tuple(event_type(cls) for cls in self.types)

    @property
    def resync_keys(self) -> tuple[str, ...]:
        """The types of the events that it takes of a resync."""
        taken = (self.resync_types or self.types) if self.resync else ()
        return tuple(event_type(cls) for cls in taken)

    @property
    def former_keys(self) -> tuple[str, ...]:
        """The routing keys of bindings that are to be removed."""
        return tuple(event_type(cls) for cls in self.former)

    def rows(self, event: Event[Any]) -> int:
        """Return the weight of an event: at least 1, because reading it costs something."""
        return max(1, self.weigh(event))


Handler = Callable[[S, Event[Any]], None]


def one_by_one(name: str, handlers: Mapping[type[Message], Handler[S]]) -> Subscription[S]:
    """Return a subscription that applies events one after the other, each by its type's handler."""
    by_type = {event_type(cls): handler for cls, handler in handlers.items()}

    def handle(store: S, batch: Sequence[Event[Any]]) -> None:
        waiting: dict[str, str] = {}
        for event in batch:
            try:
                with tracing.under(event.traceparent):
                    by_type[event.type](store, event)
            except Wait as wait:
                waiting[event.id] = str(wait)
        if waiting:
            raise Wait("an event of another service is missing", waiting)

    return Subscription(name, tuple(handlers), handle)


@dataclass(frozen=True)
class Timer(Generic[S]):
    """Work that is done at intervals."""

    name: str
    every: timedelta
    """The interval, by the system's clock."""
    run: Callable[[Database[S]], None]
    alone: bool = True
    """Whether one replica at a time does it (by lease); otherwise all do, each claiming its
    work."""
