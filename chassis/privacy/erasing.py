"""Erasure: forgetting a person in a service's database, as a job that goes on after a crash.

| field of an erasure (`_id`: the person's id) | meaning |
|---|---|
| requested | each time it was asked for: at, by, reason |
| since | the instant, by the system's clock, from which sweeps are counted |
| sweeps | how many are done since |
| erased_at, swept_at | when the first sweep was done; the last one |
| done | how many documents were deleted or changed, by kind |
| job | until the last sweep is done |

A sweep erases all that is there. What is under way when a person is erased (events in queues, a
request that began before) comes later, and the sweeps after the first find it. None of it lasts
longer than the history, so the last sweep is when that has forgotten the person.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import structlog
from bson.binary import Binary
from pymongo import UpdateOne

from chassis.contracts.events import Event
from chassis.contracts.redaction import personal_types, redacted
from chassis.data.store import Database, Store
from chassis.jobs import DONE, Batch, Jobs, Work, again, ours, waiting
from chassis.privacy.holdings import Deleted, Document, Emptied, Holding, Kept, Rewritten

LANE = "erasures"
COLLECTION = "erasures"
# When sweeps come after the first. Events wait for others for a day at most (TANDEM_WAIT_LIMIT);
# the stream keeps them for 30 days.
SWEEPS = (
    timedelta(0),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(days=2),
    timedelta(days=8),
    timedelta(days=31),
)
POLL = timedelta(seconds=2)
# Documents of one transaction.
AT_ONCE = 500

S = TypeVar("S", bound=Store)
Before = Callable[[S, str], object]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Request:
    """That the erasure of a person was asked for. Only the first service knows by whom, and why."""

    person_id: str
    at: datetime
    by: str = ""
    reason: str = ""


def request(store: Store, asked: Request) -> None:
    """Store that a person is to be forgotten; sweeps begin anew if it was asked for before."""
    told = {"at": asked.at, "by": asked.by, "reason": asked.reason}
    now = datetime.now(UTC)
    store[COLLECTION].update_one(
        {"_id": asked.person_id},
        {
            "$push": {"requested": told},
            "$set": {"since": now, "sweeps": 0, "job": waiting(LANE, now)},
        },
        upsert=True,
        session=store.session,
    )


def asked(store: Store, events: Iterable[Event[Any]]) -> None:
    """Apply events that tell of people who are to be forgotten (`person_id`, `erased_at`)."""
    for event in events:
        at = event.data.erased_at.ToDatetime(UTC)
        request(store, Request(event.data.person_id, at))


def erasing(service: str, holdings: Sequence[Holding], before: Before[S] | None = None) -> Jobs[S]:
    """Return the jobs that erase people. `before` is done first in each sweep."""

    @contextmanager
    def work(database: Database[S]) -> Iterator[Work]:
        yield partial(sweep, database, holdings, before)

    return Jobs(f"{service}.erasures", COLLECTION, {LANE: 1}, ((LANE,),), work, poll=POLL)


def sweep(
    database: Database[S], holdings: Sequence[Holding], before: Before[S] | None, batch: Batch
) -> int:
    """Erase all that is there of the person of a batch; return 1.

    Each transaction erases some documents and counts them. So a sweep that is done in part, and
    then again, counts none of them twice.
    """
    (person_id,) = batch.ids
    if before is not None:
        database.transact(lambda store: before(store, person_id))
    for holding in holdings:
        if not isinstance(holding.disposal, Kept):
            _dispose_all(database, holding, person_id, batch)
    _forget_requests(database, person_id, batch)
    _redact_outbox(database, person_id, batch)
    database.transact(partial(_finish, person_id=person_id, claim=batch.claim))
    log.info("erased what there was of a person", person_id=person_id)
    return 1


def _finish(store: Store, person_id: str, claim: str) -> None:
    """Note that a sweep is done, unless the job was taken over or asked for again meanwhile."""
    mine = ours(claim, [person_id])
    row = store[COLLECTION].find_one(mine, session=store.session)
    if row is None:
        return
    sweeps = row["sweeps"] + 1
    noted = {"sweeps": sweeps, "swept_at": store.now, "erased_at": store.now}
    if sweeps > 1:
        del noted["erased_at"]
    change: Document = {"$set": noted}
    if sweeps < len(SWEEPS):
        change["$set"] |= again(row["since"] + SWEEPS[sweeps])
    else:
        change["$unset"] = DONE
    store[COLLECTION].update_one(mine, change, session=store.session)


def _dispose_all(database: Database[S], holding: Holding, person_id: str, batch: Batch) -> None:
    query = holding.query(database.mongo, person_id)
    with database.mongo[holding.collection].find(query, {"_id": 1}) as rows:
        for part in _parts((row["_id"] for row in rows), batch):
            some = {"$and": [{"_id": {"$in": part}}, query]}
            database.transact(partial(_dispose, holding=holding, person_id=person_id, query=some))


def _dispose(store: Store, holding: Holding, person_id: str, query: Document) -> None:
    rows = store[holding.collection]
    match holding.disposal:
        case Deleted():
            count = rows.delete_many(query, session=store.session).deleted_count
        case Emptied() as emptied:
            update = emptied.update()
            count = rows.update_many(query, update, session=store.session).modified_count
        case Rewritten(change):
            found = ((row["_id"], change(row, person_id))
                     for row in rows.find(query, session=store.session))  # fmt: skip
            writes = [UpdateOne({"_id": id_}, {"$set": dict(new)}) for id_, new in found if new]
            if not writes:
                return
            count = rows.bulk_write(writes, session=store.session).modified_count
        case Kept():
            return
    _count(store, person_id, holding.kind, count)


def _count(store: Store, person_id: str, kind: str, count: int) -> None:
    if count:
        store[COLLECTION].update_one(
            {"_id": person_id}, {"$inc": {f"done.{kind}": count}}, session=store.session
        )


def _forget_requests(database: Database[S], person_id: str, batch: Batch) -> None:
    """Delete the remembered requests of a person, and those whose answer names the person."""
    own, named = re.compile(rf"[\w.]+:{re.escape(person_id)}:"), _field_of(person_id)
    with database.mongo["requests"].find({}, {"answer": 1}) as rows:
        ids = (row["_id"] for row in rows if own.match(row["_id"]) or named in bytes(row["answer"]))
        for part in _parts(ids, batch):
            database.transact(partial(_forget_some, person_id=person_id, ids=part))


def _forget_some(store: Store, person_id: str, ids: Sequence[str]) -> None:
    query = {"_id": {"$in": [*ids]}}
    done = store["requests"].delete_many(query, session=store.session)
    _count(store, person_id, "requests", done.deleted_count)


def _redact_outbox(database: Database[S], person_id: str, batch: Batch) -> None:
    """Take what is personal out of events that name a person and are not published yet.

    The events stay, so that no consumer sees a gap.
    """
    of_types = {"type": {"$in": sorted(personal_types())}}
    with database.mongo["outbox"].find(of_types, {"type": 1, "body": 1}) as rows:
        changed = (
            (row["_id"], row["body"], body)
            for row in rows
            if (body := redacted(row["type"], bytes(row["body"]), person_id)) is not None
        )
        for part in _parts(changed, batch):
            database.transact(partial(_put_bodies, person_id=person_id, bodies=part))


def _put_bodies(store: Store, person_id: str, bodies: Sequence[tuple[Any, bytes, bytes]]) -> None:
    writes = [
        UpdateOne({"_id": id_, "body": before}, {"$set": {"body": Binary(after)}})
        for id_, before, after in bodies
    ]
    done = store["outbox"].bulk_write(writes, ordered=False, session=store.session)
    _count(store, person_id, "outbox", done.modified_count)


def _parts(values: Iterable[Any], batch: Batch) -> Iterator[Sequence[Any]]:
    left = iter(values)
    while part := [*islice(left, AT_ONCE)]:
        batch.go_on()
        yield part


def _field_of(text: str) -> bytes:
    """Return a text as it stands in a protobuf message: after its length in bytes, as a varint."""
    data, length = text.encode(), b""
    left = len(data)
    while left > 127:
        length += bytes([left & 127 | 128])
        left >>= 7
    return length + bytes([left]) + data
