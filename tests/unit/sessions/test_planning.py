"""Planning, moving, conflicts and states."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.errors import FailedPrecondition
from services.sessions.domain.conflicts import conflict_violations
from services.sessions.domain.enums import CivilTime, SessionKind, SessionState
from services.sessions.domain.planning import (
    Move,
    instructor_violations,
    limit_violations,
    move_violations,
    moved,
    planned,
    schedule_violations,
    taken_violations,
    unknown_violations,
)
from services.sessions.domain.roster import Person, Policy, Run
from services.sessions.domain.session import (
    Room,
    cancelled,
    ended,
    span_of,
    started,
)
from tests.unit.sessions.examples import AULA, HOUR, NINE, request, session

ONLINE: dict[str, Any] = {"kind": SessionKind.ONLINE, "room_id": ""}
IN_ROOM: dict[str, Any] = {"kind": SessionKind.IN_ROOM, "join_url": ""}
RUN = Run("run", ("curie",), Policy(), 1)


@pytest.mark.parametrize("changes", [{}, ONLINE, IN_ROOM, {"duration": timedelta(hours=24)}])
def test_a_good_request_has_no_violation(changes: dict[str, Any]) -> None:
    """Each kind of session can be asked for."""
    assert schedule_violations(request(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"room_id": ""}, ["room_id"]),
        ({"join_url": ""}, ["join_url"]),
        ({**ONLINE, "room_id": "aula"}, ["room_id"]),
        ({**ONLINE, "room_seats": 5}, ["room_seats"]),
        ({**IN_ROOM, "online_seats": 5}, ["online_seats"]),
        ({**IN_ROOM, "join_url": "https://meet.example.edu"}, ["join_url"]),
        ({"duration": timedelta()}, ["duration"]),
        ({"duration": timedelta(seconds=-60)}, ["duration"]),
        ({"duration": timedelta(hours=24, seconds=1)}, ["duration"]),
        ({"duration": timedelta(seconds=1.5)}, ["duration"]),
        ({"title": " \t"}, ["title"]),
        ({"material_item_ids": ("a", " ", "a")}, ["material_item_ids[1]", "material_item_ids[2]"]),
        ({"material_item_ids": ("x" * 65,)}, ["material_item_ids[0]"]),
        (
            {"starts": CivilTime("x", "y"), "duration": timedelta(), "room_id": "", "title": " "},
            ["starts.local", "starts.zone", "duration", "title", "room_id"],
        ),
    ],
)
def test_every_violation_of_a_request_is_told(changes: dict[str, Any], fields: list[str]) -> None:
    """All violations are reported at once, by field."""
    assert [violation.field for violation in schedule_violations(request(**changes))] == fields


def test_a_plan_has_the_seats_of_its_room_or_fewer() -> None:
    """A session has the room's capacity, or the requested number if that is less."""
    assert planned(request(), AULA, "s", "").room_seats == 30
    assert planned(request(room_seats=12), AULA, "s", "").room_seats == 12
    assert planned(request(**ONLINE), None, "s", "").room_seats == 0


def test_a_plan_takes_as_long_as_it_takes_across_a_clock_change() -> None:
    """A class of three hours through the night of the change still lasts three hours."""
    night = CivilTime("2026-03-29T00:30:00", "Europe/Dublin")
    plan = planned(request(starts=night, duration=3 * HOUR), AULA, "s", "")
    assert plan.end_time - plan.start_time == 3 * HOUR


@pytest.mark.parametrize("hours", [-1, 1])
def test_sessions_that_touch_do_not_conflict(hours: int) -> None:
    """Times are half-open: one may begin when the other ends, in the same room."""
    shift = hours * HOUR
    other = session(id="s2", start_time=NINE + shift, end_time=NINE + HOUR + shift)
    assert list(conflict_violations({"": session()}, [other])) == []


def test_every_conflict_names_the_other_session() -> None:
    """Room and instructor are distinct, each with the other session's id, title and times."""
    both = session(id="s2", title="Optics", start_time=NINE + HOUR / 2)
    room = session(id="s3", title="Waves", instructor_id="bohr")
    teacher = session(id="s4", title="Heat", room_id="lab")
    free = session(id="s5", room_id="lab", instructor_id="bohr")
    others = [room, teacher, both, free, session()]
    violations = conflict_violations({"": session()}, others)
    named = [(violation.field, violation.wrong.split("session ")[1]) for violation in violations]
    assert named == [
        ("room_id", "s3 ('Waves'), 2026-03-02T09:00:00Z to 2026-03-02T10:00:00Z"),
        ("room_id", "s2 ('Optics'), 2026-03-02T09:30:00Z to 2026-03-02T10:00:00Z"),
        ("instructor_id", "s4 ('Heat'), 2026-03-02T09:00:00Z to 2026-03-02T10:00:00Z"),
        ("instructor_id", "s2 ('Optics'), 2026-03-02T09:30:00Z to 2026-03-02T10:00:00Z"),
    ]


def test_online_sessions_share_no_room() -> None:
    """Two online sessions have no room to fight for."""
    plain = session(room_id="", kind=SessionKind.ONLINE)
    other = session(id="s2", room_id="", kind=SessionKind.ONLINE, instructor_id="bohr")
    assert list(conflict_violations({"": plain}, [other])) == []


@pytest.mark.parametrize(
    ("run", "person", "known"),
    [
        (RUN, None, True),
        (None, Person("curie", ("INSTRUCTOR",), 1), True),
        (Run("run", ("bohr",), Policy(), 1), Person("curie", ("INSTRUCTOR",), 1), True),
        (Run("run", ("bohr",), Policy(), 1), Person("curie", ("LEARNER",), 1), False),
        (Run("run", ("bohr",), Policy(), 1), None, False),
    ],
)
def test_instructors_are_the_runs_or_the_rosters(
    run: Run | None, person: Person | None, known: bool
) -> None:
    """An instructor is named by the run, or has that role in the roster."""
    assert (not list(instructor_violations(session(), run, person))) is known


def test_what_is_unknown_is_told() -> None:
    """Run and room are both reported when both are unknown."""
    assert [f.field for f in unknown_violations(session(), None, None)] == ["run_id", "room_id"]
    assert list(unknown_violations(session(), RUN, AULA)) == []


def test_a_room_holds_what_is_asked_of_it() -> None:
    """More seats than the room has are refused, and so is a move to a room with too few seats."""
    assert [f.field for f in limit_violations(session(seat_limit=31), AULA)] == ["room_seats"]
    assert list(limit_violations(session(seat_limit=30), AULA)) == []
    assert [f.field for f in taken_violations(session(room_seats=20, in_room=21))] == ["room_id"]
    assert list(taken_violations(session(room_seats=20, in_room=20))) == []


def test_a_moved_session_has_its_new_time_and_room() -> None:
    """Time, end, room and seats follow the move; without a duration it lasts as before."""
    move = Move(
        session_id="s1",
        starts=CivilTime("2026-03-03T14:00", "Europe/Dublin"),
        duration=None,
        room_id="lab",
        reason="",
    )
    after = moved(session(), move, Room("lab", "Lab", 12))
    assert (after.room, after.room_seats) == ("Lab", 12)
    assert after.start_time == NINE + timedelta(days=1, hours=5)
    assert after.end_time - after.start_time == HOUR
    assert moved(session(seat_limit=8), move, Room("lab", "Lab", 12)).room_seats == 8


def test_a_move_tells_its_violations() -> None:
    """Time and duration of a move are judged like a plan's."""
    nowhere = CivilTime("2026-03-29T01:30:00", "Europe/Dublin")
    move = Move(session_id="s1", starts=nowhere, duration=timedelta(), room_id="", reason="")
    assert [violation.field for violation in move_violations(move)] == ["starts.local", "duration"]


def test_a_session_goes_from_scheduled_to_live_to_ended() -> None:
    """Each step leads on from the one before."""
    live = started(session(), NINE)
    over = ended(live, NINE + HOUR)
    assert (live.state, over.state) == (SessionState.LIVE, SessionState.ENDED)
    assert span_of(over).length == HOUR


def test_a_session_never_ends_before_it_began() -> None:
    """Replicas whose clocks differ leave no negative length behind."""
    assert span_of(ended(started(session(), NINE), NINE - HOUR)).length == timedelta()


@pytest.mark.parametrize("state", list(SessionState))
def test_steps_out_of_turn_are_refused(state: SessionState) -> None:
    """Only a SCHEDULED session starts or is cancelled, only a LIVE one ends."""
    one = session(state=state)
    if state is not SessionState.SCHEDULED:
        with pytest.raises(FailedPrecondition, match=f"the session is {state}"):
            started(one, NINE)
        with pytest.raises(FailedPrecondition, match="only a session that is SCHEDULED"):
            cancelled(one)
    if state is not SessionState.LIVE:
        with pytest.raises(FailedPrecondition):
            ended(one, NINE)
    with pytest.raises(ValueError, match="has not ended"):
        span_of(one)


def test_a_secret_is_not_shown() -> None:
    """A session's text, as in a log, does not contain its check-in secret."""
    assert "ab" * 32 not in repr(session())
