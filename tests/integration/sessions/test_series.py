"""Series through the real edge and MongoDB: planned, moved, cancelled, in races, and by groups."""

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.errors import FailedPrecondition, FieldViolation
from tests.deep import only_deep
from tests.integration.sessions.school import RUN, TEACHER, School, Stub, race, refused
from tests.integration.sessions.test_session_groups import group, tutor

DUBLIN = "Europe/Dublin"
INVALID = grpc.StatusCode.INVALID_ARGUMENT
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
DENIED = grpc.StatusCode.PERMISSION_DENIED
EXISTS = grpc.StatusCode.ALREADY_EXISTS
CANCELLED = resources_pb2.SESSION_STATE_CANCELLED
MONDAYS = [f"2026-03-{day:02d}T12:00:00" for day in (2, 9, 16, 23)]


def at(local: str) -> types_pb2.CivilTime:
    """A time on the wall in Dublin."""
    return types_pb2.CivilTime(local=local, zone=DUBLIN)


def request(school: School, room_id: str, **changes: Any) -> sessions_pb2.ScheduleSeriesRequest:
    """A request for four Mondays at noon, the first in four hours from now."""
    one = school.request(room_id)
    fields: dict[str, Any] = {
        field.name: value for field, value in one.ListFields() if field.name != "activity_id"
    }
    fields |= {"activity_ids": ["lecture"], "rrule": "FREQ=WEEKLY;COUNT=4", **changes}
    return sessions_pb2.ScheduleSeriesRequest(**fields)


def plan(school: School, room_id: str, **changes: Any) -> resources_pb2.Series:
    """A planned series."""
    return school.staff.ScheduleSeries(request(school, room_id, **changes))


def move(school: School, series: resources_pb2.Series, **changes: Any) -> resources_pb2.Series:
    """The series after a move."""
    fields: dict[str, Any] = {"series_id": series.id, "reason": "strike", **changes}
    return school.staff.MoveSeries(sessions_pb2.MoveSeriesRequest(**fields))


def cancel(school: School, series: resources_pb2.Series, **changes: Any) -> resources_pb2.Series:
    """The series after a cancellation."""
    fields: dict[str, Any] = {"series_id": series.id, "reason": "ill", **changes}
    return school.staff.CancelSeries(sessions_pb2.CancelSeriesRequest(**fields))


def get(school: School, series_id: str) -> resources_pb2.Series:
    """A series as staff sees it now."""
    return school.staff.GetSeries(sessions_pb2.GetSeriesRequest(series_id=series_id))


def session_of(school: School, occurrence: resources_pb2.Occurrence) -> resources_pb2.Session:
    """The session of an occurrence."""
    return school.get(resources_pb2.Session(id=occurrence.session_id))


def starts(series: resources_pb2.Series) -> list[str]:
    """When the sessions of a series start on the wall."""
    return [each.starts.local for each in series.occurrences]


def violations(call: Callable[[], object]) -> Sequence[FieldViolation]:
    """Everything for which a call is refused; gRPC's trailer has room for some of it only."""
    with pytest.raises(FailedPrecondition) as error:
        race(lambda _: call(), [None])
    return error.value.violations


# Planning


def test_a_series_is_sessions(school: School) -> None:
    """Each is at noon on the wall, also after the clocks changed, and is answered, listed and told
    with its series and recurrence id.
    """
    room = school.room()
    series = plan(school, room, rrule="FREQ=WEEKLY;UNTIL=20260406T110000Z")
    assert series.rrule == "FREQ=WEEKLY;COUNT=6"
    assert starts(series) == [*MONDAYS, "2026-03-30T12:00:00", "2026-04-06T12:00:00"]
    utc = [each.start_time.ToJsonString()[11:16] for each in series.occurrences]
    assert utc == ["12:00"] * 4 + ["11:00"] * 2
    assert get(school, series.id) == series
    listed = school.staff.ListSessions(sessions_pb2.ListSessionsRequest(series_id=series.id))
    assert [each.id for each in listed.sessions] == [e.session_id for e in series.occurrences]
    assert {each.series_id for each in listed.sessions} == {series.id}
    assert [each.recurrence_id for each in listed.sessions] == starts(series)
    assert len({each.activity_id for each in listed.sessions}) == 1
    told = school.published(events_pb2.SessionScheduled)
    assert [each.recurrence_id for each in told] == starts(series)
    (event,) = school.published(events_pb2.SeriesScheduled)
    assert (event.series_id, event.room, event.rrule) == (series.id, "Aula", series.rrule)
    assert [each.session_id for each in event.occurrences] == [each.session_id for each in told]


def test_check_in_secrets_differ(school: School) -> None:
    """Who knows the code of one session does not know that of another."""
    plan(school, school.room())
    secrets = school.database.mongo["sessions"].distinct("check_in_secret")
    assert len(secrets) == 4


def test_further_and_excluded_dates_and_an_activity_for_each(school: School) -> None:
    """The activities go by the order of the starts."""
    series = plan(
        school,
        school.room(),
        rdates=["2026-03-04T16:00"],
        exdates=[MONDAYS[1]],
        activity_ids=["a", "b", "c", "d"],
    )
    assert starts(series) == [MONDAYS[0], "2026-03-04T16:00:00", *MONDAYS[2:]]
    found = [session_of(school, each).activity_id for each in series.occurrences]
    assert found == ["a", "b", "c", "d"]


def test_a_series_is_planned_once_by_a_request_id(school: School) -> None:
    """A repeat answers the same; another content under the same id is refused."""
    room = school.room()
    first = plan(school, room, request_id="once")
    assert plan(school, room, request_id="once") == first
    assert school.database.mongo["sessions"].count_documents({}) == 4
    again = request(school, room, request_id="once", title="Optics")
    assert refused(lambda: school.staff.ScheduleSeries(again))[0] is EXISTS


def test_every_clash_of_every_session_is_told_at_once(school: School) -> None:
    """Of single sessions and other series, by place; nothing is planned."""
    room = school.room()
    school.schedule(room, starts=at("2026-03-09T12:30:00"), title="Optics")
    plan(school, room, starts=at("2026-03-16T11:30:00"), rrule="FREQ=DAILY;INTERVAL=7;COUNT=2")
    wanted = request(school, room, title="Heat")
    found = violations(lambda: school.api.ScheduleSeries(wanted, None))
    fields = [each.field for each in found]
    assert fields == [
        f"occurrences[{place}].{what}"
        for place in (1, 2, 3)
        for what in ("room_id", "instructor_id")
    ]
    assert "('Optics'), 2026-03-09T12:30:00Z to 2026-03-09T13:30:00Z" in found[0].wrong
    assert refused(lambda: school.staff.ScheduleSeries(wanted))[0] is PRECONDITION
    assert not school.database.mongo["sessions"].count_documents({"title": "Heat"})
    assert not school.database.mongo["series"].count_documents({"title": "Heat"})


def test_everything_against_a_series_is_told_at_once(school: School) -> None:
    """Unknown room, instructor and group; what is past, and what is after the run's end."""
    facts = catalog.RunFacts(
        run_id=RUN, instructor_ids=[TEACHER], end_date="2026-03-10", zone=DUBLIN
    )
    school.hear("rosters", catalog.RunUpdated(run_id=RUN, run=facts))
    wanted = request(
        school,
        "nowhere",
        starts=at("2026-02-23T12:00:00"),
        instructor_id="nobody",
        group_ids=["none"],
    )
    found = violations(lambda: school.api.ScheduleSeries(wanted, None))
    assert [each.field for each in found] == [
        "room_id",
        "group_ids[0]",
        "instructor_id",
        "occurrences[0].starts",
        "occurrences[3].starts",
    ]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rrule": "FREQ=SECONDLY;COUNT=9"}, "FREQ is 'SECONDLY'"),
        ({"rrule": "FREQ=DAILY"}, "has no end"),
        ({"rrule": "FREQ=DAILY;UNTIL=29991231"}, "gives more than 400 sessions"),
        ({"rrule": "FREQ=DAILY;INTERVAL=7;BYDAY=TU;COUNT=2"}, "is a MO"),
        ({"starts": at("2026-03-29T01:30:00")}, "the clocks skip it"),
        ({"starts": at("2026-03-22T01:30:00")}, "occurrences[1].starts.local"),
        ({"duration": Duration(seconds=-1)}, "duration"),
    ],
)
def test_a_wrong_request_is_refused(school: School, changes: dict[str, Any], text: str) -> None:
    """Before anything is looked up, in a moment, with what is wrong."""
    code, told = refused(lambda: plan(school, "nowhere", **changes))
    assert code is INVALID
    assert text in told


# Races


def is_taken(call: Callable[[], object]) -> bool:
    """Whether a call is done; False if conflicts are against it."""
    try:
        call()
    except FailedPrecondition:
        return False
    return True


def test_of_two_series_at_once_one_gets_the_room(school: School) -> None:
    """The other one is told of each of its sessions."""
    room = school.room()
    clashes: list[int] = []

    def attempt(instructor: str) -> bool:
        wanted = request(school, room, instructor_id=instructor)
        try:
            school.api.ScheduleSeries(wanted, None)
        except FailedPrecondition as error:
            clashes.append(len(error.violations))
            return False
        return True

    assert sorted(race(attempt, [TEACHER, "bohr"])) == [False, True]
    assert clashes == [4]
    assert school.database.mongo["sessions"].count_documents({}) == 4


def test_a_series_races_with_single_sessions(school: School) -> None:
    """Either all of the series is planned, or none; no two sessions share the room at a time."""
    room = school.room()
    calls: list[Callable[[], object]] = [
        lambda: school.api.ScheduleSeries(request(school, room), None)
    ]
    for local in MONDAYS[1:3]:
        one = school.request(room, starts=at(local), instructor_id="bohr")
        calls.append(lambda one=one: school.api.ScheduleSession(one, None))  # type: ignore[misc]
    taken = race(is_taken, calls)
    held = [row["start_time"] for row in school.database.mongo["sessions"].find()]
    assert len(held) == len(set(held))
    assert taken[0] is not any(taken[1:])
    assert len(held) == (4 if taken[0] else 2)


def test_two_moves_of_a_series_at_once(school: School) -> None:
    """One after the other: both are told with what they really changed, and the last one counts."""
    series = plan(school, school.room())
    moves = [
        sessions_pb2.MoveSeriesRequest(series_id=series.id, starts=at(f"2026-03-02T{hour}:00:00"))
        for hour in (14, 16)
    ]
    race(lambda one: school.api.MoveSeries(one, None), moves)
    first, second = school.published(events_pb2.SeriesMoved)
    assert first.starts.local != second.starts.local
    assert [e.new_start_time for e in first.occurrences] == [
        e.old_start_time for e in second.occurrences
    ]
    assert get(school, series.id).starts == second.starts


def test_an_unknown_series_is_not_found(school: School) -> None:
    """Every RPC that names one says so."""
    ghost = resources_pb2.Series(id="ghost")
    for call in (
        lambda: get(school, "ghost"),
        lambda: move(school, ghost),
        lambda: cancel(school, ghost),
    ):
        assert refused(call)[0] is grpc.StatusCode.NOT_FOUND


# Rights


def test_a_tutor_plans_series_for_the_own_group_only(school: School) -> None:
    """And reaches no series of another group, or of the run."""
    school.hear("rosters", group("group-a"), group("group-b"), tutor("lise", "group-a"))
    lise = Stub(school.channel_for("lise"))
    days = itertools.count(2)

    def wanted(*groups: str) -> sessions_pb2.ScheduleSeriesRequest:
        start = datetime(2026, 3, next(days), 12).isoformat()
        return request(school, room, group_ids=groups, starts=at(start), instructor_id="bohr")

    room = school.room()
    own = lise.ScheduleSeries(wanted("group-a"))
    of_b, of_run = (school.staff.ScheduleSeries(wanted(*each)) for each in (["group-b"], []))
    for one in (wanted("group-b"), wanted()):
        assert refused(lambda one=one: lise.ScheduleSeries(one))[0] is DENIED  # type: ignore[misc]
    for series in (of_b, of_run):
        named = sessions_pb2.GetSeriesRequest(series_id=series.id)
        assert refused(lambda named=named: lise.GetSeries(named))[0] is DENIED  # type: ignore[misc]
    off = sessions_pb2.CancelSeriesRequest(series_id=own.id, reason="ill")
    assert [each.state for each in lise.CancelSeries(off).occurrences] == [CANCELLED] * 4


# Size


def test_the_largest_series_is_one_unit_of_work(school: School) -> None:
    """400 sessions are planned, moved and cancelled, each with its event; 401 are refused."""
    room = school.room()
    series = plan(school, room, rrule="FREQ=DAILY;COUNT=400")
    assert len(series.occurrences) == 400
    assert len(school.published(events_pb2.SessionScheduled)) == 400
    moved = move(school, series, starts=at("2026-03-02T13:00:00"))
    assert {each.starts.local[11:] for each in moved.occurrences} == {"13:00:00"}
    cancel(school, series)
    assert len(school.published(events_pb2.SessionCancelled)) == 400


@only_deep
def test_a_term_of_many_rooms_is_planned_beside_each_other(school: School) -> None:
    """Two hundred series in twenty rooms; one more, into a room that is full, is refused."""
    rooms = [school.room(f"Room {number}") for number in range(20)]
    for number, room in enumerate(rooms):
        instructor = f"teacher-{number}"
        school.hear(
            "rosters",
            catalog.PersonUpserted(person_id=instructor, roles=[options_pb2.ROLE_INSTRUCTOR]),
        )
        for hour in range(8, 18):
            plan(
                school,
                room,
                instructor_id=instructor,
                starts=at(f"2026-03-03T{hour:02d}:00:00"),
                rrule="FREQ=WEEKLY;COUNT=12",
            )
    assert school.database.mongo["sessions"].count_documents({}) == 20 * 10 * 12
    code, text = refused(lambda: plan(school, rooms[7], starts=at("2026-03-03T10:00:00")))
    assert (code, "occurrences[0].room_id" in text) == (PRECONDITION, True)
