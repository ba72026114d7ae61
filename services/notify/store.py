"""Notify's MongoDB: collections and indexes; messages, deliveries and preferences.

| collection | one document is | its id |
|---|---|---|
| messages, deliveries | a message; one of its channels | a hash of event, person, channel |
| inboxes | the last number of a person's inbox | person |
| suppressions | an address at which mail does not arrive | the address's hash |
| calendar_news | what calendars show since an event; kept for 30 days | the event |
| digests | what a person gets in one mail; kept for a day | a hash of person, channel, window |
| rates | when the bucket of a rate is full | channel:provider |
| preferences | what a person chose: by category; digest time, quiet hours, muted runs | person |
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
| fall_digests | falls that who teaches is told of later | run, or run:person |
| rosters | a document to lock a run's roster | run |

A delivery or digest has a `job` (chassis/jobs) while it is QUEUED, and none while it is WAITING; a
chunk of a broadcast always has one. Devices are in store_devices.py; store_webhooks.py tells the
collections of webhooks.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pymongo

from chassis import jobs
from chassis.contracts.mapping import from_document, to_document
from chassis.data.pages import Page, find_page
from services.notify.domain.bounces import Suppression
from services.notify.domain.enums import (
    BULK,
    BY_DEVICE,
    CROWD,
    DIGEST,
    Category,
    Channel,
    DeliveryState,
    Frequency,
)
from services.notify.domain.invitations import CalendarNews
from services.notify.domain.messages import (
    Delivery,
    Digest,
    Message,
    Notification,
    S,
    Sent,
    lane_of,
)
from services.notify.domain.preferences import Choice
from services.notify.migrations import FENCE, MIGRATIONS
from services.notify.ports import Batch
from services.notify.store_devices import DevicesStore
from services.notify.store_replicas import Document, ReplicasStore, both_forms
from services.notify.store_webhooks import WebhooksStore

QUEUED = {"state": DeliveryState.QUEUED.value}
WAITING = {"state": DeliveryState.WAITING.value}
ALONE = {**WAITING, "digest_id": ""}  # deliveries that wait for the end of quiet hours
_COLLECTIONS: Mapping[type[Sent], str] = {Delivery: "deliveries", Digest: "digests"}
_LANE_OF_DIGEST = {"$cond": ["$urgent", CROWD, DIGEST]}
_LANE_OF_HELD = {
    "$switch": {
        "branches": [
            {"case": {"$eq": ["$channel", each.value]}, "then": lane_of(each, BULK)}
            for each in sorted(BY_DEVICE)
        ],
        "default": BULK,
    }
}
KEPT = timedelta(days=1)  # how long a digest is kept after it is finished
KEPT_FOR_MAIL = timedelta(days=30)  # how long mails can be told what calendars show
# What can be forgotten: by which instant, and on which condition.
_FORGOTTEN: Mapping[str, tuple[str, Document]] = {
    "messages": ("created_at", {}),
    "deliveries": ("queued_at", {"finished_at": {"$ne": None}}),
    "broadcasts": ("at", {"done": True}),
}
SHOWN = {"$gt": 0}  # numbers of messages that are in an inbox


class NotifyStore(ReplicasStore, DevicesStore, WebhooksStore):
    """One unit of work's view of notify's database."""

    service = "notify"
    migrations = MIGRATIONS

    # Messages and deliveries

    def choices(self, person_ids: Iterable[str]) -> dict[str, Choice]:
        """Return the choice of each person; the defaults for a person without one."""
        found = {each: Choice(each) for each in person_ids}
        rows = self.find_by_ids("preferences", found)
        return found | {row["_id"]: _choice(row) for row in rows}

    def put_choice(self, choice: Choice) -> None:
        """Store a choice, new or changed."""
        row = to_document(choice)
        for category, often in row.pop("categories").items():
            row[f"frequencies.{category}"] = often
            row[f"channels.{category}"] = list(often)  # the version before knows these only
        self["preferences"].update_one(
            {"_id": row.pop("_id")}, {"$set": row}, upsert=True, session=self.session
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

    def _update(self, changes: Sequence[tuple[Sent, Document]]) -> None:
        """Change deliveries, or digests."""
        writes = [pymongo.UpdateOne({"_id": each.id}, change) for each, change in changes]
        if writes:
            self[_COLLECTIONS[type(changes[0][0])]].bulk_write(
                writes, ordered=False, session=self.session
            )

    def messages_by_id(self, message_ids: Iterable[str]) -> dict[str, Message]:
        """Return messages, also those that are in no inbox."""
        return self._by_id("messages", message_ids, Message)

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

    def last_numbers(self, person_ids: Iterable[str]) -> dict[str, int]:
        """Return the number of the newest message of each of these inboxes that has one."""
        return {row["_id"]: int(row["last"]) for row in self.find_by_ids("inboxes", person_ids)}

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

    def forget(self, collection: str, before: datetime, most: int) -> int:
        """Delete up to `most` messages, finished deliveries or broadcasts that are older than an
        instant by the application's clock; return how many.
        """
        field, condition = _FORGOTTEN[collection]
        query = {field: {"$lt": before}, **condition}
        rows = self[collection].find(query, {"_id": 1}, session=self.session)
        ids = [row["_id"] for row in rows.sort(field, 1).limit(most)]
        self[collection].delete_many({"_id": {"$in": ids}}, session=self.session)
        return len(ids)

    def of_mail(self, mail_id: str) -> list[Delivery]:
        """Return what a mail told, by the id of its delivery or digest; empty: none is known."""
        query = {"$or": [{"_id": mail_id}, {"digest_id": mail_id, "sent_to": {"$gt": ""}}]}
        rows = self["deliveries"].find(query, session=self.session).sort("_id", 1)
        return [from_document(both_forms(row), Delivery) for row in rows]

    def claimed(self, kind: type[S], batch: Batch) -> list[S]:
        """Return the deliveries, or digests, that the batch still holds."""
        query = jobs.ours(batch.claim, batch.ids)
        rows = self[_COLLECTIONS[kind]].find(query, session=self.session)
        found = {row["_id"]: from_document(both_forms(row), kind) for row in rows}
        return [found[each] for each in batch.ids if each in found]

    def begin_sending(self, sent: Sequence[Sent], sent_to: Mapping[Delivery, str]) -> None:
        """Mark deliveries, or digests, as possibly sent. `sent_to`: the hashes of the addresses to
        which deliveries are sent, by themselves or with a digest.
        """
        self._update([(each, {"$set": {"sending": True}}) for each in sent])
        self._update([(each, {"$set": {"sent_to": to}}) for each, to in sent_to.items()])

    def finish(self, sent: Sequence[Sent]) -> None:
        """Store deliveries, or digests, that were delivered or have failed."""
        gone = {"$unset": {**jobs.DONE, "claimed_until": ""}}
        self._update([(each, {"$set": _fields(each) | _lapses(each), **gone}) for each in sent])

    def queue_again(self, due: Mapping[S, datetime]) -> None:
        """Store deliveries, or digests, to be tried again, each not before an instant by the
        system's clock.
        """
        self._update(
            [(each, {"$set": {**_fields(each), **jobs.again(at)}}) for each, at in due.items()]
        )

    def queue_in_own_lane(self, deliveries: Sequence[Delivery]) -> None:
        """Queue deliveries that wait in a lane of another channel in their own; due now."""
        self._update([(each, {"$set": _job(each.lane, each.run_id)}) for each in deliveries])

    def give_back(self, sent: Sequence[Sent]) -> None:
        """Give back deliveries, or digests, that were not tried, so that others can claim them."""
        change = {"$set": {"sending": False, **jobs.again(datetime.now(UTC))}}
        self._update([(each, change) for each in sent])

    def put_calendar_news(self, news: CalendarNews) -> None:
        """Store what calendars show since an event; it is deleted when no mail can wait for it."""
        row = to_document(news) | {"lapses_at": datetime.now(UTC) + KEPT_FOR_MAIL}
        query = {"_id": row.pop("_id")}
        self["calendar_news"].update_one(query, {"$set": row}, upsert=True, session=self.session)

    def calendar_news(self, event_ids: Iterable[str]) -> dict[str, CalendarNews]:
        """Return what calendars show since these events, by event; of those that tell it."""
        return self._by_id("calendar_news", event_ids, CalendarNews)

    # Digests and quiet hours

    def hold(self, until: Mapping[S, datetime]) -> None:
        """Store that deliveries, or digests, wait until an instant by the application's clock."""
        # All fields of the condition: a delivery that the version before queued lacks some.
        self._update(
            [
                (each, {"$set": {**_waits(type(each)), "send_at": at}, "$unset": jobs.DONE})
                for each, at in until.items()
            ]
        )

    def release(self, kind: type[Sent], most: int) -> int:
        """Queue up to `most` deliveries, or digests, whose time has come; return how many."""
        rows = self[_COLLECTIONS[kind]]
        found = rows.find(
            {**_waits(kind), "send_at": {"$lte": self.now}}, {"_id": 1}, session=self.session
        )
        ids = [row["_id"] for row in found.sort("send_at", 1).limit(most)]
        rows.update_many({"_id": {"$in": ids}}, [{"$set": _released(kind)}], session=self.session)
        return len(ids)

    def digests(self, digest_ids: Iterable[str]) -> dict[str, Digest]:
        """Return those that exist, by id."""
        return self._by_id("digests", digest_ids, Digest)

    def count_in_digests(self, changes: Mapping[Digest, int]) -> None:
        """Add to the numbers of deliveries that digests collect; a new digest begins with none.

        It conflicts with any other unit of work that changes, releases or sends one of them.
        """
        writes = []
        for digest, number in changes.items():
            new = to_document(digest)
            query = {"_id": new.pop("_id"), "state": new.pop("state")}
            change = {"$inc": {"deliveries": number}, "$setOnInsert": new}
            writes.append(pymongo.UpdateOne(query, change, upsert=True))
        if writes:
            self["digests"].bulk_write(writes, ordered=False, session=self.session)

    def collected(self, digests: Sequence[Digest]) -> list[Delivery]:
        """Return the deliveries that these digests have collected, and that are not finished."""
        query = {
            "person_id": {"$in": [each.person_id for each in digests]},
            "digest_id": {"$in": [each.id for each in digests]},
        }
        return self._waiting(query) if digests else []

    def waiting(self, person_ids: Iterable[str]) -> list[Delivery]:
        """Return people's deliveries that wait for a digest, or for the end of quiet hours."""
        return self._waiting({"person_id": {"$in": list(person_ids)}})

    def _waiting(self, query: Document) -> list[Delivery]:
        rows = self["deliveries"].find(query | WAITING, session=self.session)
        return [from_document(both_forms(row), Delivery) for row in rows]

    def put_waiting(self, deliveries: Sequence[Delivery]) -> None:
        """Store until when deliveries wait, and for which digest; those that wait no more are
        queued, and those that wait are not.
        """
        self._update([(each, {"$set": _row(each), **_ends_job(each)}) for each in deliveries])

    def urgent_mail(self, person_ids: Iterable[str], since: datetime) -> list[Delivery]:
        """Return people's mails of urgent changes of classes that were queued after an instant."""
        query = {
            "person_id": {"$in": list(person_ids)},
            "queued_at": {"$gt": since},
            "channel": Channel.EMAIL.value,
            "category": Category.SESSION.value,
            "urgent": True,
        }
        rows = self["deliveries"].find(query, session=self.session)
        return [from_document(both_forms(row), Delivery) for row in rows]

    def digests_waiting(self) -> int:
        """Return how many digests collect deliveries, or are due and not sent."""
        return sum(
            self["digests"].count_documents(query, session=self.session)
            for query in (WAITING, QUEUED)
        )

    def oldest_digest(self) -> timedelta:
        """Return for how long the oldest digest has been due; zero if none is."""
        rows = [
            self["digests"].find_one(query, sort=[("send_at", 1)], session=self.session)
            for query in (WAITING, QUEUED)
        ]
        due = [row["send_at"] for row in rows if row and row["send_at"] < self.now]
        return max((self.now - each for each in due), default=timedelta(0))

    def oldest_queued(self) -> timedelta:
        """Return how long the oldest queued mail has waited since it may be sent; zero if there is
        none.
        """
        rows = [
            self["deliveries"].find_one(
                {**QUEUED, "urgent": urgent, "channel": Channel.EMAIL},
                sort=[("queued_at", 1)],
                session=self.session,
            )
            for urgent in (False, True)
        ]
        since = [row.get("send_at") or row["queued_at"] for row in rows if row]
        return max((self.now - each for each in since), default=timedelta(0))

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


def _row(delivery: Delivery) -> Document:
    """Return the document of a new delivery, with its job if it is to be sent."""
    row = both_forms(to_document(delivery))
    if delivery.state is not DeliveryState.QUEUED:
        return row
    return row | _job(delivery.lane, delivery.run_id)


def _ends_job(delivery: Delivery) -> Document:
    """Return the change that ends the job of what waits."""
    return {"$unset": jobs.DONE} if delivery.state is DeliveryState.WAITING else {}


def _waits(kind: type[Sent]) -> Document:
    """Return the condition for what waits for an instant: digests, and mail that is in none."""
    return ALONE if kind is Delivery else WAITING


def _job(lane: str, run_id: str = "") -> Document:
    """Return the fields of a delivery, or digest, that is to be sent now; runs take turns."""
    job = jobs.waiting(lane, datetime.now(UTC), owner=run_id)
    return {"job": job, "claimed_until": FENCE}


def _released(kind: type[Sent]) -> Document:
    """Return what an update by a pipeline sets. It reads the run and the channel of a delivery,
    which is never urgent, and whether a digest is a fold.
    """
    fields = _job(BULK)
    read = (
        {"owner": "$run_id", "lane": _LANE_OF_HELD}
        if kind is Delivery
        else {"lane": _LANE_OF_DIGEST}
    )
    return QUEUED | fields | {"job": fields["job"] | read}


def _fields(sent: Sent) -> Document:
    """Return the fields that sending changes."""
    whole = to_document(sent)
    names = ("state", "attempts", "error", "finished_at", "sending", "sent_to")
    return {name: whole[name] for name in names if name in whole}


def _lapses(sent: Sent) -> Document:
    """Return when MongoDB deletes what is finished: a digest shows for a day that its window is
    closed.
    """
    return {"lapses_at": datetime.now(UTC) + KEPT} if isinstance(sent, Digest) else {}


def _choice(row: Document) -> Choice:
    """Return a choice without what only a newer version knows. The version before writes `channels`
    only, which counts then.
    """
    often = row.get("frequencies", {})
    categories = {
        key: {each: _frequency(often.get(key, {}).get(each)) for each in channels
              if each in Channel.__members__}
        for key, channels in row.get("channels", {}).items()
        if key in Category.__members__
    }  # fmt: skip
    return from_document(row | {"categories": categories}, Choice)


def _frequency(name: str | None) -> str:
    return name if name and name in Frequency.__members__ else Frequency.IMMEDIATE
