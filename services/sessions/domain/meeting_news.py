"""What meeting providers tell by webhooks, as joins, leaves, and marks of the recorder."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.sessions.domain.enums import PresenceKind
from services.sessions.domain.hosting import Meeting, corrected
from services.sessions.domain.meetings import MeetingEvent, MeetingFact
from services.sessions.domain.presence import PresenceEvent

_PRESENCE = {MeetingFact.JOINED: PresenceKind.JOINED, MeetingFact.LEFT: PresenceKind.LEFT}
_RUNNING = {MeetingFact.RECORDING_BEGUN: True, MeetingFact.RECORDING_PAUSED: False}
MOST_CONNECTION = 128


@dataclass(frozen=True, slots=True)
class RecorderMark:
    """The recorder of a class began, or paused."""

    id: str
    session_id: str
    at: datetime
    """By the platform's clock."""
    runs: bool
    """Whether it runs from then on."""


def event_id(server: str, event: MeetingEvent) -> str:
    """Return the id of an event among those of all servers."""
    return f"{server}:{event.id}"


def presence_of(
    meeting: Meeting, events: Iterable[MeetingEvent], people: Mapping[str, str]
) -> list[PresenceEvent]:
    """Return the joins and leaves of people whom the platform knows, by the platform's clock.

    `people`: who came, by the id of the link, where the provider tells no person.
    """
    return [
        PresenceEvent(
            person_id,
            _PRESENCE[each.fact],
            corrected(meeting, each.at),
            # Never empty: that would be presence in the room.
            f"meeting:{each.connection}"[:MOST_CONNECTION],
        )
        for each in events
        if each.fact in _PRESENCE and (person_id := each.person_id or people.get(each.link_id, ""))
    ]


def recorder_marks_of(
    meeting: Meeting, server: str, events: Iterable[MeetingEvent]
) -> list[RecorderMark]:
    """Return when the recorder began and paused, by the platform's clock."""
    return [
        RecorderMark(
            event_id(server, each), meeting.id, corrected(meeting, each.at), _RUNNING[each.fact]
        )
        for each in events
        if each.fact in _RUNNING
    ]


def tells_recordings(events: Iterable[MeetingEvent]) -> bool:
    """Return whether events tell that there are more or fewer recordings than before."""
    facts = {MeetingFact.RECORDING_READY, MeetingFact.RECORDING_GONE}
    return any(each.fact in facts for each in events)
