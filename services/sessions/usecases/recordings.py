"""A session's recording."""

from dataclasses import dataclass

from services.sessions.domain.events import RecordingAttached, about
from services.sessions.domain.session import Session, with_recording
from services.sessions.ports import Store
from services.sessions.usecases.lookup import lock_session


@dataclass(frozen=True, slots=True)
class AttachRecording:
    """Say which item is the session's recording."""

    session_id: str
    item_id: str


def attach_recording(store: Store, command: AttachRecording) -> Session:
    """Give a LIVE or ENDED session its recording, in place of another if it has one.

    The same item once more changes nothing.
    """
    before = lock_session(store, command.session_id)
    session = with_recording(before, command.item_id)
    if session == before:
        return before
    store.put_session(session)
    store.record_event(
        about(session, RecordingAttached, item_id=command.item_id, attached_at=store.now)
    )
    return session
