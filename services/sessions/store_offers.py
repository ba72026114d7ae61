"""Offers of seats in MongoDB: they stand in the seats of their learners."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from chassis.contracts.mapping import from_document
from services.sessions import metrics
from services.sessions.domain.seats import Seat
from services.sessions.store_clashes import ClashStore

Document = dict[str, Any]

# As the index has it (migrations.py): MongoDB uses a partial index only for queries like it.
IS_OFFERED = {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}


class OfferStore(ClashStore):
    """The part of the store for offers of seats."""

    def offered_seats(self, session_ids: Collection[str]) -> list[Seat]:
        """Return the seats of learners who have offers in some sessions, first come first."""
        query = {"session_id": {"$in": [*session_ids]}, "offer_expires_at": IS_OFFERED}
        return self._seats(query)

    def expired_offers(self, session_id: str, most: int) -> list[Seat]:
        """Return the seats of up to `most` learners whose offers in a session have expired, first
        come first.
        """
        return self._seats({"session_id": session_id, "offer_expires_at": self._expired()}, most)

    def sessions_with_expired_offers(self) -> Iterator[str]:
        """Yield the sessions with expired offers, each once, the longest expired first."""
        query = {"offer_expires_at": self._expired()}
        rows = self["seats"].find(query, {"session_id": 1, "_id": 0}, session=self.session)
        yield from dict.fromkeys(row["session_id"] for row in rows.sort("offer_expires_at"))

    def count_offer(self, outcome: str) -> None:
        """Count an offer, made or ended, in the metrics, after the unit of work is committed."""
        self.on_commit(metrics.SEAT_OFFERS.labels(outcome.lower()).inc)

    def _expired(self) -> Document:
        return {**IS_OFFERED, "$lte": self.now}

    def _seats(self, query: Document, most: int = 0) -> list[Seat]:
        order = [("turn", 1), ("_id", 1)]
        rows = self["seats"].find(query, session=self.session).sort(order).limit(most)
        return [from_document(row, Seat) for row in rows]
