"""The outbox rows of the events that a unit of work recorded, with their sequence numbers.

`chassis.messaging.outbox`, the relay's side, describes the fields of a row.
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

# Up to this many aggregates get their numbers one by one: two operations for all take longer.
FEW = 2


@dataclass(frozen=True, slots=True)
class _Fresh:
    """An event that has no number yet."""

    message: Message
    traceparent: str
    id: str
    """Its id, unless the event before it has a greater one."""
    subject: str
    key: str
    """Its partition key."""
    numbered_in: str
    """The aggregate that numbers it; empty if its type has no sequence."""


def _fresh(message: Message, traceparent: str) -> _Fresh:
    subject, key = events.subject_and_key(message)
    numbered_in = key if events.has_sequence(type(message)) else ""
    return _Fresh(message, traceparent, ids.new_id(), subject, key, numbered_in)


class OutboxRows:
    """Makes the rows of one transaction; `sequences` holds each aggregate's last event."""

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
        """Return a row for each event, in this order, and store the new last event of each
        aggregate.

        Raises LookupError if the contracts have no such event.
        """
        fresh = [
            _fresh(events.message_for(self._service, value), traceparent)
            for value, traceparent in published
        ]
        with self._numbering(fresh) as last:
            return [self._row(each, last) for each in fresh]

    @contextmanager
    def _numbering(self, fresh: Sequence[_Fresh]) -> Iterator[dict[str, Last]]:
        """Yield the last event of each aggregate; at the end, store the new last events.

        The transaction's write conflict keeps two units of work from using the same number.
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
        """Return the last event of an aggregate, and store the one that will be last, as we
        expect.
        """
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
        """Return the event's row; the event is then the last one of its aggregate."""
        before = last.get(fresh.numbered_in, Last())
        this = following(before, fresh.id)
        if fresh.numbered_in:
            last[fresh.numbered_in] = this
        # An event without a sequence waits for no other: the outbox treats it as its own aggregate.
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
