"""Many enrol at once, behind the real edge and beside another process."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from threading import Event
from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import catalog_pb2, resources_pb2

from chassis.data import conflict_locks
from chassis.data.store import Database
from services.catalog import api, counts
from services.catalog.counts import Counts
from services.catalog.domain.enums import AttendanceMode
from services.catalog.store import CatalogStore
from services.catalog.usecases.enrolments import Enrol, enrol
from services.catalog.usecases.lookup import lock_run_if_limited
from tests.deep import only_deep
from tests.integration.catalog.registry import ONLINE, Registry, Stub
from tests.mongo import long_transactions

AGAIN = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED)
CREATED = "tandem.catalog.enrolment.created.v1"


def beside(registry: Registry) -> Database[CatalogStore]:
    """The same database as another process sees it: it knows nothing of turns here."""
    mine = registry.database
    return Database(mine.client, mine.mongo.name, CatalogStore, mine.clock)


def run_of(registry: Registry, run_id: str) -> resources_pb2.Run:
    return registry.staff.GetRun(catalog_pb2.GetRunRequest(run_id=run_id))


def let_in(system: Stub, run_id: str, learner: str) -> Any:
    """The state of a learner who enrols again until the call is not refused."""
    pause = threading.Event()
    request = catalog_pb2.EnrolRequest(
        request_id=learner, run_id=run_id, learner_id=learner, mode=ONLINE
    )
    while True:
        try:
            return system.Enrol(request, timeout=30).state
        except grpc.RpcError as error:
            if error.code() not in AGAIN:
                raise
            pause.wait(1)  # as RetryInfo says


def test_enrolling_writes_nothing_that_others_share(registry: Registry) -> None:
    """Without limited places, no run or counter is written, only the enrolment's sequence."""
    registry.people("ada", "bob")
    run = registry.open_run()
    runs, sequences = (registry.database.mongo[name] for name in ("runs", "sequences"))
    before = list(runs.find())
    numbered = {row["_id"] for row in sequences.find()}
    enrolments = {registry.enrol(run.id, learner).id for learner in ("ada", "bob")}
    registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id=run.id, learner_id="ada"))
    assert list(runs.find()) == before
    assert {row["_id"] for row in sequences.find()} - numbered == enrolments
    assert run_of(registry, run.id).enrolled == 1
    listed = registry.staff.ListRuns(catalog_pb2.ListRunsRequest(course_id=run.course_id)).runs
    assert [each.enrolled for each in listed] == [1]


def test_who_enrols_with_another_open_transaction_does_not_wait(registry: Registry) -> None:
    """A unit of work that is in the middle of enrolling one learner holds up no other."""
    registry.people("ada", "bob")
    run = registry.open_run()
    command = Enrol(run_id=run.id, learner_id="ada", mode=AttendanceMode.ONLINE)
    begun, free = Event(), Event()

    def slowly(store: CatalogStore) -> str:
        found = enrol(store, command)
        store.flush()
        begun.set()
        assert free.wait(60)
        return found.id

    with long_transactions(registry.database.client), ThreadPoolExecutor(1) as pool:
        ada = pool.submit(registry.database.transact, slowly)
        assert begun.wait(60)
        assert registry.enrol(run.id, "bob").state == resources_pb2.ENROLMENT_STATE_ENROLLED
        assert not ada.done()
        free.set()
        assert ada.result()


def test_one_learner_side_by_side_is_one_enrolment(registry: Registry) -> None:
    """Many calls in two processes: the later ones get the answer of the first."""
    registry.people("ada")
    run = registry.open_run()
    command = Enrol(run_id=run.id, learner_id="ada", mode=AttendanceMode.ONLINE)
    databases = cycle([registry.database, beside(registry)])

    def come(database: Database[CatalogStore]) -> str:
        return database.transact(lambda store: enrol(store, command)).id

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(come, [next(databases) for _ in range(16)]))
    assert len(set(found)) == 1
    assert len(registry.events(CREATED)) == 1


def test_two_processes_never_overbook(registry: Registry) -> None:
    """Without a common lock, 20 of 60 get a place, and the others wait in order."""
    learners = [f"l{number:02}" for number in range(60)]
    registry.people(*learners)
    run = registry.open_run(capacity=20)
    databases = cycle([registry.database, beside(registry)])

    def come(learner: str, database: Database[CatalogStore]) -> str:
        command = Enrol(run_id=run.id, learner_id=learner, mode=AttendanceMode.ONLINE)
        return database.transact(lambda store: enrol(store, command)).state

    with ThreadPoolExecutor(12) as pool:
        states = Counter(pool.map(come, learners, databases))
    assert states == {"ENROLLED": 20, "WAITLISTED": 40}
    rows = registry.database.mongo["enrolments"].find({"state": "WAITLISTED"})
    assert sorted(row["ticket"] for row in rows) == list(range(1, 41))


@only_deep
def test_a_rush_on_one_run_stops_neither_another_run_nor_reads(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many want one run whose first transaction does not end; others are answered meanwhile.

    Then it ends: each of 500 learners has an answer, and no place too many is given.
    """
    monkeypatch.setattr(conflict_locks, "LONGEST_HOLD", 60)  # however slow the machine
    rushing = [f"l{number:03}" for number in range(500)]
    registry.people(*rushing[:250])
    registry.people(*rushing[250:], "ada", "bob")
    wanted, other = registry.open_run(capacity=100), registry.open_run(capacity=1)
    system = Stub(registry.channel_for("portal", "service"))
    held, free = Event(), Event()

    def hold(store: CatalogStore) -> None:
        lock_run_if_limited(store, wanted.id)
        held.set()
        assert free.wait(60)

    with long_transactions(registry.database.client), ThreadPoolExecutor(161) as pool:
        holder = pool.submit(registry.database.transact, hold)
        assert held.wait(60)
        rush = [pool.submit(let_in, system, wanted.id, learner) for learner in rushing]
        assert registry.enrol(other.id, "ada").state == resources_pb2.ENROLMENT_STATE_ENROLLED
        assert registry.enrol(other.id, "bob").state == resources_pb2.ENROLMENT_STATE_WAITLISTED
        assert run_of(registry, other.id).waitlisted == 1
        assert not holder.done()
        free.set()
        states = Counter(each.result() for each in rush)
        holder.result()
    assert states == {
        resources_pb2.ENROLMENT_STATE_ENROLLED: 100,
        resources_pb2.ENROLMENT_STATE_WAITLISTED: 400,
    }
    after = run_of(registry, wanted.id)
    assert (after.enrolled, after.waitlisted) == (100, 400)


def test_a_batch_is_done_in_parts(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is a unit of work; the answer is one, in the rows' order; a repeat repeats it."""
    monkeypatch.setattr(api, "ROWS_AT_ONCE", 4)
    registry.people(*(f"l{number}" for number in range(9)))
    run = registry.open_run(capacity=6)
    learners = [f"l{number}" for number in range(9)]
    rows = [catalog_pb2.EnrolRow(learner_id=each, mode=ONLINE) for each in (*learners, "l0")]
    rows.insert(2, catalog_pb2.EnrolRow(mode=ONLINE))
    request = catalog_pb2.BatchEnrolRequest(request_id="b", run_id=run.id, rows=rows)
    first = registry.staff.BatchEnrol(request)
    assert [row.row for row in first.results] == list(range(11))
    assert [bool(row.violations) for row in first.results] == [place == 2 for place in range(11)]
    assert (first.results[10].id, first.results[10].changed) == (first.results[0].id, False)
    assert registry.staff.BatchEnrol(request) == first
    after = run_of(registry, run.id)
    assert (after.enrolled, after.waitlisted) == (6, 3)
    assert len(registry.events(CREATED)) == 6


def test_a_large_runs_count_is_kept_for_a_while(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small count is always computed again; a large one may have the stated age."""
    registry.people("ada", "bob")
    run_id, seconds = registry.open_run().id, 0.0
    monkeypatch.setattr(counts, "LARGE", 2)
    kept = Counts(lambda: seconds)

    def enrolled() -> int:
        reader = registry.database.reader()
        run = reader.run(run_id)
        assert run is not None
        return kept.counted(reader, [run])[0].enrolled

    found = []
    for learner in ("ada", "bob"):
        found.append(enrolled())
        registry.enrol(run_id, learner)
    found.append(enrolled())
    registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id=run_id, learner_id="bob"))
    found.append(enrolled())
    seconds = counts.KEPT
    assert [*found, enrolled()] == [0, 1, 2, 2, 1]
