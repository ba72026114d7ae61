"""Where a moment of a class is in its recorded files, and which moment a second of a file shows.

What is asked at a minute of a recording belongs to a moment of the class: `instant_at` tells it.
"""

from datetime import datetime, timedelta

from services.sessions.domain.recorded_parts import parts_of
from services.sessions.domain.recording_line import (
    Place,
    Track,
    class_time_of,
    place_of,
    track_of,
)
from services.sessions.domain.roster import Item
from services.sessions.domain.session import Session
from services.sessions.ports import Store


def tracks(store: Store, session: Session) -> list[Track]:
    """Return the recorded files of a session on the class's time, in the order of its parts."""
    parts = parts_of(session, store.recording_of(session.id))
    items = store.replicas(Item, [each.item_id for each in parts]) if parts else {}
    lengths = {item_id: item.seconds for item_id, item in items.items()}
    return [track_of(each, lengths.get(each.item_id, 0.0)) for each in parts]


def instant_at(store: Store, session: Session, item_id: str, second: float) -> datetime | None:
    """Return when in the class that happened which a recorded file shows at a second; None if the
    session has no such part, or the file ends before.
    """
    for track in tracks(store, session):
        if track.item_id == item_id and session.started_at:
            at = class_time_of(track, second)
            return None if at is None else session.started_at + timedelta(seconds=at)
    return None


def place_at(store: Store, session: Session, at: datetime) -> Place | None:
    """Return where the recording shows an instant of the class; if the recorder paused then, the
    next moment that it shows; None if it shows nothing from then on.
    """
    if session.started_at is None:
        return None
    return place_of(tracks(store, session), (at - session.started_at).total_seconds())
