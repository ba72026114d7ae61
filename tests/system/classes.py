"""A run with learners on the running platform, and patience."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress
from tandem.types.v1 import types_pb2

from campus.services import Services

PATIENCE = 120.0


def run_tandem(*words: object) -> "subprocess.CompletedProcess[str]":
    """Run the command as a person would, in an environment that names no servers."""
    environment = {key: value for key, value in os.environ.items() if "TANDEM_" not in key}
    command = [str(Path(sys.executable).with_name("tandem")), *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


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
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"still waiting for: {what}"
        time.sleep(0.05)


class Class:
    """An open run with a small path, and learners in the roster, none of them enrolled yet."""

    def __init__(self, staff: Services, learners: int) -> None:
        self.staff = staff
        self.key = uuid.uuid4().hex[:8]
        self.learners = [f"{self.key}-{number:04d}" for number in range(learners)]
        self._roster()
        self.run = self._open()

    def enrol(self, learners: list[str]) -> None:
        """Enrol learners, all of them."""
        rows = [
            catalog_pb2.EnrolRow(learner_id=learner, mode=types_pb2.ATTENDANCE_MODE_SELF_PACED)
            for learner in learners
        ]
        answer = self.staff.catalog.BatchEnrol(
            catalog_pb2.BatchEnrolRequest(run_id=self.run, rows=rows)
        )
        assert not [row for row in answer.results if row.violations]

    def summary(self) -> progress.RunSummary:
        """What progress counts of the run; empty while it has not heard of it."""
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
