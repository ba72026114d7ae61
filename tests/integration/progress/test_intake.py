"""Statements by gRPC."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from queue import SimpleQueue

import grpc
import pytest
from tandem.progress.v1 import progress_pb2, progress_pb2_grpc
from tandem.progress.v1 import resources_pb2 as progress

from chassis.grpc_server import Servicer
from chassis.testing import running
from services.progress.api import ProgressApi
from services.progress.store import ProgressStore
from tests.conftest import FakeClock, MakeDatabase
from tests.integration.progress.campus_run import CampusRun, Stub, stamp, task


@pytest.fixture
def run(make_database: MakeDatabase, clock: FakeClock) -> Iterator[CampusRun]:
    """Progress behind the real edge, with nothing in it."""
    database = make_database(ProgressStore)
    servicer = Servicer(
        progress_pb2_grpc.add_ProgressServiceServicer_to_server,
        ProgressApi(database),
        progress_pb2.DESCRIPTOR.services_by_name["ProgressService"],
    )
    with running([servicer], database) as channel_for:
        yield CampusRun(database, clock, channel_for)


def _send(stub: Stub, *statements: progress.Statement) -> progress_pb2.RecordStatementsResponse:
    return stub.RecordStatements(progress_pb2.RecordStatementsRequest(statements=statements))


def test_statements_are_stored_once_and_told_once(run: CampusRun) -> None:
    """A repeat changes nothing and is told to nobody."""
    one = run.statement("ada")
    assert [row.changed for row in _send(run.service, one, one).results] == [True, False]
    (again,) = _send(run.service, one).results
    assert (again.id, again.changed, list(again.violations)) == (one.id, False, [])
    (event,) = run.told("statements.recorded")
    assert list(event.statements) == [one]
    assert run.database.mongo["statements"].count_documents({}) == 1


def test_the_same_id_with_other_content_is_a_conflict(run: CampusRun) -> None:
    """The row is refused, the first statement stays (xAPI 1.0.3, part 3, section 2.1.1)."""
    one = run.statement("ada")
    _send(run.service, one)
    other = progress.Statement()
    other.CopyFrom(one)
    other.verb = "https://example.edu/verbs/other"
    (row,) = _send(run.service, other).results
    assert (row.id, row.changed, [each.field for each in row.violations]) == ("", False, ["id"])
    assert len(run.told("statements.recorded")) == 1


def test_what_is_too_fine_to_keep_makes_no_conflict(run: CampusRun) -> None:
    """Nanoseconds and capitals in a UUID come again as the same statement."""
    one = run.statement("ada")
    one.timestamp.nanos = 123_456_789
    one.result.completion = True
    one.result.duration.FromTimedelta(timedelta(seconds=1.5))
    one.video.played_segments = "0[.]1.1"
    _send(run.service, one)
    one.id = one.id.upper()
    (row,) = _send(run.service, one).results
    assert (row.id, row.changed, list(row.violations)) == (one.id.lower(), False, [])


def test_bad_rows_cost_no_good_ones(run: CampusRun) -> None:
    """Each faulty row is refused alone, with every fault, and leaves no trace."""
    nameless = run.statement("ada", activity_id="", item_id="")
    late = run.statement("ada", timestamp=stamp(run.clock.at + timedelta(days=2)))
    mad = run.watched("ada", "0[.]x[,]9[.]5[,]0[.]500")
    results = _send(
        run.service, progress.Statement(), nameless, late, mad, run.statement("ada")
    ).results
    fields = [[each.field for each in row.violations] for row in results]
    assert set(fields[0]) == {"id", "learner_id", "verb", "run_id", "timestamp"}
    assert fields[1:4] == [["activity_id"], ["timestamp"], ["video.played_segments"] * 3]
    assert [row.changed for row in results] == [False] * 4 + [True]
    assert run.database.mongo["statements"].count_documents({}) == 1


def test_learners_send_their_own(run: CampusRun) -> None:
    """A row about another learner is refused; the rest is taken."""
    stub = Stub(run.channel_for("ada", "learner"))
    results = _send(stub, run.statement("ada"), run.statement("grace")).results
    assert [row.changed for row in results] == [True, False]
    assert [each.field for each in results[1].violations] == ["learner_id"]


def test_an_empty_batch_is_refused(run: CampusRun) -> None:
    """There is nothing to take in."""
    with pytest.raises(grpc.RpcError) as error:
        _send(run.service)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_stream_answers_each_batch_when_it_is_stored(run: CampusRun) -> None:
    """Each answer comes before the next batch is sent, and its statements are there."""
    batches: SimpleQueue[progress_pb2.RecordStatementsRequest | None] = SimpleQueue()
    answers = run.service.StreamStatements(iter(batches.get, None))
    for number in range(1, 4):
        rows = [run.statement("ada"), run.statement("grace")]
        batches.put(progress_pb2.RecordStatementsRequest(statements=rows))
        assert [row.changed for row in next(answers).results] == [True, True]
        assert run.database.mongo["statements"].count_documents({}) == 2 * number
    batches.put(None)
    assert list(answers) == []


def test_racing_repeats_count_once(run: CampusRun) -> None:
    """Of many that send the same batch at once, one changes each row; nobody fails."""
    batch = [run.statement(f"learner-{number % 5}") for number in range(50)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: run.record(*batch), range(16)))
    for row in range(50):
        assert sum(answer[row].changed for answer in answers) == 1
    assert not [row for answer in answers for row in answer if row.violations]
    told = [each.id for event in run.told("statements.recorded") for each in event.statements]
    assert sorted(told) == sorted(each.id for each in batch)


def test_racing_batches_that_overlap_count_once(run: CampusRun) -> None:
    """Batches that share statements in other orders: each statement is new exactly once."""
    pool_of = [run.statement("ada") for _ in range(30)]
    batches = [pool_of[shift:] + pool_of[:shift] for shift in range(0, 30, 3)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda batch: run.record(*batch), batches))
    changed = [row.id for answer in answers for row in answer if row.changed]
    assert sorted(changed) == sorted(each.id for each in pool_of)


def test_a_large_batch_is_told_in_parts(run: CampusRun) -> None:
    """A thousand rows with long segments: several events, each row in one of them."""
    segments = "[,]".join(f"{n}[.]{n + 0.5}" for n in range(99))
    batch = [run.watched("ada", segments, id=str(uuid.uuid4())) for _ in range(1000)]
    assert all(row.changed for row in run.record(*batch))
    told = run.told("statements.recorded")
    assert len(told) > 1
    assert sum(len(event.statements) for event in told) == 1000


def test_statements_of_a_run_count_in_its_summary(run: CampusRun) -> None:
    """Also those of learners who are not enrolled; each once, however often it is delivered."""
    run.hear("plans", run.opened(), run.published(task()), run.enrolled("ada"))
    run.study(run.statement("ada"), run.statement("ada"), run.statement("stranger"))
    run.settle()
    assert run.summary().statements == 3
