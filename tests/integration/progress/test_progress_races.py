"""Units of work that race: none waits for another, and no effect is missing in the end."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tandem.progress.v1 import events_pb2, resources_pb2

from chassis.contracts import events
from chassis.messaging.inbox_processor import Delivery, apply
from services.progress.domain.reevaluations import AGAIN_AFTER
from services.progress.store import ProgressStore
from services.progress.timers import reevaluate
from services.progress.usecases.waiting import next_turn
from services.progress.worker import statements
from tests.deep import only_deep
from tests.integration.progress.classroom import (
    ABSENT,
    FILM,
    HOUR,
    PRESENT,
    RUN,
    Classroom,
    available,
    ended,
    enrolled,
    finalised,
    lecture,
    opened,
    path,
    recorded,
    scheduled,
    task,
)
from tests.integration.progress.stories import (
    QueuedEvent,
    counts,
    forget,
    hear,
    outcome,
    story,
)

ASSIGNED = resources_pb2.CATCH_UP_STATE_ASSIGNED
pytestmark = pytest.mark.usefixtures("unhurried")


def _hear(
    classroom: Classroom, queue: str, data: Any, meanwhile: Callable[[], object] = lambda: None
) -> None:
    queued = QueuedEvent(queue, classroom.event(data))
    assert (
        hear(classroom.database, classroom.queues[f"progress.{queue}"], [queued], meanwhile) == []
    )


def test_an_enrolment_that_races_the_end_of_a_class_is_caught(classroom: Classroom) -> None:
    """Enrolment and recording did not see each other; the last re-evaluation finds it."""
    now = classroom.clock.now()
    classroom.open(lecture())
    classroom.hear("plans", scheduled(now - HOUR), ended(now))
    classroom.settle_for_good()

    def end() -> None:
        classroom.hear("attendance", recorded())
        classroom.settle()

    _hear(classroom, "plans", enrolled("bob", now), end)
    classroom.settle()
    reader = classroom.database.reader()
    asks = reader.plans([RUN])[RUN].history.asks
    assert reader.learners_behind(RUN, asks, most=9) == [(RUN, "bob")]
    reevaluate(classroom.database, ahead=AGAIN_AFTER)
    assert reader.learners_behind(RUN, asks, most=9) == []
    assert list(classroom.database.mongo["plan_revisits"].find()) == []


def test_an_absent_learner_whose_enrolment_races_the_recording_is_caught(
    classroom: Classroom,
) -> None:
    """The timer has evaluated the learner meanwhile: the enrolment loses, and sees all of it."""
    now = classroom.clock.now()
    classroom.open(lecture())
    classroom.hear("plans", scheduled(now - HOUR), ended(now))
    absent = finalised(now, {"bob": ABSENT})
    classroom.hear("attendance", finalised(now, {"ada": ABSENT}))
    classroom.hear("plans", enrolled("ada", now))
    classroom.settle_for_good()

    def record() -> None:
        classroom.hear("attendance", recorded())
        classroom.settle()

    _hear(classroom, "attendance", absent)
    _hear(classroom, "plans", enrolled("bob", now), record)
    assert classroom.catch_up("ada").state == ASSIGNED
    assert classroom.catch_up("bob").state == ASSIGNED


def test_a_class_that_names_an_item_as_it_becomes_available_is_told_again(
    classroom: Classroom,
) -> None:
    """Neither saw the other; the update of the item is evaluated again."""
    now = classroom.clock.now()
    classroom.hear("plans", opened(), path(lecture()), enrolled("ada", now), scheduled(now - HOUR))
    classroom.hear("plans", ended(now))
    classroom.hear("attendance", finalised(now, {"ada": ABSENT}))
    classroom.settle()
    item = available(FILM, 3600)
    _hear(classroom, "attendance", recorded(), lambda: classroom.hear("attendance", item))
    classroom.settle()
    assert classroom.catch_ups("ada") == []
    reevaluate(classroom.database, ahead=AGAIN_AFTER)
    assert classroom.catch_up("ada").state == ASSIGNED
    classroom.settle_for_good()
    assert list(classroom.database.mongo["item_news"].find()) == []


def test_two_units_of_work_about_one_learner_never_pass_each_other(classroom: Classroom) -> None:
    """The loser of the race repeats its work with the other's changes, also in other documents."""
    now = classroom.clock.now()
    classroom.open(lecture(), learners=["ada"])
    classroom.hold_class(ada=ABSENT)
    classroom.hear("attendance", recorded())
    classroom.settle()
    first, second = (classroom.watched("ada", part) for part in ("0[.]2000", "2000[.]3600"))

    def statement(row: resources_pb2.Statement) -> events_pb2.StatementsRecorded:
        return events_pb2.StatementsRecorded(learner_id="ada", statements=[row])

    def attended() -> None:
        classroom.hear("attendance", finalised(now, {"ada": PRESENT}))
        _hear(classroom, "statements", statement(first))

    _hear(classroom, "statements", statement(second), attended)
    kept = classroom.database.mongo["evidence"].find_one({"learner_id": "ada"})
    assert kept is not None
    assert kept["watched"] == [[0, 3600]]
    assert classroom.states("ada") == {"lecture": "COMPLETED"}
    assert counts(classroom)["open_catch_ups"] == 0


def test_units_of_work_about_different_learners_disturb_nobody(classroom: Classroom) -> None:
    """Two queues, one run, at the same moment: both are done at their first attempt."""
    classroom.open(task(), learners=["ada", "bob"])
    attempts = []

    def done(learner: str) -> events_pb2.StatementsRecorded:
        row = classroom.said(learner, "completed", activity_id="essay")
        return events_pb2.StatementsRecorded(learner_id=learner, statements=[row])

    def handle(store: ProgressStore, some: Sequence[Any]) -> None:
        attempts.append(some[0].data.learner_id)
        if attempts == ["ada"]:
            store.plans([RUN])  # so much has been read already
            classroom.apply("statements", [classroom.event(done("bob"))], queue="statements.1")
        statements(store, some)

    completed = classroom.event(done("ada"))
    delivery = Delivery(events.body_of(completed.data), events.headers_of(completed))
    subscription = replace(classroom.queues["progress.statements"], handle=handle)
    apply(classroom.database, subscription, [delivery], "statements.0")
    assert attempts == ["ada"]
    assert (counts(classroom)["statements"], counts(classroom)["completed_path"]) == (2, 2)


@only_deep
def test_four_workers_and_changes_of_the_plan_come_to_the_same(classroom: Classroom) -> None:
    """Each worker has its own learners; meanwhile the plan changes, and the timer evaluates."""
    learners = [f"l{number:02d}" for number in range(24)]
    term = story(classroom, learners)
    for each in term:
        _tell(classroom, [each])
    expected = outcome(classroom)

    forget(classroom)
    plans = [each for each in term if not _learner_of(each)]
    _tell(classroom, plans[:1])  # statements of an unknown run would wait
    own = [[each for each in term if _place(each) == place] for place in range(4)]
    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(_in_parts, classroom, part, place) for place, part in enumerate(own)]
        work.append(pool.submit(_in_parts, classroom, plans[1:], 4))
        while not all(done.done() for done in work):
            reevaluate(classroom.database)
        for done in work:
            done.result()
    assert outcome(classroom) == expected


def _tell(classroom: Classroom, batch: list[QueuedEvent], worker: int = 0) -> None:
    for queue in dict.fromkeys(each.queue for each in batch):
        kinds = classroom.apply(
            queue,
            [each.event for each in batch if each.queue == queue],
            queue=f"progress.{queue}.{worker}",
        )
        assert set(kinds) <= {"applied", "repeat"}


def _in_parts(classroom: Classroom, queued: list[QueuedEvent], worker: int) -> None:
    for first in range(0, len(queued), 5):
        _tell(classroom, queued[first : first + 5], worker)


def _learner_of(queued: QueuedEvent) -> str:
    return str(getattr(queued.event.data, "learner_id", ""))


def _place(queued: QueuedEvent) -> int:
    return int(_learner_of(queued)[1:]) % 4 if _learner_of(queued) else -1


def test_a_turn_that_is_empty_ends_the_reevaluation_only_when_all_that_raced_has_ended(
    classroom: Classroom,
) -> None:
    """Until then the run waits for its last turn."""
    classroom.open(task(), learners=["ada"])
    at = datetime.now(UTC)
    assert classroom.database.transact(lambda store: next_turn(store, at)) is None
    assert len(list(classroom.database.mongo["plan_revisits"].find())) == 1
    last = at + AGAIN_AFTER
    assert classroom.database.transact(lambda store: next_turn(store, last)) == []
    assert list(classroom.database.mongo["plan_revisits"].find()) == []
