"""Rosters with faults."""

from tandem.catalog.v1 import imports_pb2

from campus.oneroster.export import zipped
from tests.integration.catalog.registry import fields_of, refused
from tests.integration.catalog.rosters import (
    ASKS,
    DONE,
    Roster,
    counts,
    reasons,
)
from tests.oneroster import small


def test_too_many_removals_wait_for_a_confirmation(roster: Roster) -> None:
    """Nothing changes before, and no more is removed than was confirmed."""
    export = small()
    for number in range(20):
        export.user(f"more{number}")
        export.enrol("k-c1", f"more{number}")
    roster.run(export)
    before, less = roster.state(), small()
    asks = roster.run(less)
    assert asks.state == ASKS
    assert asks.reason == "would remove users.csv: 20 of 24 rows; enrollments.csv: 20 of 26 rows"
    assert roster.state() == before
    assert roster.run(export).state == DONE  # others of the source go on meanwhile
    done = roster.confirm(asks.id)
    assert done.state == DONE, done.reason
    assert len(roster.state()["people"]) == 4
    assert fields_of(refused(lambda: roster.confirm(done.id))) == ["import_id"]


def test_a_confirmation_covers_no_more_than_it_saw(roster: Roster) -> None:
    """If more would be removed by then, it asks again."""
    export = small()
    for number in range(20):
        export.user(f"more{number}")
    roster.run(export)
    asks = roster.run(small())
    for number in range(20, 30):
        export.user(f"more{number}")
    roster.run(export)
    again = roster.confirm(asks.id)
    assert (again.state, again.reason) == (ASKS, "would remove users.csv: 30 of 34 rows")
    assert roster.confirm(asks.id).state == DONE


def test_bad_rows_are_refused_alone(roster: Roster) -> None:
    """Each is told with file, line, field and what would be right; all others are imported."""
    export = small()
    export.user("bad1", email="nowhere")
    export.user("bad2", "guardian")
    export.user("bad3", givenName="")
    export.user("bad@4", email="bad4@university.example.edu")
    export.class_("k-bad", "nothing")
    export.class_("k-bad2", "c1", terms="never")
    export.enrol("k-bad", "s1")
    export.enrol("k-c1", "bad1")
    export.enrol("k-c1", "s1", "administrator")
    export.course("c3", courseCode="C1")
    done = roster.run(export)
    assert done.state == DONE, done.reason
    assert reasons(roster.rows(done.id, imports_pb2.IMPORT_RESULT_REFUSED)) == [
        ("users.csv", 6, "email"),
        ("users.csv", 7, "sourcedId"),
        ("users.csv", 8, "givenName"),
        ("users.csv", 9, "sourcedId"),
        ("courses.csv", 4, "courseCode"),
        ("classes.csv", 4, "courseSourcedId"),
        ("classes.csv", 5, "termSourcedIds"),
        ("enrollments.csv", 8, "classSourcedId"),
        ("enrollments.csv", 9, "userSourcedId"),
        ("enrollments.csv", 10, "role"),
    ]
    assert len(roster.state()["people"]) == 4
    assert len(roster.state()["enrolments"]) == 4


def test_what_was_given_before_survives_a_bad_row(roster: Roster) -> None:
    """A row that is refused now is not removed, though the file has no good row of it."""
    export = small()
    roster.run(export)
    export.user("s1", email="nowhere")
    done = roster.run(export)
    assert counts(done)["users.csv"] == {"unchanged": 3, "refused": 1}
    assert [row[0] for row in roster.state()["people"]] == ["s1", "s2", "s3", "t1"]


def test_no_file_makes_a_registrar(roster: Roster) -> None:
    """An administrator's row is refused; a registrar by hand who teaches, and was brought by the
    source, stays one.
    """
    export = small()
    export.user("boss", "systemAdministrator")
    roster.run(export)
    assert not [row for row in roster.state()["people"] if row[0] == "boss"]
    mongo = roster.registry.database.mongo
    mongo["people"].update_one({"_id": "t1"}, {"$push": {"roles": "REGISTRAR"}})
    export.user("t1", "teacher", familyName="Renamed")
    roster.run(export)
    assert roster.state()["people"][3][1:] == (
        "Renamed", "t1@university.example.edu", ("INSTRUCTOR", "REGISTRAR")
    )  # fmt: skip


def test_doubled_users_are_imported_once(roster: Roster) -> None:
    """Of two rows with one sourcedId, and of two with one username as subject, the second is
    refused, with its line; the first is taken.
    """
    export = small()
    export.user("s4", username="name-s1")
    texts = export.texts()
    texts["users.csv"] += texts["users.csv"].splitlines(keepends=True)[2]
    options = imports_pb2.ImportOptions(subject=imports_pb2.SUBJECT_USERNAME)
    done = roster.run(zipped(texts), options=options)
    assert reasons(roster.rows(done.id, imports_pb2.IMPORT_RESULT_REFUSED)) == [
        ("users.csv", 6, "username"),
        ("users.csv", 7, "sourcedId"),
    ]
    people = [row[0] for row in roster.state()["people"]]
    assert people == ["name-s1", "name-s2", "name-s3", "name-t1"]
    assert roster.run(zipped(texts), options=options).to_do == 0


def test_a_file_that_breaks_off_removes_nothing(roster: Roster) -> None:
    """Nor does one without a column that it must have, or without a manifest; what can be read of
    the other files is imported.
    """
    export = small()
    roster.run(export)
    before, texts = roster.state(), export.texts()
    header, first, *_ = texts["users.csv"].splitlines(keepends=True)
    for changed in (
        {"users.csv": header},
        {"users.csv": first},
        {"users.csv": header.replace(b"givenName", b"name") + first},
        {"manifest.csv": b"", "users.csv": header + first},
    ):
        done = roster.run(zipped({**texts, **changed}))
        assert done.state == DONE, done.reason
        assert not any(each.removed for each in done.counts)
        assert roster.state() == before
    del texts["manifest.csv"]
    texts["users.csv"] = header + first
    noted = roster.run(zipped(texts))
    assert (noted.state, roster.state()) == (DONE, before)
    assert counts(noted)["manifest.csv"] == {"noted": 1}
