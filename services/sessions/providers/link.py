"""A plain link: everybody joins at the same URL, and nobody tells who came."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from services.sessions.domain.meetings import (
    Attendee,
    JoinLink,
    MeetingPlan,
    ProviderMeeting,
    ProviderRecording,
)
from services.sessions.domain.skew import Reading
from services.sessions.providers.port import BadWebhook, Delivery, Received


class PlainLink:
    """A meeting at a URL that somebody made elsewhere; it needs no call and sends no webhook."""

    def __init__(self, url: str) -> None:
        self._url = url

    def create(self, plan: MeetingPlan) -> ProviderMeeting:
        """Return the meeting at the URL."""
        return ProviderMeeting(external_id=plan.session_id, join_url=self._url)

    def register(
        self, meeting: ProviderMeeting, attendees: Sequence[Attendee]
    ) -> Sequence[JoinLink]:
        """Return the same link for each."""
        return [self.join_link(meeting, each) for each in attendees]

    def join_link(self, meeting: ProviderMeeting, attendee: Attendee) -> JoinLink:
        """Return everybody's link."""
        return JoinLink(person_id=attendee.person_id, url=meeting.join_url)

    def end(self, _meeting: ProviderMeeting) -> None:
        """Do nothing: nobody can end it from here."""

    def recordings(self, _meeting: ProviderMeeting) -> Sequence[ProviderRecording]:
        """Return none."""
        return ()

    def fetch_headers(self, _url: str) -> Mapping[str, str]:
        """Return none."""
        return {}

    def is_own(self, _url: str) -> bool:
        """Return False: nothing is fetched."""
        return False

    def read_clock(self, _now: Callable[[], datetime]) -> Reading | None:
        """Return None: nothing of it has instants."""

    def read_webhook(self, _delivery: Delivery, _now: datetime) -> Received:
        """Raise BadWebhook: a plain link sends none."""
        raise BadWebhook("a plain link sends no webhooks")
