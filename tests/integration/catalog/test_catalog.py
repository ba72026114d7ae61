"""People, courses, runs and lists, behind the real edge."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import grpc
import pytest
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.options.v1 import options_pb2
from tandem.types.v1 import types_pb2

from services.catalog.migrations import MIGRATIONS
from tests.integration.catalog.registry import (
    ONLINE,
    Registry,
    Stub,
    fields_of,
    person,
    refused,
)


def test_a_bad_row_costs_no_good_one(registry: Registry) -> None:
    """Good rows of a batch are accepted, and each bad row lists all of its errors."""
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
    """A repeated import of the same roster publishes no event."""
    registry.people("ada", "bob")
    before = len(registry.events())
    registry.people("ada", "bob")
    assert len(registry.events()) == before == 2


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


@pytest.mark.parametrize(
    "code", ["phys-101", " PHYS-101 ", "PHYS-101\u00a0", "\uff30HYS-101", "Phys-101"]
)
def test_a_code_is_taken_in_any_case_and_form(code: str, registry: Registry) -> None:
    """What people take for the same code is the same."""
    first = catalog_pb2.CreateCourseRequest(code="  PHYS-101 ", title="Physics")
    assert registry.staff.CreateCourse(first).code == "PHYS-101"
    other = catalog_pb2.CreateCourseRequest(code=code, title="Physics")
    with pytest.raises(grpc.RpcError) as error:
        registry.staff.CreateCourse(other)
    assert error.value.code() == grpc.StatusCode.ALREADY_EXISTS


@pytest.mark.parametrize("code", ["PHYS\u200b-101", "\u202ePHYS", "PH\x07YS", "\u2003", " "])
def test_a_code_has_no_hidden_characters(code: str, registry: Registry) -> None:
    """And it can't be blank."""
    with pytest.raises(grpc.RpcError) as error:
        registry.staff.CreateCourse(catalog_pb2.CreateCourseRequest(code=code, title="Physics"))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert fields_of(error.value) == ["code"]


def test_existing_codes_get_their_keys(registry: Registry) -> None:
    """The oldest of twins gets the key, a repeated migration changes nothing, and no twin more is
    taken; a course of the older version is found by its code.
    """
    courses = registry.database.mongo["courses"]
    more = {"title": "t", "description": "", "created_at": datetime.now(UTC)}
    courses.insert_many(
        {"_id": number, "code": code, **more}
        for number, code in (("1", "Phys"), ("2", "PHYS"), ("3", "Bio"))
    )
    for _ in range(2):
        MIGRATIONS[3].run(registry.database.mongo)
    keys = {row["_id"]: row.get("code_key") for row in courses.find()}
    assert keys == {"1": "phys", "2": None, "3": "bio"}
    courses.insert_one({"_id": "4", "code": "Art", **more})
    for code in ("PHYS", "phys", "BIO", "Art"):
        with pytest.raises(grpc.RpcError) as error:
            registry.staff.CreateCourse(catalog_pb2.CreateCourseRequest(code=code, title="t"))
        assert error.value.code() == grpc.StatusCode.ALREADY_EXISTS


def test_ids_and_addresses_have_no_hidden_characters(registry: Registry) -> None:
    """Each row is refused with all of its violations; the good row is accepted."""
    rows = [person("ada"), person("s\u200b-100"), person("cafe\u0301"), person("s-1")]
    rows[1].email = "s\u00a0100@example.edu"
    rows[2].email = "ok@example.edu"
    rows[3].email = "s-1@nowhere"
    answer = registry.staff.BatchUpsertPeople(catalog_pb2.BatchUpsertPeopleRequest(people=rows))
    fields = [[violation.field for violation in row.violations] for row in answer.results]
    assert fields == [[], ["id", "email"], ["id"], ["email"]]
    assert registry.database.reader().people(["ada"]).keys() == {"ada"}


def test_a_learner_sees_only_their_own_enrolments(registry: Registry) -> None:
    """The learner sees one run or all; only staff sees other learners and whole runs."""
    registry.people("ada", "bob")
    runs = [registry.open_run().id for _ in range(2)]
    for run_id in runs:
        registry.enrol(run_id, "ada")
        registry.enrol(run_id, "bob")
    mine = Stub(registry.channel_for("ada", "learner"))
    for wanted, expected in (("", runs), (runs[1], runs[1:])):
        request = catalog_pb2.ListEnrolmentsRequest(learner_id="ada", run_id=wanted)
        found = mine.ListEnrolments(request).enrolments
        assert [(row.learner_id, row.run_id) for row in found] == [("ada", run) for run in expected]
    for request in (
        catalog_pb2.ListEnrolmentsRequest(learner_id="bob"),
        catalog_pb2.ListEnrolmentsRequest(run_id=runs[0]),
    ):
        error = refused(lambda request=request: mine.ListEnrolments(request))  # type: ignore[misc]
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED


def test_a_class_list_comes_in_pages(registry: Registry) -> None:
    """Everyone once, in the order of coming; a made-up token is refused."""
    learners = [f"l{number}" for number in range(7)]
    registry.people(*learners)
    run = registry.open_run()
    for learner in learners:
        registry.enrol(run.id, learner)
    found, token = [], ""
    for _ in range(3):
        request = catalog_pb2.ListEnrolmentsRequest(run_id=run.id, page_size=3, page_token=token)
        page = registry.staff.ListEnrolments(request)
        found += [row.learner_id for row in page.enrolments]
        token = page.next_page_token
    assert (found, token) == (learners, "")
    forged = catalog_pb2.ListEnrolmentsRequest(run_id=run.id, page_token="forged")
    assert fields_of(refused(lambda: registry.staff.ListEnrolments(forged))) == ["page_token"]


def test_the_same_people_sent_at_once_are_told_once(registry: Registry) -> None:
    """Eight equal batches that race: one changes the roster, seven find it as it should be."""
    rows = [person(f"p{number}") for number in range(50)]
    request = catalog_pb2.BatchUpsertPeopleRequest(people=rows)

    def upsert(_: int) -> int:
        return sum(row.changed for row in registry.staff.BatchUpsertPeople(request).results)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(upsert, range(8))) == [0] * 7 + [50]
    assert len(registry.events()) == 50
