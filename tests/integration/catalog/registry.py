"""A catalog behind the real edge, on a real MongoDB, and what its tests ask of it."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tandem.catalog.v1 import catalog_pb2, catalog_pb2_grpc, resources_pb2
from tandem.options.v1 import options_pb2
from tandem.types.v1 import types_pb2

from chassis.data.store import Database
from chassis.errors import Unavailable
from chassis.testing import ChannelFor
from services.catalog.store import CatalogStore

Stub = catalog_pb2_grpc.CatalogServiceStub
ONLINE = types_pb2.ATTENDANCE_MODE_ONLINE


class FakeLibrary:
    """The library as catalog sees it; a test makes it unavailable with `away`."""

    def __init__(self) -> None:
        self.away = False

    def known(self, item_ids: Collection[str]) -> set[str]:
        if self.away:
            raise Unavailable("the library can't be asked now")
        return {item_id for item_id in item_ids if item_id.startswith("known")}


class Registry:
    """A catalog with a roster of `learners` and one instructor."""

    def __init__(
        self, database: Database[CatalogStore], library: FakeLibrary, channel_for: ChannelFor
    ) -> None:
        self.database, self.library, self.channel_for = database, library, channel_for
        self.staff = Stub(channel_for("registrar", "registrar"))

    def people(self, *ids: str, role: Any = options_pb2.ROLE_LEARNER) -> None:
        self.staff.BatchUpsertPeople(
            catalog_pb2.BatchUpsertPeopleRequest(people=[person(each, role) for each in ids])
        )

    def open_run(self, **more: Any) -> resources_pb2.Run:
        code = f"C-{len(self.events('tandem.catalog.run.opened.v1'))}"
        course = self.staff.CreateCourse(catalog_pb2.CreateCourseRequest(code=code, title="Course"))
        fields: dict[str, Any] = {
            "course_id": course.id,
            "term": "spring",
            "delivery_mode": types_pb2.DELIVERY_MODE_BLENDED,
            "zone": "Europe/Dublin",
            "start_date": "2026-03-01",
            "end_date": "2026-05-31",
        }
        return self.staff.OpenRun(catalog_pb2.OpenRunRequest(**{**fields, **more}))

    def events(self, type_: str = "") -> list[dict[str, Any]]:
        query = {"type": type_} if type_ else {}
        return list(self.database.mongo["outbox"].find(query).sort("_id"))

    def enrol(self, run_id: str, learner: str, **more: Any) -> resources_pb2.Enrolment:
        request = catalog_pb2.EnrolRequest(run_id=run_id, learner_id=learner, mode=ONLINE, **more)
        return self.staff.Enrol(request)


def person(person_id: str, role: Any = options_pb2.ROLE_LEARNER) -> resources_pb2.Person:
    return resources_pb2.Person(
        id=person_id,
        given_name="Given",
        email=f"{person_id}@example.edu",
        language="en",
        zone="Europe/Dublin",
        roles=[role],
    )


def at(instant: datetime) -> Timestamp:
    """An instant as a message."""
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp


def refused(call: Callable[[], object]) -> grpc.RpcError:
    """The error of a call that must fail."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value


def fields_of(error: Any) -> list[str]:
    """The fields that a refusal complains of."""
    status = rpc_status.from_call(error)
    assert status is not None
    bad, precondition = error_details_pb2.BadRequest(), error_details_pb2.PreconditionFailure()
    for detail in status.details:
        if detail.Unpack(bad):
            return [violation.field for violation in bad.field_violations]
        if detail.Unpack(precondition):
            return [violation.subject for violation in precondition.violations]
    return []


def activity(
    name: str, kind: "types_pb2.ActivityKind.ValueType", **more: Any
) -> resources_pb2.Activity:
    return resources_pb2.Activity(id=name, title="Title", kind=kind, **more)


def publish(
    registry: Registry, run_id: str, activities: list[resources_pb2.Activity]
) -> resources_pb2.Path:
    return registry.staff.PublishPath(
        catalog_pb2.PublishPathRequest(run_id=run_id, activities=activities)
    )
