"""Online meetings of sessions, as meeting providers and the platform tell each other about them.

Instants that a provider tells are of the provider's clock, until a Skew (`skew`) corrects them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Provider(StrEnum):
    """A kind of meeting provider."""

    BIGBLUEBUTTON = "BIGBLUEBUTTON"
    ZOOM = "ZOOM"
    LINK = "LINK"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingPlan:
    """What a provider needs to know to make the meeting of a session."""

    session_id: str
    title: str
    start_time: datetime
    duration: timedelta
    most_participants: int
    """How many people may be in the meeting at a time; 0: no limit."""
    recorded: bool
    webhook_url: str
    """Where the provider tells what happens; empty: it can't.

    One URL for all meetings of a server: BigBlueButton keeps one hook for each URL.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderMeeting:
    """A meeting as its provider made it."""

    external_id: str
    """The provider's id of the meeting."""
    join_url: str = ""
    """Where everybody joins, if the provider has no links of persons."""
    made_at: datetime | None = None
    """When it was made, by the provider's clock; None if the provider does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendee:
    """A person who joins a meeting."""

    person_id: str
    name: str
    email: str = ""
    is_host: bool = False
    """Whether the person leads the meeting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinLink:
    """A person's own link into a meeting."""

    person_id: str
    url: str
    external_id: str = ""
    """The provider's id of the person in this meeting; empty if it has none."""
    lasts: timedelta | None = None
    """How long it works after it was made; None: as long as the meeting."""


class MeetingFact(StrEnum):
    """What a provider tells of a meeting."""

    STARTED = "STARTED"
    """It was made, or people may talk in it now."""
    ENDED = "ENDED"
    JOINED = "JOINED"
    LEFT = "LEFT"
    RECORDING_BEGUN = "RECORDING_BEGUN"
    """The recorder runs, for the first time or after a pause."""
    RECORDING_PAUSED = "RECORDING_PAUSED"
    RECORDING_READY = "RECORDING_READY"
    """Recordings of the meeting can be fetched."""
    RECORDING_GONE = "RECORDING_GONE"
    """A recording was deleted or unpublished at the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingEvent:
    """One thing that a provider told of a meeting, perhaps repeatedly and in any order."""

    id: str
    """The same for each delivery of it."""
    external_id: str
    """The provider's id of the meeting; empty if it tells only `recording_id`."""
    fact: MeetingFact
    at: datetime
    """When, by the provider's clock."""
    person_id: str = ""
    """Who joined or left; empty: see `link_id`, or nobody whom the platform knows."""
    link_id: str = ""
    """`external_id` of the link by which the person came, if the provider tells no `person_id`."""
    connection: str = ""
    """Which connection of the person joined or left."""
    recording_id: str = ""
    """`external_id` of the recording; empty if the event is not about a certain one."""


class FileKind(StrEnum):
    """What a file of a provider's recording is."""

    VIDEO = "VIDEO"
    AUDIO = "AUDIO"
    CAPTIONS = "CAPTIONS"
    """Text with times, in WebVTT."""
    TRANSCRIPT = "TRANSCRIPT"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """A file that can be fetched from the provider."""

    kind: FileKind
    url: str
    media_type: str
    language: str = ""
    """A language tag (BCP 47); empty if the provider does not tell."""
    size: int = 0
    """In bytes; 0 if the provider does not tell."""
    version: str = ""
    """Another text for another content at the same URL; empty if the provider does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A time that was recorded without a pause, by the provider's clock."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRecording:
    """A recording of a meeting at its provider: one part of a session's recording."""

    external_id: str
    start: datetime
    end: datetime
    stretches: tuple[Stretch, ...] = ()
    """What of the time it contains, in order, one after the other.

    Empty: the provider does not tell here. Then it is the time from each RECORDING_BEGUN to the
    next RECORDING_PAUSED, or all of the time where no such event came.
    """
    files: tuple[RecordedFile, ...] = ()
    """Of several of one kind, the best comes first."""
