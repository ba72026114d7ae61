"""Many enrol at once, behind the real edge and beside another process."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from threading import Event

import pytest
from tandem.catalog.v1 import catalog_pb2, resources_pb2

from chassis.store import Database
from services.catalog import api, counts
from services.catalog.counts import Counts
from services.catalog.domain.words import AttendanceMode
from services.catalog.store import CatalogStore
from services.catalog.usecases.enrolments import Enrol, enrol
from tests.integration.catalog.registry import ONLINE, Registry

CREATED = "tandem.catalog.enrolment.created.v1"


def beside(registry: Registry) -> Database[CatalogStore]:
    """The same database as another process sees it: it knows nothing of turns here."""
    mine = registry.database
    return Database(mine.client, mine.mongo.name, CatalogStore, mine.clock)


def run_of(registry: Registry, run_id: str) -> resources_pb2.Run:
    return registry.staff.GetRun(catalog_pb2.GetRunRequest(run_id=run_id))


def test_enrolling_writes_nothing_that_others_share(registry: Registry) -> None:
    """Where places are not limited: no run, no counter, and no sequence but the enrolment's."""
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

    with ThreadPoolExecutor(1) as pool:
        ada = pool.submit(registry.database.transact, slowly)
        assert begun.wait(60)
        assert registry.enrol(run.id, "bob").state == resources_pb2.ENROLMENT_STATE_ENROLLED
        assert not ada.done()
        free.set()
        assert ada.result()


def test_one_learner_side_by_side_is_one_enrolment(registry: Registry) -> None:
    """In two processes, many at once: who comes second is answered what the first made."""
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
    """What turns don't see, MongoDB does: 60 race for 20 places, and the rest waits in order."""
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
    """What is small is counted anew each time; what is large may be as old as is said."""
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
