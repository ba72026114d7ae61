"""Notify's timers (reminders, broadcasts, changed dues, questions, falls, digests and quiet hours),
and the jobs of a broadcast's chunks.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from operator import methodcaller
from typing import Any, TypeVar

import structlog
from pymongo.errors import PyMongoError

from chassis.clock import Clock
from chassis.data.store import Database
from chassis.jobs import Batch, Jobs, Work
from services.notify import metrics, migrations
from services.notify.domain.enums import BULK, URGENT
from services.notify.domain.messages import Delivery, Digest
from services.notify.domain.notices import Text
from services.notify.domain.values import Written
from services.notify.ports import Texts, Writer
from services.notify.store import NotifyStore
from services.notify.usecases import broadcasts, fall_news, path_news, question_news
from services.notify.usecases.broadcasts import CHUNK

# Learners told of their changed dues, or that they fell behind, in one unit of work: each has a
# text of its own to write.
DIGESTS = 100
# Digests, or mails that quiet hours held, queued in one unit of work.
RELEASED = 1_000
# Old messages, or deliveries, deleted in one unit of work.
FORGOTTEN = 1_000
# Chunks that a process sends at once; few, because they use its processor. One is for urgent ones.
SLOTS = ((URGENT,), (URGENT, BULK))
# After so many texts of a chunk, which take milliseconds, other greenlets may run. Without that an
# offer of a seat was mailed after 2.3 s (p99) during a closure, with it after 0.8 s.
FEW = 20
# How often an idle process looks for chunks, or for mail: an urgent message waits for two such
# looks, and is to be sent within a second.
POLL = timedelta(seconds=0.1)
# One run of a timer ends after this many seconds, and the next continues: a stop waits for a run.
BUDGET = 5.0

T = TypeVar("T")
log = structlog.get_logger()


def remind(database: Database[NotifyStore]) -> None:
    """Turn due reminders into broadcasts."""
    due = database.reader().due_reminders()
    _each(due, lambda one: database.transact(lambda store: broadcasts.fire(store, one)))


def broadcast(database: Database[NotifyStore], texts: Texts, system: Clock) -> None:
    """Divide open broadcasts into chunks, and notify waiting people: a chunk of each in turn, of
    urgent broadcasts first.
    """
    end = time.monotonic() + BUDGET
    left: list[str] = []

    def expand(broadcast_id: str) -> None:
        if time.monotonic() < end and database.transact(
            lambda store: broadcasts.expand(store, texts, broadcast_id, system.now(), CHUNK)
        ):
            left.append(broadcast_id)

    while True:
        left.clear()
        _each(database.reader().open_broadcasts(system.now()), expand)
        if not left:
            return


class _GivingWay:
    """A writer that lets other greenlets run now and then: what is urgent waits for no chunk."""

    def __init__(self, texts: Writer) -> None:
        self._texts, self._written = texts, 0

    def write(
        self, kind: Written, language: str, zone: str, name: str, values: Mapping[str, Any]
    ) -> Text:
        """Return a notice, as the texts do."""
        self._written += 1
        if self._written % FEW == 0:
            time.sleep(0)
        return self._texts.write(kind, language, zone, name, values)


def chunks(texts: Texts) -> Jobs[NotifyStore]:
    """Return the jobs that send chunks of broadcasts."""

    @contextmanager
    def work(database: Database[NotifyStore]) -> Iterator[Work]:
        def notify_chunk(batch: Batch) -> int:
            (chunk_id,) = batch.ids
            database.transact(lambda store: broadcasts.notify_chunk(store, polite, chunk_id))
            return 1

        yield notify_chunk

    polite = _GivingWay(texts)
    lanes = {URGENT: 1, BULK: 1}
    return Jobs("notify.broadcasts", "broadcast_parts", lanes, SLOTS, work, poll=POLL, turns=True)


def tell_dues(database: Database[NotifyStore], texts: Texts) -> None:
    """Tell learners of dues that changed, a chunk of them in each unit of work."""
    end = time.monotonic() + BUDGET

    def tell_chunk(digest_ids: Sequence[str]) -> None:
        if time.monotonic() < end:
            database.transact(lambda store: path_news.tell(store, texts, digest_ids))

    _each(_chunks(database.reader().due_digests()), tell_chunk)


def tell_falls(database: Database[NotifyStore], texts: Texts) -> None:
    """Tell learners that they fell behind, a chunk of them in each unit of work, and who teaches,
    a digest in each.
    """
    end = time.monotonic() + BUDGET

    def tell_chunk(fall_ids: Sequence[str]) -> None:
        if time.monotonic() < end:
            database.transact(lambda store: fall_news.tell(store, texts, fall_ids))

    def tell_staff(digest_id: str) -> None:
        if time.monotonic() < end:
            database.transact(lambda store: fall_news.tell_staff(store, texts, digest_id))

    _each(_chunks(database.reader().due_falls()), tell_chunk)
    _each(database.reader().due_fall_digests(), tell_staff)


def tell_questions(database: Database[NotifyStore], texts: Texts) -> None:
    """Tell those who teach of questions that wait, a digest in each unit of work."""
    end = time.monotonic() + BUDGET

    def tell_one(digest_id: str) -> None:
        if time.monotonic() < end:
            database.transact(lambda store: question_news.tell(store, texts, digest_id))

    _each(database.reader().due_question_digests(), tell_one)


def release(database: Database[NotifyStore]) -> None:
    """Queue digests that are due, and mail that quiet hours held, a chunk in each unit of work."""
    end = time.monotonic() + BUDGET
    for kind in (Digest, Delivery):
        chunk = methodcaller("release", kind, RELEASED)
        while time.monotonic() < end and database.transact(chunk):
            pass


def forget(database: Database[NotifyStore], kept: Mapping[str, timedelta]) -> None:
    """Delete what is kept long enough, a chunk in each unit of work. `kept`: how long, by
    collection. The numbers of inboxes go on.
    """
    end = time.monotonic() + BUDGET
    for collection, length in kept.items():
        before = database.clock.now() - length
        chunk = methodcaller("forget", collection, before, FORGOTTEN)
        while time.monotonic() < end and database.transact(chunk):
            pass


def _chunks(due: Sequence[str]) -> Iterator[Sequence[str]]:
    return (due[place : place + DIGESTS] for place in range(0, len(due), DIGESTS))


def watch(database: Database[NotifyStore]) -> None:
    """Report how long the oldest mail and digest have waited."""
    reader = database.reader()
    metrics.OLDEST_MAIL.set(reader.oldest_queued().total_seconds())
    metrics.OLDEST_DIGEST.set(reader.oldest_digest().total_seconds())
    metrics.DIGESTS_WAITING.set(reader.digests_waiting())


def adopt(database: Database[NotifyStore]) -> None:
    """Take over queued mail that a worker of the version before wrote."""
    migrations.adopt(database.mongo)


def _each(ids_of: Iterable[T], work: Callable[[T], object]) -> None:
    """Do work for each; a failure does not block the others, and is retried in the next run."""
    for one in ids_of:
        try:
            work(one)
        except PyMongoError:
            raise
        except Exception:
            log.exception("the work failed; the next run tries it again", id=one)
