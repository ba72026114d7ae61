"""What time causes: reminders fall due, broadcasts are told, mail is sent."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog
from pymongo.errors import PyMongoError

from chassis import ids
from chassis.clock import Clock
from chassis.store import Database
from services.notify import metrics
from services.notify.domain.messages import NO_PERSON, Delivery, Mail, Outcome, Verdict
from services.notify.mail import MailServer
from services.notify.ports import Texts
from services.notify.store import NotifyStore
from services.notify.usecases import broadcasts, sending

# People told in one unit of work: about a tenth of a second of the database's time.
PART = 500
# Mails that one run of a sender has at a time.
BATCH = 50
# One run of a timer ends after this many seconds, and the next goes on: a stop waits for the run at
# hand, and a slow mail server must not make it wait for long.
BUDGET = 5.0

log = structlog.get_logger()


def remind(database: Database[NotifyStore]) -> None:
    """Turn reminders that are due into broadcasts."""
    due = database.reader().due_reminders()
    _each(due, lambda one: database.transact(lambda store: broadcasts.fire(store, one)))


def broadcast(database: Database[NotifyStore], texts: Texts, system: Clock) -> None:
    """Tell more people of each open broadcast."""

    def expand(store: NotifyStore, broadcast_id: str) -> bool:
        return broadcasts.expand(store, texts, broadcast_id, system.now(), PART)

    end = time.monotonic() + BUDGET

    def tell(broadcast_id: str) -> None:
        while time.monotonic() < end and database.transact(
            lambda store: expand(store, broadcast_id)
        ):
            pass

    _each(database.reader().open_broadcasts(system.now()), tell)


def send(database: Database[NotifyStore], server: MailServer, attempts: int, system: Clock) -> None:
    """Send queued mail, each at most once, while the mail server takes it."""
    lost = database.transact(lambda store: sending.give_up_abandoned(store, system.now(), BATCH))
    if lost:
        metrics.MAILS_ABANDONED.inc(lost)
        log.warning("mails given up: a sender ended while it sent them", mails=lost)
    metrics.OLDEST_MAIL.set(database.reader().oldest_queued().total_seconds())
    end = time.monotonic() + BUDGET
    with server:
        while time.monotonic() < end and Run(database, server, attempts, system).send(end):
            pass


class Run:
    """One batch of mails, claimed by one sender."""

    def __init__(
        self, database: Database[NotifyStore], server: MailServer, attempts: int, system: Clock
    ) -> None:
        self._database = database
        self._server = server
        self._attempts = attempts
        self._system = system
        self._name = ids.new_id()

    def send(self, end: float = math.inf) -> bool:
        """Send a batch, or what of it can be begun by `end`; whether another is worth a try."""
        deliveries = self._database.transact(
            lambda store: sending.take(store, self._claim(), BATCH)
        )
        mails = self._database.reader().mails(deliveries)
        for place, delivery in enumerate(deliveries):
            if time.monotonic() >= end:
                self._give_back(deliveries[place:])
                return False
            verdict = self._try(delivery, mails)
            metrics.MAILS.labels(verdict.outcome.lower()).inc()
            if verdict.outcome == Outcome.ACCEPTED:
                late = self._database.clock.now() - delivery.queued_at
                metrics.LATENESS.observe(late.total_seconds())
            if verdict.outcome == Outcome.AWAY:
                self._put_off(deliveries[place:], verdict)
                return False
            if verdict.outcome != Outcome.WITHHELD:
                self._settle(delivery, verdict)
        return len(deliveries) == BATCH

    def _try(self, delivery: Delivery, mails: Mapping[str, Mail]) -> Verdict:
        mail = mails.get(delivery.id)
        if mail is None:
            return Verdict(Outcome.REFUSED, NO_PERSON)
        return self._server.send(mail, lambda: self._begin(delivery))

    def _put_off(self, deliveries: Sequence[Delivery], verdict: Verdict) -> None:
        log.warning("mail server away", reason=verdict.reason, mails=len(deliveries))
        for delivery in deliveries:
            self._settle(delivery, verdict)

    def _give_back(self, deliveries: Sequence[Delivery]) -> None:
        rest = [delivery.id for delivery in deliveries]
        self._database.transact(lambda store: sending.give_back(store, rest, self._claim()))

    def _begin(self, delivery: Delivery) -> bool:
        return self._database.transact(
            lambda store: sending.begin(store, delivery.id, self._claim())
        )

    def _settle(self, delivery: Delivery, verdict: Verdict) -> None:
        self._database.transact(
            lambda store: sending.settle(store, delivery.id, self._claim(), verdict, self._attempts)
        )

    def _claim(self) -> sending.Claim:
        return sending.Claim(self._name, self._system.now())


def _each(ids_of: Iterable[str], work: Callable[[str], object]) -> None:
    """Do work for each; one that fails holds up no other, and comes back with the next run."""
    for one in ids_of:
        try:
            work(one)
        except PyMongoError:
            raise
        except Exception:
            log.exception("failed; it is tried again", id=one)
