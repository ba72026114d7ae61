"""A unit of work in one transaction, repeated after a conflict with another unit of work."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from chassis.context import deadline
from chassis.data.conflict_locks import ConflictLocks, LockHolder
from chassis.operations import metrics

MAJORITY = WriteConcern("majority", wtimeout=10_000)
TRANSIENT, UNKNOWN = "TransientTransactionError", "UnknownTransactionCommitResult"
# MongoDB's error codes of a write conflict, and of a duplicate key.
WRITE_CONFLICT, DUPLICATE_KEY = 112, 11000
# Seconds. A unit of work without a deadline tries for so long, as pymongo's with_transaction does.
GIVE_UP_AFTER = 120.0
# Seconds. MongoDB ends a transaction after 60, or after the time that is set there. A transaction
# that took this long and failed is not repeated, because it would fail again; some callers make it
# smaller.
TOO_LONG = 10.0
# Seconds: the pause after a conflict with another process, so that it can commit.
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.1

T = TypeVar("T")


class Contention:
    """The things that a unit of work contends for in this attempt, and the locks that it holds."""

    def __init__(self, holder: LockHolder) -> None:
        self._holder = holder
        self._named: dict[str, str] = {}
        self.attempts = 0
        """How many attempts began."""

    def name(self, kind: str, id_: str) -> None:
        """Contend for a thing. Raises the error of a conflict if another unit of work holds its
        lock.
        """
        key = f"{kind} {id_}"
        self._named[key] = kind
        if not self._holder.try_acquire(key):
            raise _lost(f"another unit of work holds the lock of {key}")

    def begin(self) -> None:
        """Begin another attempt, which has named nothing yet."""
        self.attempts += 1
        self._named.clear()

    def lose(self) -> None:
        """Count a conflict, and wait until the next attempt may begin."""
        self._count()
        if self._holder.is_queued_for(self._named):
            pause(self.attempts)
        else:
            self._holder.queue_for(sorted(self._named))
        self._holder.wait()

    def _count(self) -> None:
        for kind in set(self._named.values()) or {""}:
            metrics.CONFLICTS.labels(kind).inc()


def repeat(session: ClientSession, locks: ConflictLocks, work: Callable[[Contention], T]) -> T:
    """Do `work` in a transaction and commit it; repeat this after each conflict.

    It waits without a transaction. Raises what `work` raises, and the error of the conflict if the
    deadline or `GIVE_UP_AFTER` has passed, or if one attempt took `TOO_LONG`.
    """
    end = time.monotonic() + min(GIVE_UP_AFTER, deadline.left())
    with locks.holder() as holder:
        contention = Contention(holder)
        while True:
            last = min(end, time.monotonic() + TOO_LONG)
            try:
                return _once(session, contention, work, end)
            except PyMongoError as error:
                if not error.has_error_label(TRANSIENT) or time.monotonic() >= last:
                    raise
            contention.lose()


@contextmanager
def inserting() -> Iterator[None]:
    """Turn a duplicate key into a conflict: another unit of work inserted the document
    meanwhile.
    """
    try:
        yield
    except OperationFailure as error:
        writes = (error.details or {}).get("writeErrors", [])
        if DUPLICATE_KEY not in {error.code, *(write.get("code") for write in writes)}:
            raise
        raise _lost(str(error)) from error


def _lost(why: str) -> OperationFailure:
    return OperationFailure(why, WRITE_CONFLICT, {"errorLabels": [TRANSIENT]})


def pause(lost: int) -> None:
    """Pause so that another process can commit: longer each time, and for a random time."""
    longest = min(FIRST_PAUSE * 1.5**lost, LONGEST_PAUSE, max(0.0, deadline.left()))
    time.sleep(random.random() * longest)


def _once(
    session: ClientSession, contention: Contention, work: Callable[[Contention], T], end: float
) -> T:
    contention.begin()
    session.start_transaction(ReadConcern("snapshot"), MAJORITY)
    try:
        result = work(contention)
    except BaseException:
        session.abort_transaction()
        raise
    _commit(session, end)
    return result


def _commit(session: ClientSession, end: float) -> None:
    """Commit; repeat it if the result is unknown. MongoDB commits a transaction only once."""
    while True:
        try:
            return session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label(UNKNOWN) or error.timeout or time.monotonic() >= end:
                raise
