"""What the platform asks of a meeting provider; each adapter is one class.

Calls go over the network and may take seconds, so only jobs make them; `join_link` and
`read_webhook` make none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.sessions.domain.meetings import (
    Attendee,
    JoinLink,
    MeetingEvent,
    MeetingPlan,
    ProviderMeeting,
    ProviderRecording,
)
from services.sessions.domain.skew import Reading


class ProviderAway(Exception):
    """The provider does not answer, is too slow, or asks to be called later: try again."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        """`retry_after`: seconds that the provider wants us to wait; 0: it does not tell."""
        super().__init__(reason)
        self.retry_after = retry_after


class ProviderRefused(Exception):
    """The provider refused, and would again: the reason, as it told it."""


class BadWebhook(Exception):
    """A delivery is not from the provider, or can't be understood."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook as it arrived."""

    url: str
    """The whole URL to which it was sent, as the provider knows it: proxies change nothing here."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """What a webhook told, and what is to be answered."""

    events: Sequence[MeetingEvent] = ()
    answer: Mapping[str, str] | None = None
    """A JSON object for the answer's body, such as the answer to a challenge; None: no body."""


class MeetingProvider(Protocol):
    """One server or account of a meeting provider."""

    def create(self, plan: MeetingPlan, /) -> ProviderMeeting:
        """Make the meeting; make it once only, however often this is called with this plan.

        Call it at most an hour before the start: BigBlueButton keeps an empty meeting for a time
        only. If it ended an empty one, the next call makes it anew, and old links don't lead there.

        Raises ProviderAway and ProviderRefused.
        """

    def register(
        self, meeting: ProviderMeeting, attendees: Sequence[Attendee], /
    ) -> Sequence[JoinLink]:
        """Return the own links of some people, made by calls of the provider if it needs them.

        Raises ProviderAway and ProviderRefused.
        """

    def join_link(self, meeting: ProviderMeeting, attendee: Attendee, /) -> JoinLink | None:
        """Return a person's own link, made without a call; None if `register` must make it."""

    def end(self, meeting: ProviderMeeting, /) -> None:
        """End the meeting; one that is over or unknown counts as ended.

        Raises ProviderAway and ProviderRefused.
        """

    def recordings(self, meeting: ProviderMeeting, /) -> Sequence[ProviderRecording]:
        """Return the recordings that are ready, in order of their start.

        Raises ProviderAway and ProviderRefused.
        """

    def fetch_headers(self, url: str, /) -> Mapping[str, str]:
        """Return the headers with which a recording's file is fetched from `url`.

        They have secrets only if `url` is the provider's own: don't follow redirects with them.
        Raises ProviderAway and ProviderRefused.
        """

    def is_own(self, url: str, /) -> bool:
        """Return whether `url` is at the provider's own server, whose address may be private."""

    def read_clock(self, now: Callable[[], datetime], /) -> Reading | None:
        """Read the provider's clock by a call; `now` reads ours. None if it does not tell.

        Raises ProviderAway and ProviderRefused.
        """

    def read_webhook(self, delivery: Delivery, now: datetime, /) -> Received:
        """Return what a webhook tells. Raises BadWebhook if it is not signed by the provider."""
