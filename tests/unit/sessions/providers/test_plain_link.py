"""A plain link."""

import pytest

from services.sessions.domain.meetings import JoinLink
from services.sessions.providers.link import PlainLink
from services.sessions.providers.port import BadWebhook, Delivery, MeetingProvider
from tests.unit.sessions.providers.plans import ADA, GRACE, PLAN, START

URL = "https://meet.example.edu/optics"


def test_everybody_has_the_same_link() -> None:
    """Everybody joins at the one URL, however often the meeting is made."""
    provider: MeetingProvider = PlainLink(URL)
    meeting = provider.create(PLAN)
    assert provider.create(PLAN) == meeting
    assert provider.join_link(meeting, ADA) == JoinLink(person_id="ada", url=URL)
    links = provider.register(meeting, [ADA, GRACE])
    assert [(each.person_id, each.url) for each in links] == [("ada", URL), ("grace", URL)]


def test_it_tells_nothing() -> None:
    """It has no recordings, no clock and no secrets, and sends no webhooks."""
    provider: MeetingProvider = PlainLink(URL)
    meeting = provider.create(PLAN)
    provider.end(meeting)
    assert not provider.recordings(meeting)
    assert provider.read_clock(lambda: START) is None
    assert provider.fetch_headers(URL) == {}
    with pytest.raises(BadWebhook, match="sends no webhooks"):
        provider.read_webhook(Delivery(URL, {}, b""), START)
