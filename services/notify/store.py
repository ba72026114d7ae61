"""Notify's MongoDB: collections and indexes; messages, deliveries and preferences.

| collection | one document is | its id |
|---|---|---|
| messages, deliveries | a message; one of its channels | made from event, person, channel |
| inboxes | the last number of a person's inbox | person |
| preferences | what a person chose, by category | person |
| sessions, reminders | a copy of a session; a reminder of it | session; session:lead |
| broadcasts | a notice to a whole run, and how far it is told | the notice's event |
| people, runs, paths, enrolments | copies of catalog's | theirs; a path's is its run's |
| items | copies of library's: titles | theirs |
| rosters | a run, as a guard: who is told in it | run |
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import pymongo

from chassis.mapping import from_document, to_document
from chassis.pages import Page, find_page
from services.notify.domain.messages import Delivery, Letter, Mail, Message
from services.notify.domain.preferences import CategoryPreference, Chosen
from services.notify.domain.words import Category, Channel, DeliveryState
from services.notify.migrations import MIGRATIONS
from services.notify.store_copies import CopiesStore, Document, not_after

QUEUED = {"state": DeliveryState.QUEUED.value}
SHOWN = {"$gt": 0}  # numbers of messages that are in an inbox


class NotifyStore(CopiesStore):
    """One unit of work's view of notify's database."""

    service = "notify"
    migrations = MIGRATIONS

    # Messages and deliveries

    def chosen(self, person_ids: Iterable[str]) -> dict[str, Chosen]:
        """What people chose to hear; nobody who chose nothing."""
        rows = self["preferences"].find({"_id": {"$in": list(person_ids)}}, session=self.session)
        return {row["_id"]: _chosen(row["channels"]) for row in rows}

    def choose(self, person_id: str, wanted: Sequence[CategoryPreference]) -> None:
        """Keep a choice; categories that are not named stay."""
        self["preferences"].update_one(
            {"_id": person_id},
            {"$set": {f"channels.{one.category}": list(one.channels) for one in wanted}},
            upsert=True,
            session=self.session,
        )

    def told(self, message_ids: Iterable[str]) -> set[str]:
        """Which of these messages exist."""
        query = {"_id": {"$in": list(message_ids)}}
        rows = self["messages"].find(query, {"_id": 1}, session=self.session)
        return {row["_id"] for row in rows}

    def next_numbers(self, person_ids: Sequence[str]) -> list[int]:
        """The next place in the inbox of each; a person may be named more than once."""
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

    def add_letters(self, letters: Sequence[Letter]) -> None:
        """Keep new messages and their deliveries."""
        messages = [to_document(letter.message) for letter in letters]
        deliveries = [to_document(one) for letter in letters for one in letter.deliveries]
        self["messages"].insert_many(messages, ordered=False, session=self.session)
        self["deliveries"].insert_many(deliveries, ordered=False, session=self.session)

    def messages(self, person_id: str, message_ids: Iterable[str]) -> list[Message]:
        """Those of these messages that are in the person's inbox."""
        query = {"_id": {"$in": list(message_ids)}, "person_id": person_id, "number": SHOWN}
        rows = self["messages"].find(query, session=self.session)
        return [from_document(row, Message) for row in rows]

    def inbox(self, person_id: str, unread_only: bool, page: Page) -> tuple[list[Message], str]:
        """A page of a person's inbox, newest first, and the next page's token."""
        query: Document = {"person_id": person_id, "number": SHOWN}
        if unread_only:
            query["read_at"] = None
        rows, token = find_page(self["messages"], query, [("number", -1)], page, self.session)
        return [from_document(row, Message) for row in rows], token

    def inbox_after(self, person_id: str, number: int, most: int) -> list[Message]:
        """Up to `most` messages of a person's inbox after a number, oldest first."""
        query = {"person_id": person_id, "number": {"$gt": number}}
        rows = self["messages"].find(query, session=self.session).sort("number", 1).limit(most)
        return [from_document(row, Message) for row in rows]

    def last_number(self, person_id: str) -> int:
        """The number of the newest message of a person's inbox; 0 when it is empty."""
        row = self["inboxes"].find_one({"_id": person_id}, session=self.session)
        return int(row["last"]) if row else 0

    def mark_read(self, message_ids: Iterable[str]) -> None:
        """Mark those of these messages that are unread as read now."""
        query = {"_id": {"$in": list(message_ids)}, "read_at": None}
        change = {"$set": {"read_at": self.now}}
        self["messages"].update_many(query, change, session=self.session)

    def unread(self, person_id: str) -> int:
        """How many messages of a person's inbox are unread."""
        query = {"person_id": person_id, "read_at": None, "number": SHOWN}
        return int(self["messages"].count_documents(query, session=self.session))

    def delivery_log(self, person_id: str, event_id: str, page: Page) -> tuple[list[Delivery], str]:
        """A page of the delivery log, newest first; empty ids: of all."""
        wanted = {"person_id": person_id, "event_id": event_id}
        query = {field: value for field, value in wanted.items() if value}
        order = [("queued_at", -1), ("_id", -1)]
        rows, token = find_page(self["deliveries"], query, order, page, self.session)
        return [from_document(row, Delivery) for row in rows], token

    def delivery(self, delivery_id: str) -> Delivery | None:
        """A delivery by its id."""
        return self._one("deliveries", delivery_id, Delivery)

    def put_delivery(self, delivery: Delivery) -> None:
        """Keep a changed delivery."""
        self._put("deliveries", [delivery])

    def claimable(self, system_now: datetime, most: int) -> list[Delivery]:
        """Queued deliveries that nobody has, urgent ones first, then the oldest."""
        due = not_after(system_now)
        query = {**QUEUED, "sending": False, "claimed_until": due, "retry_at": due}
        rows = self["deliveries"].find(query, session=self.session)
        order = [("urgent", -1), ("queued_at", 1), ("_id", 1)]
        return [from_document(row, Delivery) for row in rows.sort(order).limit(most)]

    def claim(self, delivery_ids: Iterable[str], claim: str, until: datetime) -> None:
        """Have deliveries until then."""
        query = {"_id": {"$in": list(delivery_ids)}}
        change = {"$set": {"claim": claim, "claimed_until": until}}
        self["deliveries"].update_many(query, change, session=self.session)

    def abandoned(self, system_now: datetime, most: int) -> list[Delivery]:
        """Deliveries that were being sent when their claim ran out."""
        query = {**QUEUED, "sending": True, "claimed_until": not_after(system_now)}
        rows = self["deliveries"].find(query, session=self.session).limit(most)
        return [from_document(row, Delivery) for row in rows]

    def oldest_queued(self) -> timedelta:
        """How long the oldest queued delivery has waited; zero when none does."""
        rows = [
            self["deliveries"].find_one(
                {**QUEUED, "urgent": urgent}, sort=[("queued_at", 1)], session=self.session
            )
            for urgent in (False, True)
        ]
        return max((self.now - row["queued_at"] for row in rows if row), default=timedelta(0))

    def mails(self, deliveries: Sequence[Delivery]) -> dict[str, Mail]:
        """The mails of deliveries by delivery, to the people's present addresses."""
        people = self.people({one.person_id for one in deliveries})
        messages = self._by_id("messages", {one.message_id for one in deliveries}, Message)
        return {
            one.id: _mail(one, people[one.person_id].email, messages[one.message_id])
            for one in deliveries
            if one.person_id in people
        }


def _mail(delivery: Delivery, to: str, message: Message) -> Mail:
    return Mail(delivery.id, to, message.title, message.body, message.created_at)


def _chosen(channels: Mapping[str, Sequence[str]]) -> dict[Category, frozenset[Channel]]:
    return {Category(key): frozenset(map(Channel, value)) for key, value in channels.items()}
