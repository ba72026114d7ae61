"""Timetables in MongoDB: one document each, with its job while a solver is to work on it.

They expire 90 days after they were asked for. What was planned by one stays.
"""

from datetime import UTC, datetime
from typing import Any

from chassis.contracts.mapping import from_document, to_document
from chassis.data import store as chassis_store
from chassis.jobs import DONE, waiting
from services.sessions.domain.timetables import Timetable

Document = dict[str, Any]
SOLVE, APPLY = "solve", "apply"
"""The lanes: who applies a timetable does not wait for a search."""


class TimetableStore(chassis_store.Store):
    """The part of the store for timetables."""

    def timetable(self, timetable_id: str) -> Timetable | None:
        """Return a timetable; None if there is none."""
        return self._timetable({"_id": timetable_id})

    def claimed_timetable(self, timetable_id: str, claim: str) -> Timetable | None:
        """Return a timetable on which a claim works; None if it was taken over or cancelled."""
        return self._timetable({"_id": timetable_id, "job.claim": claim})

    def add_timetable(self, timetable: Timetable) -> None:
        """Store a new timetable, and give it to the solvers."""
        job = {"job": waiting(SOLVE, datetime.now(UTC))}
        self["timetables"].insert_one(to_document(timetable) | job, session=self.session)

    def put_timetable(self, timetable: Timetable) -> None:
        """Store a changed timetable."""
        self._set_timetable(timetable, {})

    def give_timetable(self, timetable: Timetable) -> None:
        """Store a timetable, and give it to those who apply one. Its job is due by the system's
        clock.
        """
        self._set_timetable(timetable, {"job": waiting(APPLY, datetime.now(UTC))})

    def end_timetable(self, timetable: Timetable) -> None:
        """Store a timetable on which no solver works any more."""
        self._set_timetable(timetable, {}, DONE)

    def _timetable(self, query: Document) -> Timetable | None:
        found = self["timetables"].find_one(query, session=self.session)
        return from_document(found, Timetable) if found else None

    def _set_timetable(
        self, timetable: Timetable, more: Document, gone: Document | None = None
    ) -> None:
        document = to_document(timetable) | more
        change = {"$set": document} | ({"$unset": gone} if gone else {})
        self["timetables"].update_one({"_id": document.pop("_id")}, change, session=self.session)
