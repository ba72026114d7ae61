"""A closure of the campus: everyone's class is cancelled, told in the inbox and by mail.

Composed and stored a second, beside Celery with a task for each recipient; and how long an urgent
message, an offer of a seat, waits meanwhile, while the rate of mail is limited.
"""

import os
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psutil
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.sessions.v1 import events_pb2 as sessions

from bench import environments, rig, term
from bench.figures import Figure, at_most, beside, told
from campus.stack.smtp import SMTP
from chassis import ids
from chassis.clock import SystemClock
from chassis.contracts import events
from chassis.data.store import Database, connect
from services.notify.domain.enums import AttendanceMode, EnrolmentState
from services.notify.domain.people import Enrolment, Person, Run
from services.notify.domain.sessions import Session
from services.notify.store import NotifyStore

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "100000"))
LARGE = 500  # learners of a run
ROUNDS, PROCESSES = 3, 2
DATABASE, PEER_DATABASE = "bench_closure", "bench_closure_peer"
LANGUAGES = ("en", "de", "ar")
# Nobody is at this port: mail is composed and stored, and none is sent.
NO_SERVER = "smtp://127.0.0.1:1"
# Mails a second during the closure: far fewer than are composed, so that a backlog waits.
MAIL_RATE = 100
URGENT = 40  # offers of a seat, one in a second
PATIENCE = 1_800.0  # seconds
# Celery's tasks: its rate does not depend on how many wait, and 100,000 take half an hour.
TASKS = min(PEOPLE, int(os.environ.get("BENCH_TASKS", "10000")))
WRITTEN = (
    "messages",
    "deliveries",
    "inboxes",
    "outbox",
    "broadcasts",
    "broadcast_parts",
    "inbox",
    "rates",
    # Of the mail server that was not there.
    "job_holds",
)


def measure() -> Iterator[Figure]:
    """Composed and stored beside Celery; then how long urgent messages wait during a closure."""
    school = School()
    name = f"closure to {PEOPLE} people: composed and stored"
    yield beside(name, "people/s", 5, ROUNDS, school.ours, school.peer)
    for name, value in school.costs().items():
        yield told(f"closure: processor time of {name}", value, "µs/person")
    yield from school.waits()


class School:
    """A database of notify in which everyone is in one large run."""

    def __init__(self) -> None:
        client = connect(rig.environment()["TANDEM_MONGO_URL"], "bench")
        client.drop_database(DATABASE)
        self._database = Database(client, DATABASE, NotifyStore, SystemClock())
        self._database.prepare()
        self._mongo = client[DATABASE]
        self._peer = client[PEER_DATABASE]
        pid = client.admin.command("serverStatus")["pid"]
        self._mongod = psutil.Process(int(pid))
        self._costs: dict[str, list[float]] = {}
        self._runs = [f"run-{first:06d}" for first in range(0, PEOPLE, LARGE)]
        for place, run_id in enumerate(self._runs):
            first = place * LARGE
            self._enrol(run_id, range(first, min(first + LARGE, PEOPLE)))
        self._mongo["people"].aggregate([{"$out": {"db": PEER_DATABASE, "coll": "people"}}])
        rig.run("services.notify", "declare", settings={"TANDEM_MONGO_DATABASE": DATABASE})

    def ours(self) -> float:
        """Return how many people a second are told; the events wait when the workers start."""
        self._begin()
        term.publish(map(_cancelled, self._runs))
        with _workers(NO_SERVER) as workers, self._cost("ours", workers, PEOPLE):
            stored = self._mongo["deliveries"].estimated_document_count
            return rig.rate(stored, 2 * PEOPLE, PATIENCE) / 2

    def peer(self) -> float:
        """Return the same of Celery's workers; the tasks wait when they start."""
        for name in ("messages", "deliveries"):
            self._peer[name].delete_many({})
        python = str(environments.python_of("celery"))
        settings = {
            **rig.environment(),
            "TANDEM_MONGO_DATABASE": PEER_DATABASE,
            "PYTHONPATH": str(environments.ROOT),
        }
        publish = [python, "-m", "bench.celery_peer", str(TASKS)]
        subprocess.run(publish, env={**os.environ, **settings}, check=True)
        worker = [python, "-m", "celery", "--app", "bench.celery_peer", "worker"]
        options = [f"--concurrency={PROCESSES}", "--loglevel=WARNING"]
        with rig.command([*worker, *options], settings) as parent:
            stored = self._peer["deliveries"].estimated_document_count
            with self._cost("Celery", [parent], TASKS):
                return rig.rate(stored, TASKS, PATIENCE)

    def costs(self) -> dict[str, float]:
        """Return the processor time of a person in microseconds, the median of the rounds."""
        return {name: statistics.median(each) for name, each in self._costs.items()}

    @contextmanager
    def _cost(self, name: str, workers: Sequence[psutil.Process], people: int) -> Iterator[None]:
        """Note the processor time of workers, from their start, and of MongoDB."""
        mongod = _cpu([self._mongod])
        yield
        family = [each for one in workers for each in (one, *one.children(recursive=True))]
        for part, cpu in (("workers", _cpu(family)), ("MongoDB", _cpu([self._mongod]) - mongod)):
            self._costs.setdefault(f"{name}, {part}", []).append(cpu * 1e6 / people)

    def waits(self) -> Iterator[Figure]:
        """Tell how long urgent messages wait, one a second from the closure on."""
        self._begin()
        sink = SMTP(rig.FOLDER / "closure")
        sink.start()
        try:
            with _workers(sink.address):
                term.publish(map(_cancelled, self._runs))
                self._until_begun()
                published = self._publish_urgent()
                backlog = self._mongo["deliveries"].count_documents({"state": "QUEUED"})
                rows = self._delivered(published)
        finally:
            sink.stop()
        yield told("closure: mails that wait after the last urgent message", backlog, "mails")
        for channel, name in (("IN_APP", "in the inbox"), ("EMAIL", "at the mail server")):
            waited = sorted(
                (row["finished_at"] - published[row["event_id"]]).total_seconds()
                for row in rows
                if row["channel"] == channel
            )
            name = f"closure: an offer of a seat is {name} after"
            yield told(f"{name}, p50", statistics.median(waited) * 1000, "ms")
            yield at_most(f"{name}, p99", waited[int(0.99 * (len(waited) - 1))], "s", 1)
            yield told(f"{name}, at most", waited[-1] * 1000, "ms")

    def _enrol(self, run_id: str, numbers: range) -> None:
        def enrol(store: NotifyStore) -> None:
            store.put_replicas([Run(run_id, f"Physics {run_id}")])
            store.put_session(_session(run_id))
            store.put_replicas([_person(number) for number in numbers])
            store.put_enrolments([_enrolment(run_id, number) for number in numbers])

        self._database.transact(enrol)

    def _begin(self) -> None:
        """Empty what a closure writes, and let the classes stand."""
        for name in WRITTEN:
            self._mongo[name].delete_many({})
        self._mongo["sessions"].update_many(
            {}, {"$set": {"standing": True, "cancelled": False, "sequence": 1}}
        )

    def _until_begun(self) -> None:
        """Wait until the workers are up, and tell people. Raises TimeoutError."""
        end = time.monotonic() + PATIENCE
        while not self._mongo["deliveries"].estimated_document_count():
            if time.monotonic() > end:
                raise TimeoutError("nobody is told of the closure")
            time.sleep(0.05)

    def _publish_urgent(self) -> dict[str, datetime]:
        """Offer somebody a seat each second; return when, by the events' ids."""
        published = {}
        for number in range(URGENT):
            event = _offered(number)
            published[event.id] = event.time
            term.publish([event])
            time.sleep(1)
        return published

    def _delivered(self, event_ids: Mapping[str, datetime]) -> list[Any]:
        """Wait until all messages of these events are delivered; return their deliveries."""
        query = {"event_id": {"$in": list(event_ids)}, "state": "DELIVERED"}
        rig.rate(lambda: self._mongo["deliveries"].count_documents(query), 2 * URGENT, PATIENCE)
        return list(self._mongo["deliveries"].find(query))


def _cpu(processes: Sequence[psutil.Process]) -> float:
    """Return the seconds of processors that processes have taken."""
    return sum(sum(each.cpu_times()[:2]) for each in processes)


@contextmanager
def _workers(smtp_url: str) -> Iterator[list[psutil.Process]]:
    settings = {
        "TANDEM_MONGO_DATABASE": DATABASE,
        "TANDEM_SMTP_URL": smtp_url,
        "TANDEM_MAIL_RATE": str(MAIL_RATE),
        "TANDEM_OPS_ADDRESS": "127.0.0.1:0",
    }
    with ExitStack() as stack:
        start = partial(rig.running, "services.notify", "worker", settings=settings)
        yield [stack.enter_context(start()) for _ in range(PROCESSES)]


def _person(number: int) -> Person:
    address = f"learner-{number}@students.university.example"
    language = LANGUAGES[number % len(LANGUAGES)]
    return Person(f"p{number:06d}", f"Learner {number}", address, language, "Europe/Dublin", 1)


def _enrolment(run_id: str, number: int) -> Enrolment:
    return Enrolment(
        f"e{number:06d}",
        run_id,
        f"p{number:06d}",
        EnrolmentState.ENROLLED,
        1,
        AttendanceMode.CLASSROOM,
        1,
    )


def _times() -> tuple[datetime, datetime]:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    return start, start + timedelta(hours=1)


def _session(run_id: str) -> Session:
    start, end = _times()
    return Session(
        id=f"class-{run_id}",
        run_id=run_id,
        title="Motion",
        instructor_id="",
        start_time=start,
        end_time=end,
        room="A 101",
        join_url="",
        standing=True,
        event_id=f"scheduled-{run_id}",
        event_type="tandem.sessions.session.scheduled.v1",
        sequence=1,
    )


def _cancelled(run_id: str) -> events.Event[sessions.SessionCancelled]:
    """Return the event that the class of a run is cancelled."""
    start, end = _times()
    data = sessions.SessionCancelled(
        session_id=f"class-{run_id}",
        run_id=run_id,
        title="Motion",
        start_time=_stamp(start),
        end_time=_stamp(end),
        reason="The campus is closed.",
    )
    key, now = data.session_id, datetime.now(UTC)
    type_ = events.event_type(type(data))
    return events.Event(ids.new_id(), type_, "tandem/sessions", now, key, key, 2, "", data)


def _offered(number: int) -> events.Event[sessions.SeatOffered]:
    """Return the event that a person is offered a seat."""
    start, _ = _times()
    data = sessions.SeatOffered(
        session_id=f"help-{number}",
        run_id="run-000000",
        learner_id=f"p{number:06d}",
        title="Motion",
        start_time=_stamp(start),
        expires_at=_stamp(start - timedelta(hours=1)),
    )
    now, type_ = datetime.now(UTC), events.event_type(type(data))
    subject, key = events.subject_and_key(data)
    return events.Event(ids.new_id(), type_, "tandem/sessions", now, subject, key, 1, "", data)


def _stamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
