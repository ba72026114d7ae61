"""A service's MongoDB database, and units of work in it.

A unit of work is one transaction that writes state and the events it caused (the outbox) together:
either both are there, or neither. `Store` is what a use case is given: the service's own store
class adds its queries; the base knows time, ids and events.
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
from chassis.data.idempotency import Remembered
from chassis.data.migrations import Migration, adding, migrate, pending
from chassis.data.outbox_rows import OutboxRows, Published
from chassis.data.transactions import Contention, inserting, repeat
from chassis.operations import tracing

Document = dict[str, Any]

# What every client of ours is made with, the relay's asynchronous one among them.
CLIENT: Mapping[str, Any] = {
    "connect": False,
    "tz_aware": True,
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
}
# What waits is seen again every ten minutes, or as soon as its queue allows.
FORGET_WAITING = timedelta(hours=1)
# What the first migration sets, in seconds; what holds are settings (chassis/data/retention.py).
_FIRST_REQUESTS, _FIRST_INBOX = 7 * 86_400, 30 * 86_400
# MongoDB's codes: Unauthorized, AuthenticationFailed, OutOfDiskSpace.
UNFIT = frozenset({13, 18, 14031})
# Seconds. What is late is ended in a moment, or MongoDB ends it by its own limit.
CLEAN_UP = 2.0

log = structlog.get_logger()


def connect(url: str, application: str) -> "pymongo.MongoClient[Document]":
    """A client whose dates are aware, and which gives up after 5 s where no primary answers.

    It connects when it is first used, and looks up a mongodb+srv name then: raises nothing here.
    """
    return pymongo.MongoClient(url, appname=application, **CLIENT)


def is_away(error: BaseException) -> bool:
    """Whether the database's state, rather than what was asked of it, is why it failed.

    That includes what a person has to mend: rights, a password, a full disk, a name in the DNS.
    """
    if not isinstance(error, PyMongoError):
        return False
    transient = error.has_error_label("TransientTransactionError")
    # The URL's form was checked with the settings; what is left is a mongodb+srv name's look-up.
    unreachable = isinstance(error, ConnectionFailure | ConfigurationError)
    return unreachable or error.timeout or transient or not UNFIT.isdisjoint(_codes(error))


def _codes(error: PyMongoError) -> set[int | None]:
    """MongoDB's codes of an error, and of each write of a bulk."""
    if not isinstance(error, OperationFailure):
        return set()
    writes = (error.details or {}).get("writeErrors", [])
    return {error.code, *(write.get("code") for write in writes)}


class Store:
    """One unit of work's view of the service's database. Subclasses add queries.

    `migrations` makes the subclass's collections with their indexes; `service` names the service.
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
        """Who writes, where one writer does so at a time: the queue whose events are applied, or
        the timer. Empty in requests, of which many run at once."""
        self._events: list[Published] = []
        self._on_commit: list[Callable[[], object]] = []

    def __getitem__(self, name: str) -> "Collection[Document]":
        """A collection of the service. Pass `session=self.session` to each call on it."""
        return self._database[name]

    def find_by_ids(
        self, collection: str, ids: Iterable[object], **more: Any
    ) -> Iterable[Document]:
        """The documents of some ids, in one answer; of no ids, none, without a question.

        `more` is what pymongo's `find` takes.
        """
        wanted = list(ids)
        if not wanted:
            return ()
        # One more than there can be, or MongoDB keeps a cursor; by itself it answers 101 first.
        more |= {"batch_size": len(wanted) + 1, "session": self.session}
        return self[collection].find({"_id": {"$in": wanted}}, **more)

    def insert(self, collection: str, documents: Sequence[Document]) -> None:
        """Insert new documents.

        What is there already was inserted by another unit of work after this one began to read:
        a race is lost, and the next attempt sees it.
        """
        with inserting():
            self._insert(collection, documents)

    def _insert(self, collection: str, documents: Sequence[Document]) -> None:
        if len(documents) == 1:  # which costs the driver half of what a list does
            self[collection].insert_one(documents[0], session=self.session)
        elif documents:
            self[collection].insert_many(documents, session=self.session)

    def new_id(self) -> str:
        """A fresh UUIDv7."""
        return ids.new_id()

    def contends_for(self, kind: str, id_: str) -> None:
        """Say, before it is read or written, what others may want to change at the same time.

        Units of work that name the same thing ("run", run_id) go on one after the other in this
        process; where another has its turn, this one starts again when it has ended. Races with
        other processes are MongoDB's to find; they, too, are repeated by turns.
        """
        if self._contention is not None:
            self._contention.name(kind, id_)

    def record_event(self, *happened: object) -> None:
        """Let others know, once this unit of work is committed, and only then.

        `happened`: the domain's dataclasses that are named like event messages of the contracts.
        """
        traceparent = tracing.current() or tracing.child_of("")
        self._events.extend((event, traceparent) for event in happened)

    def on_commit(self, act: Callable[[], object]) -> None:
        """Do `act` once this unit of work is committed, and only then: to count what happened.

        A crash in between leaves it out, so it is for figures and nothing else.
        """
        self._on_commit.append(act)

    def committed(self) -> None:
        """The unit of work is committed: do what waits for that."""
        for act in self._on_commit:
            act()

    def idempotent(
        self, scope: str, request_id: str, request: bytes, answer: Callable[[], bytes]
    ) -> bytes:
        """The first answer to `request_id` in `scope` (an RPC and its caller), remembered.

        Raises AlreadyExists when the id came with another request before. Without an id, just
        answers.
        """
        if not request_id:
            return answer()
        again = self._contention is not None and self._contention.attempts > 1
        remembered = Remembered(self["requests"], self.session, again)
        return remembered.idempotent(scope, request_id, request, answer)

    def flush(self) -> None:
        """Write what was published to the outbox; the unit of work does so at its end."""
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
        # With the key, for a scan steps over an aggregate that has a cursor of its own.
        adding({"outbox": [pymongo.IndexModel([("lane", 1), ("_id", 1), ("key", 1)])]}),
    ),
    Migration(
        3,
        "which events wait for another's news",
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
    Migration(5, "holds on what jobs go to", adding({"job_holds": []})),
)

S = TypeVar("S", bound=Store)
T = TypeVar("T")


class Database(Generic[S]):
    """The service's database: makes units of work."""

    def __init__(
        self, client: "pymongo.MongoClient[Document]", name: str, store: type[S], clock: Clock
    ) -> None:
        self.client = client
        self.clock = clock
        self._store = store
        self.mongo: MongoDatabase[Document] = client[name]
        self._conflict_locks = ConflictLocks()

    def prepare(self) -> None:
        """Bring it to this version. Safe to repeat, and side by side."""
        migrate(self.mongo, self._migrations())

    def missing(self) -> list[str]:
        """What `prepare` has still to do, in words; empty where the database is as it should be."""
        return [
            f"{owner} {step.number}: {step.name}"
            for owner, steps in self._migrations().items()
            for step in pending(self.mongo, owner, steps)
        ]

    def transact(self, work: Callable[[S], T], writer: str = "") -> T:
        """Do `work` in one transaction, its events with it; repeated where it lost a race.

        `writer` is what `work` finds as `store.writer`.

        `work` may therefore run more than once and must touch nothing but its store. Who lost a
        race over what it named (`Store.contends_for`) goes on by turns, and holds no transaction
        while it waits.
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
        """A store for queries only, outside of any transaction."""
        return self._store(self.mongo, None, self.clock.now())

    def _let_go(self, session: ClientSession) -> None:
        """End what a session has open, with its locks.

        pymongo's own abort obeys the deadline that has passed, so the server would keep all for its
        transactionLifetimeLimitSeconds; this runs in a context of its own, without that deadline.
        """
        try:
            with deadline.within(CLEAN_UP):
                self.client.admin.command("killSessions", [session.session_id])
        except PyMongoError as error:
            log.warning("a transaction is left to MongoDB's limit", why=str(error)[:200])

    def _migrations(self) -> Mapping[str, Sequence[Migration]]:
        return {"chassis": CHASSIS_MIGRATIONS, self._store.service: self._store.migrations}


def _is_late(error: Exception) -> bool:
    """Whether a deadline passed, perhaps after what is told by the error."""
    return deadline.left() <= 0 or (isinstance(error, PyMongoError) and error.timeout)
