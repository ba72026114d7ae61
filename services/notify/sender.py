"""Sends mail and digests as jobs: mark a batch, send it over one connection, store the results."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

import structlog
from prometheus_client import Counter

from chassis.clock import Clock
from chassis.data.store import Database, is_away
from chassis.jobs import UNLIMITED, Away, Batch, Jobs, Limit, Work
from chassis.jobs.backoff import pause
from services.notify import metrics
from services.notify.announcer import POLL
from services.notify.domain.enums import BULK, CROWD, DIGEST, URGENT
from services.notify.domain.messages import Delivery, Digest, Outcome, S, SendResult, Sent
from services.notify.mail import MailServer
from services.notify.ports import Texts
from services.notify.rates import Limits, no_limit
from services.notify.store import NotifyStore
from services.notify.usecases import sending
from services.notify.usecases.sending import M

# The size of a slot's batch by lane. A kill may lose one batch for each slot. Smaller batches spend
# more of the time on marking mails and storing results (docs/decisions/0019 has the figures).
LANES: Mapping[str, int] = {URGENT: 5, CROWD: 10, BULK: 20}
# Each slot has a connection of its own to the mail server. The first is kept for what is urgent to
# few, the second for that and what is urgent to many.
EVERY_LANE = (URGENT, CROWD, BULK)
SLOTS = ((URGENT,), (URGENT, CROWD), EVERY_LANE, EVERY_LANE)
# Digests have connections of their own: those of a whole university are due at the same minute. One
# is kept for folds of urgent changes.
DIGEST_LANES: Mapping[str, int] = {CROWD: 10, DIGEST: 20}
DIGEST_SLOTS = ((CROWD,), (CROWD, DIGEST), (CROWD, DIGEST))
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=30)
LONGEST_HOLD = timedelta(minutes=2)
# How long a connection to the mail server stays open without work: to open one with TLS and a
# password takes more round trips than a mail does, and urgent mails come one by one. Servers wait
# for five minutes (RFC 5321, section 4.5.3.2.7).
KEEP = timedelta(seconds=10)
# Seconds until results are stored again if MongoDB can't be reached.
WRITE_AGAIN = 1.0

log = structlog.get_logger()

C = TypeVar("C")
M_contra = TypeVar("M_contra", contravariant=True)


def mail(
    texts: Texts,
    servers: Callable[[], MailServer],
    attempts: int,
    system: Clock,
    limits: Limits = no_limit,
) -> Jobs[NotifyStore]:
    """Return the jobs that send mail; runs take turns. `attempts`: the largest number of attempts
    for one mail; `system`: the system's clock; `limits`: opens the limit of the server's rate.
    """

    def send(database: Database[NotifyStore], server: MailServer) -> Work:
        limit = limits(database)
        return Sender(
            Delivery, sending.begin, texts, database, server, attempts, system, limit
        ).send

    found = jobs_of("notify.mail", "deliveries", LANES, SLOTS, servers, send, limits)
    return replace(found, poll=POLL, turns=True, keep=KEEP)


def digests(
    texts: Texts,
    servers: Callable[[], MailServer],
    attempts: int,
    system: Clock,
    limits: Limits = no_limit,
) -> Jobs[NotifyStore]:
    """Return the jobs that send digests and folds, written when they are sent. As `mail` else."""

    def send(database: Database[NotifyStore], server: MailServer) -> Work:
        limit = limits(database)
        return Sender(
            Digest, sending.begin_digests, texts, database, server, attempts, system, limit
        ).send

    return jobs_of("notify.digests", "digests", DIGEST_LANES, DIGEST_SLOTS, servers, send, limits)


def jobs_of(
    name: str,
    collection: str,
    lanes: Mapping[str, int],
    slots: tuple[tuple[str, ...], ...],
    servers: Callable[[], AbstractContextManager[C]],
    send: Callable[[Database[NotifyStore], C], Work],
    limits: Limits = no_limit,
) -> Jobs[NotifyStore]:
    """Return jobs whose slots each keep a server open while they have work."""

    @contextmanager
    def work(database: Database[NotifyStore]) -> Iterator[Work]:
        with servers() as server:
            yield send(database, server)

    return Jobs(
        name,
        collection,
        lanes,
        slots,
        work,
        first_pause=FIRST_PAUSE,
        longest_pause=LONGEST_HOLD,
        limit=limits,
    )


class Carrier(Protocol[M_contra]):
    """Sends mails, text messages or notifications."""

    def send(self, outgoing: M_contra, /) -> SendResult:
        """Send one, and return the result."""


class Sender(Generic[S, M]):
    """Sends batches of mail, of digests, or of what else a carrier takes, over one connection."""

    def __init__(
        self,
        kind: type[S],
        begin: Callable[[NotifyStore, Texts, Batch], sending.Begun[M]],
        texts: Texts,
        database: Database[NotifyStore],
        server: Carrier[M],
        attempts: int,
        system: Clock,
        limit: Limit = UNLIMITED,
        counted: Counter = metrics.MAILS,
    ) -> None:
        self._kind: type[S] = kind
        self._begin: Callable[[NotifyStore, Texts, Batch], sending.Begun[M]] = begin
        self._texts = texts
        self._database = database
        self._server: Carrier[M] = server
        self._attempts = attempts
        self._system = system
        self._limit = limit
        self._counted = counted

    def send(self, batch: Batch) -> int:
        """Send the mails of a batch that are still wanted; return how many jobs are done.

        Raises Away if the mail server accepts no mail for now.
        """
        begun = self._database.transact(lambda store: self._begin(store, self._texts, batch))
        self._count(begun)
        results = self._deliver(batch, begun)
        self._limit.give_back(len(batch.ids) - len(results))
        finished = self._record(batch, results)
        away = [each for each in results.values() if _is_away(each)]
        if away:
            raise Away(away[0].reason)
        return finished + begun.done

    def _deliver(self, batch: Batch, begun: sending.Begun[M]) -> dict[str, SendResult]:
        """Return the result of each mail that was tried; stop if further mails would fail."""
        results: dict[str, SendResult] = {}
        for sent, outgoing in begun.outgoing:
            if batch.stopping():
                break
            result = results[sent.id] = self._try(sent, outgoing)
            if _is_away(result):
                break
        return results

    def _try(self, sent: Sent, outgoing: M) -> SendResult:
        try:
            result = self._server.send(outgoing)
        except Exception:  # of this one alone: it must not harm the others of its batch
            log.exception("a message can't be sent", id=sent.id)
            result = SendResult(Outcome.UNKNOWN)
        self._counted.labels(result.outcome.lower()).inc()
        if result.outcome is Outcome.ACCEPTED:
            late = self._database.clock.now() - sent.due_since
            metrics.LATENESS.labels(sent.lane).observe(late.total_seconds())
        return result

    def _record(self, batch: Batch, results: Mapping[str, SendResult]) -> int:
        """Store the results; retry until MongoDB can be reached."""
        while True:
            try:
                return self._database.transact(
                    lambda store: sending.record_results(
                        store, self._kind, batch, results, self._attempts, self._again
                    )
                )
            except Exception as error:
                if not is_away(error) or batch.stopping():
                    raise
                log.warning(
                    "the results of mails can't be stored yet",
                    mails=len(results),
                    why=repr(error)[:200],
                )
            time.sleep(WRITE_AGAIN)

    def _count(self, begun: sending.Begun[M]) -> None:
        self._counted.labels(Outcome.WITHHELD.lower()).inc(begun.withheld)
        if begun.abandoned:
            metrics.MAILS_ABANDONED.inc(begun.abandoned)
            log.warning("given up: the worker that sent them had ended", mails=begun.abandoned)

    def _again(self, attempts: int) -> datetime:
        if attempts == 0:
            return self._system.now()
        return self._system.now() + pause(attempts, FIRST_PAUSE, LONGEST_PAUSE)


def _is_away(result: SendResult) -> bool:
    return result.outcome is Outcome.AWAY or result.overloaded
