"""The shelves of recordings: one document of `shelves` for each session that has or had one.

A shelf of its own, so that what was withdrawn leaves it, and what the session gave otherwise stays.
"""

from collections.abc import Collection
from typing import Any

from pymongo import ReplaceOne

from chassis.contracts.mapping import from_document, to_document
from chassis.data import store as chassis_store
from services.library.domain.recordings import RecordingItems

RECORDING = "recording:"
"""Begins the id of the shelf of a session's recording."""


class RecordingShelves(chassis_store.Store):
    """The part of the store for the items of recordings."""

    def recording_items(self, session_ids: Collection[str]) -> list[RecordingItems]:
        """Return the known items of the recordings of some sessions."""
        rows = self.find_by_ids("shelves", [f"{RECORDING}{each}" for each in session_ids])
        return [from_document(row, RecordingItems) for row in rows]

    def put_recording_items(self, told: Collection[RecordingItems]) -> None:
        """Store the items of recordings, in place of those of before."""
        writes = [
            ReplaceOne({"_id": f"{RECORDING}{row.session_id}"}, to_document(row), upsert=True)
            for row in told
        ]
        if writes:
            self["shelves"].bulk_write(writes, ordered=False, session=self.session)

    def is_named(self, item_ids: Collection[str]) -> bool:
        """Return whether any path or session names one of these items."""
        query: dict[str, Any] = {"item_ids": {"$in": list(item_ids)}}
        return self["shelves"].find_one(query, {"_id": 1}, session=self.session) is not None
