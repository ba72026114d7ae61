"""Groups of a run, behind the real edge."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub as Stub
from tandem.options.v1 import options_pb2
from tandem.types.v1 import types_pb2

from chassis.contracts import events
from tests.conftest import FakeClock
from tests.integration.catalog.registry import Registry, activity, at, fields_of, publish, refused

DENIED, NOT_FOUND = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
LATER = datetime(2026, 4, 1, tzinfo=UTC)
EXISTS, INVALID = grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.INVALID_ARGUMENT


def create(registry: Registry, run_id: str, name: str = "Tutorial A") -> resources_pb2.Group:
    """Create a group."""
    request = catalog_pb2.CreateGroupRequest(run_id=run_id, name=name)
    return registry.staff.CreateGroup(request)


def rename(registry: Registry, group: resources_pb2.Group, name: str) -> resources_pb2.Group:
    """Rename a group."""
    request = catalog_pb2.UpdateGroupRequest(run_id=group.run_id, group_id=group.id, name=name)
    return registry.staff.UpdateGroup(request)


def retire(registry: Registry, group: resources_pb2.Group) -> resources_pb2.Group:
    """Take a group out of use."""
    request = catalog_pb2.RetireGroupRequest(run_id=group.run_id, group_id=group.id)
    return registry.staff.RetireGroup(request)


def assign(registry: Registry, run_id: str, learner: str, *groups: str) -> resources_pb2.Enrolment:
    """Put a learner into groups, and out of all others."""
    request = catalog_pb2.AssignGroupRequest(run_id=run_id, learner_id=learner, group_ids=groups)
    return registry.staff.AssignGroup(request)


def listed(registry: Registry, run_id: str) -> list[str]:
    """The names of a run's groups, a page of one at a time."""
    names, request = [], catalog_pb2.ListGroupsRequest(run_id=run_id, page_size=1)
    while True:
        page = Stub(registry.channel_for("ada", "learner")).ListGroups(request)
        names += [group.name for group in page.groups]
        if not page.next_page_token:
            return names
        request.page_token = page.next_page_token


def told(registry: Registry, kind: str) -> list[Any]:
    """The published events of one type, decoded."""
    rows = registry.events(f"tandem.catalog.group.{kind}.v1")
    return [events.read(row["headers"], row["body"]).data for row in rows]


def staffed(registry: Registry, run_id: str, tutor: str, *groups: str) -> None:
    """Make someone a teacher of some groups."""
    member = resources_pb2.StaffMember(
        person_id=tutor, role=options_pb2.STAFF_ROLE_TEACHER, group_ids=groups
    )
    registry.staff.SetRunStaff(catalog_pb2.SetRunStaffRequest(run_id=run_id, staff=[member]))


def test_groups_are_created_renamed_and_retired(registry: Registry, clock: FakeClock) -> None:
    """Each change is answered, listed by name for everyone, and published; a repeat is not."""
    run = registry.open_run()
    second, first = create(registry, run.id, "Tutorial B"), create(registry, run.id)
    assert listed(registry, run.id) == ["Tutorial A", "Tutorial B"]
    assert rename(registry, second, " Lab  1 ").name == "Lab 1"
    assert rename(registry, second, "Lab 1").name == "Lab 1"
    gone = retire(registry, first)
    assert gone.retired_at == at(clock.now())
    assert retire(registry, first) == gone
    assert listed(registry, run.id) == ["Lab 1", "Tutorial A"]
    names = [(event.name, event.HasField("retired_at")) for event in told(registry, "changed")]
    assert names == [
        ("Tutorial B", False),
        ("Tutorial A", False),
        ("Lab 1", False),
        ("Tutorial A", True),
    ]


def test_a_name_is_one_groups_in_any_case_and_form(registry: Registry) -> None:
    """Within the run; another run has names of its own."""
    run, other = registry.open_run(), registry.open_run()
    group = create(registry, run.id)
    for name in ("tutorial a", "TUTORIAL\u00a0A"):
        assert refused(lambda name=name: create(registry, run.id, name)).code() is EXISTS  # type: ignore[misc]
    lab = create(registry, run.id, "Lab")
    assert refused(lambda: rename(registry, lab, "TUTORIAL A")).code() is EXISTS
    assert rename(registry, group, "tutorial a").name == "tutorial a"
    assert create(registry, other.id).name == "Tutorial A"
    error = refused(lambda: create(registry, run.id, "Tuto\u200brial"))
    assert (error.code(), fields_of(error)) == (INVALID, ["name"])


def test_one_of_two_groups_that_race_for_a_name_gets_it(registry: Registry) -> None:
    """The others are told that it is taken."""
    run = registry.open_run()

    def attempt(_: int) -> str:
        try:
            return create(registry, run.id).name
        except grpc.RpcError as error:
            return str(error.code())

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(attempt, range(4)))
    assert answers == [str(EXISTS)] * 3 + ["Tutorial A"]
    assert listed(registry, run.id) == ["Tutorial A"]


def test_a_learner_changes_groups(registry: Registry) -> None:
    """One command says all of the learner's groups; each change is published with both."""
    registry.people("ada")
    run = registry.open_run()
    a, b = (create(registry, run.id, name).id for name in ("A", "B"))
    registry.enrol(run.id, "ada")
    assert list(assign(registry, run.id, "ada", b, a).group_ids) == sorted([a, b])
    assert list(assign(registry, run.id, "ada", a, b).group_ids) == sorted([a, b])
    assert list(assign(registry, run.id, "ada", b).group_ids) == [b]
    first, second = told(registry, "member_changed")
    assert (list(first.from_group_ids), list(first.group_ids)) == ([], sorted([a, b]))
    assert (list(second.from_group_ids), list(second.group_ids)) == (sorted([a, b]), [b])
    registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id=run.id, learner_id="ada"))
    assert refused(lambda: assign(registry, run.id, "ada", a)).code() is NOT_FOUND
    assert list(registry.enrol(run.id, "ada").group_ids) == [b]


def test_what_is_no_group_to_come_into_is_refused(registry: Registry) -> None:
    """One of another run, one that does not exist, one that is retired; who is in one stays."""
    registry.people("ada", "bob")
    run, other = registry.open_run(), registry.open_run()
    group, strange = create(registry, run.id), create(registry, other.id)
    registry.enrol(run.id, "ada")
    registry.enrol(run.id, "bob")
    error = refused(lambda: assign(registry, run.id, "ada", strange.id, group.id, "none"))
    assert error.code() is NOT_FOUND
    assert fields_of(error) == ["group_ids[0]", "group_ids[2]"]
    error = refused(lambda: assign(registry, run.id, "ada", group.id, group.id))
    assert (error.code(), fields_of(error)) == (INVALID, ["group_ids"])
    assign(registry, run.id, "ada", group.id)
    retire(registry, group)
    assert list(assign(registry, run.id, "ada", group.id).group_ids) == [group.id]
    error = refused(lambda: assign(registry, run.id, "bob", group.id))
    assert (error.code(), fields_of(error)) == (PRECONDITION, ["group_ids[0]"])
    for wrong in (strange, resources_pb2.Group(run_id="none", id=group.id)):
        moved = resources_pb2.Group(run_id=run.id if wrong is strange else "none", id=wrong.id)
        assert refused(lambda moved=moved: rename(registry, moved, "X")).code() is NOT_FOUND  # type: ignore[misc]
        assert refused(lambda moved=moved: retire(registry, moved)).code() is NOT_FOUND  # type: ignore[misc]


def test_groups_of_a_closed_run_stay_as_they_are(registry: Registry) -> None:
    """No new ones, no new names, no changes of learners."""
    registry.people("ada")
    run = registry.open_run()
    group = create(registry, run.id)
    registry.enrol(run.id, "ada")
    registry.staff.CloseRun(catalog_pb2.CloseRunRequest(run_id=run.id))
    for call in (
        lambda: create(registry, run.id, "B"),
        lambda: rename(registry, group, "B"),
        lambda: assign(registry, run.id, "ada", group.id),
    ):
        assert refused(call).code() is PRECONDITION


def test_staff_work_with_groups_of_their_run(registry: Registry) -> None:
    """A group that the run does not have is refused; the staff's groups are told."""
    registry.people("curie", role=options_pb2.ROLE_INSTRUCTOR)
    run = registry.open_run()
    group = create(registry, run.id)
    error = refused(lambda: staffed(registry, run.id, "curie", group.id, "none"))
    assert (error.code(), fields_of(error)) == (PRECONDITION, ["staff[0].group_ids[1]"])
    staffed(registry, run.id, "curie", group.id)
    row = registry.events("tandem.catalog.run.staff_changed.v1")[-1]
    changed: Any = events.read(row["headers"], row["body"]).data
    (member,) = changed.run.staff
    assert list(member.group_ids) == [group.id]


@pytest.fixture
def tutored(registry: Registry, clock: FakeClock) -> tuple[Registry, str]:
    """A run where curie is a teacher of group A only; ada is in A, bob in B, and cyd in none."""
    registry.people("curie", role=options_pb2.ROLE_INSTRUCTOR)
    registry.people("ada", "bob", "cyd")
    run = registry.open_run()
    a, b = (create(registry, run.id, name).id for name in ("A", "B"))
    for learner in ("ada", "bob", "cyd"):
        registry.enrol(run.id, learner)
    assign(registry, run.id, "ada", a)
    assign(registry, run.id, "bob", b)
    staffed(registry, run.id, "curie", a)
    essay = activity("essay", types_pb2.ACTIVITY_KIND_TASK)
    essay.deadline.fixed.FromDatetime(clock.now())
    publish(registry, run.id, [essay])
    return registry, run.id


def test_staff_of_a_group_reach_their_learners_only(tutored: tuple[Registry, str]) -> None:
    """Lists are cut to their group's learners; others' profiles and deadlines are denied."""
    registry, run_id = tutored
    curie = Stub(registry.channel_for("curie"))
    for request in (
        catalog_pb2.ListEnrolmentsRequest(run_id=run_id),
        catalog_pb2.ListEnrolmentsRequest(learner_id="ada"),
    ):
        assert [row.learner_id for row in curie.ListEnrolments(request).enrolments] == ["ada"]
    assert not curie.ListEnrolments(
        catalog_pb2.ListEnrolmentsRequest(run_id=run_id, learner_id="bob")
    ).enrolments
    extension = catalog_pb2.ExtendDueRequest(
        run_id=run_id, activity_id="essay", reason="ill", until=at(LATER)
    )
    for learner in ("bob", "cyd"):
        extension.learner_id = learner
        assert refused(lambda: curie.ExtendDue(extension)).code() is DENIED
        person = catalog_pb2.GetPersonRequest(person_id=learner)
        assert refused(lambda person=person: curie.GetPerson(person)).code() is DENIED  # type: ignore[misc]
    extension.learner_id = "ada"
    assert curie.ExtendDue(extension).granted_by == "curie"
    assert curie.GetPerson(catalog_pb2.GetPersonRequest(person_id="ada")).id == "ada"
    path = catalog_pb2.PublishPathRequest(
        run_id=run_id, activities=[activity("x", types_pb2.ACTIVITY_KIND_TASK)]
    )
    assert refused(lambda: curie.PublishPath(path)).code() is DENIED
