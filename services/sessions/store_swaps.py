"""Requests for swaps of seats in MongoDB, each under the id of the seat that is given."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from chassis.clock import by_system_clock
from chassis.contracts.mapping import from_document, to_document
from services.sessions.domain.seats import Seat
from services.sessions.domain.session import Session
from services.sessions.domain.swaps import Swap, SwapState
from services.sessions.store_attendance import key
from services.sessions.store_series import SeriesStore

Document = dict[str, Any]
KEPT = timedelta(days=30)


class SwapStore(SeriesStore):
    """The part of the store for swaps."""

    def sessions_with(self, session_ids: Collection[str]) -> Mapping[str, Session]:
        """Return those of some sessions that exist, by id."""
        rows = self.find_by_ids("sessions", session_ids)
        return {row["_id"]: from_document(row, Session) for row in rows}

    def seats_with(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Seat]:
        """Return the seats of some learners (session and learner)."""
        rows = self.find_by_ids("seats", [key(*each) for each in keys])
        found = (from_document(row, Seat) for row in rows)
        return {(each.session_id, each.learner_id): each for each in found}

    def swap(self, session_id: str, learner_id: str) -> Swap | None:
        """Return a learner's newest request to give the seat in a session; None if there is
        none.
        """
        return self._one("swaps", {"_id": key(session_id, learner_id)}, Swap)

    def opposite_swaps(self, swap: Swap, most: int) -> list[Swap]:
        """Return up to `most` open requests that give what a request wants and want what it gives,
        for the sessions at their times, first come first.
        """
        query: Document = {
            "state": SwapState.OPEN,
            "session_id": swap.wanted_session_id,
            "kind": swap.wanted_kind,
            "wanted_session_id": swap.session_id,
            "wanted_kind": swap.kind,
            "start_time": swap.wanted_start_time,
            "wanted_start_time": swap.start_time,
        }
        order = [("requested_at", 1), ("_id", 1)]
        rows = self["swaps"].find(query, session=self.session).sort(order).limit(most)
        return [from_document(row, Swap) for row in rows]

    def put_swap(self, swap: Swap) -> None:
        """Store a request, new or changed."""
        removed_at = by_system_clock(swap.expires_at + KEPT, self.now)
        named = {"_id": _id(swap), "removed_at": removed_at}
        self._put("swaps", to_document(swap) | named)

    def lapse_swaps(self, swaps: Sequence[Swap]) -> None:
        """Store of requests that they have lapsed."""
        wanted = {"_id": {"$in": [*map(_id, swaps)]}}
        lapsed = {"$set": {"state": SwapState.LAPSED}}
        self["swaps"].update_many(wanted, lapsed, session=self.session)


def _id(swap: Swap) -> str:
    return key(swap.session_id, swap.learner_id)
