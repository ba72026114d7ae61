"""What the use cases of online meetings need of the store."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from services.sessions.domain.enums import Interval
from services.sessions.domain.hosting import Meeting
from services.sessions.domain.joining import PersonalLink
from services.sessions.domain.meeting_news import RecorderMark
from services.sessions.domain.provider_recordings import FoundRecording


class MeetingStore(Protocol):
    """Online meetings as one unit of work sees them."""

    def meeting(self, session_id: str) -> Meeting | None:
        """Return a session's meeting; None if it has none."""

    def meetings(self, session_ids: Collection[str]) -> list[Meeting]:
        """Return the meetings of those of some sessions that have one."""

    def claimed_meeting(self, session_id: str, claim: str) -> Meeting | None:
        """Return a meeting on which a claim works; None if its plan has changed meanwhile."""

    def put_meetings(self, meetings: Sequence[Meeting]) -> None:
        """Store meetings, new or changed; what works on them finds its claim gone."""

    def give_meeting(self, meeting: Meeting) -> None:
        """Store a meeting, and give its next step to the processes that do it."""

    def note_meeting(self, meeting: Meeting) -> None:
        """Store a changed meeting on which somebody may work, who goes on."""

    def drop_meetings(self, session_ids: Collection[str]) -> None:
        """Delete the meetings of some sessions."""

    def placed_meetings(self, time: Interval) -> list[Meeting]:
        """Return the meetings for which a server keeps room and that overlap a time."""

    def meeting_of(self, server: str, external_id: str, recording_id: str = "") -> Meeting | None:
        """Return the meeting that a server knows by an id, or of which it has a recording; None if
        there is none.
        """

    def personal_link(self, session_id: str, person_id: str) -> PersonalLink | None:
        """Return a person's own link into a meeting; None if nobody has asked for it."""

    def ask_for_link(self, link: PersonalLink, server: str) -> None:
        """Store that a provider has to make a link."""

    def personal_links(self, ids: Collection[str], claim: str) -> list[PersonalLink]:
        """Return those of some links, by their ids, on which a claim works."""

    def people_by_link(self, session_id: str, link_ids: Collection[str]) -> Mapping[str, str]:
        """Return whose some links into a meeting are, by the provider's ids of the links."""

    def put_links(self, links: Sequence[PersonalLink]) -> None:
        """Store links that need no more work."""

    def drop_links(self, session_id: str) -> None:
        """Delete the links into a meeting that is not the session's any more."""

    def new_meeting_events(self, ids: Collection[str]) -> set[str]:
        """Return those of some events of providers that are new, and remember all."""

    def add_recorder_marks(self, marks: Sequence[RecorderMark]) -> None:
        """Store that recorders began or paused."""

    def recorder_marks(self, session_id: str) -> list[RecorderMark]:
        """Return when the recorder of a class began and paused, in order."""

    def found_recordings(self, session_id: str) -> list[FoundRecording]:
        """Return the recordings that servers had of a class, in order of their start."""

    def put_found_recordings(self, recordings: Sequence[FoundRecording]) -> None:
        """Store recordings that servers have, or had, of a class."""

    def count_meeting(self, outcome: str) -> None:
        """Count what came of a step, in the metrics, after the unit of work is committed."""
