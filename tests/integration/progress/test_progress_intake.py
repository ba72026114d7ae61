"""Taking statements in: batches, streams, repeats, races, bad rows."""

import math
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import grpc
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.contracts import events
from chassis.contracts.mapping import from_document, to_document
from chassis.messaging.inbox_processor import Kind
from services.progress.domain.class_page import listing
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.sittings import with_stretch
from tests.integration.progress.classroom import (
    FILM,
    RUN,
    Classroom,
    enrolled,
    item,
    refused,
    stamp,
    task,
)

CHECKPOINT = types_pb2.ACTIVITY_KIND_CHECKPOINT


def _stored(classroom: Classroom) -> int:
    return classroom.database.mongo["statements"].count_documents({})


def test_a_batch_is_stored_and_told_once(classroom: Classroom) -> None:
    """Statements are stored; their learners' events carry them, a repeat changes nothing."""
    batch = [classroom.said(who, "completed", activity_id="essay") for who in ("ada", "bob")]
    assert [row.changed for row in classroom.record(*batch)] == [True, True]
    assert [row.changed for row in classroom.record(*batch)] == [False, False]
    assert _stored(classroom) == 2
    published = classroom.published(events_pb2.StatementsRecorded)
    assert sorted(each.learner_id for each in published) == ["ada", "bob"]
    assert {row.id for each in published for row in each.statements} == {row.id for row in batch}


def test_a_bad_row_costs_no_good_one(classroom: Classroom) -> None:
    """Each bad row is refused with all of its faults; the good one is stored."""
    good = classroom.said("ada", "completed", activity_id="essay")
    nothing = classroom.said("ada", "completed")
    future = classroom.said("ada", "completed", item_id=FILM)
    future.timestamp.CopyFrom(stamp(classroom.clock.now() + timedelta(days=2)))
    rows = classroom.record(nothing, good, future, resources_pb2.Statement(id="x"))
    assert [bool(row.violations) for row in rows] == [True, False, True, True]
    assert [each.field for each in rows[0].violations] == ["activity_id"]
    assert [each.field for each in rows[2].violations] == ["timestamp"]
    assert {each.field for each in rows[3].violations} >= {"id", "learner_id", "verb", "run_id"}
    assert [row.row for row in rows] == [0, 1, 2, 3]
    assert _stored(classroom) == 1


def test_what_counts_for_nothing_is_stored_and_told(classroom: Classroom) -> None:
    """Faulty pieces of segments, a length of NaN and unknown verbs cost the row nothing else."""
    classroom.open(item("see", FILM), learners=["ada"])
    segments = "10[.]9.5[,]0[.]3590[,]x[,]NaN[.]7[,]3591[.]3600"
    video = resources_pb2.VideoExtensions(length=math.nan, played_segments=segments)
    batch = [
        classroom.watched("ada", "", video=video),
        classroom.said("ada", "https://x.example/did", activity_id="see"),
        classroom.said("ada", "completed", activity_id="see"),
    ]
    rows = classroom.record(*batch)
    assert [row.changed for row in rows] == [True, True, True]
    assert "length is nan" in rows[0].note
    assert rows[0].note.count("counts nothing") == 3
    assert "not known" in rows[1].note
    assert not rows[2].note
    again = classroom.record(*batch)
    assert [row.changed for row in again] == [False, False, False]
    assert [row.note for row in again] == [row.note for row in rows]
    classroom.settle()
    (see,) = classroom.progress("ada").activities
    assert see.watched_share == 1.0
    assert classroom.states("ada") == {"see": "COMPLETED"}


def test_a_quiz_that_was_completed_and_then_failed_is_open_again(classroom: Classroom) -> None:
    """A failure takes back the completion, the summary and the path; a pass restores them."""
    classroom.open(task("quiz", kind=CHECKPOINT), learners=["ada"])
    for verb, state, paths in (
        ("completed", "COMPLETED", 1),
        ("failed", "STARTED", 0),
        ("completed", "STARTED", 0),
        ("passed", "COMPLETED", 1),
        ("failed", "COMPLETED", 1),
    ):
        classroom.record(classroom.said("ada", verb, activity_id="quiz"))
        classroom.settle()
        assert classroom.states("ada") == {"quiz": state}
        summary = classroom.summary()
        assert (summary.completed_path, summary.completed_activities) == (paths, paths)
    (reopened,) = classroom.published(events_pb2.ActivityReopened)
    assert (reopened.learner_id, reopened.activity_id) == ("ada", "quiz")
    assert len(classroom.published(events_pb2.ActivityCompleted)) == 2
    assert len(classroom.published(events_pb2.PathCompleted)) == 2


def test_a_learner_speaks_for_nobody_else(classroom: Classroom) -> None:
    """A learner's row about another learner is refused, and the own one taken."""
    classroom.open(learners=["ada"])
    rows = [classroom.said(who, "completed", activity_id="essay") for who in ("ada", "bob")]
    request = progress_pb2.RecordStatementsRequest(statements=rows)
    results = classroom.learner("ada").RecordStatements(request).results
    assert [row.changed for row in results] == [True, False]
    assert [each.field for each in results[1].violations] == ["learner_id"]


def test_a_learner_tells_of_runs_where_the_learner_is_known(classroom: Classroom) -> None:
    """A learner's row about any other run is refused, and leaves nothing that waits for it."""
    classroom.open(learners=["ada"])
    rows = [
        classroom.said("ada", "completed", activity_id="essay", run_id=run)
        for run in (RUN, "nowhere")
    ]
    request = progress_pb2.RecordStatementsRequest(statements=rows)
    taken, refused_row = classroom.learner("ada").RecordStatements(request).results
    assert taken.changed
    assert [each.field for each in refused_row.violations] == ["run_id"]
    assert _stored(classroom) == 1
    stranger = classroom.said("eve", "completed", activity_id="essay")
    request = progress_pb2.RecordStatementsRequest(statements=[stranger])
    (row,) = classroom.learner("eve").RecordStatements(request).results
    assert "not known" in row.violations[0].wrong
    classroom.hear("plans", enrolled("eve", classroom.clock.now()))
    (row,) = classroom.learner("eve").RecordStatements(request).results
    assert row.changed


def test_who_sends_is_kept_and_nobody_certifies_oneself(classroom: Classroom) -> None:
    """A learner's own statement passes no quiz, whatever the request contains; a service's does."""
    classroom.open(task("quiz", kind=CHECKPOINT), learners=["ada"])
    passed = classroom.said("ada", "passed", activity_id="quiz", authority=options_pb2.ROLE_SERVICE)
    request = progress_pb2.RecordStatementsRequest(statements=[passed])
    (row,) = classroom.learner("ada").RecordStatements(request).results
    assert row.changed
    classroom.settle()
    assert classroom.states("ada") == {"quiz": "STARTED"}
    (again,) = classroom.record(passed)
    assert (again.changed, list(again.violations)) == (False, [])
    passed.id = str(uuid.uuid4())
    classroom.record(passed)
    classroom.settle()
    assert classroom.states("ada") == {"quiz": "COMPLETED"}
    published = classroom.published(events_pb2.StatementsRecorded)
    assert [each.statements[0].authority for each in published] == [
        options_pb2.ROLE_LEARNER,
        options_pb2.ROLE_SERVICE,
    ]


def test_another_statement_of_a_known_id_is_a_conflict(classroom: Classroom) -> None:
    """An id that stands for other content is refused, in a later batch and in the same one."""
    first = classroom.said("ada", "completed", activity_id="essay")
    other = classroom.said("ada", "passed", activity_id="essay", id=first.id.upper())
    one, two = classroom.record(first, other)
    assert one.changed
    assert [each.field for each in two.violations] == ["id"]
    (late,) = classroom.record(other)
    assert [each.field for each in late.violations] == ["id"]
    assert _stored(classroom) == 1


def test_an_empty_and_a_huge_batch_are_refused(classroom: Classroom) -> None:
    """No row, or more than a thousand, is INVALID_ARGUMENT, and nothing is stored."""
    assert refused(classroom.record)[0] is grpc.StatusCode.INVALID_ARGUMENT
    row = classroom.said("ada", "completed", activity_id="essay")
    many = refused(lambda: classroom.record(*[row] * 1001))
    assert many[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert _stored(classroom) == 0


def test_a_stream_answers_batch_after_batch(classroom: Classroom) -> None:
    """Each batch of a stream is answered when it is stored."""
    batches = [
        [classroom.said("ada", "experienced", activity_id=f"a{n}") for n in range(50)]
        for _ in range(6)
    ]
    stored = []
    requests = (progress_pb2.RecordStatementsRequest(statements=each) for each in batches)
    for answer in classroom.service.StreamStatements(requests):
        assert all(row.changed for row in answer.results)
        stored.append(_stored(classroom))
    assert len(stored) == 6
    assert all(count >= 50 * place for place, count in enumerate(stored, 1))


def test_racing_repeats_of_a_batch_count_once(classroom: Classroom) -> None:
    """Eight racing calls with the same hundred rows store and publish each row once."""
    batch = [classroom.said("ada", "experienced", activity_id=f"a{n}") for n in range(100)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: classroom.record(*batch), range(8)))
    changed = [sum(row.changed for row in rows) for rows in answers]
    assert sum(changed) == 100
    assert not [row for rows in answers for row in rows if row.violations]
    published = classroom.published(events_pb2.StatementsRecorded)
    assert sum(len(each.statements) for each in published) == 100


def test_a_learners_huge_batch_is_told_in_parts(classroom: Classroom) -> None:
    """A thousand statements with long segments are published in several small events."""
    segments = "[,]".join(f"{n}.125[.]{n}.875" for n in range(150))
    batch = [classroom.watched("ada", segments) for _ in range(1000)]
    assert all(row.changed for row in classroom.record(*batch))
    published = classroom.published(events_pb2.StatementsRecorded)
    assert len(published) > 1
    assert sum(len(each.statements) for each in published) == 1000
    assert all(len(events.body_of(each)) < events.LARGEST_BODY for each in published)


def test_statements_of_a_run_never_heard_of_wait(classroom: Classroom) -> None:
    """Statements of a run that catalog has not published wait; others continue."""
    classroom.open(task("essay"), learners=["ada"])
    good = classroom.said("ada", "completed", activity_id="essay")
    bad = classroom.said("ada", "completed", activity_id="essay", run_id="nowhere")
    recorded = [
        classroom.event(events_pb2.StatementsRecorded(learner_id="ada", statements=[row]))
        for row in (bad, good)
    ]
    assert classroom.apply("statements", recorded) == [Kind.WAIT, Kind.APPLIED]
    assert classroom.states("ada") == {"essay": "COMPLETED"}
    assert classroom.summary().statements == 1


def test_ids_are_the_same_in_any_case(classroom: Classroom) -> None:
    """The same statement with its UUID in upper case is a repeat."""
    row = classroom.said("ada", "completed", activity_id="essay", id=str(uuid.uuid4()))
    assert classroom.record(row)[0].changed
    row.id = row.id.upper()
    (again,) = classroom.record(row)
    assert not again.changed
    assert not again.violations


def test_only_what_changed_of_a_learner_is_written(classroom: Classroom) -> None:
    """Fields of a newer version are kept; missing fields of an older version are filled."""
    classroom.open(task("watch", item_id=FILM), learners=["ada", "bob"])
    run_states, evidence = (classroom.database.mongo[name] for name in ("standings", "evidence"))
    before = {row["learner_id"]: row for row in run_states.find()}
    run_states.update_one({"learner_id": "ada"}, {"$set": {"newer": 1}})
    run_states.update_one({"learner_id": "bob"}, {"$unset": {"writes": 1, "counted": 1}})
    for segments in ("0[.]600", "300[.]900"):
        classroom.record(*(classroom.watched(each, segments) for each in ("ada", "bob")))
        classroom.settle()
        evidence.update_many({}, {"$set": {"newer": 1}})
    at = classroom.clock.now()
    seen = {"last_seen_at": at, "sittings": with_stretch(b"", at, None)}
    for row in run_states.find():
        writes = 2 if row["learner_id"] == "bob" else before["ada"]["writes"] + 2
        added: dict[str, Any] = {"newer": 1} if row["learner_id"] == "ada" else {}
        listed = listing(from_document(row, LearnerRunState), None)
        added |= {"writes": writes, "listing": to_document(listed)}
        assert row == before[row["learner_id"]] | seen | added
    rows = list(evidence.find())
    assert [(row["watched"], row["newer"]) for row in rows] == [([[0.0, 900.0]], 1)] * 2
