"""Calendar feeds, as stock clients get them: over HTTP, without a token of the university."""

from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions import pages_calendars
from services.sessions.pages_calendars import Calendars
from tests.integration.sessions.calendars import CODE, Office, civil, move, series
from tests.integration.sessions.help_desk import HELP
from tests.integration.sessions.ical import read_by_ical_js
from tests.integration.sessions.school import School, refused
from tests.unit.sessions.calendars import read


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
    """However many classes there are: six queries for 304 and for a text that is known, three
    more for a text that is not; none reads sessions of others.
    """
    school = office.school
    room = school.room()
    school.enrol("ada")
    weekly = series(school, room, rrule="FREQ=DAILY;COUNT=60")
    school.enrol("bell", run_id="run-2")
    url = office.create("ada").url
    small = ["calendars", "enrolments", "feeds", "people", "seats", "staff"]
    built = sorted([*small, "series", "sessions", "sessions"])
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


def test_a_seat_in_a_help_session_takes_the_time(office: Office) -> None:
    """Without one the time stays free; once it is taken, or given up, clients read again."""
    school = office.school
    school.enrol("ada")
    desk = school.schedule(school.room(), purpose=HELP, activity_id="")
    url = office.create("ada").url

    def is_free() -> bool:
        return b"TRANSP:TRANSPARENT" in office.get(url).data

    assert is_free()
    for kind, free in (
        (types_pb2.SEAT_KIND_ONLINE, False),
        (types_pb2.SEAT_KIND_UNSPECIFIED, True),
    ):
        tag = office.get(url).headers["etag"]
        school.choose(desk, "ada", kind)
        assert not office.is_current(url, tag)
        assert is_free() == free


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
