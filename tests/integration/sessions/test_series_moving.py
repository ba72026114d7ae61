"""Series that are moved and cancelled."""

from typing import Any

from google.protobuf.duration_pb2 import Duration
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from tests.integration.sessions.school import TEACHER, School, refused
from tests.integration.sessions.test_series import (
    CANCELLED,
    INVALID,
    MONDAYS,
    PRECONDITION,
    at,
    cancel,
    get,
    move,
    plan,
    session_of,
    starts,
    violations,
)

IN_ROOM = types_pb2.SEAT_KIND_IN_ROOM


def move_one(
    school: School, occurrence: resources_pb2.Occurrence, local: str
) -> resources_pb2.Session:
    """One session of a series, moved alone."""
    return school.staff.MoveSession(
        sessions_pb2.MoveSessionRequest(session_id=occurrence.session_id, starts=at(local))
    )


# Moving


def test_a_moved_series_keeps_its_sessions(school: School) -> None:
    """Their ids and seats stay; each is told with the series, and the series once with all."""
    aula, lab = school.room("Aula"), school.room("Lab", 10)
    school.enrol("ada")
    series = plan(school, aula)
    school.choose(session_of(school, series.occurrences[1]), "ada", IN_ROOM)
    moved = move(
        school,
        series,
        starts=at("2026-03-03T14:00:00"),
        duration=Duration(seconds=1800),
        room_id=lab,
        instructor_id="bohr",
    )
    assert moved.id == series.id
    assert moved.rrule == series.rrule
    assert starts(moved) == [f"2026-03-{day:02d}T14:00:00" for day in (3, 10, 17, 24)]
    assert [e.session_id for e in moved.occurrences] == [e.session_id for e in series.occurrences]
    second = session_of(school, moved.occurrences[1])
    assert (second.in_room, second.room_seats, second.instructor_id) == (1, 10, "bohr")
    assert second.end_time.seconds - second.start_time.seconds == 1800
    (event,) = school.published(events_pb2.SeriesMoved)
    assert (event.old_room, event.room, event.reason) == ("Aula", "Lab", "strike")
    assert (event.old_instructor_id, event.new_instructor_id) == (TEACHER, "bohr")
    assert [e.old_start_time for e in event.occurrences] == [
        e.start_time for e in series.occurrences
    ]
    told = school.published(events_pb2.SessionMoved)
    assert [each.series_id for each in told] == [series.id] * 4
    assert [each.new_start_time for each in told] == [e.start_time for e in moved.occurrences]
    plan(school, aula)


def test_a_repeated_move_tells_nothing_new(school: School) -> None:
    """A series that is there already is answered as it is."""
    series = plan(school, school.room())
    moved = move(school, series, starts=at("2026-03-03T12:00:00"))
    assert move(school, series, starts=at("2026-03-03T12:00:00")) == moved
    assert move(school, series) == moved
    assert len(school.published(events_pb2.SeriesMoved)) == 1


def test_this_and_following_move_as_a_new_series(school: School) -> None:
    """The earlier ones stay in the old series, whose rule ends before; none is lost."""
    series = plan(school, school.room(), exdates=[MONDAYS[1]])
    ids = [each.session_id for each in series.occurrences]
    tail = move(school, series, from_recurrence_id=MONDAYS[2], starts=at("2026-03-18T09:00:00"))
    head = get(school, series.id)
    assert (tail.continues, head.continued_by) == (series.id, tail.id)
    assert (head.rrule, tail.rrule) == ("FREQ=WEEKLY;COUNT=2", "FREQ=WEEKLY;COUNT=2")
    assert (list(head.exdates), list(tail.exdates)) == ([MONDAYS[1]], [])
    assert starts(head) == [MONDAYS[0]]
    assert starts(tail) == ["2026-03-18T09:00:00", "2026-03-25T09:00:00"]
    assert [e.session_id for e in (*head.occurrences, *tail.occurrences)] == ids
    (event,) = school.published(events_pb2.SeriesMoved)
    assert (event.series_id, event.split_from) == (tail.id, series.id)
    code, text = refused(lambda: move(school, series, from_recurrence_id=MONDAYS[2]))
    assert (code, f"'{MONDAYS[2]}' is of no session" in text) == (INVALID, True)


def test_what_is_over_stays_when_all_move(school: School) -> None:
    """A class that has begun, and one that was cancelled; they stay in the series that ends."""
    series = plan(school, school.room())
    first, second, *_ = series.occurrences
    school.clock.forward(hours=4)
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=first.session_id))
    school.staff.CancelSession(
        sessions_pb2.CancelSessionRequest(session_id=second.session_id, reason="ill")
    )
    tail = move(school, series, starts=at("2026-03-17T12:00:00"))
    assert starts(tail) == ["2026-03-17T12:00:00", "2026-03-24T12:00:00"]
    head = get(school, series.id)
    assert [each.state for each in head.occurrences] == [
        resources_pb2.SESSION_STATE_LIVE,
        CANCELLED,
    ]
    code, text = refused(lambda: move(school, series, starts=at("2026-03-17T12:00:00")))
    assert code is PRECONDITION
    assert f"series {tail.id} continues it" in text


def test_one_that_moved_alone_stays_unless_asked(school: School) -> None:
    """It keeps its recurrence id, and is an exception until it returns to its place."""
    series = plan(school, school.room())
    alone = move_one(school, series.occurrences[1], "2026-03-11T16:00:00")
    assert (alone.exception, alone.recurrence_id, alone.series_id) == (True, MONDAYS[1], series.id)
    (event,) = school.published(events_pb2.SessionMoved)
    assert event.series_id == ""
    later = move(school, series, starts=at("2026-03-02T13:00:00"))
    second = later.occurrences[1]
    assert (second.starts.local, second.exception) == ("2026-03-11T16:00:00", True)
    assert second.recurrence_id == "2026-03-09T13:00:00"
    back = move(school, series, starts=at("2026-03-02T14:00:00"), with_exceptions=True)
    second = back.occurrences[1]
    assert (second.starts.local, second.exception) == ("2026-03-09T14:00:00", False)


def test_a_move_tells_every_clash_and_changes_nothing(school: School) -> None:
    """Not with the series' own sessions as they were, but with those that stay."""
    room = school.room()
    series = plan(school, room)
    school.schedule(room, starts=at("2026-03-10T12:00:00"), instructor_id="bohr", title="Optics")
    move_one(school, series.occurrences[3], "2026-03-17T12:30:00")
    before = get(school, series.id)
    wanted = sessions_pb2.MoveSeriesRequest(series_id=series.id, starts=at("2026-03-03T12:00:00"))
    found = violations(lambda: school.api.MoveSeries(wanted, None))
    assert [each.field for each in found] == [
        "occurrences[1].room_id",
        "occurrences[2].room_id",
        "occurrences[2].instructor_id",
    ]
    assert get(school, series.id) == before
    assert starts(move(school, series, starts=at("2026-03-02T12:30:00")))[0][11:] == "12:30:00"


def test_a_series_moves_into_a_larger_room_and_no_smaller_one(school: School) -> None:
    """Who waits gets a seat; a room with fewer seats than are taken is refused, by session."""
    small, large = school.room("Small", 1), school.room("Large", 2)
    school.enrol("ada", "bob")
    series = plan(school, small)
    second = session_of(school, series.occurrences[1])
    for learner in ("ada", "bob"):
        school.choose(second, learner, IN_ROOM)
    series = move(school, series, room_id=large)
    assert [event.learner_id for event in school.published(events_pb2.SeatPromoted)] == ["bob"]
    assert session_of(school, series.occurrences[1]).in_room == 2
    code, text = refused(lambda: move(school, series, room_id=small))
    assert code is PRECONDITION
    assert "occurrences[1].room_id: 2 seats in the room are taken" in text


def test_a_session_gets_another_instructor(school: School) -> None:
    """Who must be free, and be an instructor."""
    session = school.schedule(school.room())
    other = school.schedule(school.room("Lab"), instructor_id="bohr", title="Optics")
    fields: dict[str, Any] = {"session_id": session.id, "starts": session.starts}
    clash = sessions_pb2.MoveSessionRequest(**fields, instructor_id="bohr")
    code, text = refused(lambda: school.staff.MoveSession(clash))
    assert (code, other.id in text) == (PRECONDITION, True)
    stranger = sessions_pb2.MoveSessionRequest(**fields, instructor_id="nobody")
    assert "unknown as an instructor" in refused(lambda: school.staff.MoveSession(stranger))[1]
    school.staff.CancelSession(sessions_pb2.CancelSessionRequest(session_id=other.id, reason="ill"))
    assert school.staff.MoveSession(clash).instructor_id == "bohr"
    (event,) = school.published(events_pb2.SessionMoved)
    assert (event.old_instructor_id, event.new_instructor_id) == (TEACHER, "bohr")


# Cancelling


def test_a_cancelled_series_frees_its_hours_and_answers_repeats(school: School) -> None:
    """Also those that moved alone; they stay visible, and each is told with its substitute."""
    room = school.room()
    series = plan(school, room)
    move_one(school, series.occurrences[1], "2026-03-11T16:00:00")
    gone = cancel(school, series, substitute_item_ids=["a", "b", "c", "d"])
    assert [each.state for each in gone.occurrences] == [CANCELLED] * 4
    assert cancel(school, series) == gone
    (event,) = school.published(events_pb2.SeriesCancelled)
    assert (event.series_id, event.reason) == (series.id, "ill")
    assert [each.substitute_item_id for each in event.occurrences] == ["a", "b", "c", "d"]
    told = school.published(events_pb2.SessionCancelled)
    assert [(each.series_id, each.substitute_item_id) for each in told] == [
        (series.id, item) for item in "abcd"
    ]
    plan(school, room)


def test_this_and_following_are_cancelled(school: School) -> None:
    """Earlier ones stay; the number of substitutes must fit."""
    series = plan(school, school.room())
    wrong = {"from_recurrence_id": MONDAYS[2], "substitute_item_ids": ["a", "b", "c"]}
    code, text = refused(lambda: cancel(school, series, **wrong))
    assert (code, "3 are given for 2 sessions" in text) == (PRECONDITION, True)
    gone = cancel(school, series, from_recurrence_id=MONDAYS[2], substitute_item_ids=["a"])
    assert [each.state == CANCELLED for each in gone.occurrences] == [False, False, True, True]
    moved = move(school, series, starts=at("2026-03-02T14:00:00"))
    assert [each.starts.local[11:13] for each in moved.occurrences] == ["14", "14", "12", "12"]
