"""Courses that change, and courses that are retired."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from tandem.catalog.v1 import catalog_pb2, resources_pb2

from chassis.contracts import events
from tests.integration.catalog.registry import Registry, fields_of, refused


def create(registry: Registry, code: str) -> resources_pb2.Course:
    """A course with a description."""
    request = catalog_pb2.CreateCourseRequest(code=code, title="Motion", description="Newton")
    return registry.staff.CreateCourse(request)


def update(registry: Registry, course_id: str, **fields: Any) -> resources_pb2.Course:
    """The course after a change."""
    request = catalog_pb2.UpdateCourseRequest(course_id=course_id, **fields)
    return registry.staff.UpdateCourse(request)


def retire(registry: Registry, course_id: str) -> resources_pb2.Course:
    """The course out of the offer."""
    return registry.staff.RetireCourse(catalog_pb2.RetireCourseRequest(course_id=course_id))


def told(registry: Registry) -> list[Any]:
    """The events of courses."""
    rows = registry.events("tandem.catalog.course.updated.v1")
    return [events.read(row["headers"], row["body"]).data for row in rows]


def test_an_update_changes_what_it_names(registry: Registry) -> None:
    """A description can be emptied; what changes nothing tells nothing."""
    course = create(registry, "PHYS-101")
    after = update(registry, course.id, title="Mechanics", code="phys-101")
    assert (after.code, after.title, after.description) == ("phys-101", "Mechanics", "Newton")
    assert update(registry, course.id, title="Mechanics") == after
    assert update(registry, course.id, description="").description == ""
    assert [(each.code, each.title) for each in told(registry)] == [("phys-101", "Mechanics")] * 2
    assert registry.staff.GetCourse(catalog_pb2.GetCourseRequest(course_id=course.id)).title == (
        "Mechanics"
    )


def test_a_course_tells_its_nature(registry: Registry) -> None:
    """From the beginning, or by an update; an update without it leaves it."""
    lecture, lab = resources_pb2.COURSE_NATURE_LECTURE, resources_pb2.COURSE_NATURE_LAB
    request = catalog_pb2.CreateCourseRequest(code="PHYS-101", title="Motion", nature=lecture)
    course = registry.staff.CreateCourse(request)
    assert course.nature == lecture
    assert update(registry, course.id, nature=lab).nature == lab
    assert update(registry, course.id, title="Mechanics").nature == lab
    assert [each.nature for each in told(registry)] == [lab, lab]


def test_a_code_is_taken_once(registry: Registry) -> None:
    """In any case; nothing is changed then."""
    create(registry, "HIST-210")
    course = create(registry, "PHYS-101")
    error = refused(lambda: update(registry, course.id, code="hist-210", title="X"))
    assert error.code() is grpc.StatusCode.ALREADY_EXISTS
    assert told(registry) == []
    unknown = refused(lambda: update(registry, "none", title="X"))
    assert unknown.code() is grpc.StatusCode.NOT_FOUND


def test_one_of_two_courses_gets_a_code(registry: Registry) -> None:
    """Two changes at once to the same code: one of them is refused."""
    courses = [create(registry, f"C-{number}").id for number in range(8)]

    def attempt(course_id: str) -> grpc.StatusCode:
        try:
            update(registry, course_id, code="NEW")
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
        return grpc.StatusCode.OK

    with ThreadPoolExecutor(8) as pool:
        found = Counter(pool.map(attempt, courses))
    assert found == {grpc.StatusCode.OK: 1, grpc.StatusCode.ALREADY_EXISTS: 7}


def test_a_retired_course_opens_no_runs(registry: Registry) -> None:
    """Those that are open go on; it is told once."""
    run = registry.open_run()
    first = retire(registry, run.course_id)
    assert first.HasField("retired_at")
    assert retire(registry, run.course_id) == first
    error = refused(lambda: registry.open_run(course_id=run.course_id))
    assert (error.code(), fields_of(error)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        ["course_id"],
    )
    [event] = told(registry)
    assert event.HasField("retired_at")
    registry.people("ada")
    assert registry.enrol(run.id, "ada").run_id == run.id
