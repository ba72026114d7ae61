"""A class of 1,000 votes in a poll at once, beside bare inserts of as many documents."""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pymongo.write_concern import WriteConcern
from tandem.sessions.v1 import polls_pb2

from bench import rig
from bench.figures import Figure, beside, told
from chassis import ids, roles
from chassis.contracts.mapping import from_message
from chassis.data.store import connect
from chassis.operations.metrics import CONFLICTS
from chassis.operations.settings import load
from services.sessions.api_polls import grouped_votes
from services.sessions.domain.enums import CivilTime, EnrolmentState, SessionKind, SessionState
from services.sessions.domain.planning import Schedule, planned
from services.sessions.domain.polls import OpenPoll, Poll, PollResults
from services.sessions.domain.roster import Enrolment
from services.sessions.domain.votes import VotePoll
from services.sessions.settings import Settings
from services.sessions.store import SessionsStore
from services.sessions.usecases import polls
from services.sessions.usecases.tallies import live_tallies

LEARNERS, THREADS, ROUNDS, CLASSES = 1_000, 32, 3, 200
READS = 21
DATABASE = "bench_polls"
SETTINGS = {"TANDEM_MONGO_DATABASE": DATABASE, "TANDEM_OPS_ADDRESS": "127.0.0.1:0"}
CLASS = Schedule(
    run_id="run",
    activity_id="",
    title="Motion",
    kind=SessionKind.ONLINE,
    room_id="",
    instructor_id="curie",
    starts=CivilTime("2090-03-06T09:00:00", "Europe/Dublin"),
    duration=timedelta(hours=1),
    room_seats=0,
    online_seats=0,
    join_url="https://meet.example.edu/1",
    recorded=False,
    material_item_ids=(),
)


def measure() -> Iterator[Figure]:
    """32 callers, as many as a replica serves at a time, each vote in a transaction of its own."""
    database = _class()
    votes = grouped_votes(database)
    lost = _conflicts()
    polled: list[Poll] = []

    def ours() -> float:
        polled.append(database.transact(_open))
        return _rate(lambda learner: _vote(votes, polled[-1], learner))

    yield beside("votes in one poll", "votes/s", None, ROUNDS, ours, lambda: _bare(database))
    again = (_conflicts() - lost) / (ROUNDS * LEARNERS)
    yield told("votes that started again", again * 100, "% of the votes")
    started = time.perf_counter()
    database.transact(lambda store: polls.close_poll(store, polled[-1].id))
    yield told("closing it", (time.perf_counter() - started) * 1000, "ms")
    classes = [f"class-{number}" for number in range(CLASSES)]
    for each in classes:
        database.transact(lambda store, session_id=each: _hold(store, session_id))
    for few in (1, CLASSES):
        yield told(f"the tallies of {few} classes", _read(database, classes[:few]), "ms")


def _class() -> Any:
    """A database with a LIVE class and its learners."""
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(DATABASE)
    rig.run("services.sessions", "migrate", settings=SETTINGS)
    settings = load(Settings, {**rig.environment(), **SETTINGS}, "worker")
    database = roles.open_database(settings, "sessions", SessionsStore)
    enrolments = [Enrolment("run", each, EnrolmentState.ENROLLED, 1) for each in _learners()]
    database.transact(lambda store: _start(store, "class"))
    database.transact(lambda store: store.put_enrolments(enrolments))
    return database


def _learners() -> list[str]:
    return [f"learner-{number:04d}" for number in range(LEARNERS)]


def _start(store: SessionsStore, session_id: str) -> None:
    store.put_session(replace(planned(CLASS, None, session_id, ""), state=SessionState.LIVE))


def _hold(store: SessionsStore, session_id: str) -> None:
    """A class that is LIVE, with an open poll."""
    _start(store, session_id)
    _open(store, session_id)


def _open(store: SessionsStore, session_id: str = "class") -> Poll:
    options = tuple(map(str, range(4)))
    asked = OpenPoll(
        session_id=session_id, question="?", options=options, results_shown=PollResults.AT_ONCE
    )
    return polls.open_poll(store, asked, "curie")


def _read(database: Any, session_ids: list[str]) -> float:
    """Read the tallies of some classes as the live role does; return the median in ms."""
    took = []
    for _ in range(READS):
        started = time.perf_counter()
        database.transact(lambda store: live_tallies(store, session_ids))
        took.append(time.perf_counter() - started)
    return statistics.median(took) * 1000


def _vote(votes: Any, poll: Poll, learner: str) -> None:
    request = polls_pb2.VotePollRequest(
        request_id=ids.new_id(),
        poll_id=poll.id,
        learner_id=learner,
        choices=[1 + hash(learner) % 4],
    )
    votes.execute(request, from_message(request, VotePoll), (poll.id, learner))


def _bare(database: Any) -> float:
    """Insert a document for each learner, each in a transaction, and read nothing."""
    collection = database.mongo["bare"]

    def insert(learner: str) -> None:
        with database.client.start_session() as session:
            session.with_transaction(
                lambda s: collection.insert_one({"_id": ids.new_id(), "voter": learner}, session=s),
                write_concern=WriteConcern("majority"),
            )

    collection.insert_one({"_id": ids.new_id()})
    return _rate(insert)


def _rate(act: Callable[[str], None]) -> float:
    """Act for each learner, and return how many a second."""
    with ThreadPoolExecutor(THREADS) as pool:
        started = time.perf_counter()
        for done in [pool.submit(act, each) for each in _learners()]:
            done.result()
        return LEARNERS / (time.perf_counter() - started)


def _conflicts() -> float:
    """How often units of work of this process have started again."""
    return sum(
        sample.value
        for metric in CONFLICTS.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    )
