"""What a service listens to, as data: the worker role runs it, the topology declares it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from chassis import tracing
from chassis.events import Event, event_type
from chassis.store import Database, Store

S = TypeVar("S", bound=Store)


class Retry(Exception):
    """A handler's verdict: not now. The event comes back after a delay."""


class Drop(Exception):
    """A handler's verdict: never. The event goes to the dead letters with this reason."""


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

    @property
    def routing_keys(self) -> tuple[str, ...]:
        """What the queue is bound by: the types' names."""
        return tuple(event_type(cls) for cls in self.types)


Handler = Callable[[S, Event[Any]], None]


def one_by_one(name: str, handlers: Mapping[type[Message], Handler[S]]) -> Subscription[S]:
    """A subscription whose events are applied one after the other, each by its type's handler."""
    by_type = {event_type(cls): handler for cls, handler in handlers.items()}

    def handle(store: S, batch: Sequence[Event[Any]]) -> None:
        for event in batch:
            with tracing.under(event.traceparent):
                by_type[event.type](store, event)

    return Subscription(name, tuple(handlers), handle)


@dataclass(frozen=True)
class Timer(Generic[S]):
    """Work that time causes. One replica does it at a time (by lease)."""

    name: str
    every: timedelta
    """Of the system's clock."""
    run: Callable[[Database[S]], None]
