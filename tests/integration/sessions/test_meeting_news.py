"""What meeting servers tell by webhooks, in any order and repeatedly, with clocks that differ."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from tandem.sessions.v1 import resources_pb2, sessions_pb2

from chassis.testing import figure
from services.sessions.domain.hosting import MeetingState
from services.sessions.domain.meetings import MeetingEvent, MeetingFact
from services.sessions.usecases.meeting_news import take_events
from tests.conftest import FakeClock
from tests.integration.sessions.hosting import (
    PATIENT,
    Hosted,
    MeetingServer,
    hosted,
    meeting_server,
)
from tests.integration.sessions.school import TEACHER, School

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


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


def live(house: Hosted) -> resources_pb2.Session:
    """A class of an hour that began at noon, with its meeting; it is half past one now."""
    session = house.class_()
    house.made(session)
    house.clock.at = NOON
    house.school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
    return session


def visit(server: MeetingServer, session: resources_pb2.Session, who: str, **when: float) -> None:
    """Let a person join and leave, at minutes after noon."""
    instants = {
        name: (NOON + timedelta(minutes=minutes)).isoformat() for name, minutes in when.items()
    }
    server.control("visit", meeting=session.id, user=who, **instants)


def post(url: str, body: bytes) -> urllib3.BaseHTTPResponse:
    """The answer to a delivery."""
    return urllib3.request("POST", url, body=body, timeout=PATIENT)


def minutes(house: Hosted, session: resources_pb2.Session) -> dict[str, float]:
    """How long each learner was there, when the class has ended."""
    house.clock.at = NOON + timedelta(hours=1)
    house.school.end(session)
    return {one: row.minutes for one, row in house.school.attendance(session).items()}


@pytest.mark.parametrize(("copies", "held"), [(1, 0), (3, 0), (2, 50)])
def test_duplicates_and_disorder_end_in_the_same_attendance(
    house: Hosted, server: MeetingServer, copies: int, held: int
) -> None:
    """Whatever the order of the events, and however often each is delivered."""
    session = live(house)
    server.control("webhooks", copies=copies, held=held)
    visit(server, session, "ada", joined_at=0, left_at=20)
    visit(server, session, "ada", joined_at=30, left_at=60)
    visit(server, session, "bob", joined_at=10, left_at=25)
    visit(server, session, TEACHER, joined_at=0, left_at=60)
    server.control("webhooks")
    server.settle()
    found = minutes(house, session)
    assert {one: round(each) for one, each in found.items()} == {"ada": 50, "bob": 15}


def test_a_wrong_clock_of_the_server_changes_nothing(house: Hosted, server: MeetingServer) -> None:
    """Its instants are corrected by what was read when the meeting was made, to half a second."""
    server.control("clock", ahead=-600)
    session = live(house)
    visit(server, session, "ada", joined_at=5, left_at=35)
    server.settle()
    (mark,) = [
        row["_id"]["at"]
        for row in house.school.database.mongo["marks"].find({"_id.kind": "JOINED"})
    ]
    assert abs(mark - (NOON + timedelta(minutes=5))) <= timedelta(seconds=1)
    assert round(minutes(house, session)["ada"]) == 30


def test_marks_of_the_recorder_are_kept(house: Hosted, server: MeetingServer) -> None:
    """When it began and paused, in order, by the platform's clock."""
    session = live(house)
    for on, at in ((True, 1), (False, 20), (True, 30)):
        instant = (NOON + timedelta(minutes=at)).isoformat()
        server.control("recorder", meeting=session.id, on=on, at=instant)
    server.settle()
    marks = house.school.database.reader().recorder_marks(session.id)
    told = [(each.runs, round((each.at - NOON).total_seconds() / 60)) for each in marks]
    assert told == [(True, 1), (False, 20), (True, 30)]


def test_what_is_not_signed_is_refused(house: Hosted) -> None:
    """With 401, and counted; a server that is not in the file is unknown."""
    before = figure("tandem_sessions_webhooks_total", outcome="refused")
    url = f"{house.base}/meetings/alpha/webhook"
    for query in ("", "?checksum=0", "?checksum=%FF"):
        answer = post(url + query, b"event=[]&timestamp=1&domain=x")
        assert answer.status == 401
    assert figure("tandem_sessions_webhooks_total", outcome="refused") == before + 3
    assert post(f"{house.base}/meetings/beta/webhook", b"").status == 404
    assert post(url, b"x" * (256 * 1024 + 1)).status == 413
    assert house.get(url).status == 405


def test_events_of_unknown_meetings_are_taken_and_dropped(
    house: Hosted, server: MeetingServer
) -> None:
    """The server may be used by others, too; nothing is remembered of them."""
    event = MeetingEvent(id="1", external_id="x", fact=MeetingFact.JOINED, at=NOON)
    unknown = house.school.database.transact(lambda store: take_events(store, "alpha", [event]))
    assert unknown == 1
    assert house.school.database.mongo["meeting_events"].count_documents({}) == 0


def test_a_meeting_that_ended_too_early_is_made_again(house: Hosted) -> None:
    """A server ends a meeting in which nobody is; people can join again soon."""
    session = live(house)
    ended = MeetingEvent(id="1", external_id=session.id, fact=MeetingFact.ENDED, at=NOON)
    house.school.database.transact(lambda store: take_events(store, "alpha", [ended]))
    assert house.meeting(session).state is MeetingState.WANTED
    house.run()
    assert house.meeting(session).state is MeetingState.MADE


def test_a_server_that_tells_the_end_that_it_was_asked_for_changes_nothing(house: Hosted) -> None:
    """A class ends before its time, and its server tells that the meeting ended before that is
    stored here: the meeting is not made again.
    """
    session = live(house)
    house.school.stop(session)
    ended = MeetingEvent(id="1", external_id=session.id, fact=MeetingFact.ENDED, at=NOON)
    house.school.database.transact(lambda store: take_events(store, "alpha", [ended]))
    assert house.meeting(session).state is MeetingState.MADE
    house.run()
    assert house.meeting(session).state is MeetingState.ENDED


def test_recordings_of_both_servers_count(
    house: Hosted, server: MeetingServer, clock: FakeClock
) -> None:
    """A meeting that ended early is made on another server: recordings of both are found, what the
    first one tells late ends nothing, and while it is away none of its recordings counts as gone.
    """
    with meeting_server(clock) as beta:
        house.serve(100, 50, alpha=server, beta=beta)
        session = live(house)
        ended = MeetingEvent(id="1", external_id=session.id, fact=MeetingFact.ENDED, at=NOON)
        house.school.database.transact(lambda store: take_events(store, "alpha", [ended]))
        server.control("fault", next="503", times=9)
        house.run()
        assert house.meeting(session).server == "beta"
        server.control("fault/end")
        house.lift_holds()
        late = replace(ended, id="2")
        house.school.database.transact(lambda store: take_events(store, "alpha", [late]))
        assert house.meeting(session).state is MeetingState.MADE
        minutes(house, session)
        house.run()
        for place, each in enumerate((server, beta)):
            times = (NOON + timedelta(minutes=20 * place + minute) for minute in (0, 20))
            start, end = (at.isoformat() for at in times)
            each.control("recording", meeting=session.id, start=start, end=end)
            each.settle()
        house.run()
        assert servers_with(house, session) == ["alpha", "beta"]
        server.control("fault", next="503", times=9)
        house.clock.forward(hours=2)
        house.run()
        assert servers_with(house, session) == ["alpha", "beta"]


def servers_with(house: Hosted, session: resources_pb2.Session) -> list[str]:
    """The servers that have recordings of a class, as far as it is known."""
    found = house.school.database.reader().found_recordings(session.id)
    return [each.server for each in found if each.gone_at is None]


def test_a_recording_that_is_told_is_looked_for_at_once(
    house: Hosted, server: MeetingServer
) -> None:
    """And not only when its next look is due; also if the end is told with it."""
    session = live(house)
    minutes(house, session)
    house.run()
    instants = {"start": NOON.isoformat(), "end": (NOON + timedelta(hours=1)).isoformat()}
    server.control("recording", meeting=session.id, **instants)
    server.settle()
    assert house.meeting(session).next_at == house.clock.now()
    house.clock.forward(seconds=1)
    both = [
        MeetingEvent(id=fact, external_id=session.id, fact=fact, at=NOON)
        for fact in (MeetingFact.ENDED, MeetingFact.RECORDING_READY)
    ]
    house.school.database.transact(lambda store: take_events(store, "alpha", both))
    assert house.meeting(session).next_at == house.clock.now()


def test_recordings_are_found_replaced_and_gone(house: Hosted, server: MeetingServer) -> None:
    """With what the recorder's marks say of their pauses, by the platform's clock."""
    server.control("clock", ahead=600)
    session = live(house)
    for on, at in ((False, 20), (True, 30)):
        instant = (NOON + timedelta(minutes=at)).isoformat()
        server.control("recorder", meeting=session.id, on=on, at=instant)
    minutes(house, session)
    house.run()
    instants = {"start": NOON.isoformat(), "end": (NOON + timedelta(hours=1)).isoformat()}
    server.control("recording", meeting=session.id, **instants)
    server.settle()
    house.run()
    reader = house.school.database.reader()
    (found,) = reader.found_recordings(session.id)
    told = [
        tuple(round((at - NOON).total_seconds() / 60) for at in (each.start, each.end))
        for each in found.stretches
    ]
    assert told == [(0, 20), (30, 60)]
    assert [each.kind for each in found.files] == ["VIDEO"]
    assert found.gone_at is None
    server.control("recording/gone", id=found.id.removeprefix("alpha:"))
    server.settle()
    house.run()
    (gone,) = reader.found_recordings(session.id)
    assert gone.gone_at == house.clock.now()
    nameless = MeetingEvent(
        id="2",
        external_id="",
        fact=MeetingFact.RECORDING_GONE,
        at=NOON,
        recording_id=found.id.removeprefix("alpha:"),
    )
    unknown = house.school.database.transact(lambda store: take_events(store, "alpha", [nameless]))
    assert unknown == 0
