"""A worker that is killed in the middle of a transaction, and the one that comes after it."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.progress.v1 import events_pb2

from tests.conftest import FakeClock
from tests.deep import only_deep
from tests.integration.processes import eventually, publish, role
from tests.integration.progress.classroom import RUN, Classroom, stamp, task
from tests.integration.progress.held import Held
from tests.integration.progress.killed import killed
from tests.integration.progress.lrs import Lrs, voids
from tests.integration.progress.processes import environment_of
from tests.integration.progress.stories import counts

LEARNERS = [f"l{number:02d}" for number in range(40)]
ESSAYS = ["first", "second", "third"]
# The commands that the kill comes before.
MOMENTS = ["insert", "commitTransaction"]
STATEMENTS = len(LEARNERS) * len(ESSAYS)


@only_deep
@pytest.mark.parametrize("at", MOMENTS)
def test_a_worker_killed_within_a_transaction_loses_and_doubles_nothing(
    classroom: Classroom, clock: FakeClock, stack: dict[str, str], vhost: str, at: str
) -> None:
    """The writes of its handlers are rolled back; another worker counts each statement once."""
    clock.at = datetime.now(UTC)  # the worker knows the system's clock only
    classroom.open(*map(task, ESSAYS), learners=LEARNERS)
    environment = environment_of(classroom, stack, vhost)
    publish(vhost, *(classroom.event(_done(who, what)) for what in ESSAYS for who in LEARNERS))

    held = Held(stack["TANDEM_MONGO_URL"], at)
    with killed(classroom, environment, held):
        assert counts(classroom)["statements"] == _marks(classroom) == 0

    with role("progress", "worker", environment):
        eventually(lambda: _marks(classroom) == STATEMENTS)
    held.cut()
    told, afresh = counts(classroom), _counted_afresh(classroom)
    assert {name: told[name] for name in afresh} == afresh
    assert counts(classroom)["completed_path"] == len(LEARNERS)
    published = [
        (each.learner_id, each.activity_id)
        for each in classroom.published(events_pb2.ActivityCompleted)
    ]
    assert sorted(published) == [(who, what) for who in LEARNERS for what in sorted(ESSAYS)]


@only_deep
@pytest.mark.parametrize("at", MOMENTS)
def test_a_worker_killed_while_it_tells_dues_tells_each_once(
    classroom: Classroom, clock: FakeClock, stack: dict[str, str], vhost: str, at: str
) -> None:
    """Its timer's transaction is rolled back with its events; another worker tells everybody."""
    now = datetime.now(UTC)
    clock.at, due = now - timedelta(days=2), now + timedelta(hours=1)  # it approaches meanwhile
    essay = task(deadline=catalog_resources.TimeRule(fixed=stamp(due)))
    classroom.open(essay, learners=LEARNERS)
    environment = environment_of(classroom, stack, vhost)

    held = Held(stack["TANDEM_MONGO_URL"], at, last="outbox")
    with killed(classroom, environment, held):
        assert classroom.published(events_pb2.DueApproaching) == []

    with role("progress", "worker", environment):
        eventually(lambda: len(classroom.published(events_pb2.DueApproaching)) >= len(LEARNERS))
    held.cut()
    told = [each.learner_id for each in classroom.published(events_pb2.DueApproaching)]
    assert sorted(told) == LEARNERS


@only_deep
@pytest.mark.parametrize("at", MOMENTS)
def test_a_worker_killed_while_it_takes_back_takes_all_back_once(
    classroom: Classroom, clock: FakeClock, stack: dict[str, str], vhost: str, at: str
) -> None:
    """What voided statements had proved is taken back, and told, once for each learner."""
    clock.at = datetime.now(UTC)
    classroom.open(task("first"), learners=LEARNERS)
    said = [classroom.said(who, "completed", activity_id="first") for who in LEARNERS]
    classroom.record(*said)
    classroom.settle()
    assert classroom.summary().completed_activities == len(LEARNERS)
    Lrs(classroom.database, clock).post(*(voids(each.id) for each in said))
    environment = environment_of(classroom, stack, vhost)
    voided = classroom.published(events_pb2.StatementVoided)
    assert len(voided) == len(LEARNERS)
    publish(vhost, *map(classroom.event, voided))

    held = Held(stack["TANDEM_MONGO_URL"], at)
    with killed(classroom, environment, held):
        assert classroom.published(events_pb2.ActivityReopened) == []
        assert classroom.summary().completed_activities == len(LEARNERS)

    with role("progress", "worker", environment):
        eventually(lambda: classroom.summary().completed_activities == 0)
    held.cut()
    told = [each.learner_id for each in classroom.published(events_pb2.ActivityReopened)]
    assert sorted(told) == LEARNERS
    assert classroom.summary().statements == 0


def _done(learner_id: str, activity_id: str) -> events_pb2.StatementsRecorded:
    """A learner handed something in. It came by no API, whose events a relay would have sent."""
    said = {"id": str(uuid.uuid4()), "learner_id": learner_id, "run_id": RUN}
    verb = "http://adlnet.gov/expapi/verbs/completed"
    recorded = events_pb2.StatementsRecorded(learner_id=learner_id)
    recorded.statements.add(**said, verb=verb, activity_id=activity_id).timestamp.GetCurrentTime()
    return recorded


def _marks(classroom: Classroom) -> int:
    """How many events of statements were applied."""
    marks = {"_id": {"$regex": "^progress.statements:"}}
    return classroom.database.mongo["inbox"].count_documents(marks)


def _counted_afresh(classroom: Classroom) -> dict[str, int]:
    """The run's summary, counted from what is kept of each learner."""
    rows = list(classroom.database.mongo["standings"].find({"run_id": RUN}))
    done = [row["completed"].keys() for row in rows]
    return {
        "learners": len(rows),
        "completed_path": sum(each == set(ESSAYS) for each in done),
        "completed_activities": sum(map(len, done)),
        "open_catch_ups": 0,
        "completed_catch_ups": 0,
        "missed_catch_ups": 0,
        "statements": STATEMENTS,
    }
