"""Series and zone data in MongoDB, and how the stores read and write one document."""

from operator import attrgetter
from typing import Any, TypeVar

from pymongo import ReturnDocument, UpdateOne

from chassis.contracts.mapping import from_document, to_document
from services.sessions import zone_data
from services.sessions.domain.enums import SessionState
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session
from services.sessions.store_attendance import AttendanceStore

Document = dict[str, Any]
T = TypeVar("T")

_RECURRENCE = attrgetter("recurrence_id")


class SeriesStore(AttendanceStore):
    """The part of the store for series, and for what follows from zone data."""

    def series_by_id(self, series_id: str) -> Series | None:
        """Return a series; None if there is none."""
        return self._one("series", {"_id": series_id}, Series)

    def series_for_update(self, series_id: str) -> Series | None:
        """Return a series, and write to it at once, so that of two units of work one starts
        again.
        """
        return self._for_update("series", series_id, Series)

    def put_series(self, *series: Series) -> None:
        """Store series, new or changed."""
        self._put("series", *map(to_document, series))

    def sessions_of_series(self, series_id: str) -> list[Session]:
        """Return the sessions of a series, in the order of their recurrence ids."""
        rows = self["sessions"].find({"series_id": series_id}, session=self.session)
        return sorted((from_document(row, Session) for row in rows), key=_RECURRENCE)

    # Zone data

    @property
    def zone_data(self) -> str:
        """Return the version of the zone data of this process; empty if it is unknown."""
        return zone_data.version()

    def sessions_of_older_zone_data(self, most: int) -> list[tuple[str, str]]:
        """Return up to `most` coming sessions (their ids and series) whose instants follow from
        older zone data than this process has.
        """
        if not self.zone_data:
            return []
        query: Document = {
            "state": SessionState.SCHEDULED,
            # Not "$lt": a session that an older version planned has none.
            "zone_data": {"$not": {"$gte": self.zone_data}},
            "start_time": {"$gt": self.now},
        }
        shown = {"series_id": 1}
        rows = self["sessions"].find(query, shown, session=self.session).limit(most)
        return [(row["_id"], row.get("series_id", "")) for row in rows]

    def _for_update(self, collection: str, id_: str, cls: type[T]) -> T | None:
        """Return a document, written to at once; units of work contend for it by its class."""
        self.contends_for(cls.__name__.lower(), id_)
        document = self[collection].find_one_and_update(
            {"_id": id_},
            {"$inc": {"touched": 1}},
            return_document=ReturnDocument.AFTER,
            session=self.session,
        )
        return from_document(document, cls) if document else None

    def _one(self, collection: str, query: Document, cls: type[T]) -> T | None:
        document = self[collection].find_one(query, session=self.session)
        return from_document(document, cls) if document else None

    def _put(self, collection: str, *documents: Document) -> None:
        """Store documents, new or changed; stored keys that a document lacks stay."""
        writes = [UpdateOne({"_id": d["_id"]}, {"$set": d}, upsert=True) for d in documents]
        if writes:
            self[collection].bulk_write(writes, ordered=False, session=self.session)
