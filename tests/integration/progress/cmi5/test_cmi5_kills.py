"""cmi5 while processes of progress are killed: nothing is lost, and nothing is there twice."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import grpc
import pytest
import urllib3
from tandem.progress.v1 import events_pb2

from services.progress.domain.cmi5.terms import Verb
from tests.conftest import FakeClock
from tests.deep import only_deep
from tests.integration.processes import eventually, publish, role
from tests.integration.progress.cmi5.replicas import Replica, Replicas
from tests.integration.progress.cmi5.units import Lms, unit
from tests.integration.progress.held import Held
from tests.integration.progress.killed import killed
from tests.integration.progress.processes import environment_of
from tests.mongo import end_transactions, long_transactions

LAUNCHED, ABANDONED = Verb.LAUNCHED, Verb.ABANDONED
COMPLETED, PASSED, SATISFIED = Verb.COMPLETED, Verb.PASSED, Verb.SATISFIED
COMMIT = "commitTransaction"


@dataclass(frozen=True)
class Moment:
    """When a replica is killed: before a command that follows a write into a collection, or after
    it was carried out, when its answer has not come.
    """

    at: str
    last: str
    done: bool = False

    def __str__(self) -> str:
        return f"{'after' if self.done else 'before'} {self.at} {self.last}"


@dataclass(frozen=True)
class Mortal:
    """Replicas that are killed at a moment."""

    lms: Lms
    replicas: Replicas
    mongo_url: str

    @contextmanager
    def dying(self, moment: Moment, is_done: Callable[[], object]) -> Iterator[Replica]:
        """A replica that is killed at the end of the block, when it has come to its moment. An open
        transaction is rolled back. `is_done`: whether what it was asked for is in the database.
        """
        held = Held(self.mongo_url, moment.at, moment.last, done=moment.done)
        held.open()
        with long_transactions(self.lms.database.client):
            with self.replicas.one(held.url) as replica:
                yield replica
                eventually(is_done if moment.done else lambda: held.commands)
                replica.process.kill()
            end_transactions(self.lms.database.client, "progress")
        held.cut()
        assert bool(is_done()) == moment.done


@pytest.fixture
def mortal(lms: Lms, replicas: Replicas, stack: dict[str, str]) -> Mortal:
    """Replicas that are killed."""
    return Mortal(lms, replicas, stack["TANDEM_MONGO_URL"])


@pytest.fixture
def replicas(lms: Lms, clock: FakeClock, stack: dict[str, str], tmp_path: Path) -> Replicas:
    """Processes that know the system's clock alone, and a run with a unit for ada."""
    clock.at = datetime.now(UTC)
    lms.classroom.open(unit(), learners=["ada"])
    return Replicas(lms, stack, tmp_path)


def begin(call: Callable[[], object]) -> None:
    """Begin a call that gets no answer."""

    def unanswered() -> None:
        with suppress(grpc.RpcError, urllib3.exceptions.HTTPError):
            call()

    Thread(target=unanswered, daemon=True).start()


def told(lms: Lms) -> Counter[str]:
    """How often events tell of each statement."""
    recorded = lms.classroom.published(events_pb2.StatementsRecorded)
    return Counter(one.id for each in recorded for one in each.statements)


def stored(lms: Lms) -> Counter[str]:
    """The ids of all statements, each once."""
    return Counter(each["id"] for each in lms.statements() if each["verb"]["id"] != SATISFIED)


@only_deep
@pytest.mark.parametrize(
    "moment",
    [
        Moment("update", "cmi5_registrations"),
        Moment("insert", "statements"),
        Moment(COMMIT, "outbox"),
        Moment(COMMIT, "outbox", done=True),
    ],
    ids=str,
)
def test_a_launch_whose_replica_is_killed_can_be_done_again(
    lms: Lms, mortal: Mortal, replicas: Replicas, moment: Moment
) -> None:
    """What was not committed leaves nothing; a launch that was stored and not answered is abandoned
    by the next one, once. Each statement is told once.
    """
    with mortal.dying(moment, lambda: lms.statements(LAUNCHED)) as replica:
        begin(replica.launch().result)
    with replicas.one() as other:
        again = other.launched()
        assert set(other.fetch(again)) == {"auth-token"}
    first, second = lms.sessions(ABANDONED), again.launched.session_id
    assert len(first) == moment.done
    assert lms.sessions(LAUNCHED) == [*first, second]
    assert lms.database.mongo["cmi5_sessions"].count_documents({}) == 1 + moment.done
    assert told(lms) == stored(lms)


@only_deep
@pytest.mark.parametrize(
    "moment",
    [
        Moment("update", "cmi5_sessions"),
        Moment(COMMIT, "cmi5_sessions"),
        Moment(COMMIT, "cmi5_sessions", done=True),
    ],
    ids=str,
)
def test_a_fetch_url_gives_its_token_at_most_once(
    lms: Lms, mortal: Mortal, replicas: Replicas, moment: Moment
) -> None:
    """After a kill it is as good as before, or it was used; then the learner launches again."""
    launched = lms.launch()
    fetched = {"secret_hash": {"$gt": ""}}
    sessions = lms.database.mongo["cmi5_sessions"]
    with mortal.dying(moment, lambda: sessions.count_documents(fetched)) as replica:
        begin(lambda: replica.fetch(launched))
    with replicas.one() as other:
        if moment.done:
            assert other.fetch(launched)["error-code"] == "1"
            launched = other.launched()
        assert set(other.fetch(launched)) == {"auth-token"}
        assert other.fetch(launched)["error-code"] == "1"
        assert other.send(launched, launched.defined(Verb.INITIALIZED)) == 200


@only_deep
@pytest.mark.parametrize(
    "moment",
    [
        Moment("insert", "statements"),
        Moment("insert", "outbox"),
        Moment(COMMIT, "outbox"),
        Moment(COMMIT, "outbox", done=True),
    ],
    ids=str,
)
def test_what_a_killed_replica_did_not_answer_can_be_sent_again(
    lms: Lms, mortal: Mortal, replicas: Replicas, moment: Moment
) -> None:
    """The statement that satisfies the course is stored once, with "satisfied", whether the first
    time or the second, and completes the activity once.
    """
    launched = lms.launch().begin()
    said = launched.defined(COMPLETED)
    with mortal.dying(moment, lambda: lms.statements(SATISFIED)) as replica:
        begin(lambda: replica.send(launched, said))
    assert len(lms.statements(COMPLETED)) == moment.done
    with replicas.one() as other:
        assert other.send(launched, said) == 200
        assert other.send(launched, launched.defined(Verb.TERMINATED)) == 200
    assert [len(lms.statements(verb)) for verb in (COMPLETED, SATISFIED)] == [1, 1]
    assert told(lms) == stored(lms)
    lms.classroom.settle()
    assert lms.classroom.states("ada") == {"quiz": "COMPLETED"}
    assert len(lms.classroom.published(events_pb2.ActivityCompleted)) == 1


@only_deep
@pytest.mark.parametrize("at", ["insert", COMMIT])
def test_a_worker_killed_before_move_on_is_projected(
    lms: Lms, clock: FakeClock, stack: dict[str, str], vhost: str, at: str
) -> None:
    """The statements are stored, and the next worker completes the activity, once."""
    clock.at = datetime.now(UTC)
    lms.classroom.open(unit(), learners=["ada"])
    launched = lms.launch().begin()
    launched.say(COMPLETED)
    launched.say(PASSED)
    environment = environment_of(lms.classroom, stack, vhost)
    recorded = lms.classroom.published(events_pb2.StatementsRecorded)
    publish(vhost, *map(lms.classroom.event, recorded))
    held = Held(stack["TANDEM_MONGO_URL"], at)
    with killed(lms.classroom, environment, held):
        assert lms.classroom.states("ada") == {"quiz": "OPEN"}
    with role("progress", "worker", environment):
        eventually(lambda: lms.classroom.states("ada") == {"quiz": "COMPLETED"})
    held.cut()
    assert len(lms.classroom.published(events_pb2.ActivityCompleted)) == 1
    assert len(lms.statements(SATISFIED)) == 1


@only_deep
def test_two_replicas_at_once(lms: Lms, replicas: Replicas) -> None:
    """Of fetches one gets the token; of two statements that satisfy, and are sent to both, each is
    stored once and "satisfied" once.
    """
    launched = lms.launch()
    with replicas.one() as one, replicas.one() as other, ThreadPoolExecutor(8) as pool:
        each = [one, other] * 4
        answers = list(pool.map(lambda replica: replica.fetch(launched), each))
        tokens = [answer["auth-token"] for answer in answers if "auth-token" in answer]
        assert len(tokens) == 1
        launched.token = tokens[0]
        launched.say(Verb.INITIALIZED)
        said = [launched.defined(COMPLETED), launched.defined(PASSED)]
        calls = [(replica, statement) for statement in said for replica in each]
        statuses = list(pool.map(lambda call: call[0].send(launched, call[1]), calls))
    assert statuses == [200] * len(calls)
    assert [len(lms.statements(verb)) for verb in (COMPLETED, PASSED, SATISFIED)] == [1, 1, 1]
    assert told(lms) == stored(lms)
