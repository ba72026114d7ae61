"""What a service listens to, as data: the worker role runs it, the topology declares it."""

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
    """A handler's verdict: not now. The event comes back after a delay."""


class Wait(Exception):
    """A handler's verdict: another's news is not here yet. The event comes back until it is.

    It does so for up to a day (TANDEM_WAIT_LIMIT), and what waits does not count as failing. A
    handler that can tell which of its events wait names them all: then the others are applied
    without them, in a second transaction. Else the events are tried in halves.
    """

    def __init__(self, reason: str, events: Iterable[str] | Mapping[str, str] = ()) -> None:
        """`events`: the ids of those that wait, or for each of them its own reason."""
        super().__init__(reason)
        named = events if isinstance(events, Mapping) else dict.fromkeys(events, reason)
        self.reasons: Mapping[str, str] = dict(named)


class DeadLetter(Exception):
    """A handler's verdict: never. The event goes to the dead letters with this reason."""


def one(_: Event[Any]) -> int:
    """The weight of an event about one thing."""
    return 1


@dataclass(frozen=True)
class Subscription(Generic[S]):
    """One queue and what its events do."""

    name: str
    """The queue: <service>.<subscription>."""
    types: tuple[type[Message], ...]
    """The events it is bound to."""
    handle: Callable[[S, Sequence[Event[Any]]], None]
    """Applies events, in order, in one unit of work. The inbox has dropped repeats before.

    What it publishes belongs to the trace of its events where they share one; where it handles each
    under `tracing.under(event.traceparent)`, as `one_by_one` does, to that of its cause.
    """
    weigh: Callable[[Event[Any]], int] = one
    """About how many documents an event makes the handler read or write. One transaction takes
    events of 1,000 together (fewer where that takes long), or one event that weighs more."""
    replacing: frozenset[type[Message]] = frozenset()
    """The types of which the inbox keeps nothing, for a repeat and an old event change nothing by
    themselves: the handler does no more than replace what is guarded by the event's own sequence.
    What adds, counts or publishes is not among them."""
    partitioned: bool = False
    """Whether its events are spread over several queues by their partition key, each of which one
    worker consumes: for work that is heavy, and about one aggregate at a time."""

    @property
    def routing_keys(self) -> tuple[str, ...]:
        """What the queue is bound by: the types' names."""
        return tuple(event_type(cls) for cls in self.types)

    def rows(self, event: Event[Any]) -> int:
        """What an event weighs: 1 at least, for its own reading costs something."""
        return max(1, self.weigh(event))


Handler = Callable[[S, Event[Any]], None]


def one_by_one(name: str, handlers: Mapping[type[Message], Handler[S]]) -> Subscription[S]:
    """A subscription whose events are applied one after the other, each by its type's handler."""
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
            raise Wait("another's news is missing", waiting)

    return Subscription(name, tuple(handlers), handle)


@dataclass(frozen=True)
class Timer(Generic[S]):
    """Work that time causes."""

    name: str
    every: timedelta
    """Of the system's clock."""
    run: Callable[[Database[S]], None]
    alone: bool = True
    """Whether one replica does it at a time (by lease); else all do, each claiming what it does."""
