"""Attaching a session's recording."""

from dataclasses import dataclass

from chassis.errors import check_state
from services.sessions.domain.events import RecordingAttached, about
from services.sessions.domain.roster import Item, failed_violations
from services.sessions.domain.session import Session, with_recording
from services.sessions.ports import Store
from services.sessions.usecases.lookup import lock_session


@dataclass(frozen=True, slots=True)
class AttachRecording:
    """Attach an item to a session as its recording."""

    session_id: str
    item_id: str


def attach_recording(store: Store, command: AttachRecording) -> Session:
    """Attach the recording of a LIVE or ENDED session; it replaces an earlier one.

    Attaching the same item again changes nothing. Raises NotFound, and FailedPrecondition before
    the session has begun, or if the library has refused the item.
    """
    before = lock_session(store, command.session_id)
    item = store.replicas(Item, [command.item_id]).get(command.item_id)
    check_state("the recording can't be attached", failed_violations(item))
    session = with_recording(before, command.item_id)
    if session == before:
        return before
    store.put_session(session)
    store.record_event(
        about(session, RecordingAttached, item_id=command.item_id, attached_at=store.now)
    )
    return session
