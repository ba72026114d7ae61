"""Completion, dues, versions of a path, and the timeline."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.messaging.inbox_processor import Kind
from services.progress.usecases.waiting import look_again, next_turn
from tests.integration.progress.classroom import (
    ABSENT,
    BOOK,
    FILM,
    HOUR,
    RUN,
    Classroom,
    after,
    cancelled,
    enrolled,
    item,
    lecture,
    moved,
    opened,
    path,
    recorded,
    refused,
    scheduled,
    stamp,
    task,
    withdrawn,
)

CHECKPOINT = types_pb2.ACTIVITY_KIND_CHECKPOINT
FAILURE = resources_pb2.Result(completion=True, success=False)


def _extended(learner_id: str, activity_id: str, until: datetime) -> catalog.DueExtended:
    return catalog.DueExtended(
        enrolment_id=f"e-{learner_id}",
        run_id=RUN,
        learner_id=learner_id,
        activity_id=activity_id,
        until=stamp(until),
    )


def test_each_kind_completes_by_its_own_rule(classroom: Classroom) -> None:
    """Film by share, text by being read, work by being handed in, a quiz by being passed."""
    steps = (item("watch", FILM), item("read", BOOK), task(), task("quiz", kind=CHECKPOINT))
    classroom.open(*steps, learners=["ada"])
    classroom.record(
        classroom.said("ada", "completed", item_id=FILM),
        classroom.said("ada", "failed", activity_id="quiz", result=FAILURE),
        classroom.watched("ada", "0[.]60"),
    )
    classroom.settle()
    assert classroom.states("ada") == {
        "watch": "STARTED",
        "read": "OPEN",
        "essay": "OPEN",
        "quiz": "STARTED",
    }
    classroom.record(
        classroom.watched("ada", "30[.]3300", item_id="", activity_id="watch"),
        classroom.said("ada", "experienced", item_id=BOOK),
        classroom.said("ada", "http://activitystrea.ms/schema/1.0/submit", activity_id="essay"),
        classroom.said("ada", "passed", activity_id="quiz"),
    )
    classroom.settle()
    assert set(classroom.states("ada").values()) == {"COMPLETED"}
    assert len(classroom.published(events_pb2.ActivityCompleted)) == 4
    (whole,) = classroom.published(events_pb2.PathCompleted)
    assert (whole.enrolment_id, whole.path_version) == ("e-ada", 1)
    summary = classroom.summary()
    assert (summary.completed_path, summary.completed_activities) == (1, 4)
    assert classroom.progress("ada").progress.HasField("completed_at")


def test_an_item_counts_wherever_the_path_names_it(classroom: Classroom) -> None:
    """A statement about an item completes every activity with that item."""
    classroom.open(item("one", BOOK), item("two", BOOK), learners=["ada"])
    classroom.record(classroom.said("ada", "experienced", item_id=BOOK))
    classroom.settle()
    assert classroom.states("ada") == {"one": "COMPLETED", "two": "COMPLETED"}


def test_a_new_version_keeps_what_was_done(classroom: Classroom) -> None:
    """Completed activities stay so by id; the path is completed again for the new version."""
    classroom.open(task(), learners=["ada"])
    classroom.record(classroom.said("ada", "completed", activity_id="essay"))
    classroom.settle()
    classroom.hear("plans", path(task(), task("talk"), version=2))
    classroom.settle()
    assert classroom.states("ada") == {"essay": "COMPLETED", "talk": "OPEN"}
    assert classroom.summary().completed_path == 0
    classroom.record(classroom.said("ada", "completed", activity_id="talk"))
    classroom.settle()
    published = classroom.published(events_pb2.PathCompleted)
    assert [each.path_version for each in published] == [1, 2]
    assert len(classroom.published(events_pb2.ActivityCompleted)) == 2


def test_an_older_version_that_comes_late_changes_nothing(classroom: Classroom) -> None:
    """Events of one run may overtake each other; the newest counts."""
    old, new = classroom.event(path(task())), classroom.event(path(task("talk"), version=2))
    classroom.hear("plans", opened(), enrolled("ada", classroom.clock.now()))
    classroom.apply("plans", [new])
    classroom.apply("plans", [old])
    classroom.settle()
    assert classroom.states("ada") == {"talk": "OPEN"}


def test_a_session_that_moves_moves_dues(classroom: Classroom) -> None:
    """Deadlines that depend on a class move with it, and stay when the class is cancelled."""
    start = classroom.clock.now() + timedelta(days=1)
    later = start + timedelta(days=2)
    classroom.open(lecture(), task(deadline=after("lecture", 24)), learners=["ada"])
    assert classroom.due("ada", "essay") is None
    classroom.hear("plans", scheduled(start))
    assert classroom.due("ada", "essay") == start + HOUR + timedelta(days=1)
    classroom.hear("plans", moved(start, later))
    assert classroom.due("ada", "essay") == later + HOUR + timedelta(days=1)
    classroom.hear("plans", cancelled(later))
    assert classroom.due("ada", "essay") == later + HOUR + timedelta(days=1)


def test_an_extension_moves_what_depends_on_it(classroom: Classroom) -> None:
    """One learner's extension moves the chain behind it, for that learner alone."""
    fortnight = catalog_resources.TimeRule(after_enrolment=Duration(seconds=14 * 86400))
    steps = (task(deadline=fortnight), task("talk", deadline=after("essay", 48)))
    classroom.open(*steps, learners=["ada", "bob"])
    now = classroom.clock.now()
    classroom.hear("plans", _extended("ada", "essay", now + timedelta(days=20)))
    assert classroom.due("ada", "essay") == now + timedelta(days=20)
    assert classroom.due("ada", "talk") == now + timedelta(days=22)
    assert classroom.due("bob", "talk") == now + timedelta(days=16)
    rows = {each.activity_id: each.extended for each in classroom.progress("ada").activities}
    assert rows == {"essay": True, "talk": False}


def test_what_is_past_its_due_is_overdue(classroom: Classroom) -> None:
    """Overdue is counted when it is asked for; what is done is not overdue."""
    soon = catalog_resources.TimeRule(after_enrolment=Duration(seconds=3600))
    steps = (task(deadline=soon), task("talk", deadline=soon, optional=True))
    classroom.open(*steps, learners=["ada"])
    assert classroom.progress("ada").progress.overdue == 0
    classroom.clock.forward(hours=2)
    assert classroom.progress("ada").progress.overdue == 1
    classroom.record(classroom.said("ada", "completed", activity_id="essay"))
    classroom.settle()
    short = classroom.progress("ada").progress
    assert (short.overdue, short.completed, short.required) == (0, 1, 1)


def test_prerequisites_lock(classroom: Classroom) -> None:
    """An activity is locked until what it requires is done."""
    classroom.open(task(), task("talk", requires=["essay"]), learners=["ada"])
    assert classroom.states("ada") == {"essay": "OPEN", "talk": "LOCKED"}
    classroom.record(classroom.said("ada", "completed", activity_id="essay"))
    classroom.settle()
    assert classroom.states("ada") == {"essay": "COMPLETED", "talk": "OPEN"}


def test_what_was_done_before_the_enrolment_was_known_counts(classroom: Classroom) -> None:
    """Statements and attendance may come before the enrolment: they count from then on."""
    classroom.open(task(), lecture())
    classroom.record(classroom.said("ada", "completed", activity_id="essay"))
    classroom.settle()
    classroom.hold_class(ada=ABSENT)
    classroom.hear("attendance", recorded())
    classroom.settle()
    assert classroom.published(events_pb2.ActivityCompleted) == []
    assert classroom.catch_ups() == []
    classroom.hear("plans", enrolled("ada", classroom.clock.now()))
    assert classroom.states("ada") == {"essay": "COMPLETED", "lecture": "OPEN"}
    assert [each.enrolment_id for each in classroom.published(events_pb2.CatchUpAssigned)] == [
        "e-ada"
    ]


def test_a_promoted_learner_counts_and_a_withdrawn_one_does_not(classroom: Classroom) -> None:
    """Only learners with a place are counted and listed."""
    waits: dict[str, Any] = {"enrolment_id": "e-bob", "run_id": RUN, "learner_id": "bob"}
    classroom.open(task(), learners=["ada"])
    classroom.hear("plans", catalog.EnrolmentWaitlisted(**waits))
    assert classroom.summary().learners == 1
    now = stamp(classroom.clock.now())
    classroom.hear("plans", catalog.EnrolmentPromoted(enrolled_at=now, **waits))
    assert classroom.summary().learners == 2
    classroom.hear("plans", withdrawn("ada"))
    request = progress_pb2.ListRunProgressRequest(run_id=RUN)
    answer = classroom.staff.ListRunProgress(request)
    assert answer.summary.learners == 1
    assert [each.learner_id for each in answer.learners] == ["bob"]
    status, _ = refused(lambda: classroom.progress("ada"))
    assert status is grpc.StatusCode.NOT_FOUND


def test_learners_come_in_pages(classroom: Classroom) -> None:
    """A run's learners are listed page by page, each once; a foreign token is refused."""
    classroom.open(task(), learners=[f"l{number}" for number in range(7)])
    found, token = [], ""
    while True:
        request = progress_pb2.ListRunProgressRequest(run_id=RUN, page_size=3, page_token=token)
        answer = classroom.staff.ListRunProgress(request)
        found += [each.learner_id for each in answer.learners]
        token = answer.next_page_token
        if not token:
            break
    assert found == [f"l{number}" for number in range(7)]
    wrong = progress_pb2.ListRunProgressRequest(run_id=RUN, page_token="x")
    status, _ = refused(lambda: classroom.staff.ListRunProgress(wrong))
    assert status is grpc.StatusCode.INVALID_ARGUMENT


def test_what_is_unknown_is_not_found(classroom: Classroom) -> None:
    """An unknown run or learner is NOT_FOUND; a list of catch-ups needs one of them."""
    assert refused(classroom.summary)[0] is grpc.StatusCode.NOT_FOUND
    classroom.open(task())
    assert refused(lambda: classroom.progress("nobody"))[0] is grpc.StatusCode.NOT_FOUND
    nothing = progress_pb2.ListCatchUpsRequest()
    status, text = refused(lambda: classroom.staff.ListCatchUps(nothing))
    assert status is grpc.StatusCode.INVALID_ARGUMENT
    assert text


def test_a_change_of_the_policy_reevaluates_the_run(classroom: Classroom) -> None:
    """A smaller share to watch completes what was watched before; a larger one takes nothing."""
    classroom.open(item("watch", FILM), learners=["ada", "bob"])
    classroom.record(classroom.watched("ada", "0[.]1800"))
    classroom.settle()
    assert classroom.states("ada") == {"watch": "STARTED"}
    for share in (0.5, 0.9):
        policy = catalog_resources.RunPolicy(watched_share=share)
        facts = catalog.RunFacts(run_id=RUN, title="Physics", zone="UTC", policy=policy)
        classroom.hear("plans", catalog.RunUpdated(run_id=RUN, run=facts))
        classroom.settle_for_good()
        assert classroom.states("ada") == {"watch": "COMPLETED"}
        assert classroom.states("bob") == {"watch": "OPEN"}
    assert len(classroom.published(events_pb2.ActivityCompleted)) == 1


def test_a_change_of_the_staff_evaluates_nobody_again(classroom: Classroom) -> None:
    """The event has the whole run, and all that progress stores of it is as before."""
    classroom.open(task(), learners=["ada"])
    classroom.settle_for_good()
    run = opened()
    facts = catalog.RunFacts(run_id=RUN, title=run.title, zone=run.zone, policy=run.policy)
    changed = catalog.RunStaffChanged(run_id=RUN, run=facts)
    before = classroom.database.reader().plans([RUN])[RUN].history
    classroom.hear("plans", changed)
    assert classroom.database.reader().plans([RUN])[RUN].history == before
    assert list(classroom.database.mongo["plan_revisits"].find()) == []


def test_runs_take_turns(classroom: Classroom) -> None:
    """A busy run, whose plan changes again and again, holds up no other, and is done in the end."""
    enrolments = [enrolled(f"l{number:03d}", classroom.clock.now()) for number in range(600)]
    shares = (each / 100 for each in range(10, 90))
    classroom.hear("plans", opened(), path(task()), *enrolments)
    classroom.hear("plans", opened(watched_share=next(shares)))
    classroom.hear(
        "plans",
        catalog.EnrolmentCreated(run_id="run-2", enrolment_id="e-2", learner_id="ada"),
    )
    classroom.hear("plans", catalog.RunOpened(run_id="run-2", title="Chemistry"))
    served = []
    for _ in range(3):
        keys = classroom.database.transact(partial(next_turn, at=datetime.now(UTC)))
        assert keys
        classroom.database.transact(partial(look_again, keys=keys))
        classroom.hear("plans", opened(watched_share=next(shares)))
        served.append((keys[0][0], len(keys)))
    assert served == [(RUN, 500), ("run-2", 1), (RUN, 500)]
    classroom.settle_for_good()
    assert list(classroom.database.mongo["plan_revisits"].find()) == []
    reader = classroom.database.reader()
    assert reader.learners_behind(RUN, reader.plans([RUN])[RUN].history.asks, most=1) == []


@pytest.mark.parametrize("text", ["0[.]1e308", "1e9999[.]2", "-1[.]2", "5[.]2", "[,]" * 30])
def test_segments_that_cannot_be_count_nothing(classroom: Classroom, text: str) -> None:
    """The statement is stored, the row's note says why nothing of it counts, and nothing does."""
    classroom.open(item("watch", FILM), learners=["ada"])
    (result,) = classroom.record(classroom.watched("ada", text))
    assert result.changed
    assert "counts nothing" in result.note
    assert "nothing was played" in result.note
    classroom.settle()
    assert classroom.summary().statements == 1
    (row,) = classroom.progress("ada").activities
    assert (row.watched_share, row.state) == (0, resources_pb2.ACTIVITY_STATE_STARTED)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0[.]1e308", 0),
        ("-1[.]2", 0),
        ("0[.]10[,]5", 10),
        ("0[.]10[,]x[,]20[.]30", 20),
        ("10[.]0[,]0[.]5", 5),
        ("0[.]999999999999", 3600),
        ("[,]" * 30, 0),
    ],
)
def test_of_segments_on_the_bus_what_can_be_counts(
    classroom: Classroom, text: str, seconds: float
) -> None:
    """An event is applied whatever it holds: its whole segments, within the item's length."""
    classroom.open(item("watch", FILM), learners=["ada"])
    recorded = events_pb2.StatementsRecorded(
        learner_id="ada", statements=[classroom.watched("ada", text)]
    )
    assert classroom.hear("statements", recorded) == [Kind.APPLIED]
    (row,) = classroom.progress("ada").activities
    assert row.watched_share == pytest.approx(seconds / 3600)
