"""The events of recordings; names and fields are those of the event messages in the protos."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.sessions.domain.recorded_parts import RecordedPart


@dataclass(frozen=True, slots=True)
class RecordingAttached:
    """A recorded part was attached to a session; item and offset are the first part's."""

    session_id: str
    run_id: str
    activity_id: str
    item_id: str
    attached_at: datetime
    starts_at_offset: timedelta
    parts: tuple[RecordedPart, ...]
    replaced_item_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordingWithdrawn:
    """Recorded parts of a session were taken back; `parts` are left."""

    session_id: str
    run_id: str
    activity_id: str
    item_ids: tuple[str, ...]
    reason: str
    withdrawn_at: datetime
    parts: tuple[RecordedPart, ...]
    expired: bool
    withdrawn_by: str
