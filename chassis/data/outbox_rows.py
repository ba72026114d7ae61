"""What a unit of work published, as rows of the outbox: each event has its number and its place.

What the rows are is told in `outbox`, which is the relay's side.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymongo
from bson.binary import Binary
from google.protobuf.message import Message
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from chassis import ids
from chassis.contracts import events
from chassis.data.numbering import Last, document_of, following, last_of, place

Document = dict[str, Any]
Published = tuple[object, str]
"""A domain's dataclass that is named like an event message, and its traceparent."""

# Numbers of so many aggregates are reserved one by one: two operations for all of them take longer.
FEW = 2


@dataclass(frozen=True, slots=True)
class _Fresh:
    """An event that has no number yet."""

    message: Message
    traceparent: str
    id: str
    """What it is called, unless the one before it has a greater id."""
    subject: str
    key: str
    """Its partition key."""
    numbered_in: str
    """The aggregate in which it gets a number; empty where its type has none."""


def _fresh(message: Message, traceparent: str) -> _Fresh:
    subject, key = events.subject_and_key(message)
    numbered_in = key if events.has_sequence(type(message)) else ""
    return _Fresh(message, traceparent, ids.new_id(), subject, key, numbered_in)


class OutboxRows:
    """Makes the rows of one transaction; `sequences` has each aggregate's last event."""

    def __init__(
        self,
        service: str,
        now: datetime,
        sequences: "Collection[Document]",
        session: ClientSession | None,
    ) -> None:
        self._service, self._now = service, now
        self._sequences, self._session = sequences, session

    def of(self, published: Iterable[Published]) -> list[Document]:
        """A row of each event, in this order; what are the last ones then is noted.

        Raises LookupError where the contracts have no such event.
        """
        fresh = [
            _fresh(events.message_for(self._service, value), traceparent)
            for value, traceparent in published
        ]
        with self._numbering(fresh) as last:
            return [self._row(each, last) for each in fresh]

    @contextmanager
    def _numbering(self, fresh: Sequence[_Fresh]) -> Iterator[dict[str, Last]]:
        """The last event of each aggregate; at the end, what are the last ones then is noted.

        The transaction's write conflict is what keeps two units of work from the same number.
        """
        wanted = Counter(each.numbered_in for each in fresh if each.numbered_in)
        newest = {each.numbered_in: each.id for each in fresh}
        if len(wanted) <= FEW:
            last = {key: self._count_up(key, wanted[key], newest[key]) for key in wanted}
            noted = {key: Last(last[key].sequence + wanted[key], newest[key]) for key in wanted}
            noted = {key: noted[key] for key in wanted if last[key].id is not None}
        else:
            last, noted = self._last_events(wanted), {}
        yield last
        self._note({key: last[key] for key in wanted if last[key] != noted.get(key)})

    def _count_up(self, key: str, count: int, newest: str) -> Last:
        """The last event of an aggregate; noted are those to come, as they mostly are numbered."""
        found = self._sequences.find_one_and_update(
            {"_id": key},
            {"$inc": {"last": count, "id_of": count}, "$set": {"id": newest}},
            upsert=True,
            session=self._session,
        )
        return last_of(found) if found else Last()

    def _last_events(self, keys: Iterable[str]) -> dict[str, Last]:
        rows = self._sequences.find({"_id": {"$in": list(keys)}}, session=self._session)
        return {**{key: Last() for key in keys}, **{row["_id"]: last_of(row) for row in rows}}

    def _note(self, last: Mapping[str, Last]) -> None:
        updates = [
            pymongo.UpdateOne({"_id": key}, {"$set": document_of(each)}, upsert=True)
            for key, each in last.items()
        ]
        if updates:
            self._sequences.bulk_write(updates, ordered=False, session=self._session)

    def _row(self, fresh: _Fresh, last: dict[str, Last]) -> Document:
        """The event's row; it is then the last one of its aggregate."""
        before = last.get(fresh.numbered_in, Last())
        this = following(before, fresh.id)
        if fresh.numbered_in:
            last[fresh.numbered_in] = this
        # An event without a sequence waits for no other: it is an aggregate of its own here.
        aggregate = fresh.numbered_in or str(this.id)
        event = self._event(fresh, this)
        return {
            "_id": event.id,
            "key": aggregate,
            **place(aggregate, before),
            "sequence": event.sequence,
            "type": event.type,
            "headers": events.headers_of(event),
            "body": Binary(events.body_of(event.data)),
        }

    def _event(self, fresh: _Fresh, this: Last) -> events.Event[Message]:
        return events.Event(
            id=str(this.id),
            type=events.event_type(type(fresh.message)),
            source=f"/tandem/{self._service}",
            time=self._now,
            subject=fresh.subject,
            partition_key=fresh.key,
            sequence=this.sequence if fresh.numbered_in else 0,
            traceparent=fresh.traceparent,
            data=fresh.message,
        )
