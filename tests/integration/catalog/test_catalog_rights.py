"""Who sees what of which run; the table of all RPCs is in test_access.py."""

from typing import Any

import grpc
from tandem.catalog.v1 import catalog_pb2
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub as Stub
from tandem.options.v1 import options_pb2

from chassis.contracts import events
from services.catalog.migrations import MIGRATIONS
from tests.integration.catalog.registry import Registry, refused

DENIED = grpc.StatusCode.PERMISSION_DENIED


def test_staff_read_the_people_of_their_runs(registry: Registry) -> None:
    """Learners who are in or wait, and colleagues; not those who left, nor of other runs."""
    registry.people("curie", "bohr", role=options_pb2.ROLE_INSTRUCTOR)
    registry.people("ada", "bob", "gone", "other")
    mine = registry.open_run(instructor_ids=["curie"], capacity=2).id
    other = registry.open_run(instructor_ids=["bohr"]).id
    for learner in ("gone", "ada"):
        registry.enrol(mine, learner)
    registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id=mine, learner_id="gone"))
    registry.enrol(other, "other")
    curie = Stub(registry.channel_for("curie"))

    def read(person: str) -> str:
        return str(curie.GetPerson(catalog_pb2.GetPersonRequest(person_id=person)).id)

    assert [read(each) for each in ("ada", "curie")] == ["ada", "curie"]
    for person in ("gone", "other", "bohr", "nobody"):
        assert refused(lambda person=person: read(person)).code() is DENIED  # type: ignore[misc]


def test_enrolments_of_a_learner_are_cut_to_the_callers_runs(registry: Registry) -> None:
    """A learner of two runs: each teacher sees the own one."""
    registry.people("curie", "bohr", role=options_pb2.ROLE_INSTRUCTOR)
    registry.people("ada")
    first = registry.open_run(instructor_ids=["curie"]).id
    second = registry.open_run(instructor_ids=["bohr"]).id
    registry.enrol(first, "ada")
    registry.enrol(second, "ada")

    def seen(person: str, **fields: Any) -> list[str]:
        request = catalog_pb2.ListEnrolmentsRequest(learner_id="ada", **fields)
        rows = Stub(registry.channel_for(person)).ListEnrolments(request).enrolments
        return [row.run_id for row in rows]

    assert (seen("curie"), seen("bohr"), seen("ada")) == ([first], [second], [first, second])
    assert refused(lambda: seen("curie", run_id=second)).code() is DENIED
    assert refused(lambda: seen("eve")).code() is DENIED


def test_the_migration_tells_the_staff_of_all_runs(registry: Registry) -> None:
    """It stores it where the older version left only instructors, and publishes it for all."""
    registry.people("curie", role=options_pb2.ROLE_INSTRUCTOR)
    old = registry.open_run(instructor_ids=["curie"]).id
    new = registry.open_run().id
    registry.database.mongo["runs"].update_one({"_id": old}, {"$unset": {"staff": ""}})
    curie = Stub(registry.channel_for("curie"))
    of_run = catalog_pb2.ListEnrolmentsRequest(run_id=old)
    assert list(curie.ListEnrolments(of_run).enrolments) == []
    MIGRATIONS[2].run(registry.database.mongo)
    told = registry.events("tandem.catalog.run.staff_changed.v1")
    assert [row["key"] for row in told] == [old, new]
    event: Any = events.read(told[0]["headers"], told[0]["body"]).data
    [member] = event.run.staff
    assert (member.person_id, member.role) == ("curie", options_pb2.STAFF_ROLE_TEACHER)
    assert registry.database.mongo["runs"].count_documents({"staff.person_id": "curie"}) == 1
