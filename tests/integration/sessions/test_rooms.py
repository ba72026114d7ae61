"""Rooms that change, and rooms that go out of use."""

from typing import Any

import grpc
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from tests.integration.sessions.school import School, race, refused

IN_ROOM, WAITLISTED = types_pb2.SEAT_KIND_IN_ROOM, types_pb2.SEAT_KIND_WAITLISTED
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION


def update(school: School, room_id: str, name: str = "", capacity: int = 0) -> resources_pb2.Room:
    """The room after a change."""
    request = sessions_pb2.UpdateRoomRequest(room_id=room_id, name=name, capacity=capacity)
    return school.staff.UpdateRoom(request)


def retire(school: School, room_id: str) -> resources_pb2.Room:
    """The room out of use."""
    return school.staff.RetireRoom(sessions_pb2.RetireRoomRequest(room_id=room_id))


def test_a_larger_room_seats_those_who_wait(school: School) -> None:
    """In the sessions to come that take the whole room; one with a limit keeps it."""
    school.enrol("ada", "bob", "cyd")
    room = school.room(capacity=1)
    whole = school.schedule(room)
    limited = school.schedule(
        room,
        room_seats=1,
        starts=types_pb2.CivilTime(local="2026-03-03T12:00:00", zone="Europe/Dublin"),
    )
    for session in (whole, limited):
        for learner in ("ada", "bob", "cyd"):
            school.choose(session, learner, IN_ROOM)
    assert update(school, room, "Aula Maxima", 2).capacity == 2
    assert [seat.kind for seat in school.seats(whole)] == [IN_ROOM, IN_ROOM, WAITLISTED]
    assert [seat.kind for seat in school.seats(limited)] == [IN_ROOM, WAITLISTED, WAITLISTED]
    [promoted] = school.published(events_pb2.SeatPromoted)
    assert (promoted.session_id, promoted.learner_id) == (whole.id, "bob")
    assert school.get(whole).room_seats == 2


def test_a_new_name_is_told_of_each_session_to_come(school: School) -> None:
    """Not of past ones, and not where only the capacity changed."""
    room = school.room()
    school.schedule(room)
    school.clock.forward(hours=6)
    later = types_pb2.CivilTime(local="2026-03-03T12:00:00", zone="Europe/Dublin")
    session = school.schedule(room, starts=later)
    update(school, room, capacity=9)
    assert school.published(events_pb2.SessionRoomRenamed) == []
    update(school, room, "Curie Hall")
    [told] = school.published(events_pb2.SessionRoomRenamed)
    assert (told.session_id, told.room, told.renamed_at) == (session.id, "Curie Hall", school.at())


def test_a_room_gets_no_smaller_than_its_sessions(school: School) -> None:
    """Every coming session with too many seats taken is listed; past ones don't matter."""
    school.enrol("ada", "bob")
    room = school.room(capacity=2)
    session = school.schedule(room)
    for learner in ("ada", "bob"):
        school.choose(session, learner, IN_ROOM)
    code, text = refused(lambda: update(school, room, capacity=1))
    assert (code, session.id in text) == (PRECONDITION, True)
    assert school.get(session).room_seats == 2
    school.clock.forward(hours=6)
    assert update(school, room, capacity=1).capacity == 1


def test_a_name_is_taken_once(school: School) -> None:
    """Also by a change; the own name in another form is no other's."""
    room = school.room("Aula")
    school.room("Hall")
    assert refused(lambda: update(school, room, "HALL"))[0] is grpc.StatusCode.ALREADY_EXISTS
    assert update(school, room, "AULA").name == "AULA"
    unknown = refused(lambda: update(school, "nowhere", "X"))
    assert unknown[0] is grpc.StatusCode.NOT_FOUND


def test_a_room_out_of_use_is_not_planned_in(school: School) -> None:
    """It goes out of use after its last session, and stays in the list."""
    room = school.room()
    session = school.schedule(room)
    code, text = refused(lambda: retire(school, room))
    assert (code, session.id in text) == (PRECONDITION, True)
    school.staff.CancelSession(
        sessions_pb2.CancelSessionRequest(session_id=session.id, reason="moved away")
    )
    for _ in range(2):
        assert retire(school, room).retired
    assert "out of use" in refused(lambda: school.schedule(room))[1]
    other = school.schedule(school.room("Hall"))
    move = sessions_pb2.MoveSessionRequest(session_id=other.id, starts=other.starts, room_id=room)
    assert "out of use" in refused(lambda: school.staff.MoveSession(move))[1]
    listed = school.staff.ListRooms(sessions_pb2.ListRoomsRequest()).rooms
    assert {each.name: each.retired for each in listed} == {"Aula": True, "Hall": False}


def test_planning_races_with_going_out_of_use(school: School) -> None:
    """Either the session is planned and the room stays, or it is retired and nothing is planned."""
    for number in range(5):
        room = school.room(f"Room {number}")
        starts = types_pb2.CivilTime(local=f"2026-03-0{number + 3}T12:00:00", zone="Europe/Dublin")
        request = school.request(room, starts=starts)

        def attempt(what: str, request=request, room=room) -> bool:  # type: ignore[no-untyped-def]
            try:
                if what == "plan":
                    school.api.ScheduleSession(request, None)
                else:
                    school.api.RetireRoom(sessions_pb2.RetireRoomRequest(room_id=room), None)
            except Exception:
                return False
            return True

        assert sorted(race(attempt, ["plan", "retire"])) == [False, True]


def test_a_room_has_features(school: School) -> None:
    """They are given, replaced and removed; what is given twice or hidden is refused."""
    create = sessions_pb2.CreateRoomRequest(name="Lab", capacity=3, features=["lab", "piano"])
    room = school.staff.CreateRoom(create)
    assert list(room.features) == ["lab", "piano"]

    def featured(**changes: Any) -> list[str]:
        request = sessions_pb2.UpdateRoomRequest(room_id=room.id, **changes)
        return list(school.staff.UpdateRoom(request).features)

    assert featured(capacity=4) == ["lab", "piano"]
    assert featured(features=["crane"]) == ["crane"]
    assert featured(no_features=True) == []
    code, text = refused(lambda: featured(features=["a", "a", "\u200b"], no_features=True))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    for field in ("no_features", "features[1]", "features[2]"):
        assert f"{field}: " in text
