"""Workers of catalog that are killed in the middle of a resync."""

import time
from contextlib import ExitStack

from tandem.catalog.v1 import catalog_pb2

from chassis.resync import resyncs
from chassis.resync.resyncs import ResyncState
from chassis.resync.work import MOST_WAITING
from tests.deep import only_deep
from tests.integration.catalog.registry import person
from tests.integration.processes import declare, eventually, role
from tests.integration.resync.copying import Copying

# More than may wait in the queue: the resync can't end before the first kill.
PEOPLE = MOST_WAITING + 2_000


@only_deep
def test_killed_workers_leave_whole_copies(copying: Copying, stack: dict[str, str]) -> None:
    """Another worker goes on where a killed one was: everybody is sent at least once, and what is
    sent again is a repeat.
    """
    ids = [f"person-{number}" for number in range(PEOPLE)]
    for first in range(0, PEOPLE, 1_000):
        rows = [person(each) for each in ids[first : first + 1_000]]
        request = catalog_pb2.BatchUpsertPeopleRequest(people=rows)
        copying.registry.staff.BatchUpsertPeople(request)
    database = copying.registry.database
    database.mongo["outbox"].delete_many({})
    environment = {
        **stack,
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_MONGO_DATABASE": database.mongo.name,
        "TANDEM_AMQP_URL": copying.amqp_url,
        "TANDEM_OPS_ADDRESS": "127.0.0.1:0",
    }
    declare("catalog", environment)
    begun = copying.begin("notify.people")

    def state() -> resyncs.Resync:
        return resyncs.get(database.reader(), begun.id)

    def count() -> int:
        return sum(each.events for each in state().sent)

    for _ in range(3):
        copying.work_off("notify")
        before = count()
        with role("catalog", "worker", environment) as worker:
            eventually(lambda: count() > before or state().ended_at)  # noqa: B023
            worker.kill()
        # What the dead worker had claimed is another's when the claim ends; a test doesn't wait.
        database.mongo["resyncs"].update_one(
            {"_id": begun.id}, {"$set": {"job.due": begun.started_at}}
        )
    with ExitStack() as running:
        for _ in range(2):
            running.enter_context(role("catalog", "worker", environment))
        eventually(lambda: _worked_off(copying) and state().ended_at)
    copying.work_off("notify")
    assert state().state is ResyncState.DONE
    assert "people" not in copying.differences("notify")


def _worked_off(copying: Copying) -> bool:
    """Work the queue off, for which a resync waits."""
    copying.work_off("notify")
    time.sleep(0.05)
    return True
