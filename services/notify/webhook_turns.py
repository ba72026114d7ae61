"""Sends webhooks their events, as jobs: one job for each webhook, which gets a turn after another.

A turn takes what is due for one webhook, and posts it over a few connections; an aggregate's events
go over the same one, in order. It ends soon, so that all webhooks get turns. A receiver that fails
or is slow gets its turns in a lane of its own, in which it can hold up only others of its kind; one
that fails gets one request at a time, after pauses that grow. One that asks for a pause
(Retry-After) gets nothing until then.
"""

import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import structlog

from chassis.clock import Clock
from chassis.data.store import Database, Document
from chassis.edge.http.outgoing import Network
from chassis.jobs import Batch, Jobs, Work, again
from chassis.jobs.backoff import pause
from services.notify import metrics
from services.notify.domain.webhooks import (
    TRIED_FOR,
    Answer,
    Outcome,
    Secrets,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookState,
    after_turn,
    answered,
)
from services.notify.store import NotifyStore
from services.notify.store_webhooks import PROMPT, SLOW
from services.notify.webhook_posts import Line

# A process has so many turns at once; those of SLOW wait for slow receivers only.
SLOTS = (*[(PROMPT,)] * 8, *[(SLOW,)] * 4)
# The most events of a turn, connections of a turn, and seconds until a turn begins no more.
MOST, LINES, SECONDS = 100, 4, 10.0
# After so many failures in a row, a connection is not used any more in its turn.
GIVE_UP = 2
# A receiver is slow if an answer takes it longer than this, in seconds.
PATIENCE = 1.0
# How often one of the idle slots looks for a turn; there are many.
POLL = timedelta(seconds=1)
# How long a webhook without events rests; new events wake it.
IDLE = timedelta(seconds=2)
# Pauses after failures: of a receiver, and of an event.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
LONGEST_WAIT = timedelta(hours=1)

log = structlog.get_logger()

Answers = Mapping[str, Answer]


def turns(
    secrets: Secrets, networks: Collection[Network], system: Clock, total: float
) -> Jobs[NotifyStore]:
    """Return the jobs. `networks`: those that are no public ones, and may be reached; `total`:
    seconds that a request may take.
    """

    def line(webhook: Webhook) -> Line:
        return Line(webhook, secrets, networks, total)

    @contextmanager
    def work(database: Database[NotifyStore]) -> Iterator[Work]:
        with ThreadPoolExecutor(LINES) as threads:
            yield Turns(database, line, threads, system).take

    lanes = {PROMPT: 1, SLOW: 1}
    return Jobs("notify.webhooks", "webhooks", lanes, SLOTS, work, poll=POLL)


class Turns:
    """Gives webhooks turns."""

    def __init__(
        self,
        database: Database[NotifyStore],
        line: Callable[[Webhook], Line],
        threads: ThreadPoolExecutor,
        system: Clock,
    ) -> None:
        self._database, self._line = database, line
        self._threads, self._system = threads, system

    def take(self, batch: Batch) -> int:
        """Send a webhook what is due, and plan its next turn."""
        (webhook_id,) = batch.ids
        store = self._database.reader()
        webhook = store.webhook(webhook_id)
        if webhook is None:
            store.remove_webhook(webhook_id)
            return 1
        most = 1 if webhook.failures else MOST
        due = store.due_deliveries(webhook_id, self._system.now(), most)
        began = time.monotonic()
        answers = self._post(webhook, due, batch.stopping)
        seconds = time.monotonic() - began
        self._store(webhook, due, answers)
        more = len(due) == most or len(answers) < len(due)
        self._plan(batch, webhook, list(answers.values()), seconds, more)
        return 1

    def _post(
        self, webhook: Webhook, due: Sequence[WebhookDelivery], stopping: Callable[[], bool]
    ) -> Answers:
        """Post events over several connections; return the answers by the deliveries' ids."""
        end, asked = time.monotonic() + SECONDS, threading.Event()
        parts: list[list[WebhookDelivery]] = [[] for _ in range(LINES)]
        for each in due:
            parts[zlib.crc32(each.key.encode()) % LINES].append(each)

        def over() -> bool:
            return asked.is_set() or stopping() or time.monotonic() > end

        def post_part(part: Sequence[WebhookDelivery]) -> Answers:
            return self._post_part(webhook, part, over, asked.set)

        found: dict[str, Answer] = {}
        for answers in self._threads.map(post_part, filter(None, parts)):
            found |= answers
        return found

    def _post_part(
        self,
        webhook: Webhook,
        part: Sequence[WebhookDelivery],
        over: Callable[[], bool],
        end: Callable[[], None],
    ) -> Answers:
        answers: dict[str, Answer] = {}
        failed: set[str] = set()
        streak = 0
        with self._line(webhook) as line:
            for each in part:
                if over() or streak >= GIVE_UP:
                    break
                if each.key in failed:
                    continue  # it is tried again after the event before it
                answer = answers[each.id] = line.post(each)
                metrics.WEBHOOK_POSTS.labels(answer.outcome.lower()).inc()
                if answer.outcome is Outcome.GONE or answer.retry_after:
                    end()
                    break
                ok = answer.outcome is Outcome.DELIVERED
                streak = 0 if ok else streak + 1
                if not ok:
                    failed.add(each.key)
        return answers

    def _store(self, webhook: Webhook, due: Sequence[WebhookDelivery], answers: Answers) -> None:
        now = self._system.now()
        after = [
            answered(each, answers[each.id], now, _pause(each))
            for each in due
            if each.id in answers
        ]
        self._database.reader().store_answers(after)
        for each in after:
            if each.state is WebhookDeliveryState.PARKED:
                log.warning("a webhook's event is parked", webhook=webhook.id, id=each.event_id)

    def _plan(
        self, batch: Batch, before: Webhook, answers: Sequence[Answer], seconds: float, more: bool
    ) -> None:
        store, now = self._database.reader(), self._system.now()
        after = after_turn(before, answers, now)
        if after.failing_since and after.failures and now - after.failing_since >= TRIED_FOR:
            store.park_expired(after, now)
        if after.state is WebhookState.STOPPED:
            log.warning("a webhook is stopped", webhook=after.id, why=after.reason)
        if after.failures == 1 and not before.failures:
            log.warning("a webhook fails", webhook=after.id, why=after.last_error)
        store.store_turn(batch.claim, before, after, self._job(after, answers, seconds, more))

    def _job(
        self, webhook: Webhook, answers: Sequence[Answer], seconds: float, more: bool
    ) -> Document | None:
        """Return what of the job changes for the next turn; None: there is no next turn."""
        if webhook.state is WebhookState.STOPPED:
            return None
        asked = max((each.retry_after for each in answers), default=timedelta(0))
        slow = webhook.failures > 0 or seconds > PATIENCE * len(answers) / LINES + PATIENCE
        wait = timedelta(0) if more else IDLE
        if webhook.failures:
            wait = pause(webhook.failures, FIRST_PAUSE, LONGEST_PAUSE)
        due = self._system.now() + max(wait, asked)
        # New events wake those in PROMPT.
        return {**again(due), "job.lane": SLOW if slow or asked else PROMPT}


def _pause(delivery: WebhookDelivery) -> timedelta:
    """Return how long an event waits if it failed again."""
    return pause(delivery.attempts + 1, FIRST_PAUSE, LONGEST_WAIT)
