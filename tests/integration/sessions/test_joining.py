"""Joining online classes, with servers that speak BigBlueButton's API and fail on demand."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2, joining_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.domain.hosting import MeetingState
from services.sessions.migrations import MIGRATIONS
from tests.conftest import FakeClock
from tests.integration.sessions.hosting import Hosted, MeetingServer, hosted, meeting_server
from tests.integration.sessions.school import TEACHER, School, refused

STATUS = grpc.StatusCode


@pytest.fixture
def server(clock: FakeClock) -> Iterator[MeetingServer]:
    """A meeting server."""
    with meeting_server(clock) as found:
        yield found


@pytest.fixture
def house(
    school: School, clock: FakeClock, tmp_path: Path, server: MeetingServer
) -> Iterator[Hosted]:
    """A school with one meeting server, and two learners."""
    with hosted(school, clock, tmp_path) as found:
        found.serve(100, alpha=server)
        school.enrol("ada", "bob")
        yield found


def test_a_class_gets_a_meeting_shortly_before_it(house: Hosted) -> None:
    """Not earlier; and it is told once that it is there."""
    session = house.class_()
    house.run()
    assert house.meeting(session).state is MeetingState.WANTED
    meeting = house.made(session)
    assert (meeting.server, meeting.reason) == ("alpha", "")
    (told,) = house.school.published(events_pb2.MeetingMade)
    assert (told.session_id, told.instructor_id, told.after_failure) == (session.id, TEACHER, False)
    assert house.school.published(events_pb2.MeetingFailed) == []


def test_each_learner_has_a_link_of_their_own(house: Hosted) -> None:
    """Links of two learners differ; each is signed, and leads to the provider's own."""
    session = house.class_()
    house.made(session)
    ada, bob = house.link(session, "ada"), house.link(session, "bob")
    assert ada != bob
    rooms = [parse_qs(urlsplit(house.room_url(session, one)).query) for one in ("ada", "bob")]
    assert [one["userID"] for one in rooms] == [["ada"], ["bob"]]
    assert rooms[0]["checksum"] != rooms[1]["checksum"]
    forged = ada.rpartition(".")[0] + "." + bob.rpartition(".")[2]
    assert house.get(forged).status == 404
    assert house.get(ada + "x").status == 404


def test_a_link_expires(house: Hosted) -> None:
    """An hour after the end of the class it is unknown."""
    session = house.class_()
    house.made(session)
    link = house.link(session, "ada")
    house.clock.forward(hours=2, minutes=21)
    assert house.get(link).status == 404


def test_a_link_is_refused_to_others(house: Hosted) -> None:
    """To strangers, to who only waits for a place, and for a class in the room."""
    session = house.class_()
    asked = joining_pb2.GetJoinLinkRequest(session_id=session.id)
    call = house.school.learner("eve").GetJoinLink
    assert refused(lambda: call(asked))[0] == STATUS.PERMISSION_DENIED
    in_room = house.school.schedule(
        house.school.room(), kind=types_pb2.SESSION_KIND_IN_ROOM, join_url="", instructor_id="bohr"
    )
    asked = joining_pb2.GetJoinLinkRequest(session_id=in_room.id)
    call = house.school.learner("ada").GetJoinLink
    assert refused(lambda: call(asked))[0] == STATUS.FAILED_PRECONDITION


def test_who_leaves_the_run_can_not_join_by_an_older_link(house: Hosted) -> None:
    """Rights are those of the moment at which the link is opened."""
    session = house.class_()
    house.made(session)
    link = house.link(session, "ada")
    left = catalog.EnrolmentWithdrawn(enrolment_id="e-ada", run_id=session.run_id, learner_id="ada")
    house.school.hear("rosters", left)
    assert house.get(link).status == 403


def test_a_room_that_is_not_there_yet_has_a_page(house: Hosted) -> None:
    """It answers 503, and tells when to come again."""
    answer = house.get(house.link(house.class_(), "ada"))
    assert (answer.status, answer.headers["retry-after"]) == (503, "3")
    assert b"The room is being made" in answer.data
    assert answer.headers["cache-control"] == "no-store"


def test_the_instructor_joins_as_host(house: Hosted) -> None:
    """By the role that the provider's link has."""
    session = house.class_()
    house.made(session)
    assert "role=MODERATOR" in house.room_url(session, TEACHER)
    assert "role=VIEWER" in house.room_url(session, "ada")


def test_a_plain_url_stays_the_sessions_own(house: Hosted) -> None:
    """The link leads to it, and no server makes a meeting."""
    session = house.class_(join_url="https://meet.example.edu/1")
    house.near()
    house.run()
    assert house.room_url(session, "ada") == "https://meet.example.edu/1"
    assert house.school.database.reader().meeting(session.id) is None


def test_a_server_that_is_away_is_tried_again_and_told(
    house: Hosted, server: MeetingServer
) -> None:
    """The instructor is told once, when the class is near, and again when the meeting is there."""
    session = house.class_()
    house.near()
    server.control("fault", next="503", times=1)
    house.run()
    assert house.meeting(session).state is MeetingState.WANTED
    house.watch()
    assert house.school.published(events_pb2.MeetingFailed) == []
    house.near(9)
    house.watch()
    house.watch()
    (told,) = house.school.published(events_pb2.MeetingFailed)
    assert "alpha is away" in told.reason
    house.lift_holds()
    house.run()
    assert house.meeting(session).state is MeetingState.MADE
    (made,) = house.school.published(events_pb2.MeetingMade)
    assert made.after_failure


def test_another_server_takes_the_meeting_of_one_that_is_away(
    house: Hosted, server: MeetingServer, clock: FakeClock
) -> None:
    """At once; the hold is on the server that is away."""
    with meeting_server(clock) as beta:
        house.serve(100, 50, alpha=server, beta=beta)
        session = house.class_()
        house.near()
        server.control("fault", next="503", times=9)
        house.run()
        meeting = house.meeting(session)
    assert (meeting.server, meeting.state) == ("beta", MeetingState.MADE)
    held = [row["target"] for row in house.school.database.mongo["job_holds"].find()]
    assert held == ["alpha"]


def test_full_servers_take_no_more(house: Hosted, server: MeetingServer) -> None:
    """The second class waits, its instructor is told at once, and it is made when there is room."""
    house.serve(10, alpha=server)
    first = house.class_()
    second = house.class_(instructor_id="bohr", max_learner_clashes=5)
    house.near()
    house.run()
    meetings = [house.meeting(each) for each in (first, second)]
    assert sorted(each.state for each in meetings) == ["FAILED", "MADE"]
    (told,) = house.school.published(events_pb2.MeetingFailed)
    assert "no meeting server has room for 7 people" in told.reason
    house.serve(20, alpha=server)
    house.clock.forward(minutes=1)
    house.run()
    assert {house.meeting(each).state for each in (first, second)} == {MeetingState.MADE}


def test_two_processes_make_one_meeting(house: Hosted) -> None:
    """Of many that look at once, one makes it."""
    session = house.class_()
    house.near()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: house.run(), range(4)))
    assert house.meeting(session).state is MeetingState.MADE
    assert len(house.school.published(events_pb2.MeetingMade)) == 1


def test_a_meeting_follows_its_class(house: Hosted) -> None:
    """It ends when the class moves, is made anew, and ends when the class is cancelled."""
    session = house.class_()
    house.made(session)
    starts = types_pb2.CivilTime(local="2026-03-02T18:00:00", zone="Europe/Dublin")
    house.school.staff.MoveSession(
        sessions_pb2.MoveSessionRequest(session_id=session.id, starts=starts)
    )
    house.run()
    meeting = house.meeting(session)
    assert (meeting.state, meeting.former, meeting.made) == (MeetingState.WANTED, None, None)
    house.clock.forward(hours=6)
    house.run()
    assert house.meeting(session).state is MeetingState.MADE
    cancel = sessions_pb2.CancelSessionRequest(session_id=session.id, reason="ill")
    house.school.staff.CancelSession(cancel)
    house.run()
    assert (house.meeting(session).state, house.meeting(session).former) == ("ENDED", None)


def test_a_meeting_ends_with_its_class(house: Hosted) -> None:
    """The room is closed, and recordings are looked for."""
    session = house.class_()
    house.made(session)
    house.clock.forward(minutes=20)
    house.school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
    house.clock.forward(minutes=50)
    house.school.stop(session)
    house.run()
    meeting = house.meeting(session)
    assert meeting.state is MeetingState.ENDED
    assert meeting.next_at == house.clock.now() + timedelta(minutes=5)


def test_a_meeting_is_kept_by_the_system_clock(house: Hosted) -> None:
    """MongoDB does not delete a coming class's meeting, though the platform's clock is far behind
    the system's; nor one that an older version stored.
    """
    session = house.class_()
    meetings = house.school.database.mongo["meetings"]
    (kept,) = meetings.find({"_id": session.id})
    assert in_days(29) < kept["removed_at"].replace(tzinfo=UTC) < in_days(31)
    end = kept["end_time"]
    meetings.insert_one({"_id": "older", "end_time": end})
    meetings.create_index("end_time", expireAfterSeconds=30 * 86_400)
    (step,) = (each for each in MIGRATIONS if each.number == 29)
    for _ in range(2):
        step.run(house.school.database.mongo)
    (found,) = meetings.find({"_id": "older"})
    assert found["removed_at"] == end + timedelta(days=30)
    assert "end_time_1" not in meetings.index_information()


def in_days(days: float) -> datetime:
    """The system's instant some days from now."""
    return datetime.now(UTC) + timedelta(days=days)
