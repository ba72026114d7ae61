"""Calendar feeds, as stock clients get them: over HTTP, without a token of the university."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
import urllib3
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.edge.server import Server
from chassis.testing import Issuer, settings_for
from services.sessions import pages_calendars
from services.sessions.domain import feeds as domain
from services.sessions.pages_calendars import Calendars, feed_urls
from tests.integration.sessions.ical import read_by_ical_js
from tests.integration.sessions.school import RUN, TEACHER, School, refused
from tests.unit.sessions.calendars import Told, read

KEY = "a key of thirty-two characters.."
CODE = grpc.StatusCode


@dataclass
class Office:
    """A school with calendars."""

    school: School
    calendars: Calendars

    def create(self, reader: str, run_id: str = "", of: str = "", request_id: str = "") -> Any:
        """A feed that a person makes for themselves, or for `of`."""
        request = sessions_pb2.CreateFeedRequest(
            request_id=request_id, reader_id=of or reader, run_id=run_id
        )
        return self.school.learner(reader).CreateFeed(request)

    def of_room(self, room_id: str) -> resources_pb2.Feed:
        """A feed of a room."""
        return self.school.staff.CreateFeed(sessions_pb2.CreateFeedRequest(room_id=room_id))

    def get(self, url: str, tag: str = "", method: str = "GET") -> Any:
        """What a client gets that has a version already, or none."""
        headers = {"if-none-match": tag} if tag else {}
        return urllib3.request(method, url, headers=headers, retries=False)

    def classes(self, url: str) -> list[Told]:
        """The classes of a feed as a strict reader finds them."""
        answer = self.get(url)
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        assert answer.headers["cache-control"] == "private, no-cache"
        return read(answer.data)

    def titles(self, url: str) -> list[str]:
        """The titles of the classes of a feed."""
        return sorted(each.title for each in self.classes(url))

    def is_current(self, url: str, tag: str) -> bool:
        """Whether a client has a feed's present version."""
        answer = self.get(url, tag)
        assert (answer.status, answer.data) in ((304, b""), (200, answer.data))
        return bool(answer.status == 304)


@pytest.fixture
def office(school: School, tmp_path: Path) -> Iterator[Office]:
    """Calendars behind the real edge; the URLs name the server that answers them."""
    chosen = settings_for(Issuer().write_jwks(tmp_path / "jwks"))
    calendars = Calendars(school.database, feed_urls("http://none", KEY))
    server = Server(chosen, "tests", school.database, [], [calendars.page()])
    server.start()
    calendars._urls = feed_urls(f"http://127.0.0.1:{server.http_port}", KEY)
    school.api._feed_urls = calendars._urls
    yield Office(school, calendars)
    server.drain(chosen.drain)


def series(school: School, room_id: str, **changes: Any) -> resources_pb2.Series:
    """A weekly class from Monday on, four times."""
    asked = school.request(room_id)
    same = {
        field.name: getattr(asked, field.name)
        for field in asked.DESCRIPTOR.fields
        if field.name in sessions_pb2.ScheduleSeriesRequest.DESCRIPTOR.fields_by_name
        and field.name != "group_ids"
    }
    fields = {**same, "rrule": "FREQ=WEEKLY;COUNT=4", **changes}
    return school.staff.ScheduleSeries(sessions_pb2.ScheduleSeriesRequest(**fields))


def move(school: School, session_id: str, local: str, **changes: Any) -> None:
    """Move a session on the wall of Dublin."""
    starts = types_pb2.CivilTime(local=local, zone="Europe/Dublin")
    school.staff.MoveSession(
        sessions_pb2.MoveSessionRequest(session_id=session_id, starts=starts, **changes)
    )


def cancel(school: School, session_id: str) -> None:
    """Cancel a session."""
    school.staff.CancelSession(
        sessions_pb2.CancelSessionRequest(session_id=session_id, reason="ill")
    )


def test_a_learner_reads_the_own_calendar(office: Office) -> None:
    """A class and a series, with what changed of them: each change raises SEQUENCE, a cancelled
    class stays as CANCELLED, and UIDs stay.
    """
    school, room = office.school, office.school.room()
    school.enrol("ada")
    single = school.schedule(room, title="Exam", starts=civil("2026-03-03T09:00:00"))
    weekly = series(school, room)
    url = office.create("ada").url
    before = office.classes(url)
    assert [each.title for each in before].count("Motion") == 4
    assert {each.sequence for each in before} == {0}
    assert {each.uid for each in before} == {
        f"{single.id}@sessions.tandem",
        f"{weekly.id}@sessions.tandem",
    }
    move(school, single.id, "2026-03-03T10:00:00")
    cancel(school, single.id)
    cancel(school, weekly.occurrences[1].session_id)
    move(school, weekly.occurrences[2].session_id, "2026-03-17T08:00:00")
    after = office.classes(url)
    [exam] = [each for each in after if each.title == "Exam"]
    assert (exam.status, exam.sequence, exam.start.hour) == ("CANCELLED", 2, 10)
    of_series = [each for each in after if each.title == "Motion"]
    assert [(e.start.day, e.start.hour, e.status, e.sequence) for e in of_series] == [
        (2, 12, "CONFIRMED", 0),
        (9, 12, "CANCELLED", 1),
        (17, 8, "CONFIRMED", 1),
        (23, 12, "CONFIRMED", 0),
    ]
    assert {each.uid for each in after} == {each.uid for each in before}


def civil(local: str) -> types_pb2.CivilTime:
    """A time in Dublin."""
    return types_pb2.CivilTime(local=local, zone="Europe/Dublin")


def test_a_series_that_moves_keeps_its_past(office: Office) -> None:
    """When all that come move in the middle of a term, a new series goes on; every class is found
    once, at its new time, and SEQUENCE of both series has grown.
    """
    school = office.school
    school.enrol("ada")
    weekly = series(school, school.room())
    url = office.create("ada").url
    school.clock.forward(days=8)
    school.staff.MoveSeries(
        sessions_pb2.MoveSeriesRequest(
            series_id=weekly.id, starts=civil("2026-03-17T10:00:00"), reason="room"
        )
    )
    found = office.classes(url)
    assert sorted((each.start.day, each.start.hour) for each in found) == [
        (2, 12),
        (9, 12),
        (17, 10),
        (24, 10),
    ]
    assert {(each.uid == f"{weekly.id}@sessions.tandem", each.sequence) for each in found} == {
        (True, 1),
        (False, 1),
    }


def test_nothing_is_sent_again_until_it_changes(office: Office) -> None:
    """The entity tag answers 304, also by HEAD, and changes with a plan, a move, a cancellation, a
    room's name, a place, a staff role and the day; a seat changes nothing.
    """
    school = office.school
    room = school.room()
    school.enrol("ada")
    url = office.create("ada").url
    steps: list[Callable[[], object]] = [
        lambda: school.schedule(room),
        lambda: move(school, named(school), "2026-03-02T13:00:00"),
        lambda: school.staff.UpdateRoom(
            sessions_pb2.UpdateRoomRequest(room_id=room, name="Aula Magna")
        ),
        lambda: cancel(school, named(school)),
        lambda: school.enrol("ada", run_id="run-2"),
        lambda: school.hear("rosters", catalog.RunOpened(run_id="run-3", instructor_ids=["ada"])),
        lambda: school.clock.forward(days=1),
    ]
    tag = office.get(url).headers["etag"]
    for step in steps:
        assert office.is_current(url, tag)
        assert office.get(url, tag, "HEAD").status == 304
        step()
        assert not office.is_current(url, tag)
        answer = office.get(url, tag)
        tag = answer.headers["etag"]
        head = office.get(url, method="HEAD")
        assert (head.status, head.data, head.headers["etag"]) == (200, b"", tag)
    session = school.schedule(room, starts=civil("2026-03-04T12:00:00"))
    tag = office.get(url).headers["etag"]
    school.choose(session, "ada", types_pb2.SEAT_KIND_IN_ROOM)
    school.clock.forward(hours=1)
    assert office.is_current(url, tag)


def named(school: School) -> str:
    """The only session."""
    [row] = school.database.mongo["sessions"].find()
    return str(row["_id"])


def test_a_repeated_read_costs_few_queries(office: Office) -> None:
    """However many classes there are: five queries for 304 and for a text that is known, three
    more for a text that is not; none reads sessions of others.
    """
    school = office.school
    room = school.room()
    school.enrol("ada")
    weekly = series(school, room, rrule="FREQ=DAILY;COUNT=60")
    school.enrol("bell", run_id="run-2")
    url = office.create("ada").url
    small = ["calendars", "enrolments", "feeds", "people", "staff"]
    built = ["calendars", "enrolments", "feeds", "people", "series"] + ["sessions"] * 2 + ["staff"]
    assert reads(office, lambda: office.get(url)) == built
    tag = office.get(url).headers["etag"]
    assert reads(office, lambda: office.get(url)) == small
    assert reads(office, lambda: office.is_current(url, tag)) == small
    cancel(school, weekly.occurrences[0].session_id)
    assert reads(office, lambda: office.get(url, tag)) == built


def reads(office: Office, work: Callable[[], object]) -> list[str]:
    """The collections that some work reads, once for each query."""
    mongo = office.school.database.mongo
    mongo.command("profile", 0)
    mongo.drop_collection("system.profile")
    mongo.command("profile", 2)
    try:
        work()
    finally:
        mongo.command("profile", 0)
    found = mongo["system.profile"].find({"op": {"$in": ["query", "getmore"]}})
    rows = [each for each in found if "profile" not in each["ns"]]
    assert all(each.get("planSummary") != "COLLSCAN" for each in rows)
    return sorted(each["ns"].rpartition(".")[2] for each in rows)


def test_rights_are_those_of_the_moment(office: Office) -> None:
    """Who withdrew, left the staff or the university reads an empty calendar, and what came back
    is read again.
    """
    school = office.school
    school.enrol("ada")
    school.hear("rosters", catalog.RunOpened(run_id="run-2", instructor_ids=["bohr"]))
    school.schedule(school.room(), run_id=RUN, title="Mine")
    school.schedule(school.room("Lab"), run_id="run-2", title="Ours", instructor_id="bohr")
    ada, of_run, bohr = (
        office.create("ada").url,
        office.create("ada", RUN).url,
        office.create("bohr").url,
    )
    every = (ada, of_run, bohr)
    assert [office.titles(url) for url in every] == [["Mine"], ["Mine"], ["Ours"]]
    school.hear(
        "rosters",
        catalog.EnrolmentWithdrawn(enrolment_id="e-ada", run_id=RUN, learner_id="ada"),
        catalog.PersonUpserted(person_id="bohr", retired_at=school.at()),
    )
    assert [office.titles(url) for url in every] == [[], [], []]
    school.enrol("ada")
    assert [office.titles(url) for url in every] == [["Mine"], ["Mine"], []]


def test_a_reader_sees_what_is_for_the_own_groups(office: Office) -> None:
    """A learner's own feed leaves out classes of other groups, and runs in which the learner waits;
    the run's feed has what ListSessions has. Where to join is told to who has a place.
    """
    school = office.school
    room = school.room()
    school.hear(
        "rosters",
        catalog.GroupChanged(group_id="g1", run_id=RUN, name="A"),
        catalog.GroupChanged(group_id="g2", run_id=RUN, name="B"),
    )
    school.enrol("ada")
    school.hear(
        "rosters",
        catalog.GroupMemberChanged(
            enrolment_id="e-ada", run_id=RUN, learner_id="ada", group_ids=["g1"]
        ),
        catalog.EnrolmentWaitlisted(enrolment_id="w", run_id=RUN, learner_id="bell"),
    )
    for day, (title, groups) in enumerate((("All", []), ("A", ["g1"]), ("B", ["g2"]))):
        starts = civil(f"2026-03-0{3 + day}T12:00:00")
        school.schedule(room, title=title, group_ids=groups, starts=starts)
    assert office.titles(office.create("ada").url) == ["A", "All"]
    assert office.titles(office.create("ada", RUN).url) == ["A", "All", "B"]
    assert office.titles(office.create("bell").url) == []
    waiting = office.create("bell", RUN).url
    assert office.titles(waiting) == ["A", "All", "B"]
    assert b"meet.example" not in office.get(waiting).data
    assert office.get(office.create("ada", RUN).url).data.count(b"URL:https://meet") == 3
    assert office.titles(office.create(TEACHER).url) == ["A", "All", "B"]


def test_a_room_shows_what_takes_place_in_it(office: Office) -> None:
    """Its feed has no place to join; a class that moves to another room leaves it, and is found in
    the other.
    """
    school = office.school
    room, other = school.room(), school.room("Lab")
    weekly = series(school, room)
    here, there = office.of_room(room).url, office.of_room(other).url
    assert [each.start.day for each in office.classes(here)] == [2, 9, 16, 23]
    assert b"URL" not in office.get(here).data
    assert b"NAME:Aula\r\n" in office.get(here).data
    moved = weekly.occurrences[1].session_id
    move(school, moved, "2026-03-09T12:00:00", room_id=other)
    assert [each.start.day for each in office.classes(here)] == [2, 16, 23]
    [told] = office.classes(there)
    assert (told.start.day, told.location, told.uid) == (9, "Lab", f"{moved}@sessions.tandem")


def test_only_who_may_gets_a_feed(office: Office) -> None:
    """Nobody for another person or for a room, and of a run only who learns there or is staff."""
    school = office.school
    school.enrol("ada")
    room = school.room()
    create = sessions_pb2.CreateFeedRequest
    eve, staff = school.learner("eve"), school.staff
    for call, code in (
        (lambda: office.create("eve", of="ada"), CODE.PERMISSION_DENIED),
        (lambda: office.create("eve", RUN), CODE.PERMISSION_DENIED),
        (lambda: office.create("ada", "none"), CODE.PERMISSION_DENIED),
        (lambda: eve.CreateFeed(create(room_id=room)), CODE.PERMISSION_DENIED),
        (lambda: eve.CreateFeed(create(reader_id="eve", room_id=room)), CODE.INVALID_ARGUMENT),
        (lambda: staff.CreateFeed(create()), CODE.INVALID_ARGUMENT),
        (lambda: staff.CreateFeed(create(run_id=RUN, room_id=room)), CODE.INVALID_ARGUMENT),
        (lambda: staff.CreateFeed(create(room_id="none")), CODE.FAILED_PRECONDITION),
        (lambda: staff.CreateFeed(create(reader_id="eve", run_id=RUN)), CODE.PERMISSION_DENIED),
        (lambda: staff.ListFeeds(sessions_pb2.ListFeedsRequest()), CODE.INVALID_ARGUMENT),
    ):
        assert refused(call)[0] is code
    assert staff.CreateFeed(create(reader_id="ada", run_id=RUN)).url


def test_a_revoked_feed_is_unknown(office: Office) -> None:
    """Its answer is that of a feed which never was, and of a forged one; other feeds stay, and
    lists tell no URL.
    """
    school = office.school
    school.enrol("ada")
    feed, other = office.create("ada"), office.create("ada", RUN)
    revoke = sessions_pb2.RevokeFeedRequest(feed_id=feed.id)
    assert refused(lambda: school.learner("eve").RevokeFeed(revoke))[0] is CODE.PERMISSION_DENIED
    revoked = school.learner("ada").RevokeFeed(revoke)
    school.clock.forward(hours=1)
    assert school.learner("ada").RevokeFeed(revoke) == revoked
    assert (revoked.url, revoked.HasField("revoked_at")) == ("", True)
    base, code = feed.url.rsplit("/", 1)[0], feed.url[:-5]
    for url in (feed.url, f"{base}/f1.none.ics", f"{code}{'AB'[feed.url[-5] == 'A']}.ics"):
        answer = office.get(url)
        assert answer.status == 404
        assert json.loads(answer.data)["detail"] == "there is no such calendar"
    assert office.get(other.url).status == 200
    other.url = ""
    listed = school.learner("ada").ListFeeds(sessions_pb2.ListFeedsRequest(reader_id="ada"))
    assert list(listed.feeds) == [other, revoked]


def test_an_owner_has_a_limited_number_of_feeds(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader, and a room; a revoked one makes room, and a repeat is the same feed."""
    monkeypatch.setattr(domain, "MOST_FEEDS", 2)
    first = office.create("ada", request_id="r1")
    assert office.create("ada", request_id="r1") == first
    office.create("ada")
    code, text = refused(lambda: office.create("ada"))
    assert (code, "RevokeFeed" in text) == (CODE.FAILED_PRECONDITION, True)
    office.school.learner("ada").RevokeFeed(sessions_pb2.RevokeFeedRequest(feed_id=first.id))
    assert office.create("ada").url
    room = office.school.room()
    urls = {office.of_room(room).url, office.of_room(room).url}
    assert len(urls) == 2
    assert refused(lambda: office.of_room(room))[0] is CODE.FAILED_PRECONDITION


def test_requests_at_once_keep_the_limit(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many requests at the same moment no more feeds come than an owner may have."""
    monkeypatch.setattr(domain, "MOST_FEEDS", 2)

    def create(_: int) -> object:
        try:
            return office.create("ada").id
        except grpc.RpcError as error:
            return error.code()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))
    assert answers.count(CODE.FAILED_PRECONDITION) == 6
    assert len(set(answers)) == 3


def test_no_url_is_stored(office: Office) -> None:
    """Who reads the whole database finds no text that opens a feed."""
    feed = office.create("ada", request_id="q1")
    code = feed.url.rpartition(".ics")[0].rpartition(".")[2]
    mongo = office.school.database.mongo
    everything = [str(row) for name in mongo.list_collection_names() for row in mongo[name].find()]
    assert any(feed.id in row for row in everything)
    assert not any(code in row for row in everything)


@pytest.mark.parametrize("path", ["%00.ics", "..%2Fx.ics", "$ne.ics", "a.b", "%ED%A0.x.ics"])
def test_hostile_paths_are_unknown(office: Office, path: str) -> None:
    """Any bytes in the place of a token are answered by 404."""
    port = urlsplit(office.create("ada").url).port
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("GET", f"/calendar/{path}", skip_accept_encoding=True)
    connection.endheaders()
    assert connection.getresponse().status == 404
    connection.close()


def test_kept_texts_are_bounded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica keeps no more bytes than it may, and a text that is larger is served all the
    same.
    """
    school = office.school
    school.enrol("ada")
    series(school, school.room())
    monkeypatch.setattr(pages_calendars, "CACHE_BYTES", 100)
    small = Calendars(school.database, office.calendars._urls)
    office.calendars._texts = small._texts
    url = office.create("ada").url
    assert office.titles(url) == office.titles(url) == ["Motion"] * 4
    assert office.calendars._texts.currsize == 0


def test_calendars_are_off_by_default(school: School) -> None:
    """Without their settings nobody gets a feed, and is told what is missing."""
    request = sessions_pb2.CreateFeedRequest(reader_id="ada")
    code, text = refused(lambda: school.learner("ada").CreateFeed(request))
    assert (code, "TANDEM_PAGES_URL" in text) == (CODE.FAILED_PRECONDITION, True)


def test_ical_js_reads_a_feed_strictly(office: Office, node: Path) -> None:
    """It finds the same classes as another reader, by the feed's own VTIMEZONE, over a change of
    clocks, with a moved, a cancelled and a nightly class.
    """
    school = office.school
    school.enrol("ada")
    room, night = school.room(), civil("2026-03-28T00:30:00")
    weekly = series(school, room, rrule="FREQ=WEEKLY;COUNT=8", title="a,b;c\\d \u00e9" * 20)
    series(school, room, rrule="FREQ=DAILY;COUNT=3", starts=night, duration=Duration(seconds=3000))
    series(school, room, rrule="FREQ=DAILY;COUNT=3", starts=civil("2026-03-28T02:30:00"))
    cancel(school, weekly.occurrences[2].session_id)
    move(school, weekly.occurrences[3].session_id, "2026-03-30T08:00:00")
    text = office.get(office.create("ada").url).data
    expected = [
        (e.uid, int(e.start.timestamp()), int(e.end.timestamp()), e.title, e.status)
        for e in read(text)
    ]
    assert len(expected) == 14
    assert read_by_ical_js(node, text) == expected
