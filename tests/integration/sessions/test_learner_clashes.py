"""Learners who would be in two sessions at a time, and seats online: what planning refuses."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.context.principal import Principal, acting_as
from chassis.errors import FailedPrecondition
from services.sessions.api import SessionsApi
from tests.integration.sessions.school import RUN, School, race, refused

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
OTHER = "run-2"
ONLINE_CLASS: dict[str, Any] = {"kind": types_pb2.SESSION_KIND_ONLINE, "activity_id": ""}
SELF_PACED = types_pb2.ATTENDANCE_MODE_SELF_PACED


def clock(hour: int, minute: int = 0) -> types_pb2.CivilTime:
    """A time on the Monday of the school's request."""
    return types_pb2.CivilTime(local=f"2026-03-02T{hour:02d}:{minute:02d}:00", zone="Europe/Dublin")


def all_faults(call: Callable[[], object]) -> str:
    """What a refused call tells an office; a status has room for the first ones only."""
    office = Principal("office", frozenset({"registrar"}))
    with acting_as(office), pytest.raises(FailedPrecondition) as refusal:
        call()
    return str(refusal.value)


@pytest.fixture
def two_runs(school: School) -> School:
    """A school where ada and bob are in both runs, and cyd in the first one alone; the second run
    has optics at noon.
    """
    school.open_run(OTHER)
    school.enrol("ada", "bob", "cyd")
    school.enrol("ada", "bob", "dan", run_id=OTHER)
    optics(school)
    return school


def optics(school: School, **changes: Any) -> resources_pb2.Session:
    """The other run's class at noon, online, by another instructor."""
    fields = {"run_id": OTHER, "title": "Optics", "instructor_id": "bohr", **ONLINE_CLASS}
    return school.schedule("", **{**fields, **changes})


def test_a_plan_tells_how_many_learners_are_in_another_session(two_runs: School) -> None:
    """The answer names the other session with its times and the number of learners, and no
    learner."""
    code, text = refused(lambda: two_runs.schedule(two_runs.room()))
    assert code is PRECONDITION
    assert "starts: 2 learners are expected in session" in text
    assert "('Optics'), 2026-03-02T12:00:00Z to 2026-03-02T13:00:00Z, too" in text
    assert "max_learner_clashes of 2" in text
    assert "bob" not in text
    assert OTHER not in text
    two_runs.schedule(two_runs.room("Lab"), starts=clock(13))


def test_a_plan_may_allow_some_learners_to_clash(two_runs: School) -> None:
    """As many as the request says, and no more."""
    room = two_runs.room()
    assert refused(lambda: two_runs.schedule(room, max_learner_clashes=1))[0] is PRECONDITION
    assert two_runs.schedule(room, max_learner_clashes=2).run_id == RUN


def test_only_expected_learners_clash(two_runs: School) -> None:
    """Neither who withdrew, nor who studies at the own pace, is expected anywhere."""
    withdrawn = catalog.EnrolmentWithdrawn(enrolment_id="e", run_id=RUN, learner_id="ada")
    paced = catalog.EnrolmentModeChanged(
        enrolment_id="e", run_id=OTHER, learner_id="bob", to_mode=SELF_PACED
    )
    two_runs.hear("rosters", withdrawn, paced)
    assert two_runs.schedule(two_runs.room()).run_id == RUN


def test_a_group_clashes_by_its_own_learners(two_runs: School) -> None:
    """A class of a group counts the group; two groups' classes of one activity are
    alternatives."""
    groups = [catalog.GroupChanged(group_id=each, run_id=RUN, name=each) for each in "AB"]
    of = {"ada": ["A"], "bob": ["A", "B"], "cyd": ["B"]}
    members = [
        catalog.GroupMemberChanged(enrolment_id="e", run_id=RUN, learner_id=who, group_ids=ids)
        for who, ids in of.items()
    ]
    two_runs.hear("rosters", *groups, *members)
    text = refused(lambda: two_runs.schedule(two_runs.room("Lab"), group_ids=["B"]))[1]
    assert "1 learners are expected" in text
    later = {"starts": clock(15), "group_ids": ["A"]}
    two_runs.schedule(two_runs.room("A"), **later)
    beside = {**later, "group_ids": ["B"], "instructor_id": "bohr"}
    two_runs.schedule(two_runs.room("B"), **beside)
    quiz = two_runs.request(two_runs.room("C"), **beside, activity_id="quiz")
    text = all_faults(lambda: two_runs.api.ScheduleSession(quiz, None))
    assert "1 learners are expected" in text
    assert "2 learners are expected" in text


def test_a_move_clashes_only_at_a_new_time(two_runs: School) -> None:
    """A session may change its room though learners clash; it may not come to a clash."""
    room, lab = two_runs.room(), two_runs.room("Lab")
    session = two_runs.schedule(room, max_learner_clashes=2)
    move = sessions_pb2.MoveSessionRequest(session_id=session.id, starts=clock(12), room_id=lab)
    session = two_runs.staff.MoveSession(move)
    assert session.room_id == lab
    move.starts.CopyFrom(clock(12, 30))
    assert "2 learners are expected" in refused(lambda: two_runs.staff.MoveSession(move))[1]
    move.max_learner_clashes = 2
    assert two_runs.staff.MoveSession(move).starts.local == "2026-03-02T12:30:00"


def test_a_series_tells_each_of_its_sessions_that_clashes(two_runs: School) -> None:
    """The prefix tells which; a move of the series is refused in the same way."""
    optics(two_runs, starts=types_pb2.CivilTime(local="2026-03-16T12:30:00", zone="Europe/Dublin"))
    request = sessions_pb2.ScheduleSeriesRequest(
        run_id=RUN,
        title="Motion",
        kind=types_pb2.SESSION_KIND_IN_ROOM,
        room_id=two_runs.room(),
        instructor_id="curie",
        starts=clock(12),
        duration=Duration(seconds=3600),
        rrule="FREQ=WEEKLY;COUNT=3",
    )
    text = all_faults(lambda: two_runs.api.ScheduleSeries(request, None))
    assert "occurrences[0].starts: 2 learners" in text
    assert "occurrences[1]" not in text
    assert "occurrences[2].starts: 2 learners" in text
    request.starts.CopyFrom(clock(14))
    series = two_runs.staff.ScheduleSeries(request)
    move = sessions_pb2.MoveSeriesRequest(series_id=series.id, starts=clock(12))
    text = all_faults(lambda: two_runs.api.MoveSeries(move, None))
    assert "occurrences[2].starts: 2 learners" in text
    move.max_learner_clashes = 2
    assert two_runs.staff.MoveSeries(move).starts.local == "2026-03-02T12:00:00"


def test_requests_at_once_never_pass_the_limit_online(school: School) -> None:
    """Twenty sessions of 10 seats each want 45 seats online: four get them, and the others are told
    what is left."""
    teachers = [f"guest-{number}" for number in range(20)]
    role = [options_pb2.ROLE_INSTRUCTOR]
    school.hear("rosters", *(catalog.PersonUpserted(person_id=t, roles=role) for t in teachers))
    api = SessionsApi(school.database, online_seats=45)

    def attempt(teacher: str) -> str:
        fields = {**ONLINE_CLASS, "instructor_id": teacher, "online_seats": 10}
        try:
            return api.ScheduleSession(school.request("", **fields), None).id
        except FailedPrecondition as refusal:
            return str(refusal)

    answers = race(attempt, teachers)
    lost = [each for each in answers if "online_seats: 10 are needed, and 40 of 45 are" in each]
    assert len(lost) == 16
    assert all("1 to 5 at that time" in each for each in lost)
    api.ScheduleSession(school.request("", **ONLINE_CLASS, online_seats=5), None)
    api.ScheduleSession(school.request("", **ONLINE_CLASS, online_seats=45, starts=clock(13)), None)


def test_sessions_without_a_limit_need_a_seat_for_each_learner(two_runs: School) -> None:
    """Optics counts its three learners; a class in a room alone counts none."""
    api = SessionsApi(two_runs.database, online_seats=5)
    hybrid = two_runs.request(two_runs.room(), max_learner_clashes=9)
    with pytest.raises(FailedPrecondition, match="3 are needed, and 3 of 5 are given"):
        api.ScheduleSession(hybrid, None)
    in_room = {"kind": types_pb2.SESSION_KIND_IN_ROOM, "join_url": "", "max_learner_clashes": 9}
    api.ScheduleSession(two_runs.request(two_runs.room("Lab"), **in_room), None)


def find(school: School, **fields: Any) -> list[sessions_pb2.Slot]:
    """The slots that staff finds."""
    request = sessions_pb2.FindSlotsRequest(run_id=RUN, **fields)
    return list(school.staff.FindSlots(request).slots)


def test_a_refusal_offers_slots_that_can_be_planned(two_runs: School) -> None:
    """The nearest times at which neither room, instructor nor learners are taken, by FindSlots the
    same ones."""
    room = two_runs.room()
    two_runs.schedule(room, run_id=OTHER, instructor_id="bohr", starts=clock(13), activity_id="")
    text = refused(lambda: two_runs.schedule(room))[1]
    assert "free: 2026-03-02T11:00:00 in 'Aula', 2026-03-02T10:45:00 in 'Aula'" in text
    new = two_runs.request(room)
    fields = {
        field: getattr(new, field)
        for field in ("kind", "room_id", "instructor_id", "starts", "duration")
    }
    slots = find(two_runs, **fields)
    assert [each.starts.local[11:16] for each in slots[:2]] == ["11:00", "10:45"]
    assert len(slots) == 20
    session = two_runs.schedule(room, starts=slots[0].starts)
    own = find(two_runs, session_id=session.id)
    assert own[0].starts == slots[0].starts
    evening = find(two_runs, session_id=session.id, earliest="18:00", latest="19:00", days=[3])
    assert [each.starts.local for each in evening] == ["2026-03-04T18:00:00", "2026-03-11T18:00:00"]


def test_another_room_is_offered_where_the_room_alone_is_taken(school: School) -> None:
    """The smallest that seats as many and is free; small, retired and used rooms are not
    offered."""
    room, lab, hall = school.room("Aula", 30), school.room("Lab", 40), school.room("Hall", 60)
    school.room("Closet", 10)
    gone = sessions_pb2.RetireRoomRequest(room_id=school.room("Gone", 50))
    school.staff.RetireRoom(gone)
    for taken in (room, lab):
        instructor = {"instructor_id": "bohr"} if taken == room else {}
        school.schedule(taken, **instructor, starts=clock(12 if taken == room else 15))
    text = refused(lambda: school.schedule(room))[1]
    assert "free: 2026-03-02T12:00:00 in 'Lab', 2026-03-02T12:00:00 in 'Hall', 2026" in text
    request = {"kind": types_pb2.SESSION_KIND_HYBRID, "room_id": room, "instructor_id": "curie"}
    hour = Duration(seconds=3600)
    first, second, third, *_ = find(school, **request, starts=clock(12), duration=hour)
    assert [first.room_id, second.room_id, third.room_id] == [lab, hall, room]
    assert third.starts.local == "2026-03-02T11:00:00"


def test_slots_have_seats_online(two_runs: School) -> None:
    """Where the limit leaves too few, there is no slot; above the limit there is none at all."""
    api = SessionsApi(two_runs.database, online_seats=5)
    fields: dict[str, Any] = {
        "run_id": RUN,
        "kind": types_pb2.SESSION_KIND_ONLINE,
        "instructor_id": "curie",
        "starts": clock(12),
        "duration": Duration(seconds=3600),
        "max_learner_clashes": 9,
    }
    with acting_as(Principal("office", frozenset({"registrar"}))):
        few = api.FindSlots(sessions_pb2.FindSlotsRequest(**fields, online_seats=2), None)
        more = api.FindSlots(sessions_pb2.FindSlotsRequest(**fields, online_seats=3), None)
        many = api.FindSlots(sessions_pb2.FindSlotsRequest(**fields, online_seats=6), None)
    assert few.slots[0].starts == clock(12)
    assert [each.starts.local[11:16] for each in more.slots[:2]] == ["11:00", "13:00"]
    assert not many.slots


def test_a_series_is_told_how_many_of_its_sessions_are_free(two_runs: School) -> None:
    """A series at the time of a class that its learners have once gets a time at which both are
    free."""
    series = two_runs.staff.ScheduleSeries(
        sessions_pb2.ScheduleSeriesRequest(
            run_id=RUN,
            title="Motion",
            kind=types_pb2.SESSION_KIND_IN_ROOM,
            room_id=two_runs.room(),
            instructor_id="curie",
            starts=clock(12),
            duration=Duration(seconds=3600),
            rrule="FREQ=WEEKLY;COUNT=2",
            max_learner_clashes=2,
        )
    )
    slots = find(two_runs, series_id=series.id)
    assert slots[0].free_sessions == 2
    assert slots[0].starts.local == "2026-03-02T11:00:00"
    allowed = find(two_runs, series_id=series.id, max_learner_clashes=2)
    assert allowed[0].starts.local == "2026-03-02T12:00:00"


def test_a_search_for_slots_tells_every_fault(two_runs: School) -> None:
    """What a new session lacks, hours, and what the run does not have."""
    code, text = refused(lambda: find(two_runs, earliest="9", days=[9]))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "earliest" in text
    assert "days[0]" in text
    text = refused(lambda: find(two_runs))[1]
    assert all(word in text for word in ("kind: is", "instructor_id: is", "starts: is", "duration"))
    foreign = two_runs.staff.ListSessions(sessions_pb2.ListSessionsRequest(run_id=OTHER)).sessions[
        0
    ]
    assert refused(lambda: find(two_runs, session_id=foreign.id))[0] is grpc.StatusCode.NOT_FOUND
