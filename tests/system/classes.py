"""A run with learners on the running platform, and patience."""

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pika
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress
from tandem.types.v1 import types_pb2

from campus.outbox_command import states
from campus.platform import GRACE, Platform
from campus.queues import names, subscriptions, waiting
from campus.services import Services
from campus.waiting import wait_until
from chassis.messaging import partitions
from chassis.messaging.queue_figures import Unanswered, figures

PATIENCE = 120.0
NONE: Mapping[str, str] = {}


TANDEM = str(Path(sys.executable).with_name("tandem"))


def surroundings(given: Mapping[str, str] = NONE) -> dict[str, str]:
    """An environment that names no servers but those of `given`."""
    return {key: value for key, value in os.environ.items() if "TANDEM_" not in key} | dict(given)


def run_tandem(
    *words: object, given: Mapping[str, str] = NONE
) -> "subprocess.CompletedProcess[str]":
    """Run the command as a person would."""
    command, environment = [TANDEM, *map(str, words)], surroundings(given)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def tandem(platform: Platform, *words: str, code: int = 0, given: Mapping[str, str] = NONE) -> str:
    """The output of the command on a platform; its exit code is checked."""
    done = run_tandem(*words, "--data", platform.folder, given=given)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout or done.stderr


def tandem_json(platform: Platform, *words: str, given: Mapping[str, str] = NONE) -> Any:
    """The output of the command for programs."""
    return json.loads(tandem(platform, *words, "--json", given=given))


def dead_letters(platform: Platform, queue: str) -> int:
    """The number of a queue's dead letters, from the command.

    If the broker is too busy to tell, the command says so, and is given again.
    """
    words = ("dead-letters", "list", "--json", "--data", platform.folder)
    while "does not report its figures" in (done := run_tandem(*words)).stderr:
        pass
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)
    assert {row["queue"] for row in rows} == set(names())
    return next(int(row["dead_letters"]) for row in rows if row["queue"] == queue)


@dataclass(frozen=True)
class Demo:
    """A demo that was played, in its data folder, from when to when (seconds of the epoch)."""

    done: "subprocess.CompletedProcess[str]"
    folder: Path
    began: float
    ended: float


def play_demo(folder: Path) -> Demo:
    """Play it, watched by Prometheus where there is one."""
    monitoring = ["--monitoring"] if shutil.which("prometheus") else []
    began = time.time()
    done = run_tandem("demo", *monitoring, "--data", folder)
    return Demo(done, folder, began, time.time())


def until(what: str, holds: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until `holds()`; fail with `what` after `patience` seconds."""
    assert wait_until(holds, patience, pause=0.05), f"still waiting for: {what}"


def come_to_rest(platform: Platform) -> None:
    """Wait until no event is on its way to progress, and its worker has left.

    The broker does not count a worker's unfinished messages. Those that it did not apply are back
    in its queue when nobody consumes it, and go to another worker.
    """
    environment = platform.environment()
    queues = [name for name in names() if name.startswith("progress.")]

    def is_at_rest() -> bool:
        """Whether no event is on its way, according to the queues."""
        outboxes = states(environment["TANDEM_MONGO_URL"], ["catalog", "progress"])
        with suppress(Unanswered):
            in_queues = waiting(environment["TANDEM_AMQP_URL"], queues)
            return in_queues + sum(each.waiting for each in outboxes) == 0
        return False

    worker = platform.roles["progress-worker"]
    while True:
        until("all events to arrive", is_at_rest)
        worker.process.stop(GRACE)
        until("the worker's queues to be let go", lambda: _are_let_go(environment))
        if is_at_rest():
            return
        platform.restart(worker.name)


def _are_let_go(environment: Mapping[str, str]) -> bool:
    """Whether nobody consumes progress's queues, according to the broker."""
    parameters = pika.URLParameters(environment["TANDEM_AMQP_URL"])
    with pika.BlockingConnection(parameters) as connection, suppress(Unanswered):
        queues = [
            queue
            for each in subscriptions()["progress"]
            for queue in partitions.existing(connection, each)
        ]
        found = [figures(connection, queue) for queue in queues]
        return not any(each.consumers for each in found if each)
    return False


class Class:
    """An open run with a small path, and learners in the roster, none of them enrolled yet."""

    def __init__(self, staff: Services, learners: int) -> None:
        self.staff = staff
        self.key = uuid.uuid4().hex[:8]
        self.learners = [f"{self.key}-{number:04d}" for number in range(learners)]
        self._roster()
        self.run = self._open()

    def is_known(self) -> bool:
        """Whether progress knows the run."""
        return self.summary().run_id == self.run

    def enrol(self, learners: list[str], request_id: str = "") -> None:
        """Enrol learners, all of them; a repeat with the same `request_id` changes nothing."""
        rows = [
            catalog_pb2.EnrolRow(learner_id=learner, mode=types_pb2.ATTENDANCE_MODE_SELF_PACED)
            for learner in learners
        ]
        answer = self.staff.catalog.BatchEnrol(
            catalog_pb2.BatchEnrolRequest(request_id=request_id, run_id=self.run, rows=rows)
        )
        assert not [row for row in answer.results if row.violations]

    def summary(self) -> progress.RunSummary:
        """Progress's counts of the run; empty while it does not know the run."""
        request = progress_pb2.ListRunProgressRequest(run_id=self.run, page_size=1)
        try:
            return self.staff.progress.ListRunProgress(request).summary
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return progress.RunSummary()
            raise

    def record(self, learners: list[str]) -> None:
        """Each learner hands the task in."""
        statements = []
        for learner in learners:
            statement = progress.Statement(
                id=str(uuid.uuid4()),
                learner_id=learner,
                verb="http://adlnet.gov/expapi/verbs/completed",
                run_id=self.run,
                activity_id="task",
            )
            statement.timestamp.GetCurrentTime()
            statements.append(statement)
        answer = self.staff.progress.RecordStatements(
            progress_pb2.RecordStatementsRequest(statements=statements)
        )
        assert not [row for row in answer.results if row.violations]

    def _roster(self) -> None:
        people = [
            resources_pb2.Person(
                id=learner,
                given_name="Learner",
                email=f"{learner}@example.edu",
                language="en",
                zone="UTC",
                roles=[options_pb2.ROLE_LEARNER],
            )
            for learner in self.learners
        ]
        self.staff.catalog.BatchUpsertPeople(catalog_pb2.BatchUpsertPeopleRequest(people=people))

    def _open(self) -> str:
        course = self.staff.catalog.CreateCourse(
            catalog_pb2.CreateCourseRequest(code=self.key, title="Course")
        )
        run = self.staff.catalog.OpenRun(
            catalog_pb2.OpenRunRequest(
                course_id=course.id,
                term="now",
                delivery_mode=types_pb2.DELIVERY_MODE_ASYNCHRONOUS,
                zone="UTC",
                start_date="2026-01-01",
                end_date="2030-01-01",
            )
        )
        task = resources_pb2.Activity(id="task", title="Task", kind=types_pb2.ACTIVITY_KIND_TASK)
        self.staff.catalog.PublishPath(
            catalog_pb2.PublishPathRequest(run_id=run.id, activities=[task])
        )
        return run.id


MakeClass = Callable[[int], Class]
