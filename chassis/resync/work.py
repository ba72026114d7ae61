"""The work of resyncs: jobs, which any worker of the service claims and goes on with."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog

from chassis.data.store import Database
from chassis.jobs import Away, Batch, Jobs, Work, again, ours
from chassis.messaging import amqp_kombu
from chassis.resync import resyncs, sender, sources
from chassis.resync.resyncs import COLLECTION, LANE, Resync, ResyncCount, ResyncState
from chassis.resync.sender import Outcome, Sender
from chassis.resync.sources import Source

MOST_WAITING = 5_000
"""With more events in a queue of the subscription, a resync waits: the subscription's news would
wait behind them."""
PAUSE = timedelta(seconds=0.5)

log = structlog.get_logger()


def resyncing(service: str, amqp_url: str, known: Sequence[Source[Any]]) -> Jobs[Any]:
    """Return the jobs that do the resyncs of a service with these sources."""

    @contextmanager
    def work(database: Database[Any]) -> Iterator[Work]:
        yield partial(process, database, amqp_url, {each.kind: each for each in known})

    return Jobs(f"{service}.resync", COLLECTION, {LANE: 1}, ((LANE,),), work)


def process(
    database: Database[Any], amqp_url: str, known: Mapping[str, Source[Any]], batch: Batch
) -> int:
    """Work on the resync of a batch until it ends, or the subscription has enough to do; return how
    many have ended.

    After a crash, or if the process is to end, another worker goes on with it, and sends up to a
    page again. Raises GiveBack, Away if the broker does not answer, and Refused.
    """
    (resync_id,) = batch.ids
    errors = amqp_kombu.connection(amqp_url).recoverable_connection_errors
    try:
        with sender.connected(amqp_url) as sending:
            while resync := resyncs.claimed(database.reader(), resync_id, batch.claim):
                if sending.waiting(resync.subscription) > MOST_WAITING:
                    due = {"$set": again(datetime.now(UTC) + PAUSE)}
                    database.mongo[COLLECTION].update_many(ours(batch.claim, batch.ids), due)
                    return 0
                after = step(database, sending, known, resync)
                if resyncs.note(database.reader(), after, batch.claim) and after.ended_at:
                    log.info("resync", resync_id=resync_id, state=after.state, why=after.reason)
                    return 1
                batch.go_on()
    except errors as error:
        raise Away(f"RabbitMQ: {error!r}") from error
    log.warning("a resync was taken over", resync_id=resync_id)
    return 0


def step(
    database: Database[Any], sending: Sender, known: Mapping[str, Source[Any]], resync: Resync
) -> Resync:
    """Send the next page of a resync; return the resync after it."""
    if resync.place == len(resync.kinds):
        return ended(resync)
    source = known[resync.kinds[resync.place]]
    if set(source.type_names) <= set(resync.not_taken):
        return replace(resync, place=resync.place + 1, after="")
    page = database.transact(lambda store: sources.read(store, source, resync.after, resync.id))
    if not page.last:
        return replace(resync, place=resync.place + 1, after="")
    wanted = [event for event in page.events if event.type not in resync.not_taken]
    return sent(replace(resync, after=page.last), sending.send(resync.subscription, wanted))


def sent(resync: Resync, outcome: Outcome) -> Resync:
    """Return a resync after a page was sent."""
    counts = Counter({each.type: each.events for each in resync.sent}) + outcome.sent
    for kind in outcome.not_taken:
        del counts[kind]
    return replace(
        resync,
        sent=tuple(ResyncCount(kind, counts[kind]) for kind in sorted(counts)),
        not_taken=tuple(sorted({*resync.not_taken, *outcome.not_taken})),
    )


def ended(resync: Resync) -> Resync:
    """Return a resync that has come to its end: refused, if the broker returned all of it."""
    now = datetime.now(UTC)
    if resync.not_taken and not resync.sent:
        types = ", ".join(resync.not_taken)
        reason = (
            f"subscription {resync.subscription!r} takes no resync of {types}, and there is "
            "nothing else to send: the subscription does not exist, or what it does must not "
            "happen twice"
        )
        return replace(resync, state=ResyncState.REFUSED, reason=reason, ended_at=now)
    return replace(resync, state=ResyncState.DONE, ended_at=now)
