"""Where a moment of a class is in its recorded files.

What is asked at a minute of a recording belongs to a moment of the class (`class_second_of`); what
was answered live is at a second of the recording.
"""

from collections.abc import Collection, Iterable, Mapping

from services.sessions.domain.questions import QuestionMoment
from services.sessions.domain.recorded_parts import RecordedPart, parts_of
from services.sessions.domain.recording_line import Place, Track, place_of, track_of
from services.sessions.domain.roster import Item
from services.sessions.domain.session import Session
from services.sessions.ports import Store


def tracks(store: Store, session: Session) -> list[Track]:
    """Return the recorded files of a session on the class's time, in the order of its parts."""
    return tracks_of(store, [session]).get(session.id, [])


def tracks_of(store: Store, sessions: Iterable[Session]) -> Mapping[str, list[Track]]:
    """Return the same for those of some sessions that have a recording, by session."""
    parts, items = parts_with_items(store, sessions)
    lengths = {item_id: item.seconds for item_id, item in items.items()}
    return {
        session_id: [track_of(part, lengths.get(part.item_id, 0.0)) for part in some]
        for session_id, some in parts.items()
    }


def parts_with_items(
    store: Store, sessions: Iterable[Session]
) -> tuple[Mapping[str, tuple[RecordedPart, ...]], Mapping[str, Item]]:
    """Return the parts of those sessions that have a recording, by session; and what the library
    has told of their items, by item.
    """
    recorded = [each for each in sessions if each.recording_item_id]
    stored = store.recordings_of([each.id for each in recorded]) if recorded else {}
    parts = {each.id: parts_of(each, stored.get(each.id)) for each in recorded}
    items = {part.item_id for some in parts.values() for part in some}
    return parts, store.replicas(Item, items) if items else {}


def places_of(store: Store, moments: Collection[QuestionMoment]) -> Mapping[QuestionMoment, Place]:
    """Return where recordings show moments of classes; without those that none shows.

    Of a moment at which the recorder paused it is the next that was recorded.
    """
    held = store.sessions_with({each.session_id for each in moments})
    files = tracks_of(store, held.values())
    found = {each: _place(held, files, each) for each in moments}
    return {moment: place for moment, place in found.items() if place is not None}


def _place(
    held: Mapping[str, Session], files: Mapping[str, list[Track]], moment: QuestionMoment
) -> Place | None:
    session = held.get(moment.session_id)
    if session is None or session.started_at is None:
        return None
    at = (moment.at - session.started_at).total_seconds()
    return place_of(files.get(session.id, ()), at)
