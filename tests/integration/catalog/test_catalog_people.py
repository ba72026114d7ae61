"""People who leave the university, behind the real edge."""

from collections.abc import Iterator
from typing import Any

import grpc
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.options.v1 import options_pb2

from chassis.contracts import events
from services.catalog.domain.enrolments import Enrolment
from services.catalog.domain.enums import AttendanceMode, EnrolmentState
from tests.conftest import FakeClock
from tests.integration.catalog.registry import Registry, fields_of, person, refused

TEACHER = options_pb2.STAFF_ROLE_TEACHER


def retire(registry: Registry, person_id: str) -> resources_pb2.Person:
    """Tell that a person left."""
    return registry.staff.RetirePerson(catalog_pb2.RetirePersonRequest(person_id=person_id))


def in_run(registry: Registry, run_id: str) -> dict[str, int]:
    """The state of each learner in a run."""
    request = catalog_pb2.ListEnrolmentsRequest(run_id=run_id)
    return {row.learner_id: row.state for row in registry.staff.ListEnrolments(request).enrolments}


def staff_of(registry: Registry, run_id: str) -> list[str]:
    """The staff of a run."""
    run = registry.staff.GetRun(catalog_pb2.GetRunRequest(run_id=run_id))
    return [each.person_id for each in run.staff]


def told(registry: Registry, type_: str) -> Iterator[Any]:
    """The data of all events of a type."""
    rows = registry.events(f"tandem.catalog.{type_}.v1")
    return (events.read(row["headers"], row["body"]).data for row in rows)


def staffed(registry: Registry, *people: str) -> str:
    """A run with these teachers."""
    registry.people(*people, role=options_pb2.ROLE_INSTRUCTOR)
    return registry.open_run(instructor_ids=people).id


def test_who_leaves_is_withdrawn_from_every_run(registry: Registry) -> None:
    """From places and waiting lists; the place goes to who waits for it."""
    registry.people("ada", "bob")
    first, second = registry.open_run(capacity=1).id, registry.open_run(capacity=1).id
    for run_id, learner in ((first, "ada"), (first, "bob"), (second, "bob"), (second, "ada")):
        registry.enrol(run_id, learner)
    left = retire(registry, "ada")
    assert left.HasField("retired_at")
    assert in_run(registry, first) == {"bob": resources_pb2.ENROLMENT_STATE_ENROLLED}
    assert in_run(registry, second) == {"bob": resources_pb2.ENROLMENT_STATE_ENROLLED}
    withdrawn = [(each.run_id, each.learner_id) for each in told(registry, "enrolment.withdrawn")]
    assert sorted(withdrawn) == sorted([(first, "ada"), (second, "ada")])
    assert [each.learner_id for each in told(registry, "enrolment.promoted")] == ["bob"]
    *_, news = told(registry, "person.upserted")
    assert (news.person_id, news.retired_at) == ("ada", left.retired_at)


def test_who_leaves_is_staff_of_no_run_any_more(registry: Registry) -> None:
    """The others stay, and the run tells its new staff."""
    run_id = staffed(registry, "grace", "emmy")
    retire(registry, "emmy")
    assert staff_of(registry, run_id) == ["grace"]
    (news,) = told(registry, "run.staff_changed")
    assert [each.person_id for each in news.run.staff] == ["grace"]
    assert list(news.run.instructor_ids) == ["grace"]


def test_runs_that_are_over_keep_their_records(registry: Registry, clock: FakeClock) -> None:
    """Who learned and taught there still did; closed and ended runs alike."""
    registry.people("ada")
    closed, ended = staffed(registry, "emmy"), staffed(registry, "emmy")
    for run_id in (closed, ended):
        registry.enrol(run_id, "ada")
    registry.staff.CloseRun(catalog_pb2.CloseRunRequest(run_id=closed))
    clock.forward(days=120)
    retire(registry, "ada")
    retire(registry, "emmy")
    for run_id in (closed, ended):
        assert list(in_run(registry, run_id)) == ["ada"]
        assert staff_of(registry, run_id) == ["emmy"]


def test_who_left_comes_into_no_run(registry: Registry) -> None:
    """Neither as a learner, nor as staff, nor as the instructor of a new run."""
    run_id = staffed(registry, "grace", "emmy")
    retire(registry, "emmy")
    error: Any = refused(lambda: registry.enrol(run_id, "emmy"))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert fields_of(error) == ["learner_id"]
    staff = [resources_pb2.StaffMember(person_id="emmy", role=TEACHER)]
    request = catalog_pb2.SetRunStaffRequest(run_id=run_id, staff=staff)
    error = refused(lambda: registry.staff.SetRunStaff(request))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    error = refused(lambda: registry.open_run(instructor_ids=["emmy"]))
    assert fields_of(error) == ["instructor_ids[0]"]


def test_who_is_named_again_is_back(registry: Registry) -> None:
    """The same row as before brings a person back, but not into the runs of before."""
    registry.people("ada")
    run_id = registry.open_run().id
    registry.enrol(run_id, "ada")
    retire(registry, "ada")
    registry.people("ada")
    *_, news = told(registry, "person.upserted")
    assert not news.HasField("retired_at")
    assert in_run(registry, run_id) == {}
    registry.enrol(run_id, "ada")
    assert list(in_run(registry, run_id)) == ["ada"]


def test_a_repeat_changes_nothing_and_ends_what_was_under_way(registry: Registry) -> None:
    """An enrolment that was under way at the same moment did not see that its learner left."""
    registry.people("ada")
    run_id = registry.open_run().id
    first = retire(registry, "ada")
    late = Enrolment(
        id="late",
        run_id=run_id,
        learner_id="ada",
        mode=AttendanceMode.ONLINE,
        state=EnrolmentState.ENROLLED,
        enrolled_at=first.retired_at.ToDatetime(),
    )
    registry.database.transact(lambda store: store.add_enrolments([late]))
    assert retire(registry, "ada") == first
    assert in_run(registry, run_id) == {}
    before = len(registry.events())
    assert retire(registry, "ada") == first
    assert len(registry.events()) == before


def test_who_is_unknown_can_not_leave(registry: Registry) -> None:
    """The answer is NOT_FOUND."""
    error: Any = refused(lambda: retire(registry, "nobody"))
    assert error.code() is grpc.StatusCode.NOT_FOUND


def test_a_row_does_not_say_when_its_person_left(registry: Registry) -> None:
    """It is refused alone: RetirePerson says that."""
    bad = person("ada")
    bad.retired_at.GetCurrentTime()
    request = catalog_pb2.BatchUpsertPeopleRequest(people=[bad, person("bob")])
    refused_row, good = registry.staff.BatchUpsertPeople(request).results
    assert [each.field for each in refused_row.violations] == ["retired_at"]
    assert good.changed
    assert [each.person_id for each in told(registry, "person.upserted")] == ["bob"]
