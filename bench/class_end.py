"""The end of a class of 100,000: until it is answered, until all attendance is settled."""

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import grpc
import psutil
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import resources_pb2, sessions_pb2
from tandem.sessions.v1.sessions_pb2_grpc import SessionsServiceStub
from tandem.types.v1 import types_pb2 as types

from bench import rig
from bench.figures import Figure, at_most, told
from bench.grpc_command import serving
from campus.identity import IdentityProvider
from campus.parallel import chunks
from chassis import ids, roles
from chassis.contracts import events
from chassis.data.store import connect
from chassis.operations.settings import load
from services.sessions.settings import Settings
from services.sessions.store import SessionsStore
from services.sessions.worker import subscriptions

LARGE, SMALL = int(os.environ.get("BENCH_LEARNERS", "100000")), 30
BATCH, MARKS = 500, 1_000
PATIENCE = 900.0  # seconds
DATABASE = "bench_sessions"
SETTINGS = {"TANDEM_MONGO_DATABASE": DATABASE, "TANDEM_OPS_ADDRESS": "127.0.0.1:0"}


def measure() -> Iterator[Figure]:
    """Half of the learners joined; a class of 30 ends two seconds after the large one."""
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(DATABASE)
    for role in ("migrate", "declare"):
        rig.run("services.sessions", role, settings=SETTINGS)
    _enrol()
    settings = {"TANDEM_MONGO_DATABASE": DATABASE}
    with (
        serving("services.sessions", "api", settings=settings) as at,
        rig.running("services.sessions", "worker", settings=SETTINGS) as worker,
        grpc.insecure_channel(at.grpc) as channel,
    ):
        yield from _figures(School(channel), worker)


def _figures(school: "School", worker: psutil.Process) -> Iterator[Figure]:
    large, small = school.live("large"), school.live("small")
    school.join(large, _learners("large", LARGE)[::2])
    answered = school.end(large)
    began = time.perf_counter()
    time.sleep(2)
    school.end(small)
    small_began = time.perf_counter()
    school.until_settled(small)
    small_took = time.perf_counter() - small_began
    school.until_settled(large)
    took = time.perf_counter() - began
    yield at_most(f"end of a class of {LARGE}: answer", answered, "s", 1)
    yield at_most(f"end of a class of {LARGE}: settled", took, "s", 90)
    yield told(f"a class of {SMALL} that ends meanwhile: settled", small_took, "s")
    yield at_most("worker that settled them, at its peak", rig.peak(worker), "MiB", 256)


@dataclass
class School:
    """The API as staff and meeting provider call it."""

    channel: grpc.Channel

    def live(self, run_id: str) -> resources_pb2.Session:
        """An online class of a run that has begun."""
        starts = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(minutes=30)
        session: resources_pb2.Session = self._call(
            "ScheduleSession",
            sessions_pb2.ScheduleSessionRequest(
                run_id=run_id,
                title="Motion",
                kind=types.SESSION_KIND_ONLINE,
                instructor_id=f"teacher-{run_id}",
                starts=types.CivilTime(local=starts.isoformat(), zone="UTC"),
                duration=Duration(seconds=3600),
                join_url="https://meet.example.edu/1",
            ),
        )
        self._call("StartSession", sessions_pb2.StartSessionRequest(session_id=session.id))
        return session

    def join(self, session: resources_pb2.Session, learners: Sequence[str]) -> None:
        """Learners join, as the meeting provider tells."""
        now = Timestamp()
        now.GetCurrentTime()
        for some in chunks(learners, MARKS):
            marks = [
                sessions_pb2.PresenceMark(
                    learner_id=one, kind=sessions_pb2.PRESENCE_KIND_JOINED, at=now, connection="pc"
                )
                for one in some
            ]
            request = sessions_pb2.RecordPresenceRequest(session_id=session.id, marks=marks)
            self._call("RecordPresence", request)

    def end(self, session: resources_pb2.Session) -> float:
        """End a class; answers how long that took, in seconds."""
        began = time.perf_counter()
        self._call("EndSession", sessions_pb2.EndSessionRequest(session_id=session.id))
        return time.perf_counter() - began

    def until_settled(self, session: resources_pb2.Session) -> None:
        """Wait until its attendance is settled. Raises TimeoutError."""
        request = sessions_pb2.GetSessionRequest(session_id=session.id)
        end = time.monotonic() + PATIENCE
        while not self._call("GetSession", request).HasField("attendance_settled_at"):
            if time.monotonic() > end:
                raise TimeoutError(f"not settled after {PATIENCE:.0f} s")
            time.sleep(0.05)

    def _call(self, name: str, request: Any) -> Any:
        token = IdentityProvider(rig.FOLDER).mint("meetings", ["service"])
        call: Callable[..., Any] = getattr(SessionsServiceStub(self.channel), name)
        return call(request, metadata=[("authorization", f"Bearer {token}")], timeout=30)


def _enrol() -> None:
    """Two runs with their learners, by the worker's own handler."""
    for run_id, count in (("large", LARGE), ("small", SMALL)):
        hear([catalog.RunOpened(run_id=run_id, instructor_ids=[f"teacher-{run_id}"])])
        for some in chunks(_learners(run_id, count), BATCH):
            hear(
                [
                    catalog.EnrolmentCreated(
                        enrolment_id=f"e-{one}",
                        run_id=run_id,
                        learner_id=one,
                        mode=types.ATTENDANCE_MODE_ONLINE,
                    )
                    for one in some
                ]
            )


def hear(data: Sequence[Any]) -> None:
    """Apply events of the catalog, by the worker's own handler."""
    now = datetime.now(UTC)
    batch = [
        events.Event(
            ids.new_id(), events.event_type(type(each)), "", now, "", "", next(_numbers), "", each
        )
        for each in data
    ]
    rosters = next(each for each in subscriptions() if each.name == "sessions.rosters")
    database().transact(lambda store: rosters.handle(store, batch))


_numbers = itertools.count(1)


@cache
def database() -> Any:
    """Return the database."""
    settings = load(Settings, {**rig.environment(), **SETTINGS}, "worker")
    return roles.open_database(settings, "sessions", SessionsStore)


def _learners(run_id: str, count: int) -> list[str]:
    return [f"{run_id}-{number:06d}" for number in range(count)]
