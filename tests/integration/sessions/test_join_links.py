"""Links that a meeting provider has to make by a call, as Zoom does for its registrants."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.domain.meetings import Attendee, ProviderMeeting
from services.sessions.meeting_pool import MeetingPool
from services.sessions.providers.bigbluebutton import BigBlueButton
from tests.conftest import FakeClock
from tests.integration.sessions.hosting import (
    SECRET,
    Hosted,
    MeetingServer,
    hosted,
    meeting_server,
)
from tests.integration.sessions.school import School


class ByCallOnly(BigBlueButton):
    """A server whose links only `register` makes."""

    def __init__(self, url: str, secret: str) -> None:
        super().__init__(url, secret)
        self._able = BigBlueButton(url, secret)

    def join_link(self, _meeting: Any, _attendee: Any) -> Any:
        """Return None."""

    def register(self, meeting: ProviderMeeting, attendees: Sequence[Attendee]) -> Any:
        """Return signed links."""
        return self._able.register(meeting, attendees)


@pytest.fixture
def server(clock: FakeClock) -> Iterator[MeetingServer]:
    """A meeting server."""
    with meeting_server(clock) as found:
        yield found


@pytest.fixture
def house(
    school: School,
    clock: FakeClock,
    tmp_path: Path,
    server: MeetingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Hosted]:
    """A school with a server that makes links by calls only, and two learners."""
    adapter = ByCallOnly(f"{server.address}/bigbluebutton", SECRET)
    monkeypatch.setattr(MeetingPool, "provider", lambda *_: adapter)
    with hosted(school, clock, tmp_path) as found:
        found.serve(100, alpha=server)
        school.enrol("ada", "bob")
        yield found


def test_a_link_is_made_by_a_job_when_its_person_first_asks(house: Hosted) -> None:
    """Until then there is a page; later the same link is used again, each person's their own."""
    session = house.class_()
    house.made(session)
    links = {one: house.link(session, one) for one in ("ada", "bob")}
    for link in links.values():
        answer = house.get(link)
        assert (answer.status, b"Your link is being made" in answer.data) == (503, True)
    assert house.get(links["ada"]).status == 503
    house.run()
    rooms = {one: house.get(link).headers["location"] for one, link in links.items()}
    assert {one: parse_qs(urlsplit(url).query)["userID"] for one, url in rooms.items()} == {
        "ada": ["ada"],
        "bob": ["bob"],
    }
    assert house.get(links["ada"]).headers["location"] == rooms["ada"]
    assert (
        house.school.database.mongo["meeting_links"].count_documents({"job": {"$exists": 1}}) == 0
    )


def test_links_into_a_meeting_that_moved_are_made_anew(house: Hosted) -> None:
    """Those into the old one are forgotten with it."""
    session = house.class_()
    house.made(session)
    house.get(house.link(session, "ada"))
    house.run()
    starts = types_pb2.CivilTime(local="2026-03-02T18:00:00", zone="Europe/Dublin")
    house.school.staff.MoveSession(
        sessions_pb2.MoveSessionRequest(session_id=session.id, starts=starts)
    )
    assert house.school.database.mongo["meeting_links"].count_documents({}) == 0
