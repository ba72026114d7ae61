"""Kill anything at the worst moment: nothing is lost, and nothing happens twice."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc
import pika
import psutil
from tandem.catalog.v1 import catalog_pb2

from campus.outbox_command import states
from campus.platform import Platform
from campus.services import Services
from chassis.data.store import connect
from tests.deep import DEEP, deep, only_deep
from tests.mongo import end_leases, long_transactions
from tests.system.classes import MakeClass, come_to_rest, until

T = TypeVar("T")


class Listener:
    """Everything on the exchange, as a stranger sees it: event ids with how often each came."""

    def __init__(self, amqp_url: str) -> None:
        self.ids: Counter[str] = Counter()
        self._url = amqp_url
        self._stop, self._ready = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "Listener":
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _listen(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queue, "tandem.events", "#")
            self._ready.set()
            for method, properties, _ in channel.consume(queue, True, inactivity_timeout=0.05):
                if method:
                    self.ids[properties.headers["cloudEvents_id"]] += 1
                if self._stop.is_set():
                    return


@contextmanager
def removal_blocked(database: Any) -> Iterator[list[str]]:
    """Hold the outbox's rows in a transaction, so that a removal has to wait; yields their ids."""
    client, outbox = database.client, database["outbox"]
    with long_transactions(client), client.start_session() as session:
        session.start_transaction()
        ids = [row["_id"] for row in outbox.find({}, session=session)]
        outbox.update_many({}, {"$set": {"held": True}}, session=session)
        try:
            yield ids
        finally:
            session.abort_transaction()


def _outbox(environment: Mapping[str, str]) -> int:
    """How many events wait in catalog."""
    (catalog,) = states(environment["TANDEM_MONGO_URL"], ["catalog"])
    return catalog.waiting


@contextmanager
def profiled(database: Any) -> Iterator[Any]:
    """Let MongoDB record every operation on a database; yields the collection of the records.

    A removal in a transaction fails at once if another one holds the rows, and is tried again: no
    look at the running operations sees it.
    """
    database.command("profile", 2)
    try:
        yield database["system.profile"]
    finally:
        database.command("profile", 0)
        database.drop_collection("system.profile")


@only_deep
def test_a_relay_killed_between_publish_and_removal_repeats_with_one_effect(
    whole: Platform, make_class: MakeClass
) -> None:
    """Events published but not removed are published again, and each learner counts once."""
    group = make_class(20)
    until("the run to be known", group.is_known)
    environment = whole.environment()
    until("an empty outbox", lambda: _outbox(environment) == 0)
    relay = whole.roles["catalog-relay"]
    relay.process.stop()
    group.enrol(group.learners)
    with (
        connect(environment["TANDEM_MONGO_URL"], "test") as client,
        Listener(environment["TANDEM_AMQP_URL"]) as seen,
    ):
        catalog, removal = client["tandem_catalog"], {"op": "remove", "ns": "tandem_catalog.outbox"}
        with removal_blocked(catalog) as ids, profiled(catalog) as operations:
            assert len(ids) == 20
            relay.launch(environment)
            until("the first publication", lambda: all(seen.ids[one] for one in ids))
            until("their removal to be tried", lambda: operations.find_one(removal))
            relay.process.kill()
        whole.restart(relay.name)
        until("the second publication", lambda: all(seen.ids[one] >= 2 for one in ids))
    come_to_rest(whole)
    assert group.summary().learners == 20


@only_deep
def test_the_broker_may_be_away_while_requests_go_on(
    whole: Platform, make_class: MakeClass, staff: Services
) -> None:
    """With RabbitMQ stopped commands succeed; later every event arrives once."""
    group = make_class(30)
    until("the run to be known", group.is_known)
    whole.stack.rabbitmq.stop()
    for first in range(0, 30, 10):
        group.enrol(group.learners[first : first + 10])
    run = staff.catalog.GetRun(catalog_pb2.GetRunRequest(run_id=group.run))
    assert run.enrolled == 30
    whole.stack.rabbitmq.start()
    come_to_rest(whole)
    assert group.summary().learners == 30


@deep
def test_a_worker_killed_mid_batch_loses_and_doubles_nothing(
    whole: Platform, make_class: MakeClass
) -> None:
    """The worker dies by SIGKILL while its transaction is open; every statement counts once."""
    group = make_class(100)
    group.enrol(group.learners)
    until("the learners", lambda: group.summary().learners == 100)
    worker = whole.roles["progress-worker"]
    sent = 0
    with connect(whole.environment()["TANDEM_MONGO_URL"], "test") as client:
        for _ in range(10 if DEEP else 2):
            open_ = None
            while open_ is None:
                for _ in range(5):
                    group.record(group.learners)
                sent += 500
                open_ = _stopped_mid_batch(client, worker.process.pid)
            worker.process.kill()
            # As both end by themselves, but only after a while; another worker waits for that.
            client.admin.command("killSessions", [open_])
            end_leases(client["tandem_progress"])
            whole.restart(worker.name)
    come_to_rest(whole)
    assert group.summary().statements == sent
    assert group.summary().completed_activities == 100
    assert group.summary().completed_path == 100


def _stopped_mid_batch(client: Any, pid: int | None) -> dict[str, Any] | None:
    """Stop a process by SIGSTOP while its transaction has written something; return its session.

    None if there was no such moment for a second: then it has nothing left to do.
    """
    assert pid
    end = time.monotonic() + 1
    while time.monotonic() < end:
        os.kill(pid, signal.SIGSTOP)
        if _open_transaction(client, pid):
            time.sleep(0.1)  # what it asked just before is answered meanwhile, also a commit
            if found := _open_transaction(client, pid):
                return found
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.002)
    return None


def _open_transaction(client: Any, pid: int) -> dict[str, Any] | None:
    """The session of a process in which a transaction that wrote waits for its next command."""
    sockets = [each.laddr for each in psutil.Process(pid).net_connections("tcp")]
    own = {"client": {"$in": [f"{each.ip}:{each.port}" for each in sockets]}}
    idle = {"type": "idleSession", "locks.Global": "w"}
    stages = [{"$currentOp": {"idleSessions": True}}, {"$match": own | idle}]
    found = list(client.admin.aggregate(stages))
    return {"id": found[0]["lsid"]["id"]} if found else None


@only_deep
def test_a_broker_killed_under_load_loses_nothing(whole: Platform, make_class: MakeClass) -> None:
    """RabbitMQ dies by SIGKILL between two requests and comes back: every learner counts once."""
    group = make_class(40)
    until("the run to be known", group.is_known)
    group.enrol(group.learners[:20])
    whole.stack.rabbitmq.kill()
    group.enrol(group.learners[20:])
    whole.stack.rabbitmq.start()
    come_to_rest(whole)
    assert group.summary().learners == 40


@only_deep
def test_mongodb_killed_is_waited_for(whole: Platform, make_class: MakeClass) -> None:
    """MongoDB dies by SIGKILL: what was answered is kept, and no role has to be restarted."""
    group = make_class(20)
    group.enrol(group.learners[:10])
    pids = {name: role.process.pid for name, role in whole.roles.items()}
    whole.stack.mongodb.kill()
    whole.stack.mongodb.start()
    patiently(lambda: group.enrol(group.learners[10:], "after MongoDB"))
    until("every enrolment", lambda: patiently(group.summary).learners >= 20)
    assert {name: role.process.pid for name, role in whole.roles.items()} == pids
    come_to_rest(whole)
    assert group.summary().learners == 20


def patiently(call: Callable[[], T]) -> T:
    """What a call returns. It is repeated while a service asks for that, as clients do: each
    service finds out in its own time, up to a second, that MongoDB went away and is back.
    """
    answers: list[T] = []

    def is_answered() -> bool:
        try:
            answers.append(call())
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
        return bool(answers)

    until("an answer", is_answered)
    return answers[0]
