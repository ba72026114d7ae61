"""What a service sends in a resync: its things by kind, as the events that tell their state."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from google.protobuf.message import Message

from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.data.store import Store

S = TypeVar("S", bound=Store)


@dataclass(frozen=True)
class Source(Generic[S]):
    """The things of one kind."""

    kind: str
    collection: str
    """The collection whose ids are walked."""
    types: tuple[type[Message], ...]
    """The events that tell their state."""
    tell: Callable[[S, Sequence[str]], Sequence[object]]
    """Returns the events that together tell the state of the things with these ids, as dataclasses
    of the domain. It gets the ids of existing documents, and a store as of one moment."""
    page: int = 500
    """How many things are read, and their events sent, at once."""

    @property
    def type_names(self) -> tuple[str, ...]:
        """The types of its events."""
        return tuple(map(events.event_type, self.types))


class Stretch(NamedTuple):
    """The next things of a source."""

    events: Sequence[Event[Any]]
    last: str
    """The id of the last thing; empty if there are no more things."""


def read(store: Store, source: Source[Any], after: str, resync_id: str) -> Stretch:
    """Return the state of the next things after an id, with the sequence that each aggregate has at
    this moment.

    So a copy takes it for as new as the aggregate's last event: older events that are still on
    their way change nothing after it, later ones do. A thing whose aggregate never had an event is
    left out: nobody ever heard of it.
    """
    rows = store[source.collection].find({"_id": {"$gt": after}}, {"_id": 1}, session=store.session)
    found = [row["_id"] for row in rows.sort("_id", 1).limit(source.page)]
    told = source.tell(store, found) if found else ()
    messages = [events.message_for(store.service, each) for each in told]
    return Stretch([*_events(store, resync_id, after, messages)], found[-1] if found else "")


def _events(
    store: Store, resync_id: str, after: str, messages: Sequence[Message]
) -> Iterator[Event[Any]]:
    named = [(message, *events.subject_and_key(message)) for message in messages]
    sequences = _sequences(store, {key for _, _, key in named})
    parts: Counter[tuple[str, str]] = Counter()
    for message, subject, key in named:
        kind = events.event_type(type(message))
        if key in sequences:
            parts[kind, key] += 1
            part = f"{after}/{parts[kind, key]}"
            yield Event(
                id=event_id(resync_id, kind, key, sequences[key], part),
                type=kind,
                source=f"/tandem/{store.service}",
                time=store.now,
                subject=subject,
                partition_key=key,
                sequence=sequences[key],
                traceparent="",
                data=message,
                resync=resync_id,
            )


def _sequences(store: Store, keys: Set[str]) -> Mapping[str, int]:
    return {row["_id"]: int(row["last"]) for row in store.find_by_ids("sequences", keys)}


def event_id(resync_id: str, kind: str, key: str, sequence: int, part: str) -> str:
    """Return the id of an event of a resync: a UUIDv5 (RFC 9562, section 5.5) of what it tells.

    So what is sent again after a crash is a repeat, and what another resync sends is not. `part`:
    the page and the place in it, because several events may tell the state of one aggregate.
    """
    return str(uuid.uuid5(uuid.UUID(resync_id), f"{kind}/{key}/{sequence}/{part}"))
