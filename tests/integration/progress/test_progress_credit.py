"""Attendance credit on the real database: parts, replaced recordings, late evidence."""

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.library.v1 import events_pb2 as library
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2

from tests.deep import deep, orders
from tests.integration.progress.classroom import (
    ABSENT,
    CLASS,
    FILM,
    HOUR,
    PARTIAL,
    RUN,
    Classroom,
    available,
    ended,
    enrolled,
    finalised,
    lecture,
    opened,
    path,
    scheduled,
    stamp,
)

ASSIGNED = resources_pb2.CATCH_UP_STATE_ASSIGNED
COMPLETED = resources_pb2.CATCH_UP_STATE_COMPLETED
MISSED = resources_pb2.CATCH_UP_STATE_MISSED
LEARNERS = catalog_resources.EVIDENCE_POLICY_LEARNERS
AT_PACE = catalog_resources.EVIDENCE_POLICY_LEARNERS_AT_PACE
SERVICES = catalog_resources.EVIDENCE_POLICY_SERVICES
SECOND_FILM = "film-2"


def asks(**policy: Any) -> catalog.RunOpened:
    """A run in which PARTIAL asks for the part that was missed."""
    return opened(partial_attendance=catalog_resources.PARTIAL_ATTENDANCE_CATCH_UP, **policy)


def attached(item_id: str = FILM, offset: int = 0) -> sessions.RecordingAttached:
    """The class has a recording that begins so many seconds after it."""
    return sessions.RecordingAttached(
        session_id=CLASS,
        run_id=RUN,
        activity_id="lecture",
        item_id=item_id,
        starts_at_offset=Duration(seconds=offset),
    )


def heard(classroom: Classroom, *stretches: tuple[int, int]) -> sessions.AttendanceSettled:
    """Ada was there for these seconds."""
    event = finalised(classroom.clock.now(), {"ada": PARTIAL})
    for start, end in stretches:
        event.learners[0].attended.add(start=start, end=end)
    return event


def end_state(classroom: Classroom) -> tuple[Any, ...]:
    """Ada's catch-up and class, when no work is left."""
    classroom.settle_for_good()
    one = classroom.catch_up("ada")
    parts = [(part.start, part.end) for part in one.missed]
    share = round(one.watched_share, 6)
    state = (one.state, one.in_time, list(one.item_ids), parts, share)
    return (*state, classroom.states("ada")["lecture"])


@deep
@pytest.mark.parametrize("order", orders(5))
def test_the_part_that_was_missed_is_asked_for_in_any_order(
    classroom: Classroom, order: Sequence[int]
) -> None:
    """Attendance, recording, the correction of its offset, the film, and two statements."""
    classroom.hear("plans", asks(), path(lecture()), enrolled("ada", classroom.clock.now()))
    now = classroom.clock.now()
    classroom.hear("plans", scheduled(now - HOUR), ended(now))
    mine = [classroom.watched("ada", part) for part in ("1980[.]3000", "3000[.]3480")]
    first, corrected = (classroom.event(attached(offset=each)) for each in (0, -180))
    told: list[tuple[str, Any]] = [
        ("attendance", heard(classroom, (0, 1800))),
        ("attendance", first),
        ("attendance", corrected),
        ("attendance", available(FILM, 3600)),
        ("", mine),
    ]
    for each in order:
        queue, data = told[each]
        if queue:
            classroom.hear(queue, data)
        else:
            classroom.record(*data)
            classroom.settle()
    share = round((1800 + 1500) / 3600, 6)
    parts = [(0.0, 180.0), (1980.0, 3600.0)]
    assert end_state(classroom) == (COMPLETED, True, [FILM], parts, share, "COMPLETED")


def test_a_catch_up_says_what_was_missed(classroom: Classroom) -> None:
    """Its resource and its events; a corrected offset moves it."""
    classroom.open(lecture(), learners=["ada"])
    classroom.hear("plans", asks())
    now = classroom.clock.now()
    classroom.hear("plans", scheduled(now - HOUR), ended(now))
    classroom.hear("attendance", attached(), heard(classroom, (600, 1800)))
    classroom.settle()
    parts = [types_pb2.Stretch(start=0, end=600), types_pb2.Stretch(start=1800, end=3600)]
    assert list(classroom.catch_up("ada").missed) == parts
    (assigned,) = classroom.published(events_pb2.CatchUpAssigned)
    assert list(assigned.missed) == parts
    classroom.hear("attendance", attached(offset=300))
    classroom.settle()
    (changed,) = classroom.published(events_pb2.CatchUpChanged)
    moved = [types_pb2.Stretch(start=0, end=300), types_pb2.Stretch(start=1500, end=3600)]
    assert list(changed.missed) == list(classroom.catch_up("ada").missed) == moved


def test_an_attendance_that_shrinks_takes_its_share_back(classroom: Classroom) -> None:
    """An open catch-up has the share of what is known at present."""
    classroom.open(lecture(), learners=["ada"])
    classroom.hear("plans", asks())
    now = classroom.clock.now()
    classroom.hear("plans", scheduled(now - HOUR), ended(now))
    classroom.hear("attendance", attached(), heard(classroom, (0, 1800)))
    classroom.record(classroom.watched("ada", "1800[.]2700"))
    classroom.settle()
    assert classroom.catch_up("ada").watched_share == 0.75
    less = sessions.AttendanceAmended(
        session_id=CLASS, run_id=RUN, learner_id="ada", from_verdict=PARTIAL, to_verdict=PARTIAL
    )
    less.attended.add(start=0, end=900)
    classroom.hear("attendance", less)
    classroom.settle()
    assert classroom.catch_up("ada").watched_share == 0.5
    assert [part.start for part in classroom.catch_up("ada").missed] == [900]


@pytest.mark.parametrize("seconds", [3600, 3630, 3000])
@deep
@pytest.mark.parametrize("order", orders(6))
def test_a_replaced_recording_carries_over_what_it_can(
    classroom: Classroom, order: Sequence[int], seconds: int
) -> None:
    """Where the lengths agree; in any order, and also if the earlier one is retired."""
    classroom.hear("plans", opened(), path(lecture()), enrolled("ada", classroom.clock.now()))
    now = classroom.clock.now()
    classroom.hear("plans", scheduled(now - HOUR), ended(now))
    classroom.hear("attendance", finalised(now, {"ada": ABSENT}))
    first, second = classroom.event(attached()), classroom.event(attached(SECOND_FILM, -20))
    came, gone = (
        classroom.event(each) for each in (available(FILM, 3600), library.ItemRetired(item_id=FILM))
    )
    told: list[Any] = [
        first,
        second,
        came,
        gone,
        available(SECOND_FILM, seconds),
        classroom.watched("ada", "0[.]1800"),
    ]
    for each in order:
        if isinstance(told[each], resources_pb2.Statement):
            classroom.record(told[each])
            classroom.settle()
        else:
            classroom.hear("attendance", told[each])
    carried = 0 if seconds == 3000 else 1800
    share = round(carried / seconds, 6)
    assert end_state(classroom) == (ASSIGNED, False, [SECOND_FILM], [], share, "OPEN")


# Late evidence


def absent_from_class(classroom: Classroom, **policy: Any) -> None:
    """Ada was absent from a recorded class of a run with this policy."""
    classroom.open(lecture(), learners=["ada"])
    classroom.hear("plans", opened(**policy))
    classroom.hold_class(ada=ABSENT)
    classroom.hear("attendance", attached())
    classroom.settle()
    assert classroom.catch_up("ada").state == ASSIGNED


def send(classroom: Classroom, *statements: resources_pb2.Statement) -> None:
    """Ada sends her own statements."""
    request = progress_pb2.RecordStatementsRequest(statements=statements)
    results = classroom.learner("ada").RecordStatements(request).results
    assert all(result.changed for result in results)
    classroom.settle()


def made(classroom: Classroom, segments: str, **ago: float) -> resources_pb2.Statement:
    """A statement that Ada's device made so long ago."""
    at = classroom.clock.now() - timedelta(**ago)
    return classroom.watched("ada", segments, timestamp=stamp(at))


def summary_of_catch_ups(classroom: Classroom) -> tuple[int, int, int]:
    """How many are open, completed in time, and missed or late."""
    summary = classroom.summary()
    return summary.open_catch_ups, summary.completed_catch_ups, summary.missed_catch_ups


def test_late_trusted_evidence_takes_back_a_missed_catch_up(classroom: Classroom) -> None:
    """An offline device sends what it saw; the catch-up was in time, and one event tells it."""
    absent_from_class(classroom, evidence_within=Duration(seconds=7 * 86400))
    classroom.clock.forward(days=4)
    classroom.settle()
    assert (classroom.catch_up("ada").state, summary_of_catch_ups(classroom)) == (MISSED, (0, 0, 1))
    send(classroom, made(classroom, "0[.]1800", days=2))
    assert classroom.catch_up("ada").state == MISSED
    send(classroom, made(classroom, "1800[.]3600", days=1, hours=2))
    one = classroom.catch_up("ada")
    assert (one.state, one.in_time) == (COMPLETED, True)
    assert one.completed_at.ToDatetime(UTC) == classroom.clock.now() - timedelta(days=1, hours=2)
    assert summary_of_catch_ups(classroom) == (0, 1, 0)
    (told,) = classroom.published(events_pb2.CatchUpCompleted)
    assert (told.in_time, told.was_missed) == (True, True)
    assert len(classroom.published(events_pb2.CatchUpMissed)) == 1
    send(classroom, made(classroom, "0[.]60", days=2))
    assert len(classroom.published(events_pb2.CatchUpCompleted)) == 1


def test_evidence_that_arrives_before_the_timer_is_never_missed(classroom: Classroom) -> None:
    """It was made before the due, and arrives after it."""
    absent_from_class(classroom, evidence_within=Duration(seconds=7 * 86400))
    classroom.clock.forward(days=4)
    send(classroom, made(classroom, "0[.]3600", days=2))
    one = classroom.catch_up("ada")
    assert (one.state, one.in_time) == (COMPLETED, True)
    (told,) = classroom.published(events_pb2.CatchUpCompleted)
    assert (told.in_time, told.was_missed) == (True, False)
    assert classroom.published(events_pb2.CatchUpMissed) == []


def test_a_late_completion_turns_out_to_be_in_time(classroom: Classroom) -> None:
    """First what was watched after the due arrives, then what was watched before."""
    absent_from_class(classroom, evidence_within=Duration(seconds=7 * 86400))
    classroom.clock.forward(days=4)
    send(classroom, made(classroom, "0[.]3600"))
    one = classroom.catch_up("ada")
    assert (one.state, one.in_time, summary_of_catch_ups(classroom)) == (
        COMPLETED,
        False,
        (0, 0, 1),
    )
    send(classroom, made(classroom, "0[.]3600", days=2))
    assert (classroom.catch_up("ada").in_time, summary_of_catch_ups(classroom)) == (True, (0, 1, 0))
    late, in_time = classroom.published(events_pb2.CatchUpCompleted)
    assert [(each.in_time, each.was_missed) for each in (late, in_time)] == [
        (False, False),
        (True, True),
    ]


@pytest.mark.parametrize(
    ("days", "evidence", "ago"), [(0, LEARNERS, 2), (1, LEARNERS, 2), (7, SERVICES, 2)]
)
def test_evidence_that_is_not_trusted_or_too_late_is_late(
    classroom: Classroom, days: int, evidence: Any, ago: int
) -> None:
    """The time of storing counts; a learner's word counts nothing where only services' does."""
    absent_from_class(classroom, evidence=evidence, evidence_within=Duration(seconds=days * 86400))
    classroom.clock.forward(days=4)
    send(classroom, made(classroom, "0[.]3600", days=ago))
    one = classroom.catch_up("ada")
    assert one.state == (MISSED if evidence == SERVICES else COMPLETED)
    assert not one.in_time
    classroom.record(made(classroom, "0[.]3600", days=2))  # a service's
    classroom.settle()
    one = classroom.catch_up("ada")
    assert (one.state, one.in_time) == (COMPLETED, evidence == SERVICES)


def test_another_policy_evaluates_the_run_again(classroom: Classroom) -> None:
    """More days, and the same facts were in time."""
    absent_from_class(classroom)
    classroom.clock.forward(days=4)
    send(classroom, made(classroom, "0[.]3600", days=2))
    assert not classroom.catch_up("ada").in_time
    classroom.hear("plans", opened(evidence_within=Duration(seconds=7 * 86400)))
    classroom.settle_for_good()
    assert classroom.catch_up("ada").in_time


def test_an_attendance_that_becomes_known_late_shows_that_it_was_in_time(
    classroom: Classroom,
) -> None:
    """What was watched before the due, and what was heard in the class, are enough together."""
    classroom.open(lecture(), learners=["ada"])
    classroom.hear("plans", asks())
    classroom.hold_class(ada=ABSENT)
    classroom.hear("attendance", attached())
    classroom.settle()
    send(classroom, made(classroom, "1800[.]3600"))
    classroom.clock.forward(days=4)
    classroom.settle()
    assert classroom.catch_up("ada").state == MISSED
    late = sessions.AttendanceAmended(
        session_id=CLASS, run_id=RUN, learner_id="ada", from_verdict=ABSENT, to_verdict=PARTIAL
    )
    late.attended.add(start=0, end=1800)
    classroom.hear("attendance", late)
    classroom.settle()
    one = classroom.catch_up("ada")
    assert (one.state, one.in_time, one.watched_share) == (COMPLETED, True, 1.0)


# Whose word counts


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [(LEARNERS, (COMPLETED, "COMPLETED")), (SERVICES, (ASSIGNED, "OPEN"))],
)
def test_one_statement_of_the_learner_covers_the_film(
    classroom: Classroom, evidence: Any, expected: tuple[int, str]
) -> None:
    """It is enough where the run takes the learner's word, and nothing where it does not."""
    absent_from_class(classroom, evidence=evidence)
    send(classroom, made(classroom, "0[.]3600"))
    state = classroom.catch_up("ada").state, classroom.states("ada")["lecture"]
    assert state == expected
    classroom.record(made(classroom, "0[.]3600"))
    classroom.settle()
    state = classroom.catch_up("ada").state, classroom.states("ada")["lecture"]
    assert state == (COMPLETED, "COMPLETED")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_played_seconds_are_held_against_elapsed_time(
    classroom: Classroom, order: Sequence[int]
) -> None:
    """Where the run asks for a plausible pace: an hour needs twenty minutes at three times the
    speed.
    """
    absent_from_class(classroom, evidence=AT_PACE)
    send(classroom, made(classroom, "0[.]3600", minutes=1))
    one = classroom.catch_up("ada")
    assert (one.state, one.watched_share) == (ASSIGNED, 60 / 3600)
    begun = [made(classroom, "", minutes=12), made(classroom, "", minutes=30)]
    send(classroom, begun[order[0]])
    send(classroom, begun[order[1]])
    assert classroom.catch_up("ada").state == COMPLETED
