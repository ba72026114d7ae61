"""Rooms, planning, moving and cancelling, through the real edge and MongoDB."""

from functools import partial

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.errors import AlreadyExists, FailedPrecondition
from services.sessions.migrations import MIGRATIONS
from tests.deep import only_deep
from tests.integration.sessions.school import RUN, TEACHER, School, race, refused

ONE_O_CLOCK = types_pb2.CivilTime(local="2026-03-02T13:00:00", zone="Europe/Dublin")
INVALID = grpc.StatusCode.INVALID_ARGUMENT
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
LIST_ROOMS = sessions_pb2.ListRoomsRequest()
IN_ROOM, ONLINE = types_pb2.SEAT_KIND_IN_ROOM, types_pb2.SEAT_KIND_ONLINE


def _move(session: resources_pb2.Session, **changes: object) -> sessions_pb2.MoveSessionRequest:
    fields = {"session_id": session.id, "starts": ONE_O_CLOCK, "reason": "strike", **changes}
    return sessions_pb2.MoveSessionRequest(**fields)  # type: ignore[arg-type]


def _cancel(session: resources_pb2.Session) -> sessions_pb2.CancelSessionRequest:
    return sessions_pb2.CancelSessionRequest(
        session_id=session.id, reason="ill", substitute_item_id="book"
    )


def test_rooms_are_listed_by_name_in_pages(school: School) -> None:
    """Every room comes once, however small the pages."""
    for name in ("Lab", "Aula", "Cellar"):
        school.room(name)
    names: list[str] = []
    token = ""
    while not names or token:
        page = school.staff.ListRooms(sessions_pb2.ListRoomsRequest(page_size=2, page_token=token))
        names += [room.name for room in page.rooms]
        token = page.next_page_token
    assert names == ["Aula", "Cellar", "Lab"]


def test_a_rooms_name_is_taken_once(school: School) -> None:
    """Ten requests race for one name: one gets it, and later ones are ALREADY_EXISTS."""

    def attempt(_: int) -> bool:
        try:
            school.api.CreateRoom(sessions_pb2.CreateRoomRequest(name=" Aula ", capacity=5), None)
        except AlreadyExists:
            return False
        return True

    assert race(attempt, range(10)).count(True) == 1
    assert refused(lambda: school.room("Aula"))[0] is grpc.StatusCode.ALREADY_EXISTS


@pytest.mark.parametrize(
    "twin", ["aula magna", " AULA  MAGNA", "Aula\u00a0Magna", "\uff21ula Magna"]
)
def test_a_rooms_name_is_taken_in_any_case_and_form(twin: str, school: School) -> None:
    """What people take for the same name is the same."""
    school.room("  Aula   Magna ")
    assert refused(lambda: school.room(twin))[0] is grpc.StatusCode.ALREADY_EXISTS
    assert [room.name for room in school.staff.ListRooms(LIST_ROOMS).rooms] == ["Aula Magna"]


@pytest.mark.parametrize("name", ["  ", "\u00a0", "\u200b", "A\u202eula", "A\u00adula", "A\x1bula"])
def test_a_rooms_name_has_no_hidden_characters(name: str, school: School) -> None:
    """And it can't be blank; a joiner, which some scripts need, stays."""
    assert refused(lambda: school.room(name))[0] is INVALID
    joined = school.room("\u0645\u06cc\u200c\u062e")
    assert joined in {room.id for room in school.staff.ListRooms(LIST_ROOMS).rooms}


def test_existing_rooms_get_their_keys(school: School) -> None:
    """The oldest of twins gets the key, and no twin more is taken."""
    rooms = school.database.mongo["rooms"]
    names = {"1": "Aula", "2": "AULA", "3": "Lab"}
    rooms.insert_many({"_id": key, "name": name, "capacity": 5} for key, name in names.items())
    for _ in range(2):
        MIGRATIONS[4].run(school.database.mongo)
    keys = {row["_id"]: row.get("name_key") for row in rooms.find()}
    assert keys == {"1": "aula", "2": None, "3": "lab"}
    for name in ("AULA", "aula", "LAB"):
        assert refused(partial(school.room, name))[0] is grpc.StatusCode.ALREADY_EXISTS


def test_a_planned_session_is_answered_kept_and_told(school: School) -> None:
    """Instants by the zone's rules, seats by the room, and the event carries the whole plan."""
    session = school.schedule(
        school.room("Aula", 30),
        starts=types_pb2.CivilTime(local="2026-07-06T12:00", zone="Europe/Dublin"),
    )
    assert session.start_time.ToJsonString() == "2026-07-06T11:00:00Z"
    assert session.end_time.ToJsonString() == "2026-07-06T12:00:00Z"
    assert session.starts.local == "2026-07-06T12:00:00"
    assert (session.room_seats, session.state) == (30, resources_pb2.SESSION_STATE_SCHEDULED)
    assert school.get(session) == session
    (event,) = school.published(events_pb2.SessionScheduled)
    assert (event.session_id, event.run_id, event.room) == (session.id, RUN, "Aula")
    assert event.kind == types_pb2.SESSION_KIND_HYBRID
    assert list(event.material_item_ids) == ["slides"]
    assert event.start_time == session.start_time


def test_fifty_requests_for_one_room_give_one_session(school: School) -> None:
    """One request succeeds, and every other gets the session that it conflicts with."""
    room = school.room()
    teachers = [f"guest-{number}" for number in range(50)]
    school.hear("rosters", *(_instructor(each) for each in teachers))

    def attempt(teacher: str) -> str:
        try:
            return school.api.ScheduleSession(school.request(room, instructor_id=teacher), None).id
        except FailedPrecondition as refusal:
            return str(refusal)

    answers = race(attempt, teachers)
    sessions = school.staff.ListSessions(sessions_pb2.ListSessionsRequest()).sessions
    (winner,) = sessions
    assert answers.count(winner.id) == 1
    assert sum(f"taken by session {winner.id} ('Motion')" in each for each in answers) == 49


def test_one_instructor_teaches_one_session_at_a_time(school: School) -> None:
    """Twenty requests in twenty rooms for one instructor at one hour give one session."""
    rooms = [school.room(f"Room {number}") for number in range(20)]

    def attempt(room: str) -> list[str]:
        try:
            school.api.ScheduleSession(school.request(room), None)
        except FailedPrecondition as refusal:
            return [violation.field for violation in refusal.violations]
        return []

    assert sorted(race(attempt, rooms)) == [[], *[["instructor_id"]] * 19]


@only_deep
def test_fifty_moves_to_one_room_leave_it_to_one_session(school: School) -> None:
    """One session gets the room, and all others stay in their rooms."""
    room = school.room()
    teachers = [f"guest-{number}" for number in range(50)]
    school.hear("rosters", *(_instructor(each) for each in teachers))
    sessions = [
        school.schedule(school.room(f"Room {each}"), instructor_id=each) for each in teachers
    ]

    def attempt(session: resources_pb2.Session) -> str:
        try:
            school.api.MoveSession(_move(session, room_id=room), None)
        except FailedPrecondition:
            return ""
        return session.id

    (winner,) = filter(None, race(attempt, sessions))
    assert school.get(resources_pb2.Session(id=winner)).room_id == room
    assert [event.session_id for event in school.published(events_pb2.SessionMoved)] == [winner]
    rooms = [school.get(session).room_id for session in sessions]
    assert len(set(rooms)) == 50


def _instructor(person_id: str) -> catalog.PersonUpserted:
    return catalog.PersonUpserted(person_id=person_id, roles=[options_pb2.ROLE_INSTRUCTOR])


def test_who_left_can_not_teach(school: School) -> None:
    """Neither as a guest; a guest who is back can."""
    room = school.room()
    gone = _instructor("bohr")
    gone.retired_at.GetCurrentTime()
    school.hear("rosters", gone)
    code, text = refused(lambda: school.schedule(room, instructor_id="bohr"))
    assert code is PRECONDITION
    assert "bohr" in text
    school.hear("rosters", _instructor("bohr"))
    assert school.schedule(room, instructor_id="bohr").instructor_id == "bohr"


def test_every_conflict_and_all_that_is_unknown_come_at_once(school: School) -> None:
    """Room and instructor, each with the other session's title; run, room and instructor."""
    aula, lab = school.room("Aula"), school.room("Lab")
    school.schedule(aula, title="Optics", instructor_id="bohr")
    school.schedule(lab, title="Waves")
    code, text = refused(lambda: school.schedule(aula))
    assert code is PRECONDITION
    assert "Optics" in text
    assert "Waves" in text
    code, text = refused(
        lambda: school.schedule("nowhere", run_id="no-run", instructor_id="nobody")
    )
    assert code is PRECONDITION
    for word in ("no-run", "nowhere", "nobody"):
        assert word in text


def test_sessions_may_touch(school: School) -> None:
    """The next class begins at the instant at which one ends, in the same room."""
    room = school.room()
    school.schedule(room)
    school.schedule(room, starts=ONE_O_CLOCK)
    assert len(school.staff.ListSessions(sessions_pb2.ListSessionsRequest()).sessions) == 2


def test_a_long_session_is_in_the_way_for_all_its_hours(school: School) -> None:
    """A class at noon conflicts with one of 24 hours that began the afternoon before."""
    room = school.room()
    school.schedule(
        room,
        starts=types_pb2.CivilTime(local="2026-03-01T12:00:01", zone="Europe/Dublin"),
        duration=Duration(seconds=24 * 3600),
    )
    assert refused(lambda: school.schedule(room))[0] is PRECONDITION


def test_what_is_over_can_not_be_planned(school: School) -> None:
    """It is neither scheduled nor a target of a move; a running class can be."""
    room = school.room()
    seven = types_pb2.CivilTime(local="2026-03-02T07:00:00", zone="Europe/Dublin")
    over = refused(lambda: school.schedule(room, starts=seven))
    session = school.schedule(room, starts=seven, duration=Duration(seconds=3601))
    half = Duration(seconds=1800)
    moved = refused(lambda: school.staff.MoveSession(_move(session, starts=seven, duration=half)))
    for code, text in (over, moved):
        assert code is PRECONDITION
        assert "would have ended at 2026-03-02T0" in text
    assert school.get(session) == session


def test_a_bad_plan_leaves_no_trace(school: School) -> None:
    """Violations are returned, and nothing is stored or published."""
    skipped = types_pb2.CivilTime(local="2026-03-29T01:30:00", zone="Europe/Dublin")
    code, text = refused(lambda: school.schedule(school.room(), starts=skipped, join_url=""))
    assert code is INVALID
    assert "2026-03-29T02:30:00" in text
    assert "join_url" in text
    assert not school.staff.ListSessions(sessions_pb2.ListSessionsRequest()).sessions
    assert not school.published(events_pb2.SessionScheduled)


def test_a_repeated_request_plans_once(school: School) -> None:
    """The same request id answers the same session, though its room is taken by now."""
    room = school.room()
    first = school.schedule(room, request_id="r1")
    assert school.schedule(room, request_id="r1") == first
    assert len(school.published(events_pb2.SessionScheduled)) == 1


def test_a_moved_session_says_the_old_and_the_new(school: School) -> None:
    """Time and room change, the event contains both sides, and the old hour is free again."""
    aula, lab = school.room("Aula"), school.room("Lab", 10)
    session = school.schedule(aula)
    moved = school.staff.MoveSession(_move(session, room_id=lab, duration=Duration(seconds=1800)))
    assert (moved.room_id, moved.room_seats) == (lab, 10)
    assert moved.end_time.seconds - moved.start_time.seconds == 1800
    (event,) = school.published(events_pb2.SessionMoved)
    assert (event.old_room, event.new_room, event.reason) == ("Aula", "Lab", "strike")
    assert (event.old_start_time, event.new_start_time) == (session.start_time, moved.start_time)
    assert event.new_starts.local == "2026-03-02T13:00:00"
    school.schedule(aula)


def test_a_move_conflicts_with_others_but_not_with_itself(school: School) -> None:
    """A shift within its own hour is fine; one into another's hour changes nothing."""
    room = school.room()
    session = school.schedule(room)
    later = types_pb2.CivilTime(local="2026-03-02T12:30:00", zone="Europe/Dublin")
    session = school.staff.MoveSession(_move(session, starts=later))
    other = school.schedule(
        room,
        title="Optics",
        starts=types_pb2.CivilTime(local="2026-03-02T14:00:00", zone="Europe/Dublin"),
    )
    code, text = refused(lambda: school.staff.MoveSession(_move(other)))
    assert code is PRECONDITION
    assert "Motion" in text
    assert school.get(other) == other


def test_a_repeated_move_tells_nothing_new(school: School) -> None:
    """A session that is there already is answered as it is."""
    session = school.staff.MoveSession(_move(school.schedule(school.room())))
    assert school.staff.MoveSession(_move(session)) == session
    assert len(school.published(events_pb2.SessionMoved)) == 1


def test_a_move_seats_who_waits_and_leaves_nobody_standing(school: School) -> None:
    """A larger room promotes those who wait; one too small for the seats taken is refused."""
    small, large = school.room("Small", 1), school.room("Large", 2)
    tiny = school.room("Tiny", 1)
    school.enrol("ada", "bob", "cyd")
    session = school.schedule(small)
    for learner in ("ada", "bob", "cyd"):
        school.choose(session, learner, IN_ROOM)
    session = school.staff.MoveSession(_move(session, room_id=large))
    assert (session.in_room, session.waitlisted) == (2, 1)
    assert [event.learner_id for event in school.published(events_pb2.SeatPromoted)] == ["bob"]
    code, text = refused(lambda: school.staff.MoveSession(_move(session, room_id=tiny)))
    assert code is PRECONDITION
    assert "2 seats in the room are taken" in text
    assert school.get(session) == session


def test_a_cancelled_session_frees_its_hour_and_answers_repeats(school: School) -> None:
    """The event names the substitute; a repeat is as it was; it can't be moved or started."""
    room = school.room()
    session = school.schedule(room)
    cancelled = school.staff.CancelSession(_cancel(session))
    assert cancelled.state == resources_pb2.SESSION_STATE_CANCELLED
    assert school.staff.CancelSession(_cancel(session)) == cancelled
    (event,) = school.published(events_pb2.SessionCancelled)
    assert (event.reason, event.substitute_item_id) == ("ill", "book")
    assert event.start_time == session.start_time
    school.schedule(room)
    assert refused(lambda: school.staff.MoveSession(_move(session)))[0] is PRECONDITION
    start = sessions_pb2.StartSessionRequest(session_id=session.id)
    assert refused(lambda: school.staff.StartSession(start))[0] is PRECONDITION


def test_a_closed_run_gets_no_new_session(school: School) -> None:
    """Until it is open again; the newest event counts, in any order."""
    room = school.room()
    facts = catalog.RunFacts(run_id=RUN, closed_at=school.at(0))
    closed = catalog.RunClosed(run_id=RUN, run=facts)
    facts_now = catalog.RunFacts(run_id=RUN, instructor_ids=[TEACHER])
    opened_again = catalog.RunReopened(run_id=RUN, run=facts_now)
    school.hear("rosters", closed, sequences=[1_000])
    status, text = refused(lambda: school.schedule(room))
    assert status is PRECONDITION
    assert f"run_id: run '{RUN}' is closed" in text
    school.hear("rosters", opened_again, closed, sequences=[1_001, 1_000])
    assert school.schedule(room).run_id == RUN


def test_sessions_are_listed_by_start(school: School) -> None:
    """The sessions of a run that overlap a time, in order, in pages."""
    room = school.room()
    hours = [14, 12, 16]
    plans = {
        hour: school.schedule(
            room, starts=types_pb2.CivilTime(local=f"2026-03-02T{hour}:00:00", zone="UTC")
        ).id
        for hour in hours
    }

    def listed(**query: object) -> list[str]:
        request = sessions_pb2.ListSessionsRequest(**query)  # type: ignore[arg-type]
        return [session.id for session in school.staff.ListSessions(request).sessions]

    everything = [plans[hour] for hour in sorted(hours)]
    assert listed() == listed(run_id=RUN) == everything
    assert listed(run_id="other") == []
    assert listed(from_time=school.at(5 * 60)) == everything[1:]
    assert listed(until_time=school.at(8 * 60)) == everything[:2]
    assert listed(page_size=2) == everything[:2]


def test_an_unknown_session_is_not_found(school: School) -> None:
    """Every RPC that names one says so."""
    ghost = resources_pb2.Session(id="ghost")
    calls = [
        lambda: school.get(ghost),
        lambda: school.staff.MoveSession(_move(ghost)),
        lambda: school.staff.CancelSession(_cancel(ghost)),
        lambda: school.end(ghost),
        lambda: school.seats(ghost),
        lambda: school.choose(ghost, "ada", ONLINE),
        lambda: school.presence_event(ghost, ("ada", sessions_pb2.PRESENCE_KIND_JOINED, 0)),
    ]
    for call in calls:
        assert refused(call)[0] is grpc.StatusCode.NOT_FOUND
