"""A service's MongoDB database, and units of work in it.

A unit of work is one transaction that writes state together with the events that it caused (the
outbox): either both are stored, or neither. A use case gets a `Store`: the service's own store
class adds its queries; the base class knows time, ids and events.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import Context
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import pymongo
import structlog
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database as MongoDatabase
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
)

from chassis import ids
from chassis.clock import Clock
from chassis.context import deadline
from chassis.data.conflict_locks import ConflictLocks
from chassis.data.idempotency import Answers, Asked, Outcome, Remembered
from chassis.data.migrations import Migration, adding, migrate, pending
from chassis.data.outbox_rows import OutboxRows, Published
from chassis.data.transactions import Contention, inserting, repeat
from chassis.operations import tracing

Document = dict[str, Any]

# The options of every MongoDB client of ours, also of the relay's asynchronous one.
CLIENT: Mapping[str, Any] = {
    "connect": False,
    "tz_aware": True,
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
}
# A waiting event is redelivered every ten minutes, or as soon as its queue allows.
FORGET_WAITING = timedelta(hours=1)
# The first migration sets these, in seconds; later the settings hold (chassis/data/retention.py).
_FIRST_REQUESTS, _FIRST_INBOX = 7 * 86_400, 30 * 86_400
# MongoDB's error codes Unauthorized, AuthenticationFailed, OutOfDiskSpace.
UNFIT = frozenset({13, 18, 14031})
# MongoDB's error code TransactionTooLargeForCache.
TOO_LARGE = 388
# Seconds. A late transaction is aborted within this time, or MongoDB ends it by its own limit.
CLEAN_UP = 2.0

log = structlog.get_logger()


def connect(url: str, application: str) -> "pymongo.MongoClient[Document]":
    """Return a client with time-zone-aware dates, which gives up after 5 s without a primary.

    It connects, and looks up a mongodb+srv name, when it is first used: it raises nothing here.
    """
    return pymongo.MongoClient(url, appname=application, **CLIENT)


def is_away(error: BaseException) -> bool:
    """Return whether the database's state, and not the query, is the cause of an error.

    That includes causes that a person has to repair: rights, a password, a full disk, a DNS name.
    """
    if not isinstance(error, PyMongoError):
        return False
    transient = error.has_error_label("TransientTransactionError")
    # The settings have checked the URL's form; so this is a failed look-up of a mongodb+srv name.
    unreachable = isinstance(error, ConnectionFailure | ConfigurationError)
    return unreachable or error.timeout or transient or not UNFIT.isdisjoint(_codes(error))


def is_too_large(error: BaseException) -> bool:
    """Return whether a transaction writes more than the server's cache allows; smaller ones may
    not.
    """
    return isinstance(error, PyMongoError) and TOO_LARGE in _codes(error)


def _codes(error: PyMongoError) -> set[int | None]:
    """Return MongoDB's codes of an error, and of each write of a bulk write."""
    if not isinstance(error, OperationFailure):
        return set()
    writes = (error.details or {}).get("writeErrors", [])
    return {error.code, *(write.get("code") for write in writes)}


class Store:
    """The service's database as one unit of work sees it. Subclasses add queries.

    `migrations` create the subclass's collections with their indexes; `service` names the service.
    """

    service: str
    migrations: Sequence[Migration] = ()

    def __init__(
        self,
        database: "MongoDatabase[Document]",
        session: ClientSession | None,
        now: datetime,
        writer: str = "",
        contention: Contention | None = None,
    ) -> None:
        self._database = database
        self.session = session
        self.now = now
        self._contention = contention
        self.writer = writer
        """The queue whose events are applied, or the timer: each of them is one writer at a time.
        Empty in requests, of which many run at once."""
        self._events: list[Published] = []
        self._on_commit: list[Callable[[], object]] = []

    def __getitem__(self, name: str) -> "Collection[Document]":
        """Return a collection of the service. Pass `session=self.session` to each call on it."""
        return self._database[name]

    def find_by_ids(
        self, collection: str, ids: Iterable[object], **more: Any
    ) -> Iterable[Document]:
        """Return the documents with these ids, in one batch; without ids it sends no query.

        `more`: further arguments of pymongo's `find`.
        """
        wanted = list(ids)
        if not wanted:
            return ()
        # One more than can exist, or MongoDB keeps a cursor open; its default first batch is 101.
        more |= {"batch_size": len(wanted) + 1, "session": self.session}
        return self[collection].find({"_id": {"$in": wanted}}, **more)

    def insert(self, collection: str, documents: Sequence[Document]) -> None:
        """Insert new documents.

        If one exists already, another unit of work inserted it after this one began to read: that
        is a conflict, and the next attempt sees the document.
        """
        with inserting():
            self._insert(collection, documents)

    def _insert(self, collection: str, documents: Sequence[Document]) -> None:
        if len(documents) == 1:  # this costs the driver half as much as a list
            self[collection].insert_one(documents[0], session=self.session)
        elif documents:
            self[collection].insert_many(documents, session=self.session)

    def new_id(self) -> str:
        """Return a new UUIDv7."""
        return ids.new_id()

    def contends_for(self, kind: str, id_: str) -> None:
        """Lock a thing, before it is read or written, that other units of work may change too.

        Units of work that name the same thing ("run", run_id) go on one after the other in this
        process: if another holds its lock, this one starts again after the other has finished.
        MongoDB detects conflicts with other processes; those are repeated under the same locks.
        """
        if self._contention is not None:
            self._contention.name(kind, id_)

    def record_event(self, *happened: object) -> None:
        """Record events, which are published after this unit of work is committed, and only then.

        `happened`: dataclasses of the domain that are named like event messages of the contracts.
        """
        traceparent = tracing.current() or tracing.child_of("")
        self._events.extend((event, traceparent) for event in happened)

    def on_commit(self, act: Callable[[], object]) -> None:
        """Call `act` after this unit of work is committed, and only then: to count what happened.

        A crash in between skips it, so use it for metrics only.
        """
        self._on_commit.append(act)

    def committed(self) -> None:
        """The unit of work is committed: call what was registered by `on_commit`."""
        for act in self._on_commit:
            act()

    def idempotent(
        self, scope: str, request_id: str, request: bytes, answer: Callable[[], bytes]
    ) -> bytes:
        """Return the first answer to `request_id` in `scope` (an RPC and its caller), and store it.

        Raises AlreadyExists if the id came with another request before. Without an id, it just
        returns `answer()`.
        """
        if not request_id:
            return answer()
        again = self._contention is not None and self._contention.attempts > 1
        remembered = Remembered(self["requests"], self.session, again)
        return remembered.idempotent(scope, request_id, request, answer)

    def idempotent_all(self, asked: Sequence[Asked], answer: Answers) -> list[Outcome]:
        """Return the first outcome of each of several requests, and store it, as `idempotent` does.

        Their keys differ. `answer` gets the places of those that have none yet.
        """
        return Remembered(self["requests"], self.session, again=False).idempotent_all(asked, answer)

    def flush(self) -> None:
        """Write the recorded events to the outbox; the unit of work does so at its end."""
        if not self._events:
            return
        rows = OutboxRows(self.service, self.now, self["sequences"], self.session)
        self._insert("outbox", rows.of(self._events))
        self._events.clear()


CHASSIS_MIGRATIONS = (
    Migration(
        1,
        "outbox, inbox, remembered requests, leases",
        adding(
            {
                "outbox": [
                    pymongo.IndexModel([("key", 1), ("sequence", 1)], unique=True),
                    pymongo.IndexModel("parked_at", sparse=True),
                ],
                "sequences": [],
                "requests": [pymongo.IndexModel("at", expireAfterSeconds=_FIRST_REQUESTS)],
                "inbox": [pymongo.IndexModel("at", expireAfterSeconds=_FIRST_INBOX)],
                "leases": [],
            }
        ),
    ),
    Migration(
        2,
        "lanes of the outbox",
        # With the key, because a scan skips aggregates that have a cursor of their own.
        adding({"outbox": [pymongo.IndexModel([("lane", 1), ("_id", 1), ("key", 1)])]}),
    ),
    Migration(
        3,
        "events that wait for an event of another service",
        adding(
            {
                "waiting": [
                    pymongo.IndexModel([("subscription", 1), ("since", 1)]),
                    pymongo.IndexModel(
                        "seen_at", expireAfterSeconds=int(FORGET_WAITING.total_seconds())
                    ),
                ]
            }
        ),
    ),
    Migration(5, "holds on targets of jobs", adding({"job_holds": []})),
    Migration(
        7,
        "people who are to be forgotten",
        # With the index of jobs (chassis/jobs).
        adding(
            {
                "erasures": [
                    pymongo.IndexModel(
                        [("job.lane", 1), ("job.due", 1)],
                        name="jobs",
                        partialFilterExpression={"job.lane": {"$exists": True}},
                    )
                ]
            }
        ),
    ),
)

S = TypeVar("S", bound=Store)
T = TypeVar("T")


class Database(Generic[S]):
    """The service's database: runs units of work."""

    def __init__(
        self, client: "pymongo.MongoClient[Document]", name: str, store: type[S], clock: Clock
    ) -> None:
        self.client = client
        self.clock = clock
        self._store = store
        self.mongo: MongoDatabase[Document] = client[name]
        self._conflict_locks = ConflictLocks()

    def prepare(self) -> None:
        """Migrate it to this version. Safe to repeat, and in several processes at once."""
        migrate(self.mongo, self._migrations())

    def missing(self) -> list[str]:
        """Return the pending migrations as text; empty if the database is up to date."""
        return [
            f"{owner} {step.number}: {step.name}"
            for owner, steps in self._migrations().items()
            for step in pending(self.mongo, owner, steps)
        ]

    def transact(self, work: Callable[[S], T], writer: str = "") -> T:
        """Do `work` in one transaction, with its events; repeat it after a conflict.

        `writer` becomes `store.writer`.

        `work` may therefore run more than once, and must change nothing but its store. After a
        conflict over a thing that it named (`Store.contends_for`) it queues for that thing's lock,
        and holds no transaction while it waits.
        """

        def attempt(contention: Contention) -> tuple[S, T]:
            now = self.clock.now()
            store = self._store(self.mongo, session, now, writer, contention)
            result = work(store)
            store.flush()
            return store, result

        with self.client.start_session() as session:
            try:
                store, result = repeat(session, self._conflict_locks, attempt)
            except Exception as error:
                if _is_late(error):
                    Context().run(self._let_go, session)
                raise
        store.committed()
        return result

    def reader(self) -> S:
        """Return a store for queries only, outside of any transaction."""
        return self._store(self.mongo, None, self.clock.now())

    def _let_go(self, session: ClientSession) -> None:
        """End a session's open transaction, with its locks.

        pymongo's own abort obeys the deadline, which has passed, so the server would keep the locks
        for its transactionLifetimeLimitSeconds; this runs in a context of its own, without that
        deadline.
        """
        try:
            with deadline.within(CLEAN_UP):
                self.client.admin.command("killSessions", [session.session_id])
        except PyMongoError as error:
            log.warning("a transaction could not be aborted; MongoDB ends it", why=str(error)[:200])

    def _migrations(self) -> Mapping[str, Sequence[Migration]]:
        return {"chassis": CHASSIS_MIGRATIONS, self._store.service: self._store.migrations}


def _is_late(error: Exception) -> bool:
    """Return whether a deadline has passed, perhaps after the error was raised."""
    return deadline.left() <= 0 or (isinstance(error, PyMongoError) and error.timeout)
