"""Timers continue, whatever one learner's documents contain."""

from chassis.testing import figure
from services.progress.timers import miss, reevaluate
from tests.integration.progress.classroom import (
    ABSENT,
    Classroom,
    lecture,
    path,
    recorded,
    task,
)


def test_a_learner_who_cannot_be_read_holds_up_no_other(classroom: Classroom) -> None:
    """The others' catch-ups are missed at their due, and a new path is held against them."""
    learners = ["ada", "bob", "cyd", "dan"]
    classroom.open(lecture(), learners=learners)
    classroom.hold_class(**dict.fromkeys(learners, ABSENT))
    classroom.hear("attendance", recorded())
    classroom.settle()
    run_states = classroom.database.mongo["standings"]
    run_states.update_one({"learner_id": "bob"}, {"$set": {"completed": 5}})
    failures = figure("tandem_timer_failures_total", timer="progress.miss")
    classroom.clock.forward(days=4)
    miss(classroom.database)
    left = classroom.database.reader().overdue_catch_ups(9)
    assert [learner_id for _, learner_id in left] == ["bob"]
    assert figure("tandem_timer_failures_total", timer="progress.miss") == failures + 1
    classroom.hear("plans", path(lecture(), task(), version=2))
    reevaluate(classroom.database)
    reader = classroom.database.reader()
    asks = reader.plans(["run-1"])["run-1"].history.asks
    behind = reader.learners_behind("run-1", asks, most=9)
    assert [learner_id for _, learner_id in behind] == ["bob"]
