"""The catalog behind the real edge, on a real MongoDB."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tandem.catalog.v1 import catalog_pb2, catalog_pb2_grpc, resources_pb2
from tandem.options.v1 import options_pb2
from tandem.types.v1 import types_pb2

from chassis.grpc_server import Servicer
from chassis.refusals import Unavailable
from chassis.store import Database
from chassis.testing import ChannelFor, running
from services.catalog.api import CatalogApi
from services.catalog.store import CatalogStore
from tests.conftest import MakeDatabase

Stub = catalog_pb2_grpc.CatalogServiceStub
ONLINE = types_pb2.ATTENDANCE_MODE_ONLINE


class FakeLibrary:
    """The library as catalog sees it; a test takes it away by `away`."""

    def __init__(self) -> None:
        self.away = False

    def known(self, item_ids: Collection[str]) -> set[str]:
        if self.away:
            raise Unavailable("the library can't be asked now")
        return {item_id for item_id in item_ids if item_id.startswith("known")}


class Registry:
    """A catalog with a roster of `learners` and one instructor."""

    def __init__(self, database: Database[CatalogStore], channel_for: ChannelFor) -> None:
        self.database, self.channel_for = database, channel_for
        self.library = FakeLibrary()
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


@pytest.fixture
def registry(make_database: MakeDatabase) -> Iterator[Registry]:
    database = make_database(CatalogStore)
    library = FakeLibrary()
    servicer = Servicer(
        catalog_pb2_grpc.add_CatalogServiceServicer_to_server,
        CatalogApi(database, library),
        catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
    )
    with running([servicer], database) as channel_for:
        made = Registry(database, channel_for)
        made.library = library
        yield made


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


def test_200_racing_for_50_places_give_exactly_50(registry: Registry) -> None:
    """No place is given twice, none stays empty, and the rest waits, each told once."""
    learners = [f"l{number:03d}" for number in range(200)]
    registry.people(*learners)
    run = registry.open_run(capacity=50)
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda learner: registry.enrol(run.id, learner), learners))
    states = Counter(enrolment.state for enrolment in found)
    assert states == {
        resources_pb2.ENROLMENT_STATE_ENROLLED: 50,
        resources_pb2.ENROLMENT_STATE_WAITLISTED: 150,
    }
    after = registry.staff.GetRun(catalog_pb2.GetRunRequest(run_id=run.id))
    assert (after.enrolled, after.waitlisted) == (50, 150)
    told = Counter(row["type"] for row in registry.events())
    assert told["tandem.catalog.enrolment.created.v1"] == 50
    assert told["tandem.catalog.enrolment.waitlisted.v1"] == 150


def test_a_repeat_with_the_same_request_id_changes_nothing(registry: Registry) -> None:
    """Many at once: one enrolment, one event, the same answer; another content is refused."""
    registry.people("ada", "bob")
    run = registry.open_run()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: registry.enrol(run.id, "ada", request_id="r1"), range(16)))
    assert len({enrolment.id for enrolment in found}) == 1
    assert len(registry.events("tandem.catalog.enrolment.created.v1")) == 1
    with pytest.raises(grpc.RpcError) as refused:
        registry.enrol(run.id, "bob", request_id="r1")
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS


def test_a_withdrawal_promotes_who_waits_for_the_longest_time(registry: Registry) -> None:
    """The freed place goes to the first in line, in the same transaction, and both are told."""
    registry.people("a", "b", "c")
    run = registry.open_run(capacity=1)
    for learner in ("a", "b", "c"):
        registry.enrol(run.id, learner)
    mine = Stub(registry.channel_for("a", "learner"))
    mine.Withdraw(catalog_pb2.WithdrawRequest(run_id=run.id, learner_id="a"))
    rows = registry.staff.ListEnrolments(
        catalog_pb2.ListEnrolmentsRequest(run_id=run.id)
    ).enrolments
    assert {row.learner_id: row.state for row in rows} == {
        "b": resources_pb2.ENROLMENT_STATE_ENROLLED,
        "c": resources_pb2.ENROLMENT_STATE_WAITLISTED,
    }
    assert [row["type"].split(".")[3] for row in registry.events()[-2:]] == [
        "withdrawn",
        "promoted",
    ]
    assert registry.enrol(run.id, "a").state == resources_pb2.ENROLMENT_STATE_WAITLISTED


def test_a_bad_row_costs_no_good_one(registry: Registry) -> None:
    """Of a batch the good rows are taken, and each bad one says all that is wrong with it."""
    bad = resources_pb2.Person(id="x", email="nowhere", zone="Mars/Base")
    answer = registry.staff.BatchUpsertPeople(
        catalog_pb2.BatchUpsertPeopleRequest(people=[person("ada"), bad, person("bob")])
    )
    assert [(row.id, row.changed) for row in answer.results] == [
        ("ada", True),
        ("", False),
        ("bob", True),
    ]
    faulty = {violation.field for violation in answer.results[1].violations}
    assert {"given_name", "email", "language", "zone", "roles"} <= faulty
    run = registry.open_run()
    unspecified = types_pb2.ATTENDANCE_MODE_UNSPECIFIED
    wishes = [("ada", ONLINE), ("nobody", ONLINE), ("bob", unspecified), ("ada", ONLINE)]
    rows = [catalog_pb2.EnrolRow(learner_id=name, mode=mode) for name, mode in wishes]
    enrolled = registry.staff.BatchEnrol(catalog_pb2.BatchEnrolRequest(run_id=run.id, rows=rows))
    assert [bool(row.violations) for row in enrolled.results] == [False, True, True, False]
    assert [row.changed for row in enrolled.results] == [True, False, False, False]


def test_people_who_did_not_change_tell_nothing(registry: Registry) -> None:
    """The same roster again is no news."""
    registry.people("ada", "bob")
    before = len(registry.events())
    registry.people("ada", "bob")
    assert len(registry.events()) == before == 2


def test_a_bad_path_is_refused_with_every_fault_and_leaves_no_trace(registry: Registry) -> None:
    """A missing item, an unknown prerequisite and a bad kind come in one answer."""
    run = registry.open_run()
    before = len(registry.events())
    activities = [
        activity("a", types_pb2.ACTIVITY_KIND_ITEM, item_id="gone"),
        activity("b", types_pb2.ACTIVITY_KIND_TASK, requires=["nobody"]),
    ]
    with pytest.raises(grpc.RpcError) as refused:
        publish(registry, run.id, activities)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert fields_of(refused.value) == ["activities[0].item_id", "activities[1].requires[0]"]
    assert len(registry.events()) == before
    assert registry.staff.GetRun(catalog_pb2.GetRunRequest(run_id=run.id)).path_version == 0


def test_with_the_library_away_nothing_is_published(registry: Registry) -> None:
    """The answer is UNAVAILABLE, to be tried again; a path without items needs no library."""
    run = registry.open_run()
    registry.library.away = True
    with pytest.raises(grpc.RpcError) as refused:
        publish(registry, run.id, [activity("a", types_pb2.ACTIVITY_KIND_ITEM, item_id="known")])
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    publish(registry, run.id, [activity("a", types_pb2.ACTIVITY_KIND_TASK)])


def test_versions_of_a_path_are_kept(registry: Registry) -> None:
    """Each publication is the next version; the one that holds is the last."""
    run = registry.open_run()
    for name in ("one", "two"):
        publish(registry, run.id, [activity(name, types_pb2.ACTIVITY_KIND_TASK)])
    for version, name in ((0, "two"), (1, "one"), (2, "two")):
        path = registry.staff.GetPath(catalog_pb2.GetPathRequest(run_id=run.id, version=version))
        assert [each.id for each in path.activities] == [name]


def test_racing_publications_get_versions_of_their_own(registry: Registry) -> None:
    """Ten at once: versions 1 to 10."""
    run = registry.open_run()
    rows = [activity("a", types_pb2.ACTIVITY_KIND_TASK)]
    with ThreadPoolExecutor(10) as pool:
        paths = list(pool.map(lambda _: publish(registry, run.id, rows), range(10)))
    assert sorted(path.version for path in paths) == list(range(1, 11))


def test_an_extension_is_recorded_and_told(registry: Registry) -> None:
    """The deadline moves to later only, for a learner of the run, by who may grant it."""
    registry.people("ada")
    run = registry.open_run()
    due = datetime(2026, 3, 10, tzinfo=UTC)
    task = activity("t", types_pb2.ACTIVITY_KIND_TASK)
    task.deadline.fixed.FromDatetime(due)
    publish(registry, run.id, [task])
    registry.enrol(run.id, "ada")
    request = catalog_pb2.ExtendDueRequest(
        run_id=run.id, learner_id="ada", activity_id="t", reason="illness"
    )
    request.until.FromDatetime(due + timedelta(days=3))
    found = registry.staff.ExtendDue(request)
    assert (found.granted_by, found.reason) == ("registrar", "illness")
    assert registry.events("tandem.catalog.due.extended.v1")[0]["key"] == found.enrolment_id
    with pytest.raises(grpc.RpcError) as refused:
        registry.staff.ExtendDue(request)
    assert fields_of(refused.value) == ["until"]


def test_a_mode_change_is_told_once(registry: Registry) -> None:
    """Choosing the same mode again is no news."""
    registry.people("ada")
    run = registry.open_run()
    registry.enrol(run.id, "ada")
    request = catalog_pb2.ChangeModeRequest(
        run_id=run.id, learner_id="ada", mode=types_pb2.ATTENDANCE_MODE_CLASSROOM
    )
    for _ in range(2):
        assert registry.staff.ChangeMode(request).mode == types_pb2.ATTENDANCE_MODE_CLASSROOM
    assert len(registry.events("tandem.catalog.enrolment.mode_changed.v1")) == 1


def test_a_run_names_instructors_of_the_roster(registry: Registry) -> None:
    """A learner, or a stranger, can't be an instructor; both are named."""
    registry.people("ada")
    registry.people("curie", role=options_pb2.ROLE_INSTRUCTOR)
    assert registry.open_run(instructor_ids=["curie"]).instructor_ids == ["curie"]
    with pytest.raises(grpc.RpcError) as refused:
        registry.open_run(instructor_ids=["curie", "ada", "nobody"])
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert fields_of(refused.value) == ["instructor_ids[1]", "instructor_ids[2]"]


def test_what_is_not_there_is_not_found(registry: Registry) -> None:
    """Unknown courses, runs, people and paths are NOT_FOUND, and a list needs a name."""
    calls: list[Callable[[], object]] = [
        lambda: registry.staff.GetCourse(catalog_pb2.GetCourseRequest(course_id="x")),
        lambda: registry.staff.GetRun(catalog_pb2.GetRunRequest(run_id="x")),
        lambda: registry.staff.GetPerson(catalog_pb2.GetPersonRequest(person_id="x")),
        lambda: registry.staff.GetPath(catalog_pb2.GetPathRequest(run_id="x")),
        lambda: registry.enrol("x", "y"),
        lambda: registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id="x", learner_id="y")),
    ]
    for call in calls:
        with pytest.raises(grpc.RpcError) as refused:
            call()
        assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError) as refused:
        registry.staff.ListEnrolments(catalog_pb2.ListEnrolmentsRequest())
    assert fields_of(refused.value) == ["run_id"]


def test_lists_come_in_pages(registry: Registry) -> None:
    """Courses by code, runs newest first, nothing twice and nothing left out."""
    runs = [registry.open_run().id for _ in range(5)]
    first = registry.staff.ListRuns(catalog_pb2.ListRunsRequest(page_size=3))
    rest = registry.staff.ListRuns(
        catalog_pb2.ListRunsRequest(page_size=3, page_token=first.next_page_token)
    )
    assert [run.id for run in (*first.runs, *rest.runs)] == runs[::-1]
    courses = registry.staff.ListCourses(catalog_pb2.ListCoursesRequest()).courses
    assert [course.code for course in courses] == sorted(course.code for course in courses)


def test_a_taken_code_is_refused(registry: Registry) -> None:
    """Twenty at once with one code: one course."""
    request = catalog_pb2.CreateCourseRequest(code="X", title="t")

    def create(_: int) -> bool:
        try:
            registry.staff.CreateCourse(request)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.ALREADY_EXISTS  # noqa: PT017
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(create, range(20))) == 1


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
