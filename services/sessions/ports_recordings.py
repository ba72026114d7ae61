"""What the use cases of recordings need of the store."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from services.sessions.domain.recorded_parts import SessionRecording


class RecordingStore(Protocol):
    """Recordings of sessions, and the runs that keep theirs no longer."""

    def recording_of(self, session_id: str) -> SessionRecording | None:
        """Return what is stored of a session's recording; None if nothing is."""

    def recordings_of(self, session_ids: Collection[str]) -> Mapping[str, SessionRecording]:
        """Return what is stored of the recordings of some sessions, by session."""

    def put_recording(self, recording: SessionRecording) -> None:
        """Store a session's recording, new or changed."""

    def raised_hands(self, session_id: str) -> list[datetime]:
        """Return when hands were raised in a class, the first `MOST_HANDS`."""

    def recorded_sessions(self, run_id: str, most: int) -> list[str]:
        """Return up to `most` sessions of a run that have a recording, or had one."""

    def note_recordings_ended(self, run_id: str) -> None:
        """Note that a run has no recordings any more; news of the run take the note away."""
