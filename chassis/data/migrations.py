"""Migrations of a service's database to the code's version: numbered steps, each done once.

A step is idempotent, because a process may be killed during it and start it again. A step is safe
while the previous version still runs. So it only adds: collections, indexes, values that the older
code ignores. A release removes data only if the release before it stopped using them
(docs/compatibility.md). A database with steps that this code doesn't know belongs to a newer
version, which is fine.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from pymongo import IndexModel
from pymongo.database import Database as MongoDatabase
from pymongo.errors import OperationFailure, PyMongoError

from chassis import ids
from chassis.data import lease
from chassis.operations import metrics

Document = dict[str, Any]
Mongo = MongoDatabase[Document]
Step = Callable[[Mongo], None]

COLLECTION = "migrations"
NAMESPACE_EXISTS = 48
# Another process takes over this long after a process was killed in a step.
LEASE = timedelta(seconds=15)
RENEW_INTERVAL = LEASE.total_seconds() / 3
POLL_INTERVAL = 0.2

log = structlog.get_logger()


@dataclass(frozen=True)
class Migration:
    """One step. Its number never changes; a new one gets the next number."""

    number: int
    name: str
    """What exists after it, for logs and for the record in the database."""
    run: Step


def adding(collections: Mapping[str, Sequence[IndexModel]]) -> Step:
    """Return a step that creates missing collections and indexes."""

    def add(mongo: Mongo) -> None:
        present = set(mongo.list_collection_names())
        for name, indexes in collections.items():
            if name not in present:
                _create(mongo, name)
            if indexes:
                mongo[name].create_indexes(list(indexes))

    return add


def pending(mongo: Mongo, owner: str, steps: Sequence[Migration]) -> list[Migration]:
    """Return the steps of `owner` (a service, or the chassis) that are not done yet, in order."""
    done = {row["_id"] for row in mongo[COLLECTION].find({}, {"_id": 1})}
    return [step for step in steps if _key(owner, step) not in done]


def migrate(mongo: Mongo, owned: Mapping[str, Sequence[Migration]]) -> None:
    """Do the pending steps of each owner in order; only one process at a time does this."""
    with _alone(mongo):
        for owner, steps in owned.items():
            for step in pending(mongo, owner, steps):
                _do(mongo, owner, step)
    if unknown := newer(mongo, owned):
        log.info("a newer version has migrated the database", steps=unknown)


def newer(mongo: Mongo, owned: Mapping[str, Sequence[Migration]]) -> list[str]:
    """Return the steps that a newer version did, and that this code doesn't know."""
    known = {_key(owner, step) for owner, steps in owned.items() for step in steps}
    return sorted({row["_id"] for row in mongo[COLLECTION].find({}, {"_id": 1})} - known)


def _do(mongo: Mongo, owner: str, step: Migration) -> None:
    began = time.monotonic()
    # Logged before it begins, too: an index over much data takes a long time.
    log.info("migrating", step=_key(owner, step), what=step.name)
    step.run(mongo)
    seconds = round(time.monotonic() - began, 3)
    record = {
        "name": step.name,
        "at": datetime.now(UTC),
        "seconds": seconds,
        "version": metrics.build(),
    }
    mongo[COLLECTION].update_one({"_id": _key(owner, step)}, {"$setOnInsert": record}, upsert=True)
    log.info("migrated", step=_key(owner, step), what=step.name, seconds=seconds)


def _key(owner: str, step: Migration) -> str:
    return f"{owner}:{step.number:04d}"


@contextmanager
def _alone(mongo: Mongo) -> Iterator[None]:
    """Hold the lease of migrations; wait while another process holds it.

    If the lease is lost, two processes may do one step at once; each step is idempotent.
    """
    leases, holder = mongo["leases"], f"{socket.gethostname()}:{ids.new_id()}"
    if not lease.take(leases, COLLECTION, holder, LEASE):
        log.info("waiting for another process that migrates, or for the end of a dead one's lease")
        while not lease.take(leases, COLLECTION, holder, LEASE):
            time.sleep(POLL_INTERVAL)
    done = threading.Event()
    keeper = threading.Thread(target=_keep, args=(leases, holder, done), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()
        lease.release(leases, COLLECTION, holder)


def _keep(leases: Any, holder: str, done: threading.Event) -> None:
    while not done.wait(RENEW_INTERVAL):
        try:
            lease.take(leases, COLLECTION, holder, LEASE)
        except PyMongoError as error:
            log.warning("the lease of migrations can't be renewed now", why=str(error)[:200])


def _create(mongo: Mongo, name: str) -> None:
    try:
        mongo.create_collection(name, check_exists=False)
    except OperationFailure as error:
        if error.code != NAMESPACE_EXISTS:
            raise
        # another process created it first
