"""Replays: sends a webhook events of the past, as a job that goes on where a killed worker was."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from chassis import ids
from chassis.contracts.events import Event
from chassis.data.store import Database
from chassis.jobs import Batch, GiveBack, Jobs, Work
from chassis.messaging import history
from chassis.messaging.history import Message
from services.notify.domain.webhooks import (
    Webhook,
    WebhookReplay,
    WebhookReplayState,
    queued_anew,
)
from services.notify.store import NotifyStore
from services.notify.store_webhooks import REPLAY
from services.notify.usecases import webhooks
from services.notify.webhook_events import posted

# Messages of the history, or parked events, in one unit of work.
CHUNK = 500


def replays(amqp_url: str) -> Jobs[NotifyStore]:
    """Return the jobs, which read the history at `amqp_url`."""

    @contextmanager
    def work(database: Database[NotifyStore]) -> Iterator[Work]:
        yield lambda batch: Replaying(database, amqp_url, batch).work()

    return Jobs("notify.replays", "webhook_replays", {REPLAY: 1}, ((REPLAY,),), work)


class Replaying:
    """One replay."""

    def __init__(self, database: Database[NotifyStore], amqp_url: str, batch: Batch) -> None:
        self._database, self._amqp_url, self._batch = database, amqp_url, batch
        (self._webhook_id,) = batch.ids

    def work(self) -> int:
        """Queue all events of the range that are held. Raises pika.exceptions.AMQPError, GiveBack;
        then another goes on after the last chunk.
        """
        store = self._database.reader()
        webhook, replay = store.webhook(self._webhook_id), store.replay(self._webhook_id)
        if webhook is None or replay is None:
            store.remove_webhook(self._webhook_id)
            return 1
        while not replay.parked_done:
            replay = self._requeue_parked(replay)
        replay = self._begun(replay)
        for chunk in _chunks(self._messages(replay)):
            self._batch.go_on()
            replay = self._queue(webhook, replay, chunk)
        self._store(self._database.reader(), replace(replay, state=WebhookReplayState.DONE))
        return 1

    def _requeue_parked(self, replay: WebhookReplay) -> WebhookReplay:
        self._batch.go_on()

        def requeue(store: NotifyStore) -> WebhookReplay:
            found = store.parked_in(self._webhook_id, replay, CHUNK)
            store.replay_deliveries([queued_anew(each, datetime.now(UTC)) for each in found])
            return self._store(
                store,
                replace(replay, queued=replay.queued + len(found), parked_done=len(found) < CHUNK),
            )

        return self._database.transact(requeue)

    def _begun(self, replay: WebhookReplay) -> WebhookReplay:
        """Return a replay that tells from when on the history has events."""
        end = history.last_offset(self._amqp_url)
        oldest = next(history.messages(self._amqp_url, "first", end), None)
        made_at = datetime.fromtimestamp(oldest.made_at, UTC) if oldest else datetime.now(UTC)
        return replace(replay, held_from=made_at if made_at > replay.since else None)

    def _messages(self, replay: WebhookReplay) -> Iterator[Message]:
        offset = replay.since if replay.offset is None else replay.offset
        end = history.last_offset(self._amqp_url)
        return history.messages(self._amqp_url, offset, end)

    def _queue(
        self, webhook: Webhook, replay: WebhookReplay, chunk: Sequence[Message]
    ) -> WebhookReplay:
        now = datetime.now(UTC)
        found = [
            webhooks.delivery(webhook, posted(event), now)
            for event in (each.event for each in chunk)
            if isinstance(event, Event) and webhook.wants(event.type) and _is_in(replay, event)
        ]

        def queue(store: NotifyStore) -> WebhookReplay:
            store.replay_deliveries(found)
            return self._store(
                store,
                replace(replay, queued=replay.queued + len(found), offset=chunk[-1].offset + 1),
            )

        return self._database.transact(queue)

    def _store(self, store: NotifyStore, replay: WebhookReplay) -> WebhookReplay:
        """Store how far the replay is, unless another process goes on with it."""
        done = replay.state is WebhookReplayState.DONE
        if not store.store_replay(self._batch.claim, self._webhook_id, replay, done):
            raise GiveBack("the claim is lost")
        return replay


def _chunks(messages: Iterator[Message]) -> Iterator[Sequence[Message]]:
    while chunk := list(islice(messages, CHUNK)):
        yield chunk


def _is_in(replay: WebhookReplay, event: Event[Any]) -> bool:
    return replay.since.timestamp() <= ids.made_at(event.id) < replay.until.timestamp()
