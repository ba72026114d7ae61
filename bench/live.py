"""The live channel: how long a message takes to all members of its class."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2 as types

from bench import rig
from bench.class_end import BATCH, DATABASE, SETTINGS, database, hear
from bench.figures import Figure, at_most, told
from bench.grpc_command import serving
from campus.identity import IdentityProvider
from campus.stack.process import python_command
from chassis.contracts.mapping import from_message
from chassis.data.store import connect
from services.sessions.domain.planning import Schedule
from services.sessions.usecases import live, planning

LARGE, CLASSES, OF_CLASS = 1_000, 200, 50
SECONDS = float(os.environ.get("BENCH_LIVE_SECONDS", "20"))
# Messages a second in the large class, until one is too slow.
RATES = (1, 2, 5, 10, 20)
# Milliseconds.
GOAL = 500.0
TEACHER = "teacher"
ROLE = {"TANDEM_MONGO_DATABASE": DATABASE, "TANDEM_LIVE_MEMBERS": "20000"}
Rows = list[tuple[str, str, str]]


def measure() -> Iterator[Figure]:
    """A class of 1,000 on one replica, 200 classes of 50 on two, and one of two that is killed."""
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(DATABASE)
    for role in ("migrate", "declare"):
        rig.run("services.sessions", role, settings=SETTINGS)
    yield from _large()
    yield from _many()
    yield from _killed()


def _large() -> Iterator[Figure]:
    learners = _enrol("large", LARGE)
    session = _class("large")
    with serving("services.sessions", "live", settings=ROLE) as ours:
        for rate in RATES:
            found = _measured(_rows([ours.grpc], {session: learners}), rate)
            yield _figure(f"class of {LARGE}, {rate} messages/s", found, rate == 1)
            if found["p99"] > GOAL:
                break
    with serving("bench.live_peer") as peer:
        found = _measured(_rows([peer.grpc], {session: learners}), 1)
        yield told(f"class of {LARGE}, 1 message/s, bare grpc.aio: p99", found["p99"], "ms")


def _many() -> Iterator[Figure]:
    classes = {}
    for number in range(CLASSES):
        learners = _enrol(f"run-{number}", OF_CLASS)
        classes[_class(f"run-{number}")] = learners
    with ExitStack() as stack:
        targets = [
            stack.enter_context(serving("services.sessions", "live", settings=ROLE)).grpc,
            stack.enter_context(second()).grpc,
        ]
        found = _measured(_rows(targets, classes), 0.1)
        name = f"{CLASSES} classes of {OF_CLASS} on two replicas, a message in ten seconds each"
        yield _figure(name, found, False)


def _killed() -> Iterator[Figure]:
    """A class of 1,000 on two replicas, one of which is killed while somebody writes."""
    learners, half = _enrol("killed", LARGE), LARGE // 2
    session = _class("killed")
    with serving("services.sessions", "live", settings=ROLE) as first, second() as other:
        rows = _rows([first.grpc], {session: learners[:half]})
        rows += _rows([other.grpc], {session: learners[half:]})
        found = _returned(rows, _listening_at(first.grpc))
    name = f"{LARGE} members, one of two replicas killed"
    if found["wrong"]:
        raise RuntimeError(f"{name}: {found['wrong']} members miss entries, or have some twice")
    yield told(f"{name}: all are back", found["back"], "s")
    yield told(f"{name}: all have each entry once", found["all"], "s")


def _returned(rows: Rows, replica: psutil.Process) -> dict[str, Any]:
    file = Path(rig.FOLDER) / "live_members.json"
    file.write_text(json.dumps(rows))
    command = python_command("bench.live_return", str(file), "1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as members:
        assert members.stdout is not None
        if members.stdout.readline() != "joined\n":
            raise RuntimeError("the members could not join")
        replica.kill()
        found: dict[str, Any] = json.loads(members.stdout.read())
    return found


def _listening_at(target: str) -> psutil.Process:
    """The process of ours that listens there."""
    port = int(target.rpartition(":")[2])
    for child in psutil.Process().children():
        if any(each.laddr.port == port for each in child.net_connections()):
            return child
    raise LookupError(target)


def second() -> Any:
    """One more replica, at ports of its own."""
    return serving("services.sessions.__main__", "live", settings=ROLE)


def _figure(name: str, found: dict[str, Any], is_goal: bool) -> Figure:
    if found["missing"]:
        raise RuntimeError(f"{name}: {found['missing']} messages did not come")
    p99 = f"{name}: p99 (median {found['p50']:.0f} ms)"
    return at_most(p99, found["p99"], "ms", GOAL) if is_goal else told(p99, found["p99"], "ms")


def _rows(targets: Sequence[str], classes: dict[str, list[str]]) -> Rows:
    provider = IdentityProvider(rig.FOLDER)
    return [
        (targets[place % len(targets)], session, provider.mint(each, ["learner"]))
        for session, learners in classes.items()
        for place, each in enumerate(learners)
    ]


def _measured(rows: Rows, rate: float) -> dict[str, Any]:
    file = Path(rig.FOLDER) / "live_members.json"
    file.write_text(json.dumps(rows))
    told_ = [str(file), str(rate), str(SECONDS)]
    command = python_command("bench.live_members", *told_)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _enrol(run_id: str, count: int) -> list[str]:
    """A run with its learners."""
    learners = [f"{run_id}-{number}" for number in range(count)]
    hear([catalog.RunOpened(run_id=run_id, instructor_ids=[f"{TEACHER}-{run_id}"])])
    for first in range(0, count, BATCH):
        hear([_enrolment(run_id, each) for each in learners[first : first + BATCH]])
    return learners


def _enrolment(run_id: str, learner_id: str) -> catalog.EnrolmentCreated:
    return catalog.EnrolmentCreated(
        enrolment_id=f"e-{learner_id}",
        run_id=run_id,
        learner_id=learner_id,
        mode=types.ATTENDANCE_MODE_ONLINE,
    )


def _class(run_id: str) -> str:
    """A class of the run that has started; returns its id."""
    starts = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(minutes=5)
    request = sessions_pb2.ScheduleSessionRequest(
        run_id=run_id,
        title="Motion",
        kind=types.SESSION_KIND_ONLINE,
        instructor_id=f"{TEACHER}-{run_id}",
        starts=types.CivilTime(local=starts.isoformat(), zone="UTC"),
        duration=Duration(seconds=3600),
        join_url="https://meet.example.edu/1",
    )
    command = from_message(request, Schedule)
    planned = database().transact(lambda store: planning.schedule(store, command, 0))
    database().transact(lambda store: live.start(store, planned.id))
    return str(planned.id)
