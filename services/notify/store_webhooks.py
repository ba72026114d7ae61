"""Webhooks in notify's MongoDB.

| collection | one document is | its id |
|---|---|---|
| webhooks | a webhook; its job is to send what is due | made here |
| webhook_deliveries | an event on its way to a webhook; kept for 30 days | webhook:event |
| webhook_locks | a document to lock the making of webhooks | 0 |
| webhook_replays | the last replay of a webhook; with a job while it runs | webhook |

A webhook always has a job, unless it is STOPPED. So what waits for one receiver takes one place in
the queue of jobs, however much that is.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import pymongo

from chassis import jobs
from chassis.contracts.mapping import from_document, to_document, to_update
from chassis.data.pages import Page, find_page
from chassis.data.store import Document, Store
from services.notify.domain.webhooks import (
    TRIED_FOR,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookReplay,
    WebhookState,
)

PROMPT, SLOW, REPLAY = "prompt", "slow", "replay"
"""The lanes of webhooks whose receiver answers soon, and of the others; of replays."""
COUNTED = 10_000  # a larger number of deliveries costs more to count than it tells
WAITING, PARKED = WebhookDeliveryState.WAITING.value, WebhookDeliveryState.PARKED.value


class WebhooksStore(Store):
    """One unit of work's view of the webhooks."""

    def lock_webhooks(self) -> None:
        """Let units of work that make webhooks go on one after the other."""
        self.contends_for("webhooks", "")
        counted = {"$inc": {"changes": 1}}
        self["webhook_locks"].update_one({"_id": 0}, counted, upsert=True, session=self.session)

    def webhooks(self) -> list[Webhook]:
        """Return all webhooks that are not deleted."""
        rows = self["webhooks"].find({"deleted": False}, session=self.session)
        return [from_document(row, Webhook) for row in rows]

    def webhook(self, webhook_id: str) -> Webhook | None:
        """Return a webhook that is not deleted."""
        query = {"_id": webhook_id, "deleted": False}
        row = self["webhooks"].find_one(query, session=self.session)
        return from_document(row, Webhook) if row else None

    def webhook_page(self, page: Page) -> tuple[list[Webhook], str]:
        """Return a page of the webhooks, in the order of their making."""
        query = {"deleted": False}
        rows, token = find_page(self["webhooks"], query, [("_id", 1)], page, self.session)
        return [from_document(row, Webhook) for row in rows], token

    def add_webhook(self, webhook: Webhook) -> None:
        """Store a new webhook."""
        job = jobs.waiting(PROMPT, datetime.now(UTC))
        self.insert("webhooks", [to_document(webhook) | {"job": job}])

    def change_webhook(self, webhook: Webhook) -> None:
        """Store a changed webhook, which is then looked at soon: after the turn at hand, if any."""
        row, now = to_document(webhook), datetime.now(UTC)
        query, rows = {"_id": row.pop("_id")}, self["webhooks"]
        rows.update_one(query, {"$set": row}, session=self.session)
        if webhook.state is WebhookState.STOPPED and not webhook.deleted:
            return
        new = {"job": jobs.waiting(PROMPT, now)}
        missing = query | {"job": {"$exists": False}}
        rows.update_one(missing, {"$set": new}, session=self.session)
        soon = {"job.lane": PROMPT, "job.due": now}
        rows.update_one(query | {"job.claim": ""}, {"$set": soon}, session=self.session)

    # Deliveries

    def queue_deliveries(self, deliveries: Sequence[WebhookDelivery]) -> None:
        """Store new deliveries; one that exists stays as it is."""
        if not deliveries:
            return
        rows = [to_document(each) for each in deliveries]
        self["webhook_deliveries"].bulk_write(
            [
                pymongo.UpdateOne({"_id": row.pop("_id")}, {"$setOnInsert": row}, upsert=True)
                for row in rows
            ],
            ordered=False,
            session=self.session,
        )
        wanted = {each.webhook_id for each in deliveries}
        # If this process ends first, the idle webhook is looked at a moment later.
        self.on_commit(lambda: self._wake(wanted))

    def _wake(self, webhook_ids: Collection[str]) -> None:
        query = {
            "_id": {"$in": list(webhook_ids)},
            "failures": 0,
            "job.lane": PROMPT,
            "job.claim": "",
        }
        self["webhooks"].update_many(query, {"$min": {"job.due": datetime.now(UTC)}})

    def replay_deliveries(self, deliveries: Sequence[WebhookDelivery]) -> None:
        """Store deliveries as new ones, whatever became of them before."""
        rows = [to_document(each) for each in deliveries]
        if rows:
            self["webhook_deliveries"].bulk_write(
                [pymongo.ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in rows],
                ordered=False,
                session=self.session,
            )

    def due_deliveries(self, webhook_id: str, now: datetime, most: int) -> list[WebhookDelivery]:
        """Return the deliveries of a webhook that are due, those first that are due for longest."""
        query = {"webhook_id": webhook_id, "state": WAITING, "due": {"$lte": now}}
        rows = self["webhook_deliveries"].find(query).sort([("due", 1), ("_id", 1)])
        return [
            from_document(row, WebhookDelivery) for row in rows.limit(most).batch_size(most + 1)
        ]

    def store_answers(self, deliveries: Sequence[WebhookDelivery]) -> None:
        """Store what became of deliveries that were waiting."""
        writes = []
        for each in deliveries:
            row = to_document(each)
            names = ("state", "body", "error", "attempts", "finished_at", "due")
            query = {"_id": each.id, "state": WAITING}
            writes.append(pymongo.UpdateOne(query, {"$set": {name: row[name] for name in names}}))
        if writes:
            self["webhook_deliveries"].bulk_write(writes, ordered=False)

    def store_turn(self, claim: str, before: Webhook, after: Webhook, job: Document | None) -> bool:
        """Store a webhook after a turn, unless the claim was lost. `job`: what of it changes; None:
        it has none any more. Return whether it was stored.
        """
        changed = to_update(before, after) | (job or {})
        update: Document = {"$set": changed} if changed else {}
        if job is None:
            update["$unset"] = jobs.DONE
        result = self["webhooks"].update_one(jobs.ours(claim, [after.id]), update)
        return bool(result.matched_count)

    def park_expired(self, webhook: Webhook, now: datetime) -> int:
        """Park what has waited for three days for a receiver that failed all the time; return how
        much.
        """
        query = {"webhook_id": webhook.id, "state": WAITING, "queued_at": {"$lte": now - TRIED_FOR}}
        parked = {"state": PARKED, "error": webhook.last_error, "finished_at": now}
        return self["webhook_deliveries"].update_many(query, {"$set": parked}).modified_count

    def parked_in(self, webhook_id: str, replay: WebhookReplay, most: int) -> list[WebhookDelivery]:
        """Return parked deliveries of events that a replay asks for."""
        query = {
            "webhook_id": webhook_id,
            "state": PARKED,
            "made_at": {"$gte": replay.since, "$lt": replay.until},
        }
        rows = self["webhook_deliveries"].find(query, session=self.session).limit(most)
        return [from_document(row, WebhookDelivery) for row in rows.batch_size(most + 1)]

    def delivery_page(
        self, webhook_id: str, state: WebhookDeliveryState, page: Page
    ) -> tuple[list[WebhookDelivery], str]:
        """Return a page of a webhook's deliveries in a state, in the order of their events' ids."""
        query = {"webhook_id": webhook_id, "state": state.value}
        rows, token = find_page(
            self["webhook_deliveries"], query, [("_id", 1)], page, without=["body"]
        )
        return [from_document(row | {"body": b""}, WebhookDelivery) for row in rows], token

    def counted(self, webhook_id: str, state: WebhookDeliveryState) -> int:
        """Return how many of a webhook's deliveries are in a state; at most COUNTED."""
        query = {"webhook_id": webhook_id, "state": state.value}
        return self["webhook_deliveries"].count_documents(query, limit=COUNTED)

    def oldest_delivery(self, webhook_id: str, now: datetime) -> timedelta:
        """Return for how long the oldest event of a webhook has waited."""
        query = {"webhook_id": webhook_id, "state": WAITING}
        row = self["webhook_deliveries"].find_one(query, {"queued_at": 1}, sort=[("_id", 1)])
        return now - row["queued_at"] if row else timedelta(0)

    def remove_webhook(self, webhook_id: str) -> None:
        """Delete a webhook with all that it has; safe to repeat."""
        self["webhook_deliveries"].delete_many({"webhook_id": webhook_id})
        self["webhook_replays"].delete_one({"_id": webhook_id})
        self["webhooks"].delete_one({"_id": webhook_id, "deleted": True})

    # Replays

    def replay(self, webhook_id: str) -> WebhookReplay | None:
        """Return the last replay of a webhook."""
        row = self["webhook_replays"].find_one({"_id": webhook_id}, session=self.session)
        return from_document(row, WebhookReplay) if row else None

    def start_replay(self, webhook_id: str, replay: WebhookReplay) -> None:
        """Store a new replay, with its job."""
        job = {"job": jobs.waiting(REPLAY, datetime.now(UTC))}
        row = to_document(replay) | job
        self["webhook_replays"].replace_one(
            {"_id": webhook_id}, row, upsert=True, session=self.session
        )

    def store_replay(self, claim: str, webhook_id: str, replay: WebhookReplay, done: bool) -> bool:
        """Store how far a replay is; return whether its claim still holds."""
        update: Document = {"$set": to_document(replay)}
        if done:
            update["$unset"] = jobs.DONE
        result = self["webhook_replays"].update_one(
            jobs.ours(claim, [webhook_id]), update, session=self.session
        )
        return bool(result.matched_count)
