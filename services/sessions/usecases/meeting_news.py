"""What meeting providers tell: joins and leaves become presence, the recorder's marks are kept."""

from collections.abc import Sequence

from services.sessions.domain.hosting import Meeting, due_at, ended_early, is_present
from services.sessions.domain.meeting_news import (
    event_id,
    presence_of,
    recorder_marks_of,
    tells_recordings,
)
from services.sessions.domain.meetings import MeetingEvent, MeetingFact
from services.sessions.domain.presence import PresenceRow, RecordPresence
from services.sessions.ports import Store
from services.sessions.usecases import lookup
from services.sessions.usecases.presence import record_presence


def take_events(store: Store, server: str, events: Sequence[MeetingEvent]) -> int:
    """Apply what a server told, each event once and in any order; return how many of its events are
    of meetings that nobody knows.
    """
    known = 0
    for about, own in _by_meeting(events).items():
        if meeting := store.meeting_of(server, *about):
            _take(store, server, meeting, own)
            known += len(own)
    return len(events) - known


def _by_meeting(events: Sequence[MeetingEvent]) -> dict[tuple[str, str], list[MeetingEvent]]:
    """Return events by the ids of their meetings, or where they name none, of their recordings."""
    found: dict[tuple[str, str], list[MeetingEvent]] = {}
    for each in events:
        about = each.external_id, "" if each.external_id else each.recording_id
        found.setdefault(about, []).append(each)
    return found


def _take(store: Store, server: str, meeting: Meeting, events: Sequence[MeetingEvent]) -> None:
    new = store.new_meeting_events([event_id(server, each) for each in events])
    fresh = [each for each in events if event_id(server, each) in new]
    store.add_recorder_marks(recorder_marks_of(meeting, server, fresh))
    _record_presence(store, meeting, fresh)
    _follow(store, server, meeting, fresh)


def _record_presence(store: Store, meeting: Meeting, events: Sequence[MeetingEvent]) -> None:
    """Record joins and leaves of learners; those of others, such as staff, count for nothing."""
    people = store.people_by_link(meeting.id, {e.link_id for e in events if e.link_id})
    found = presence_of(meeting, events, people)
    if found:
        record_presence(store, RecordPresence(meeting.id, tuple(map(PresenceRow, found))))


def _follow(store: Store, server: str, meeting: Meeting, events: Sequence[MeetingEvent]) -> None:
    """Make a meeting again that ended early, or look for recordings of which it was told."""
    is_over = any(
        each.fact is MeetingFact.ENDED and is_present(meeting, server, each.external_id)
        for each in events
    )
    again = None
    if is_over:
        again = ended_early(meeting, lookup.session(store, meeting.id), store.now)
    if again is not None:
        store.put_meetings([again])
    elif tells_recordings(events) and meeting.former is None:
        store.put_meetings([due_at(meeting, store.now)])
