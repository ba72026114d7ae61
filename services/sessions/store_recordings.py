"""Recordings of sessions in MongoDB, one document a session; runs that keep theirs no longer.

A session's document names the first part too, which is all that an older version knows.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from chassis.contracts.mapping import from_document, to_document
from services.sessions.domain.recorded_parts import MOST_HANDS, SessionRecording
from services.sessions.domain.roster import Run
from services.sessions.store_class_log import ClassLogStore, of_class

Document = dict[str, Any]


class RecordingStore(ClassLogStore):
    """The part of the store for recordings."""

    def recording_of(self, session_id: str) -> SessionRecording | None:
        """Return what is stored of a session's recording; None if nothing is."""
        return self._one("recordings", {"_id": session_id}, SessionRecording)

    def recordings_of(self, session_ids: Collection[str]) -> Mapping[str, SessionRecording]:
        """Return what is stored of the recordings of some sessions, by session."""
        rows = self.find_by_ids("recordings", session_ids)
        return {row["_id"]: from_document(row, SessionRecording) for row in rows}

    def put_recording(self, recording: SessionRecording) -> None:
        """Store a session's recording, new or changed."""
        self._put("recordings", to_document(recording))

    def raised_hands(self, session_id: str) -> list[datetime]:
        """Return when hands were raised in a class, the first `MOST_HANDS`."""
        query = of_class(session_id) | {"hand.raised": True}
        rows = self["class_log"].find(query, {"at": 1}, session=self.session)
        return [row["at"] for row in rows.sort("_id").limit(MOST_HANDS)]

    def runs_without_recordings(self, most: int) -> list[str]:
        """Return up to `most` runs that keep their recordings no longer, and may have some."""
        query = {"recordings_end": {"$lte": self.now}}
        rows = self["runs"].find(query, {"_id": 1}, session=self.session)
        return [row["_id"] for row in rows.sort("recordings_end").limit(most)]

    def recorded_sessions(self, run_id: str, most: int) -> list[str]:
        """Return up to `most` sessions of a run that have a recording, or had one."""
        named = {"run_id": run_id, "recording_item_id": {"$gt": ""}}
        rows = self["sessions"].find(named, {"_id": 1}, session=self.session).limit(most)
        former = {"run_id": run_id, "former_ids": {"$gt": ""}}
        more = self["recordings"].find(former, {"_id": 1}, session=self.session).limit(most)
        return [*dict.fromkeys(row["_id"] for row in (*rows, *more))][:most]

    def note_recordings_ended(self, run_id: str) -> None:
        """Note that a run has no recordings any more; news of the run take the note away."""
        ended = {"$set": {"recordings_end": None}}
        self["runs"].update_one({"_id": run_id}, ended, session=self.session)


def end_of_recordings(replica: object) -> Document:
    """Return what a run's document tells of the end of its recordings, beside the run."""
    return {"recordings_end": replica.recordings_end} if isinstance(replica, Run) else {}
