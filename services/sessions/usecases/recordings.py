"""Attaching a session's recording."""

from dataclasses import dataclass
from datetime import timedelta

from chassis.errors import check, check_state
from services.sessions.domain.events import RecordingAttached, about
from services.sessions.domain.roster import Item, failed_violations
from services.sessions.domain.session import Session, offset_violations, with_recording
from services.sessions.ports import Store
from services.sessions.usecases.lookup import lock_session


@dataclass(frozen=True, slots=True)
class AttachRecording:
    """Attach an item to a session as its recording."""

    session_id: str
    item_id: str
    starts_at_offset: timedelta | None = None
    """Where it begins, from the class's real start; None: there."""


def attach_recording(store: Store, command: AttachRecording) -> Session:
    """Attach the recording of a LIVE or ENDED session; it replaces an earlier one.

    Attaching the same item again corrects its offset. Raises Invalid; NotFound;
    FailedPrecondition before the session has begun, or if the library has refused the item.
    """
    offset = command.starts_at_offset or timedelta()
    check(offset_violations(offset))
    before = lock_session(store, command.session_id)
    item = store.replicas(Item, [command.item_id]).get(command.item_id)
    check_state("the recording can't be attached", failed_violations(item))
    session = with_recording(before, command.item_id, offset)
    if session == before:
        return before
    store.put_session(session)
    store.record_event(
        about(
            session,
            RecordingAttached,
            item_id=command.item_id,
            attached_at=store.now,
            starts_at_offset=offset,
        )
    )
    return session
