"""Catch-ups of who joins late, and at the end of a run."""

from datetime import UTC

import pytest
from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.progress.v1 import events_pb2

from services.progress.timers import end_runs, miss
from tests.deep import deep, orders
from tests.integration.progress.classroom import (
    ABSENT,
    CLASS,
    DAY,
    FILM,
    HOUR,
    PRESENT,
    Classroom,
    amended,
    available,
    ended,
    enrolled,
    finalised,
    lecture,
    opened,
    path,
    recorded,
    scheduled,
)
from tests.integration.progress.test_progress_catch_ups import after_class, ends


def late_run() -> catalog.RunOpened:
    """A run that gives late joiners what was held before they came."""
    return opened(late_catch_ups=catalog_resources.LATE_CATCH_UPS_ALL)


@deep
@pytest.mark.parametrize("order", orders(4))
def test_a_late_joiner_catches_up_on_what_was_held(
    classroom: Classroom, order: tuple[int, ...]
) -> None:
    """In whatever order the class, its attendance, its recording and the enrolment are told."""
    now = classroom.clock.now()
    early = enrolled("ada", now - 2 * DAY)
    classroom.hear("plans", late_run(), path(lecture()), early)
    told: list[tuple[str, list[Message]]] = [
        ("plans", [scheduled(now - DAY - HOUR), ended(now - DAY)]),
        ("attendance", [finalised(now - DAY, {"ada": PRESENT})]),
        ("attendance", [recorded(), available(FILM, 3600)]),
        ("plans", [enrolled("bob", now)]),
    ]
    for each in order:
        classroom.hear(told[each][0], *told[each][1])
    classroom.settle_for_good()
    [mine] = classroom.catch_ups("bob")
    assert (mine.session_id, list(mine.item_ids)) == (CLASS, [FILM])
    assert mine.due.ToDatetime(tzinfo=UTC) == now + 3 * DAY
    assert classroom.catch_ups("ada") == []
    classroom.record(classroom.watched("bob", "0[.]3600"))
    classroom.settle()
    [done] = classroom.published(events_pb2.CatchUpCompleted)
    assert (done.learner_id, done.session_id) == ("bob", CLASS)
    assert classroom.states("bob") == {"lecture": "COMPLETED"}


def test_a_late_joiner_who_was_there_has_no_catch_up(classroom: Classroom) -> None:
    """An attendance says more than the enrolment's time; so does a policy that gives none."""
    now = classroom.clock.now()
    classroom.hear("plans", late_run(), path(lecture()), scheduled(now - HOUR), ended(now))
    classroom.hear("attendance", recorded(), available(FILM, 3600))
    later = now + HOUR
    classroom.hear("plans", enrolled("ada", later), enrolled("bob", later))
    classroom.settle()
    assert len(classroom.catch_ups()) == 2
    classroom.hear("attendance", finalised(now, {"ada": PRESENT}))
    classroom.settle()
    assert [each.learner_id for each in classroom.catch_ups()] == ["bob"]
    classroom.hear("plans", opened())
    classroom.settle_for_good()
    assert classroom.catch_ups() == []
    assert len(classroom.published(events_pb2.CatchUpWithdrawn)) == 2


def _end_run(classroom: Classroom) -> None:
    """The clock passes the run's last day, and the timers run."""
    end_runs(classroom.database)
    classroom.settle_for_good()


def test_the_end_of_a_run_withdraws_what_is_open(classroom: Classroom) -> None:
    """The day after the last one in the run's zone; what was due before is missed as ever."""
    after_class(classroom)
    classroom.hear("plans", ends("2026-03-03"))
    _end_run(classroom)
    assert len(classroom.catch_ups("ada")) == 1
    classroom.clock.forward(days=2)  # it is Wednesday; the due is on Thursday
    _end_run(classroom)
    assert classroom.catch_ups("ada") == []
    classroom.clock.forward(days=3)
    classroom.settle()
    assert classroom.published(events_pb2.CatchUpMissed) == []
    assert len(classroom.published(events_pb2.CatchUpWithdrawn)) == 1
    summary = classroom.summary()
    assert (summary.open_catch_ups, summary.missed_catch_ups) == (0, 0)


@pytest.mark.parametrize("missed_first", [True, False])
def test_what_was_due_before_the_end_is_missed(classroom: Classroom, missed_first: bool) -> None:
    """Whichever timer runs first after both instants."""
    after_class(classroom)
    classroom.hear("plans", ends("2026-03-05"))
    classroom.clock.forward(days=6)
    first, second = (miss, end_runs) if missed_first else (end_runs, miss)
    first(classroom.database)
    second(classroom.database)
    classroom.settle_for_good()
    assert len(classroom.published(events_pb2.CatchUpMissed)) == 1
    assert classroom.published(events_pb2.CatchUpWithdrawn) == []


def test_a_closed_run_gives_no_catch_ups_and_a_reopened_one_does(classroom: Classroom) -> None:
    """What was open is withdrawn, and comes back with a new due; so do absences of meanwhile."""
    classroom.open(lecture(), learners=["ada", "bob"])
    classroom.hold_class(ada=ABSENT)
    classroom.hear("attendance", recorded())
    classroom.settle_for_good()
    classroom.hear("plans", ends("2099-12-31", classroom.clock.now()))
    classroom.hear("attendance", amended("bob", ABSENT))
    classroom.settle_for_good()
    assert classroom.catch_ups() == []
    assert len(classroom.published(events_pb2.CatchUpAssigned)) == 1
    classroom.clock.forward(days=1)
    classroom.hear("plans", ends("2099-12-31"))
    classroom.settle_for_good()
    dues = {each.learner_id: each.due.ToDatetime(tzinfo=UTC) for each in classroom.catch_ups()}
    due = classroom.clock.now() + 3 * DAY
    assert dues == {"ada": due, "bob": due}
