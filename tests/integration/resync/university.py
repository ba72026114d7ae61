"""A run with learners and two groups, and what the office does with it."""

import random
import uuid
from collections.abc import Callable
from typing import Any

import grpc
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from tests.integration.catalog.registry import Registry, activity, person, publish

MODES = (
    types_pb2.ATTENDANCE_MODE_CLASSROOM,
    types_pb2.ATTENDANCE_MODE_ONLINE,
    types_pb2.ATTENDANCE_MODE_SELF_PACED,
)
LEARNERS = [f"learner-{number}" for number in range(5)]


class University:
    """A run with two groups, and what the office does with it."""

    def __init__(self, registry: Registry) -> None:
        self.registry, self.staff = registry, registry.staff
        registry.people(*LEARNERS)
        code = f"C-{uuid.uuid4()}"
        course = self.staff.CreateCourse(catalog_pb2.CreateCourseRequest(code=code, title="Course"))
        self.run = self.staff.OpenRun(
            catalog_pb2.OpenRunRequest(
                course_id=course.id,
                term="spring",
                title="Run",
                delivery_mode=types_pb2.DELIVERY_MODE_BLENDED,
                zone="Europe/Dublin",
                start_date="2026-03-01",
                end_date="2026-05-31",
                capacity=3,
            )
        )
        self.groups = [self._group(name) for name in ("north", "south")]

    def _group(self, name: str) -> str:
        request = catalog_pb2.CreateGroupRequest(run_id=self.run.id, name=name)
        return self.staff.CreateGroup(request).id

    def change(self, choice: random.Random) -> None:
        """Do something; what is refused changes nothing."""
        learner = choice.choice(LEARNERS)
        here: dict[str, Any] = {"run_id": self.run.id, "learner_id": learner}
        acts: list[Callable[[], object]] = [
            lambda: self.staff.Enrol(catalog_pb2.EnrolRequest(**here, mode=choice.choice(MODES))),
            lambda: self.staff.Enrol(catalog_pb2.EnrolRequest(**here, mode=choice.choice(MODES))),
            lambda: self.staff.Withdraw(catalog_pb2.WithdrawRequest(**here)),
            lambda: self.staff.ChangeMode(
                catalog_pb2.ChangeModeRequest(**here, mode=choice.choice(MODES))
            ),
            lambda: self.staff.AssignGroup(
                catalog_pb2.AssignGroupRequest(
                    **here, group_ids=choice.sample(self.groups, choice.randrange(3))
                )
            ),
            lambda: self._upsert(learner, choice),
            lambda: self.staff.UpdateRun(
                catalog_pb2.UpdateRunRequest(run_id=self.run.id, title=f"Title {choice.random()}")
            ),
            lambda: publish(
                self.registry, self.run.id, [activity("a", types_pb2.ACTIVITY_KIND_TASK)]
            ),
            lambda: self.staff.CloseRun(catalog_pb2.CloseRunRequest(run_id=self.run.id)),
            lambda: self.staff.ReopenRun(catalog_pb2.ReopenRunRequest(run_id=self.run.id)),
        ]
        try:
            choice.choice(acts)()
        except grpc.RpcError as error:
            assert error.code() in (  # noqa: PT017
                grpc.StatusCode.FAILED_PRECONDITION,
                grpc.StatusCode.NOT_FOUND,
                grpc.StatusCode.ALREADY_EXISTS,
            ), error

    def _upsert(self, learner: str, choice: random.Random) -> None:
        changed = resources_pb2.Person()
        changed.CopyFrom(person(learner))
        changed.given_name = f"Name {choice.random()}"
        self.staff.BatchUpsertPeople(catalog_pb2.BatchUpsertPeopleRequest(people=[changed]))
