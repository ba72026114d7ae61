"""Replays: sends a webhook events of the past, as a job that goes on where a killed worker was.

They come from the history, and from the archive what the history no longer has.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from chassis import ids
from chassis.archive import reading
from chassis.archive.archive import Archive
from chassis.archive.layout import Span
from chassis.contracts.events import Event
from chassis.data.store import Database
from chassis.jobs import Batch, GiveBack, Jobs, Work
from chassis.messaging import history
from chassis.messaging.history import Message
from services.notify.domain.webhooks import (
    Webhook,
    WebhookReplay,
    WebhookReplayState,
    held_since,
    queued_anew,
)
from services.notify.store import NotifyStore
from services.notify.store_webhooks import REPLAY
from services.notify.usecases import webhooks
from services.notify.webhook_events import posted

# Messages of the history, or parked events, in one unit of work.
CHUNK = 500
Found = Message | None
"""A message; None: there may be more here, which neither the history nor the archive has."""


def replays(amqp_url: str, archive: Archive | None) -> Jobs[NotifyStore]:
    """Return the jobs, which read the history at `amqp_url`, and the archive if there is one."""

    @contextmanager
    def work(database: Database[NotifyStore]) -> Iterator[Work]:
        yield lambda batch: Replaying(database, amqp_url, archive, batch).work()

    return Jobs("notify.replays", "webhook_replays", {REPLAY: 1}, ((REPLAY,),), work)


class Replaying:
    """One replay."""

    def __init__(
        self,
        database: Database[NotifyStore],
        amqp_url: str,
        archive: Archive | None,
        batch: Batch,
    ) -> None:
        self._database, self._batch = database, batch
        self._amqp_url, self._archive = amqp_url, archive
        (self._webhook_id,) = batch.ids

    def work(self) -> int:
        """Queue all events of the range that are held. Raises pika.exceptions.AMQPError, StoreAway,
        GiveBack; then another goes on after the last chunk.
        """
        store = self._database.reader()
        webhook, replay = store.webhook(self._webhook_id), store.replay(self._webhook_id)
        if webhook is None or replay is None:
            store.remove_webhook(self._webhook_id)
            return 1
        while not replay.parked_done:
            replay = self._requeue_parked(replay)
        is_gap = False
        for chunk in _chunks(self._found(replay)):
            self._batch.go_on()
            replay = self._queue(webhook, held_since(replay, _made(chunk, is_gap)), chunk)
            is_gap = chunk[-1] is None
        end = held_since(replay, [datetime.now(UTC)] if is_gap else [])
        self._store(self._database.reader(), replace(end, state=WebhookReplayState.DONE))
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

    def _found(self, replay: WebhookReplay) -> Iterator[Found]:
        """Yield what is held, from where the replay is."""
        place = replay.since if replay.offset is None else replay.offset
        if replay.offset is None:
            first = next(reading.messages(self._amqp_url, self._archive, place), None)
            if self._is_oldest(first):
                yield None
        for each in reading.messages(self._amqp_url, self._archive, place):
            yield each if isinstance(each, Message) else None

    def _is_oldest(self, first: Message | Span | None) -> bool:
        """Return whether nothing older than what was found first is held."""
        if first is None:
            return history.last_offset(self._amqp_url) is None
        if isinstance(first, Span) or first.offset == 0:
            return True
        before = first.offset - 1
        known = self._archive.segments() if self._archive else {}
        is_archived = any(span.first <= before <= span.last for span in known)
        return not (is_archived or history.has(self._amqp_url, before))

    def _queue(
        self, webhook: Webhook, replay: WebhookReplay, chunk: Sequence[Found]
    ) -> WebhookReplay:
        now = datetime.now(UTC)
        messages = [each for each in chunk if each]
        found = [
            webhooks.delivery(webhook, posted(event), now)
            for event in (each.event for each in messages)
            if isinstance(event, Event) and webhook.wants(event.type) and _is_in(replay, event)
        ]
        # A gap at the end is found again, so that what is after it is known to follow one.
        offset = messages[-1].offset + 1 if messages else replay.offset

        def queue(store: NotifyStore) -> WebhookReplay:
            store.replay_deliveries(found)
            return self._store(
                store, replace(replay, queued=replay.queued + len(found), offset=offset)
            )

        return self._database.transact(queue)

    def _store(self, store: NotifyStore, replay: WebhookReplay) -> WebhookReplay:
        """Store how far the replay is, unless another process goes on with it."""
        done = replay.state is WebhookReplayState.DONE
        if not store.store_replay(self._batch.claim, self._webhook_id, replay, done):
            raise GiveBack("the claim is lost")
        return replay


def _chunks(found: Iterator[Found]) -> Iterator[Sequence[Found]]:
    while chunk := list(islice(found, CHUNK)):
        yield chunk


def _made(chunk: Sequence[Found], is_gap: bool) -> Iterator[datetime]:
    """Yield when those messages were made that follow a gap. `is_gap`: the first one does."""
    for each in chunk:
        if each and is_gap:
            yield datetime.fromtimestamp(each.made_at, UTC)
        is_gap = each is None


def _is_in(replay: WebhookReplay, event: Event[Any]) -> bool:
    return replay.since.timestamp() <= ids.made_at(event.id) < replay.until.timestamp()
