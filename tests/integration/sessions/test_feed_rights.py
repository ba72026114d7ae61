"""Calendar feeds: who may have one, and what it shows to whom."""

import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import sessions_pb2

from services.sessions.domain import feeds as domain
from tests.integration.sessions.calendars import CODE, Office, civil, move, series
from tests.integration.sessions.school import RUN, TEACHER, refused


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
