"""The inbox: applies events by a handler in one transaction, each event once a subscription."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.contracts.events import Event
from chassis.data.store import Database, Store
from chassis.messaging.batch_limit import BatchLimit
from chassis.messaging.dispositions import APPLIED, REPEAT, Disposition
from chassis.messaging.subscriptions import Subscription
from chassis.operations import tracing

Events = Sequence[Event[Any]]


@dataclass(frozen=True, slots=True)
class Inbox:
    """The inbox of one subscription."""

    database: Database[Any]
    subscription: Subscription[Any]
    writer: str
    """The queue whose events are applied; the handler finds it as `store.writer`."""
    batch_limit: BatchLimit
    """Adapts to how long each committed transaction took."""

    def apply(self, events: Events) -> dict[str, Disposition]:
        """Apply events in one transaction; return for each event id whether it was applied or a
        repeat.

        Raises what the handler raises; then nothing was applied.
        """
        began = time.monotonic()
        with tracing.under(_cause(events)):
            done = self.database.transact(lambda store: self._work(store, events), self.writer)
        self.batch_limit.took(sum(map(self.subscription.rows, events)), time.monotonic() - began)
        return done

    def _work(self, store: Store, events: Events) -> dict[str, Disposition]:
        seen = self._seen(store, events)
        fresh = [event for event in events if event.id not in seen]
        if fresh:
            self._handle(store, fresh)
            self._remember(store, fresh)
        return {event.id: REPEAT if event.id in seen else APPLIED for event in events}

    def _handle(self, store: Store, events: Events) -> None:
        happened = [event for event in events if not event.resync]
        if happened:
            self.subscription.handle(store, happened)
        state = [event for event in events if event.resync]
        if state and self.subscription.resync:
            self.subscription.resync(store, state)

    def _seen(self, store: Store, events: Events) -> set[str]:
        inbox_ids = {
            inbox_id(self.subscription.name, event.id): event.id for event in self._kept(events)
        }
        return {inbox_ids[row["_id"]] for row in store.find_by_ids("inbox", inbox_ids)}

    def _remember(self, store: Store, events: Events) -> None:
        now = datetime.now(UTC)  # MongoDB removes old rows by the system's clock
        name = self.subscription.name
        rows = [{"_id": inbox_id(name, event.id), "at": now} for event in self._kept(events)]
        if rows:
            store["inbox"].insert_many(rows, session=store.session)

    def _kept(self, events: Events) -> list[Event[Any]]:
        """Return the events whose repeats only the inbox can detect."""
        return [e for e in events if type(e.data) not in self.subscription.replacing]


def inbox_id(subscription: str, event_id: str) -> str:
    """Return the id of the inbox row of an event that a subscription has applied."""
    return f"{subscription}:{event_id}"


def _cause(events: Events) -> str:
    """Return the trace for applying events: theirs if they share one, else a new one (empty)."""
    traces = {tracing.trace_id(event.traceparent) for event in events}
    return events[0].traceparent if len(traces) == 1 else ""
