"""What brings a service's database to the code's version: numbered steps, each done once.

A step is idempotent, for a process may be killed in it and start it again, and safe while the
version before it still runs. So it adds: collections, indexes, values that the older code doesn't
look at. What nobody needs any more is removed by a step of the release after the one that stopped
using it (docs/compatibility.md). A database that has steps which this code doesn't know is that of
a newer version, and fine.
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
# A process that was killed in a step is succeeded after this long.
LEASE = timedelta(seconds=15)
RENEW_INTERVAL = LEASE.total_seconds() / 3
POLL_INTERVAL = 0.2

log = structlog.get_logger()


@dataclass(frozen=True)
class Migration:
    """One step. Its number never changes; a new one gets the next number."""

    number: int
    name: str
    """What is there after it, for logs and for the record in the database."""
    run: Step


def adding(collections: Mapping[str, Sequence[IndexModel]]) -> Step:
    """A step that creates collections and indexes that are missing."""

    def add(mongo: Mongo) -> None:
        present = set(mongo.list_collection_names())
        for name, indexes in collections.items():
            if name not in present:
                _create(mongo, name)
            if indexes:
                mongo[name].create_indexes(list(indexes))

    return add


def pending(mongo: Mongo, owner: str, steps: Sequence[Migration]) -> list[Migration]:
    """The steps of `owner` (a service, or the chassis) that are not done yet, in their order."""
    done = {row["_id"] for row in mongo[COLLECTION].find({}, {"_id": 1})}
    return [step for step in steps if _key(owner, step) not in done]


def migrate(mongo: Mongo, owned: Mapping[str, Sequence[Migration]]) -> None:
    """Do what is pending, owner by owner, each in order; side by side, one process at a time."""
    with _alone(mongo):
        for owner, steps in owned.items():
            for step in pending(mongo, owner, steps):
                _do(mongo, owner, step)
    if unknown := newer(mongo, owned):
        log.info("the database is that of a newer version", steps=unknown)


def newer(mongo: Mongo, owned: Mapping[str, Sequence[Migration]]) -> list[str]:
    """The steps that a newer version did, and which this code doesn't know."""
    known = {_key(owner, step) for owner, steps in owned.items() for step in steps}
    return sorted({row["_id"] for row in mongo[COLLECTION].find({}, {"_id": 1})} - known)


def _do(mongo: Mongo, owner: str, step: Migration) -> None:
    began = time.monotonic()
    # Told before, too: an index over much data takes its time.
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
    """Hold the lease of migrations; wait for whoever holds it.

    Should it be lost all the same, two do one step at once: each is idempotent.
    """
    leases, holder = mongo["leases"], f"{socket.gethostname()}:{ids.new_id()}"
    if not lease.take(leases, COLLECTION, holder, LEASE):
        log.info("waiting for another process that migrates, or for the lease of one that died")
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
        # an insertion was faster
