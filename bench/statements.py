"""Statements that a worker of progress applies, one a message, beside a consumer without rules."""

import socket
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pika
import psutil

from bench import rig, term
from bench.figures import Figure, at_least, at_most, beside, told
from bench.term import DATABASE, Term
from chassis.data.store import connect
from chassis.messaging import topology

MANY, ONE = Term(runs=200), Term(runs=1)
MESSAGES, ROUNDS, WORKERS = 20_000, 3, 4
# By so many, each of four workers has met every run, and keeps its plan, as in a term for weeks.
WARM = 6_000
PEER_QUEUE, PEER_DATABASE = "bench.statements", "bench_peer"
PEERS = {"TANDEM_MONGO_DATABASE": PEER_DATABASE}
# Seconds in which workers come up, and share the partitions among them.
FINALISED = 15.0
# Seconds. On a machine that is busy with other work a round took more than five minutes.
PATIENCE = 3_600.0


def measure() -> Iterator[Figure]:
    """200 runs beside the peer, beside four workers, and beside all learners in one run."""
    rounds = Rounds()
    term.begin(MANY)
    _begin_peer()
    ours = lambda: _work(rounds, MANY, 1).rate  # noqa: E731
    peer = lambda: _peer(rounds, 1).rate  # noqa: E731
    yield beside("statements", "statements/s", 0.4, ROUNDS, ours, peer)
    one, four = _work(rounds, MANY, 1), _work(rounds, MANY, WORKERS)
    yield at_most("statements: CPU of 4 workers to 1", four.cpu / one.cpu, "times", 1.15)
    peers = [_peer(rounds, count).cpu for count in (1, WORKERS)]
    yield told("statements: CPU of 1 to 1 peer", one.cpu / peers[0], "times")
    yield told("statements: CPU of 4 peers to 1", peers[1] / peers[0], "times")
    yield at_most("statements: lost by 4 workers to each other", four.lost, "transactions", 0)
    yield told("statements: 4 workers", four.rate, "statements/s")
    term.begin(ONE)
    alone = _work(rounds, ONE, 1)
    yield at_least("statements: 200 runs to one run", one.rate / alone.rate, "times", 0.8)


class Rounds:
    """Each round has statements of its own: one that is known changes nothing."""

    def __init__(self) -> None:
        self._first = 0

    def next(self, learners: Term, count: int) -> list[Any]:
        """The next so many events."""
        first, self._first = self._first, self._first + count
        return list(term.statements(learners, count, first))


@dataclass(frozen=True)
class Work:
    """What a round took."""

    rate: float
    """Statements a second."""
    cpu: float
    """Seconds of all workers' processors."""
    lost: int
    """Transactions that were ended for another's sake."""


def _work(rounds: Rounds, learners: Term, workers: int) -> Work:
    """What a round takes workers that know their runs."""
    warm, round_ = rounds.next(learners, WARM), rounds.next(learners, MESSAGES)
    with ExitStack() as stack:
        children = [stack.enter_context(_worker()) for _ in range(workers)]
        time.sleep(FINALISED)
        client = stack.enter_context(connect(rig.environment()["TANDEM_MONGO_URL"], "bench"))
        inbox = client[DATABASE]["inbox"]
        before = inbox.estimated_document_count()
        term.publish(warm)
        rig.rate(lambda: inbox.estimated_document_count() - before, WARM, PATIENCE)
        return _timed(client, inbox, children, partial(term.publish, round_))


def _peer(rounds: Rounds, count: int) -> Work:
    """What a round takes so many peers at one queue."""
    round_ = rounds.next(MANY, MESSAGES)
    start = partial(rig.running, "bench.kombu_peer", "statements", PEER_QUEUE, settings=PEERS)
    with ExitStack() as stack:
        children = [stack.enter_context(start()) for _ in range(count)]
        time.sleep(FINALISED)
        client = stack.enter_context(connect(rig.environment()["TANDEM_MONGO_URL"], "bench"))
        publish = partial(term.publish, round_, straight_to=PEER_QUEUE)
        return _timed(client, client[PEER_DATABASE]["inbox"], children, publish)


def _timed(
    client: Any, inbox: Any, children: Sequence[psutil.Process], publish: Callable[[], None]
) -> Work:
    """Have processes that are up stand still, fill their queues, and let them go."""
    for child in children:
        child.suspend()
    publish()
    before, cpu, lost = inbox.estimated_document_count(), _cpu(children), _lost(client)
    for child in children:
        child.resume()
    rate = rig.rate(lambda: inbox.estimated_document_count() - before, MESSAGES, PATIENCE)
    return Work(rate, _cpu(children) - cpu, _lost(client) - lost)


def _begin_peer() -> None:
    """The peer's queue, and a database of its own with the learners that ours knows."""
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(PEER_DATABASE)
        copy = {"db": PEER_DATABASE, "coll": "standings"}
        client[DATABASE]["standings"].aggregate([{"$out": copy}])
        for name in ("evidence", "summaries", "inbox"):
            client[PEER_DATABASE].create_collection(name)
    with pika.BlockingConnection(pika.URLParameters(rig.environment()["TANDEM_AMQP_URL"])) as link:
        topology.declare_queue(link.channel(), PEER_QUEUE, ())
        link.channel().queue_purge(PEER_QUEUE)


@contextmanager
def _worker() -> Iterator[psutil.Process]:
    """A worker of progress that is ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {**term.SETTINGS, "TANDEM_OPS_ADDRESS": address}
    with rig.running("services.progress", "worker", settings=settings) as child:
        while not _is_ready(address):
            time.sleep(0.1)
        yield child


def _is_ready(address: str) -> bool:
    try:
        urllib.request.urlopen(f"http://{address}/ready", timeout=5).close()
    except OSError:  # an HTTPError is one, too
        return False
    return True


def _cpu(children: Sequence[psutil.Process]) -> float:
    """Seconds of processors that they took until now."""
    return sum(sum(child.cpu_times()[:2]) for child in children)


def _lost(client: Any) -> int:
    """Transactions that MongoDB ended until now, for a write conflict or a client's wish."""
    return int(client.admin.command("serverStatus")["transactions"]["totalAborted"])
