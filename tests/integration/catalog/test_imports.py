"""Imports of OneRoster archives into a real database, by the RPCs and the workers' job."""

from typing import Any

from tandem.catalog.v1 import catalog_pb2, imports_pb2, resources_pb2
from tandem.options.v1 import options_pb2

from campus.oneroster.export import Export
from tests.conftest import FakeClock
from tests.integration.catalog.rosters import (
    CHECKED,
    DONE,
    FAILED,
    GROUPS,
    Roster,
    counts,
    reasons,
)
from tests.oneroster import small


def test_a_dry_run_tells_the_difference_and_changes_nothing(roster: Roster) -> None:
    """It counts what would be added, by file, and leaves people, courses and links alone."""
    done = roster.run(small(), dry_run=True)
    assert done.state == CHECKED, done.reason
    assert counts(done) == {
        "orgs.csv": {"added": 1},
        "academicSessions.csv": {"added": 1},
        "roles.csv": {"added": 4},
        "users.csv": {"added": 4},
        "courses.csv": {"added": 2},
        "classes.csv": {"added": 2},
        "enrollments.csv": {"added": 6},
    }
    assert roster.events() == 0
    assert roster.registry.database.mongo["links"].count_documents({}) == 0
    assert len(roster.rows(done.id)) == 20


def test_an_import_brings_people_courses_runs_and_enrolments(roster: Roster) -> None:
    """They have external ids with their source, and every row has its result."""
    done = roster.run(small())
    assert done.state == DONE, done.reason
    assert (done.to_do, done.done) == (20, 20)
    state = roster.state()
    assert [row[0] for row in state["people"]] == ["s1", "s2", "s3", "t1"]
    assert state["runs"] == [
        ("C1", "Class k-c1", "2026-03-01", [("t1", "TEACHER")]),
        ("C2", "Class k-c2", "2026-03-01", [("t1", "TEACHER")]),
    ]
    assert len(state["enrolments"]) == 4
    told = roster.rpc.GetPerson(catalog_pb2.GetPersonRequest(person_id="s1")).external_ids
    assert [(each.source, each.id) for each in told] == [("sis", "s1")]
    runs = roster.rpc.ListRuns(catalog_pb2.ListRunsRequest()).runs
    assert sorted(run.external_ids[0].id for run in runs) == ["k-c1", "k-c2"]
    mine = catalog_pb2.ListEnrolmentsRequest(learner_id="s2")
    (enrolment,) = roster.rpc.ListEnrolments(mine).enrolments
    assert [each.id for each in enrolment.external_ids] == ["e-k-c1-s2-student"]


def test_the_same_import_twice_changes_nothing(roster: Roster) -> None:
    """The second one finds all rows unchanged, and publishes no event."""
    for options in (None, GROUPS):
        export = small()
        export.source = "groups" if options else "runs"
        roster.run(export, source=export.source, options=options)
        before, events = roster.state(), roster.events()
        again = roster.run(export, source=export.source, options=options)
        assert again.state == DONE, again.reason
        assert {tuple(each) for each in counts(again).values()} == {("unchanged",)}
        assert (roster.events(), roster.state()) == (events, before)


def test_changes_are_applied_and_what_is_absent_is_removed(roster: Roster) -> None:
    """A later bulk export renames a person, moves a class' title, ends an enrolment and a class."""
    export = small()
    roster.run(export)
    export.user("s1", familyName="Other")
    export.class_("k-c1", "c1", title="New title")
    del export.files["enrollments"]["e-k-c1-s2-student"]
    del export.files["classes"]["k-c2"]
    for name in list(export.files["enrollments"]):
        if name.startswith("e-k-c2"):
            del export.files["enrollments"][name]
    del export.files["courses"]["c2"]
    done = roster.run(export)
    assert done.state == DONE, done.reason
    assert counts(done)["users.csv"] == {"changed": 1, "unchanged": 3}
    assert counts(done)["classes.csv"] == {"changed": 1, "removed": 1}
    assert counts(done)["enrollments.csv"] == {"removed": 3, "unchanged": 3}
    assert counts(done)["courses.csv"] == {"removed": 1, "unchanged": 1}
    state = roster.state()
    assert state["people"][0][:2] == ("s1", "Other")
    assert state["courses"] == [("C1", "Course c1")]
    assert [row[1] for row in state["runs"]] == ["New title"]
    assert [row[1] for row in state["enrolments"]] == ["s1", "s3"]


def test_what_was_removed_comes_back(roster: Roster) -> None:
    """A, then less, then A again is A: people, courses, runs, staff and enrolments."""
    for options in (None, GROUPS):
        export = small()
        for name in [file for file in export.files if file != "orgs"]:
            assert export.files[name]
        export.source = "groups" if options else "runs"
        more: dict[str, Any] = {"source": export.source, "options": options}
        roster.run(export, **more)
        first, less = roster.state(), export.copy()
        del less.files["users"]["s1"], less.files["classes"]["k-c2"], less.files["courses"]["c2"]
        less.files["enrollments"] = {
            name: row
            for name, row in less.files["enrollments"].items()
            if row["userSourcedId"] != "s1" and row["classSourcedId"] != "k-c2"
        }
        assert roster.run(less, **more).state == DONE
        assert roster.state() != first
        assert roster.run(export, **more).state == DONE
        assert roster.state() == first
        for file in ("enrollments", "users"):  # for the other round
            export.files[file].clear()


def test_what_exists_by_hand_is_linked_and_left_alone(roster: Roster) -> None:
    """A person, a course and an enrolment by hand keep what they are, through changes and removal;
    rows of the file may refer to them.
    """
    rpc, export = roster.rpc, small()
    roster.registry.people("s1")
    course = rpc.CreateCourse(catalog_pb2.CreateCourseRequest(code="c1", title="By hand"))
    done = roster.run(export)
    assert counts(done)["users.csv"] == {"added": 3, "linked": 1}
    assert counts(done)["courses.csv"] == {"added": 1, "linked": 1}
    export.user("s1", familyName="Changed")
    export.course("c1", title="Changed")
    roster.run(export)
    person = rpc.GetPerson(catalog_pb2.GetPersonRequest(person_id="s1"))
    assert (person.family_name, [each.id for each in person.external_ids]) == ("", ["s1"])
    found = rpc.GetCourse(catalog_pb2.GetCourseRequest(course_id=course.id))
    assert (found.title, found.code) == ("By hand", "c1")
    (run,) = rpc.ListRuns(catalog_pb2.ListRunsRequest(course_id=course.id)).runs
    roster.registry.people("hand")
    roster.registry.enrol(run.id, "hand")
    del export.files["users"]["s1"]
    del export.files["enrollments"]["e-k-c1-s1-student"]
    del export.files["enrollments"]["e-k-c2-s1-student"]
    assert roster.run(export).state == DONE
    person = rpc.GetPerson(catalog_pb2.GetPersonRequest(person_id="s1"))
    assert not person.HasField("retired_at")
    assert not person.external_ids
    in_run = [row[1] for row in roster.state()["enrolments"]]
    assert in_run == ["hand", "s2", "s3"]


def test_an_enrolment_by_hand_is_not_withdrawn(roster: Roster) -> None:
    """Nor is who became staff by hand taken out, when the source takes its row of them back."""
    export = small()
    del export.files["enrollments"]["e-k-c1-s2-student"]
    roster.run(export)
    runs = roster.rpc.ListRuns(catalog_pb2.ListRunsRequest()).runs
    (run,) = [each for each in runs if each.title == "Class k-c1"]
    roster.registry.enrol(run.id, "s2")
    export.user("t2", "aide")
    roster.run(export)
    member = resources_pb2.StaffMember(person_id="t2", role=options_pb2.STAFF_ROLE_OBSERVER)
    staff = catalog_pb2.SetRunStaffRequest(run_id=run.id, staff=[*run.staff, member])
    roster.rpc.SetRunStaff(staff)
    export.enrol("k-c1", "t2", "aide")
    export.enrol("k-c1", "s2")
    done = roster.run(export)
    assert counts(done)["enrollments.csv"]["linked"] == 2
    del export.files["enrollments"]["e-k-c1-s2-student"]
    del export.files["enrollments"]["e-k-c1-t2-aide"]
    roster.run(export)
    assert ("t2", "OBSERVER") in roster.state()["runs"][0][3]
    assert "s2" in [row[1] for row in roster.state()["enrolments"]]


def test_a_delta_changes_only_what_it_names(roster: Roster) -> None:
    """Rows that are to be deleted are removed, rows that are absent stay, and new ones may refer to
    what an earlier file brought.
    """
    roster.run(small())
    delta = Export(mode="delta")
    delta.add("enrollments", "e-k-c1-s3-student", status="tobedeleted")
    delta.enrol("k-c2", "s2")
    delta.role("s3", "teacher", "secondary")
    done = roster.run(delta)
    assert done.state == DONE, done.reason
    assert counts(done) == {
        "roles.csv": {"added": 1},
        "users.csv": {"changed": 1},
        "enrollments.csv": {"added": 1, "removed": 1},
    }
    state = roster.state()
    assert [row[:2] for row in state["enrolments"]] == [
        ("Class k-c1", "s1"), ("Class k-c1", "s2"), ("Class k-c2", "s1"), ("Class k-c2", "s2"),
    ]  # fmt: skip
    assert state["people"][2][3] == ("INSTRUCTOR", "LEARNER")
    moved = Export(mode="delta")
    moved.term(last="2026-07-31")
    assert counts(roster.run(moved)) == {
        "academicSessions.csv": {"changed": 1},
        "classes.csv": {"changed": 2},
    }
    runs = roster.rpc.ListRuns(catalog_pb2.ListRunsRequest()).runs
    assert {run.end_date for run in runs} == {"2026-07-31"}


def test_classes_may_become_groups(roster: Roster) -> None:
    """Classes of a course and term are groups of one run; a learner of two is enrolled once, and
    stays in the run until the last of them is taken back.
    """
    export = small()
    export.class_("k-lab", "c1", title="Lab")
    export.enrol("k-lab", "s1")
    export.enrol("k-lab", "t1", "teacher")
    done = roster.run(export, options=GROUPS)
    assert done.state == DONE, done.reason
    state = roster.state()
    assert [row[1] for row in state["runs"]] == ["Course c1", "Course c2"]
    assert ("Course c1", "s1", ["Class k-c1", "Lab"]) in state["enrolments"]
    runs = roster.rpc.ListRuns(catalog_pb2.ListRunsRequest()).runs
    (run,) = [each for each in runs if each.title == "Course c1"]
    (teacher,) = run.staff
    assert len(teacher.group_ids) == 2
    export.term(last="2026-07-31")
    export.term("t2", "2026-09-01", "2026-12-31")
    export.class_("k-c2", "c2", "t2")
    done = roster.run(export, options=GROUPS)
    assert reasons(roster.rows(done.id, imports_pb2.IMPORT_RESULT_REFUSED)) == [
        ("classes.csv", 3, "termSourcedIds")
    ]
    runs = roster.rpc.ListRuns(catalog_pb2.ListRunsRequest(course_id=run.course_id)).runs
    assert [each.end_date for each in runs] == ["2026-07-31"]
    del export.files["enrollments"]["e-k-c1-s1-student"]
    roster.run(export, options=GROUPS)
    assert ("Course c1", "s1", ["Lab"]) in roster.state()["enrolments"]
    del export.files["enrollments"]["e-k-lab-s1-student"]
    roster.run(export, options=GROUPS)
    assert [row[1] for row in roster.state()["enrolments"]] == ["s2", "s3", "s1"]
    roster.rpc.AssignGroup(
        catalog_pb2.AssignGroupRequest(run_id=run.id, learner_id="s2", group_ids=[])
    )
    roster.registry.people("hand")
    roster.registry.enrol(run.id, "hand")
    export.user("hand")
    export.enrol("k-lab", "hand")
    export.enrol("k-lab", "s1")
    roster.run(export, options=GROUPS)
    learners = {row[1]: row[2] for row in roster.state()["enrolments"] if row[0] == "Course c1"}
    assert (learners["hand"], learners["s1"], learners["s2"]) == ([], ["Lab"], [])
    failed = roster.run(export)
    assert (failed.state, "options.sections" in failed.reason) == (FAILED, True)


def test_classes_that_are_over_keep_their_records(roster: Roster, clock: FakeClock) -> None:
    """The next term's export lacks them; nobody is withdrawn from them, and nothing asks."""
    export = small()
    roster.run(export)
    clock.forward(days=200)
    later = small()
    later.term("t2", "2026-09-01", "2026-12-31")
    del later.files["academicSessions"]["t1"]
    later.files["classes"].clear()
    later.files["enrollments"].clear()
    later.class_("k-new", "c1", "t2")
    later.enrol("k-new", "s1")
    done = roster.run(later)
    assert done.state == DONE, done.reason
    assert counts(done)["enrollments.csv"] == {"added": 1}
    assert len(roster.state()["enrolments"]) == 5
    export.user("s9")
    export.enrol("k-c1", "s9")
    late = roster.run(export)
    assert reasons(roster.rows(late.id, imports_pb2.IMPORT_RESULT_REFUSED)) == [
        ("enrollments.csv", 8, "classSourcedId")
    ]


def test_renamed_ids_of_rows_are_the_same_things(roster: Roster) -> None:
    """With usernames as subjects, a new sourcedId of a user, a course or an enrolment adds nobody
    and removes nobody; another username of the same user is refused.
    """
    options = imports_pb2.ImportOptions(subject=imports_pb2.SUBJECT_USERNAME)
    export = small()
    roster.run(export, options=options)
    before = roster.state()
    renamed = Export()
    for file, rows in export.files.items():
        for sourced_id, row in rows.items():
            new = {**row, "sourcedId": f"x-{sourced_id}"}
            if file != "classes":
                renamed.files[file][f"x-{sourced_id}"] = new
    renamed.files["classes"] = export.files["classes"]
    for row in (*renamed.files["enrollments"].values(), *renamed.files["roles"].values()):
        row["userSourcedId"] = f"x-{row['userSourcedId']}"
    for row in renamed.files["classes"].values():
        row |= {"termSourcedIds": "x-t1", "schoolSourcedId": "x-org"}
    for row in renamed.files["courses"].values():
        row["orgSourcedId"] = "x-org"
    done = roster.run(renamed, options=options)
    refusals = reasons(roster.rows(done.id, imports_pb2.IMPORT_RESULT_REFUSED))
    assert refusals == [("classes.csv", line, "courseSourcedId") for line in (2, 3)]
    for row in renamed.files["classes"].values():
        row["courseSourcedId"] = f"x-{row['courseSourcedId']}"
    done = roster.run(renamed, options=options)
    assert roster.state() == before
    renamed.user("x-s1", username="somebody-else")
    renamed.role("x-s1", "student")
    done = roster.run(renamed, options=options)
    assert ("users.csv", 2, "username") in reasons(
        roster.rows(done.id, imports_pb2.IMPORT_RESULT_REFUSED)
    )
