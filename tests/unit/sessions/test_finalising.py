"""How a class is divided into parts, and their events."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from tandem.sessions.v1 import events_pb2

from chassis.contracts.mapping import to_message
from services.sessions.domain.attendance import MOST_STRETCHES, Attendance
from services.sessions.domain.enums import (
    AttendanceMode,
    AttendanceStatus,
    EnrolmentState,
    Interval,
    Stretch,
)
from services.sessions.domain.events import SettledAttendance
from services.sessions.domain.finalising import (
    LEARNERS,
    LEARNERS_PER_EVENT,
    PRESENCE_EVENTS,
    SWEEPS,
    Candidates,
    Chunk,
    Finalisation,
    advanced,
    chunk_of,
    event_parts,
    settled_rows,
    swept,
)
from services.sessions.domain.roster import Enrolment

START = Finalisation("s1", "run")


def _ids(count: int) -> list[str]:
    return [f"l{number:06d}" for number in range(count)]


@given(st.integers(0, 3 * LEARNERS), st.data())
def test_parts_hold_everyone_once(count: int, data: st.DataObject) -> None:
    """With any number of presence events: in order, each once, and only the last part is marked."""
    waiting, seen = _ids(count), list[str]()
    some = data.draw(
        st.dictionaries(st.sampled_from(_ids(2000)), st.integers(0, 2 * PRESENCE_EVENTS))
    )
    finalisation = START
    while not finalisation.passed:
        left = [one for one in waiting if one > finalisation.after]
        chunk = chunk_of(left[: LEARNERS + 1], some)
        assert chunk.learner_ids or not left
        assert chunk.last == (list(chunk.learner_ids) == left)
        assert len(chunk.learner_ids) <= LEARNERS
        assert (
            len(chunk.learner_ids) <= 1
            or sum(some.get(i, 0) for i in chunk.learner_ids) <= PRESENCE_EVENTS
        )
        finalisation = advanced(finalisation, chunk, 1)
        seen += chunk.learner_ids
    assert seen == waiting


def test_a_finalisation_has_passed_its_learners_in_order() -> None:
    """Up to the last one of its parts, and all once the pass is over."""
    assert not START.has_passed("a")
    after = advanced(START, Chunk(["a", "c"], last=False), 1)
    assert [after.has_passed(one) for one in "abcd"] == [True, True, True, False]
    assert advanced(after, Chunk([], last=True), 1).has_passed("d")


def _enrolment(learner: str, state: EnrolmentState) -> Enrolment:
    return Enrolment("run", learner, state, 1, AttendanceMode.SELF_PACED, 1)


def test_who_is_expected_is_who_was_when_the_session_ended() -> None:
    """The list from the end counts; for other learners with a seat, their current state counts.
    Who only waits for a seat is not expected.
    """
    enrolled, gone = EnrolmentState.ENROLLED, EnrolmentState.WITHDRAWN
    usual = replace(_enrolment("back", enrolled), mode=AttendanceMode.ONLINE)
    candidates = Candidates(
        [
            "back",
            "came",
            "gone-seated",
            "guest",
            "new",
            "seated",
            "seated-then",
            "waited-then",
            "waits",
        ],
        {"came", "new", "waits"},
        {"gone-seated", "seated", "seated-then"},
        frozenset({"waits", "waited-then"}),
        {
            "back": usual,
            "new": Enrolment("run", "new"),
            "seated-then": _enrolment("seated-then", enrolled),
            "waited-then": replace(usual, learner_id="waited-then"),
        },
    )
    assert candidates.unclear == {"seated", "gone-seated"}
    known = {"seated": _enrolment("seated", enrolled), "gone-seated": _enrolment("g", gone)}
    assert candidates.expected(known) == {"back", "came", "seated", "seated-then"}


def test_sweeps_end() -> None:
    """After as many as MongoDB's longest transaction needs."""
    finalisation: Finalisation | None = START
    for _ in range(SWEEPS):
        assert finalisation is not None
        finalisation = swept(finalisation)
    assert finalisation is None


def _rows(count: int) -> list[SettledAttendance]:
    return [SettledAttendance(one, AttendanceStatus.PRESENT, 1.0) for one in _ids(count)]


def test_who_only_waited_is_told_without_a_verdict() -> None:
    """In the order of the learners; one who came all the same has the attendance."""
    rows = [Attendance("s1", one, AttendanceStatus.PRESENT, 1.0, ()) for one in ("ada", "cyd")]
    told = settled_rows(rows, {"bob", "cyd"}, None)
    assert [(row.learner_id, row.verdict, row.waited) for row in told] == [
        ("ada", AttendanceStatus.PRESENT, False),
        ("bob", None, True),
        ("cyd", AttendanceStatus.PRESENT, False),
    ]


def test_events_hold_every_row_once() -> None:
    """Each event has at most a number of learners; the numbers continue; the last has the total."""
    rows = _rows(2 * LEARNERS_PER_EVENT + 1)
    found = list(event_parts(rows, 0, last=False)) + list(event_parts(rows[:1], 3, last=True))
    assert [(each.part, each.parts) for each in found] == [(1, 0), (2, 0), (3, 0), (4, 4)]
    assert [len(each.learners) for each in found] == [LEARNERS_PER_EVENT, LEARNERS_PER_EVENT, 1, 1]
    assert [one.learner_id for each in found[:3] for one in each.learners] == _ids(len(rows))


def test_the_end_is_told_in_any_case() -> None:
    """An empty class, and a last part in which nobody gets attendance, have an empty event."""
    assert [(each.part, each.parts) for each in event_parts([], 0, last=True)] == [(1, 1)]
    assert [(each.part, each.parts) for each in event_parts([], 7, last=True)] == [(8, 8)]
    assert list(event_parts([], 7, last=False)) == []


def test_events_stay_small_with_any_stretches() -> None:
    """Learners who came and went often, with the longest ids: fewer in each event, and all told."""
    began, minute = datetime(2026, 3, 2, 9, tzinfo=UTC), timedelta(minutes=1)
    often = tuple(
        Interval(began + 1439 * minute / (n + 1), began + 1440 * minute / (n + 1))
        for n in range(30)
    )
    rows = [
        Attendance("s1", f"{n:03d}" + "\x01" * 125, AttendanceStatus.PARTIAL, 1 / 3 + 1e3, often)
        for n in range(LEARNERS_PER_EVENT)
    ]
    told = settled_rows(rows, frozenset(), began)
    assert {len(each.attended) for each in told} == {MOST_STRETCHES}
    parts = list(event_parts(told, 0, last=True))
    assert [one for each in parts for one in each.learners] == told
    for each in parts:
        message = to_message(each, events_pb2.AttendanceSettled)
        assert len(json_format.MessageToJson(message, indent=None)) < 240_000


def test_only_who_was_there_for_a_part_is_told_with_stretches() -> None:
    """In seconds from the real start; others are told by their status alone."""
    began, minute = datetime(2026, 3, 2, 9, tzinfo=UTC), timedelta(minutes=1)
    there = (Interval(began + minute, began + 20 * minute),)
    partial = Attendance("s1", "ada", AttendanceStatus.PARTIAL, 19.0, there)
    present = Attendance("s1", "bob", AttendanceStatus.PRESENT, 19.0, there)
    told = settled_rows([partial, present], frozenset(), began)
    assert [each.attended for each in told] == [(Stretch(60.0, 1200.0),), ()]
