"""A unit of work in one transaction, done again where it lost a race over what it named."""

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
# MongoDB's codes of a race that was lost, and of a key that is there already.
WRITE_CONFLICT, DUPLICATE_KEY = 112, 11000
# Seconds. So long a unit of work without a deadline tries; pymongo's with_transaction, too.
GIVE_UP_AFTER = 120.0
# Seconds. MongoDB ends a transaction after 60, or as it is set. One that took so long and failed
# is not repeated as it is, for it would fail again: who can makes it smaller.
TOO_LONG = 10.0
# Seconds: the pause after a race that was lost to another process, which has to commit.
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.1

T = TypeVar("T")


class Contention:
    """What a unit of work contends for: named by it in this attempt, and its place in the lines."""

    def __init__(self, holder: LockHolder) -> None:
        self._holder = holder
        self._named: dict[str, str] = {}
        self.attempts = 0
        """How many began."""

    def name(self, kind: str, id_: str) -> None:
        """Contend for a thing. Raises the error of a lost race where another has its turn at it."""
        key = f"{kind} {id_}"
        self._named[key] = kind
        if not self._holder.try_acquire(key):
            raise _lost(f"another has its turn at {key}")

    def begin(self) -> None:
        """Another attempt begins, and has named nothing."""
        self.attempts += 1
        self._named.clear()

    def lose(self) -> None:
        """A race was lost: return when the next attempt may begin."""
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
    """Do `work` in a transaction, committed, and again as often as it lost a race.

    Who lost waits without a transaction. Raises what `work` raises, and the error of a lost race
    when the deadline or `PATIENCE` has passed, or when one attempt took `TOO_LONG`.
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
    """Insert what is not there: what is, was inserted meanwhile by another, so a race is lost."""
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
    """Let another process commit: longer each time, and by chance, so that two don't meet again."""
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
    """Commit; again where nobody knows whether that worked, which MongoDB does once only."""
    while True:
        try:
            return session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label(UNKNOWN) or error.timeout or time.monotonic() >= end:
                raise
