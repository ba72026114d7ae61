"""Notify's MongoDB: collections and indexes; messages, deliveries and preferences.

| collection | one document is | its id |
|---|---|---|
| messages, deliveries | a message; one of its channels | a hash of event, person, channel |
| inboxes | the last number of a person's inbox | person |
| suppressions | an address at which mail does not arrive | the address's hash |
| preferences | what a person chose, by category | person |
| sessions, reminders | a replica of a session; a reminder of it | session; session:lead |
| broadcasts | a notice to a whole run, and the last learner notified | the notice's event |
| broadcast_parts | a chunk of its run that is not notified yet | broadcast:last learner before |
| people, runs, paths, enrolments | replicas of catalog's data | catalog's; for a path the run's |
| items | replicas of the library's items: titles | the library's |
| catch_ups | the newest event of a catch-up | progress's |
| dues | the newest event of a learner's due | enrolment:activity |
| due_digests | changed dues that a learner is told, or was | enrolment |
| questions | the newest event of a question | sessions' |
| question_digests | questions that someone who teaches is told of later | run:person |
| falls | a learner's newest fall or recovery, and when the learner is told | enrolment |
| fall_digests | falls that who teaches is told of later | run |
| rosters | a document to lock a run's roster | run |

A delivery has a `job` (chassis/jobs) until it is finished; a chunk of a broadcast always has one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pymongo

from chassis import jobs
from chassis.contracts.mapping import from_document, to_document
from chassis.data.pages import Page, find_page
from services.notify.domain.bounces import Suppression
from services.notify.domain.enums import Category, Channel, DeliveryState
from services.notify.domain.messages import Delivery, Message, Notification
from services.notify.domain.preferences import CategoryPreference, Chosen
from services.notify.migrations import FENCE, MIGRATIONS
from services.notify.ports import Batch
from services.notify.store_replicas import Document, ReplicasStore, both_forms

QUEUED = {"state": DeliveryState.QUEUED.value}
SHOWN = {"$gt": 0}  # numbers of messages that are in an inbox


class NotifyStore(ReplicasStore):
    """One unit of work's view of notify's database."""

    service = "notify"
    migrations = MIGRATIONS

    # Messages and deliveries

    def chosen(self, person_ids: Iterable[str]) -> dict[str, Chosen]:
        """Return people's choices; people without a choice are left out."""
        rows = self.find_by_ids("preferences", person_ids)
        return {row["_id"]: _chosen(row["channels"]) for row in rows}

    def choose(self, person_id: str, wanted: Sequence[CategoryPreference]) -> None:
        """Store a choice; categories that are not named stay as they are."""
        self["preferences"].update_one(
            {"_id": person_id},
            {"$set": {f"channels.{one.category}": list(one.channels) for one in wanted}},
            upsert=True,
            session=self.session,
        )

    def existing_messages(self, message_ids: Iterable[str]) -> set[str]:
        """Return those of these ids whose messages exist."""
        query = {"_id": {"$in": list(message_ids)}}
        rows = self["messages"].find(query, {"_id": 1}, session=self.session)
        return {row["_id"] for row in rows}

    def next_numbers(self, person_ids: Sequence[str]) -> list[int]:
        """Return the next number in each person's inbox; a person may be named more than once."""
        wanted = Counter(person_ids)
        query = {"_id": {"$in": list(wanted)}}
        rows = self["inboxes"].find(query, session=self.session)
        last = Counter({row["_id"]: int(row["last"]) for row in rows})
        self["inboxes"].bulk_write(
            [
                pymongo.UpdateOne({"_id": one}, {"$inc": {"last": count}}, upsert=True)
                for one, count in wanted.items()
            ],
            ordered=False,
            session=self.session,
        )
        numbers = []
        for one in person_ids:
            last[one] += 1
            numbers.append(last[one])
        return numbers

    def add_notifications(self, notifications: Sequence[Notification]) -> None:
        """Store new messages and their deliveries."""
        messages = [to_document(notification.message) for notification in notifications]
        deliveries = [
            _row(one) for notification in notifications for one in notification.deliveries
        ]
        self.insert("messages", messages)
        self.insert("deliveries", deliveries)

    def _update(self, changes: Sequence[tuple[Delivery, Document]]) -> None:
        writes = [pymongo.UpdateOne({"_id": each.id}, change) for each, change in changes]
        if writes:
            self["deliveries"].bulk_write(writes, ordered=False, session=self.session)

    def messages(self, person_id: str, message_ids: Iterable[str]) -> list[Message]:
        """Return those of these messages that are in the person's inbox."""
        query = {"_id": {"$in": list(message_ids)}, "person_id": person_id, "number": SHOWN}
        rows = self["messages"].find(query, session=self.session)
        return [from_document(row, Message) for row in rows]

    def inbox(self, person_id: str, unread_only: bool, page: Page) -> tuple[list[Message], str]:
        """Return a page of a person's inbox, newest first, and the next page's token."""
        query: Document = {"person_id": person_id, "number": SHOWN}
        if unread_only:
            query["read_at"] = None
        rows, token = find_page(self["messages"], query, [("number", -1)], page, self.session)
        return [from_document(row, Message) for row in rows], token

    def inbox_after(self, person_id: str, number: int, most: int) -> list[Message]:
        """Return up to `most` messages of a person's inbox after a number, oldest first."""
        query = {"person_id": person_id, "number": {"$gt": number}}
        rows = self["messages"].find(query, session=self.session).sort("number", 1).limit(most)
        return [from_document(row, Message) for row in rows]

    def last_number(self, person_id: str) -> int:
        """Return the number of the newest message of a person's inbox; 0 if it is empty."""
        row = self["inboxes"].find_one({"_id": person_id}, session=self.session)
        return int(row["last"]) if row else 0

    def mark_read(self, message_ids: Iterable[str]) -> None:
        """Mark those of these messages that are unread as read now."""
        query = {"_id": {"$in": list(message_ids)}, "read_at": None}
        change = {"$set": {"read_at": self.now}}
        self["messages"].update_many(query, change, session=self.session)

    def unread(self, person_id: str) -> int:
        """Return the number of unread messages in a person's inbox."""
        query = {"person_id": person_id, "read_at": None, "number": SHOWN}
        return int(self["messages"].count_documents(query, session=self.session))

    def delivery_log(self, person_id: str, event_id: str, page: Page) -> tuple[list[Delivery], str]:
        """Return a page of the delivery log, newest first; an empty id selects all."""
        wanted = {"person_id": person_id, "event_id": event_id}
        query = {field: value for field, value in wanted.items() if value}
        order = [("queued_at", -1), ("_id", -1)]
        rows, token = find_page(self["deliveries"], query, order, page, self.session)
        return [from_document(both_forms(row), Delivery) for row in rows], token

    def delivery(self, delivery_id: str) -> Delivery | None:
        """Return a delivery."""
        row = self["deliveries"].find_one({"_id": delivery_id}, session=self.session)
        return from_document(both_forms(row), Delivery) if row else None

    def claimed(self, batch: Batch) -> list[Delivery]:
        """Return the deliveries that the batch still holds."""
        rows = self["deliveries"].find(jobs.ours(batch.claim, batch.ids), session=self.session)
        found = {row["_id"]: from_document(both_forms(row), Delivery) for row in rows}
        return [found[each] for each in batch.ids if each in found]

    def begin_sending(self, sent_to: Mapping[str, str]) -> None:
        """Mark deliveries as possibly sent, each to an address, of which the hash is given."""
        writes = [
            pymongo.UpdateOne({"_id": each}, {"$set": {"sending": True, "sent_to": hash_}})
            for each, hash_ in sent_to.items()
        ]
        if writes:
            self["deliveries"].bulk_write(writes, ordered=False, session=self.session)

    def finish(self, deliveries: Sequence[Delivery]) -> None:
        """Store deliveries that were delivered or have failed."""
        gone = {"$unset": {**jobs.DONE, "claimed_until": ""}}
        self._update([(each, {"$set": _fields(each), **gone}) for each in deliveries])

    def queue_again(self, due: Mapping[Delivery, datetime]) -> None:
        """Store deliveries to be tried again, each not before an instant by the system's clock."""
        self._update(
            [(each, {"$set": {**_fields(each), **jobs.again(at)}}) for each, at in due.items()]
        )

    def give_back(self, delivery_ids: Sequence[str]) -> None:
        """Give back deliveries that were not tried, so that others can claim them."""
        if delivery_ids:
            query = {"_id": {"$in": list(delivery_ids)}}
            change = {"$set": {"sending": False, **jobs.again(datetime.now(UTC))}}
            self["deliveries"].update_many(query, change, session=self.session)

    def oldest_queued(self) -> timedelta:
        """Return how long the oldest queued delivery has waited; zero if there is none."""
        rows = [
            self["deliveries"].find_one(
                {**QUEUED, "urgent": urgent}, sort=[("queued_at", 1)], session=self.session
            )
            for urgent in (False, True)
        ]
        return max((self.now - row["queued_at"] for row in rows if row), default=timedelta(0))

    def suppressed(self, hashes: Iterable[str]) -> set[str]:
        """Return those of these hashes of addresses that get no mail."""
        return {row["_id"] for row in self.find_by_ids("suppressions", hashes)}

    def suppression(self, address: str) -> Suppression | None:
        """Return why an address gets no mail, by its hash; None if it does."""
        return self._by_id("suppressions", [address], Suppression).get(address)

    def suppress(self, suppression: Suppression) -> None:
        """Store that an address gets no mail, unless that is stored already."""
        row = to_document(suppression)
        self["suppressions"].update_one(
            {"_id": row.pop("_id")}, {"$setOnInsert": row}, upsert=True, session=self.session
        )

    def remove_suppression(self, suppression_id: str) -> bool:
        """Delete a suppression; return whether there was one."""
        query = {"_id": suppression_id}
        return bool(self["suppressions"].delete_one(query, session=self.session).deleted_count)

    def suppressions(self, person_id: str, page: Page) -> tuple[list[Suppression], str]:
        """Return a page of the addresses that get no mail, newest first; an empty id: of all."""
        query = {"person_id": person_id} if person_id else {}
        order = [("since", -1), ("_id", -1)]
        rows, token = find_page(self["suppressions"], query, order, page, self.session)
        return [from_document(row, Suppression) for row in rows], token

    def messages_by_id(self, message_ids: Iterable[str]) -> dict[str, Message]:
        """Return those of these messages that exist, by id."""
        return self._by_id("messages", message_ids, Message)


def _row(delivery: Delivery) -> Document:
    """Return the document of a new delivery, with its job if it is to be sent."""
    row = both_forms(to_document(delivery))
    if delivery.state is DeliveryState.QUEUED:
        row |= {"job": jobs.waiting(delivery.lane, datetime.now(UTC)), "claimed_until": FENCE}
    return row


def _fields(delivery: Delivery) -> Document:
    """Return the fields of a delivery that sending changes."""
    whole = to_document(delivery)
    return {name: whole[name] for name in ("state", "attempts", "error", "finished_at", "sending")}


def _chosen(channels: Mapping[str, Sequence[str]]) -> dict[Category, frozenset[Channel]]:
    """Return a choice without what only a newer version knows."""
    return {
        Category(key): frozenset(Channel(each) for each in value if each in Channel.__members__)
        for key, value in channels.items()
        if key in Category.__members__
    }
