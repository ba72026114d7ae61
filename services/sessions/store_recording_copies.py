"""Copies of meeting servers' recordings in MongoDB: one document a recording, by its id, with its
job while files are to be copied. They expire 30 days after the recording, as what servers told.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog

from chassis.contracts.mapping import to_document
from chassis.jobs import DONE, waiting
from services.sessions import metrics
from services.sessions.domain.recording_copies import CopyState, RecordingCopy
from services.sessions.store_meetings import MeetingStore

Document = dict[str, Any]
COPY = "copy"
"""The lane of recordings whose files are to be copied."""

log = structlog.get_logger()


class RecordingCopyStore(MeetingStore):
    """The part of the store for copies of recordings."""

    def recording_copy(self, copy_id: str) -> RecordingCopy | None:
        """Return the copy of a recording; None if there is none."""
        return self._one("recording_copies", {"_id": copy_id}, RecordingCopy)

    def claimed_copy(self, copy_id: str, claim: str) -> RecordingCopy | None:
        """Return a copy on which a claim works; None if it has changed meanwhile."""
        return self._one("recording_copies", {"_id": copy_id, "job.claim": claim}, RecordingCopy)

    def copies_with(self, item_ids: Collection[str]) -> list[str]:
        """Return the ids of the copies that have some of these items."""
        query = {"files.item_id": {"$in": [*item_ids]}}
        rows = self["recording_copies"].find(query, {"_id": 1}, session=self.session)
        return [row["_id"] for row in rows.sort("_id")]

    def give_copy(self, copy: RecordingCopy) -> None:
        """Store a copy, and give it to the processes that copy."""
        job = waiting(COPY, datetime.now(UTC), copy.server)
        self._put("recording_copies", self._copy_document(copy) | {"job": job})

    def put_copy(self, copy: RecordingCopy) -> None:
        """Store a copy; what works on it finds its claim gone."""
        change = {"$set": self._copy_document(copy), "$unset": DONE}
        self["recording_copies"].update_one(
            {"_id": copy.id}, change, upsert=True, session=self.session
        )

    def note_copy(self, copy: RecordingCopy) -> None:
        """Store a changed copy on which somebody works, who goes on."""
        self._put("recording_copies", self._copy_document(copy))

    def oldest_copy(self) -> timedelta:
        """Return for how long the oldest copy has waited to be copied or opened."""
        query = {"state": {"$in": [CopyState.WANTED, CopyState.COPIED]}}
        found = self["recording_copies"].find_one(query, {"since": 1}, sort=[("since", 1)])
        return self.now - found["since"] if found else timedelta()

    def tell_copy(self, outcome: str, copy_id: str, reason: str = "") -> None:
        """Tell the operators what came of a copy, and why, after the unit of work is committed."""
        told = partial(log.info, "a recording of a meeting server", copy=copy_id, why=reason)
        self.on_commit(partial(told, outcome=outcome.lower()))
        self.on_commit(metrics.RECORDING_COPIES.labels(outcome.lower()).inc)

    def count_copied(self, size: int) -> None:
        """Count the bytes of a file that was copied, likewise."""
        self.on_commit(partial(metrics.RECORDING_BYTES.inc, size))

    def _copy_document(self, copy: RecordingCopy) -> Document:
        return to_document(copy) | self._kept_from(copy.end)
