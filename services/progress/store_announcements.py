"""Units of work that store statements announce themselves, so that a reader on any replica knows
until when it can read all that is stored (docs/decisions/0061).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import structlog
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from chassis.data.store import Database, Document, Store
from chassis.errors import Unavailable
from chassis.ids import new_id

S = TypeVar("S", bound=Store)
T = TypeVar("T")
FORGOTTEN = timedelta(minutes=2)
"""A unit of work that began so long ago is over: MongoDB ends a transaction after a minute."""

log = structlog.get_logger()


def oldest_begun(store: Store) -> datetime:
    """Return when the oldest of those units of work began that are under way; now if none is."""
    alive = {"at": {"$gt": datetime.now(UTC) - FORGOTTEN}}
    oldest: Document | None = store["storing"].find_one(alive, sort=[("begun", 1)])
    return min(store.now, oldest["begun"]) if oldest else store.now


def storing(database: Database[S], work: Callable[[S], T]) -> T:
    """Do `work`, which stores statements, in one transaction; meanwhile `oldest_begun` is before
    it. Raises Unavailable if the database changed its primary.
    """
    return StoringInTurn(database, lambda: False).do(work)


class StoringInTurn(Generic[S]):
    """Units of work that store statements, one after the other on one thread.

    The first is announced before its transaction, which removes the announcement: so whoever finds
    none finds the statements, on any replica. While more units of work wait, a transaction renews
    the announcement instead, for the next one: an announcement of its own would make that wait
    until a majority has it.
    """

    def __init__(self, database: Database[S], has_more: Callable[[], bool]) -> None:
        """`has_more`: whether another unit of work will follow. If none does, call `end`."""
        self._database, self._has_more = database, has_more
        self._announced = ""
        """The id of the announcement for the next unit of work, if there is one."""

    def do(self, work: Callable[[S], T]) -> T:
        """Do `work` in one transaction. Raises what it raises, and Unavailable if the database
        changed its primary.
        """
        id_ = self._announced or self._announce()
        self._announced = ""

        def announced(store: S) -> tuple[T, bool]:
            result, goes_on = work(store), self._has_more()
            if not (self._renew(store, id_) if goes_on else _remove(store, id_)):
                # Another primary took over, and had not received it.
                raise Unavailable("the database changed its primary; try again")
            return result, goes_on

        try:
            result, goes_on = self._database.transact(announced)
        except BaseException:
            self._withdraw(id_)
            raise
        self._announced = id_ if goes_on else ""
        return result

    def end(self) -> None:
        """Remove the announcement for the next unit of work, for none follows."""
        if self._announced:
            self._withdraw(self._announced)
            self._announced = ""

    def _announce(self) -> str:
        # Majority: a transaction reads a snapshot of what a majority has, and must find it there.
        majority = WriteConcern("majority")
        announcements = self._database.mongo["storing"].with_options(write_concern=majority)
        id_ = new_id()
        announcements.insert_one({"_id": id_, **self._present()})
        return id_

    def _renew(self, store: S, id_: str) -> bool:
        renewed = {"$set": self._present()}
        done = store["storing"].update_one({"_id": id_}, renewed, session=store.session)
        return bool(done.matched_count)

    def _withdraw(self, id_: str) -> None:
        try:
            self._database.mongo["storing"].delete_one({"_id": id_})
        except PyMongoError as error:
            log.warning("an announcement is left; it is forgotten", why=str(error)[:200])

    def _present(self) -> Document:
        return {"begun": self._database.clock.now(), "at": datetime.now(UTC)}


def _remove(store: Store, id_: str) -> bool:
    done = store["storing"].delete_one({"_id": id_}, session=store.session)
    return bool(done.deleted_count)
