"""The capacity of a run: who gets a place, and who waits."""

from typing import Any

import pytest
from tandem.catalog.v1 import catalog_pb2

from services.catalog.domain.enums import AttendanceMode
from services.catalog.usecases.enrolments import Enrol, enrol
from tests.deep import only_deep
from tests.integration.catalog.registry import (
    ONLINE,
    Registry,
)
from tests.integration.catalog.test_catalog_runs import (
    ENROLLED,
    WAITLISTED,
    get,
    states,
    update,
    withdraw,
)
from tests.mongo import long_transactions


@pytest.mark.parametrize("capacity", [3, 0])
def test_a_larger_capacity_promotes_the_first_that_wait(registry: Registry, capacity: int) -> None:
    """In the order in which they came; without a limit, all of them."""
    learners = ["a", "b", "c", "d"]
    registry.people(*learners)
    run = registry.open_run(capacity=1)
    for each in learners:
        registry.enrol(run.id, each)
    after = update(registry, run.id, capacity=capacity)
    count = capacity or 4
    found = states(registry, run.id)
    assert found == {
        each: ENROLLED if place < count else WAITLISTED for place, each in enumerate(learners)
    }
    assert (after.enrolled, after.waitlisted) == (count, 4 - count)
    promoted = registry.events("tandem.catalog.enrolment.promoted.v1")
    assert len(promoted) == count - 1


def test_a_smaller_capacity_withdraws_nobody(registry: Registry) -> None:
    """Who comes later waits until enough have left."""
    registry.people("a", "b", "c")
    run = registry.open_run(capacity=2)
    registry.enrol(run.id, "a")
    registry.enrol(run.id, "b")
    update(registry, run.id, capacity=1)
    assert registry.enrol(run.id, "c").state == WAITLISTED
    withdraw(registry, run.id, "a")
    assert states(registry, run.id) == {"b": ENROLLED, "c": WAITLISTED}
    withdraw(registry, run.id, "b")
    assert states(registry, run.id) == {"c": ENROLLED}


@only_deep
def test_thousands_are_promoted_in_one_unit_of_work(registry: Registry) -> None:
    """A waiting list of 3,000 gets the places of a larger room."""
    learners = [f"l{number:04d}" for number in range(3_001)]
    for first in range(0, len(learners), 1_000):
        registry.people(*learners[first : first + 1_000])
    run = registry.open_run(capacity=1)
    for first in range(0, len(learners), 1_000):
        rows = [
            catalog_pb2.EnrolRow(learner_id=each, mode=ONLINE)
            for each in learners[first : first + 1_000]
        ]
        request = catalog_pb2.BatchEnrolRequest(run_id=run.id, rows=rows)
        registry.staff.BatchEnrol(request)
    after = update(registry, run.id, capacity=5_000)
    assert (after.enrolled, after.waitlisted) == (3_001, 0)
    assert len(registry.events("tandem.catalog.enrolment.promoted.v1")) == 3_000


def test_a_limit_counts_enrolments_that_were_under_way(registry: Registry) -> None:
    """A limit comes while an enrolment is not committed: it counts for the next learner."""
    registry.people("ada", "bob", "eve")
    run = registry.open_run()
    registry.enrol(run.id, "ada")

    def meanwhile(store: Any) -> None:
        command = Enrol(run_id=run.id, learner_id="bob", mode=AttendanceMode.ONLINE)
        enrol(store, command)
        if get(registry, run.id).capacity == 0:
            assert update(registry, run.id, capacity=2).enrolled == 1

    with long_transactions(registry.database.client):
        registry.database.transact(meanwhile)
    assert registry.enrol(run.id, "eve").state == WAITLISTED
    assert get(registry, run.id).enrolled == 2
