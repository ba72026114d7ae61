"""What a voided statement leaves of a learner's progress: nothing but what was told."""

from typing import Any

import pytest
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2

from services.progress.migrations import MIGRATIONS
from services.progress.timers import rebuild_runs
from tests.integration.progress.classroom import (
    ABSENT,
    CAUGHT_UP,
    FILM,
    PRESENT,
    RUN,
    Classroom,
    amended,
    finalised,
    item,
    lecture,
    recorded,
    stamp,
    task,
)
from tests.integration.progress.lrs import Lrs, about, voids

ASSIGNED, COMPLETED, MISSED = (
    resources_pb2.CATCH_UP_STATE_ASSIGNED,
    resources_pb2.CATCH_UP_STATE_COMPLETED,
    resources_pb2.CATCH_UP_STATE_MISSED,
)


@pytest.fixture
def missed(classroom: Classroom) -> Classroom:
    """A class that ada missed, and its recording can be watched."""
    classroom.open(lecture(), task("quiz"), item("clip", FILM), learners=["ada", "bob"])
    classroom.hold_class(ada=ABSENT, bob=PRESENT)
    classroom.hear("attendance", recorded())
    classroom.settle()
    return classroom


def _void(classroom: Classroom, *ids: str) -> None:
    Lrs(classroom.database, classroom.clock).post(*map(voids, ids))
    classroom.settle()


def _rebuilt(classroom: Classroom) -> int:
    """Rebuild the run; return how many learners had other evidence."""
    classroom.service.RebuildRun(progress_pb2.RebuildRunRequest(run_id=RUN))
    rebuild_runs(classroom.database)
    request = progress_pb2.GetRebuildRequest(run_id=RUN)
    return classroom.service.GetRebuild(request).changed


def test_a_catch_up_is_open_again(missed: Classroom) -> None:
    """With its due; the learner, the class and the class page are as before, a rebuild changes
    nothing, and sessions takes CAUGHT_UP back. Studied again, it is completed.
    """
    before, counts = missed.progress("ada"), missed.summary()
    due = missed.catch_up("ada").due
    seen = missed.watched("ada", "0[.]3600")
    missed.record(seen)
    missed.settle()
    missed.hear("attendance", amended("ada", CAUGHT_UP))
    assert missed.catch_up("ada").state == COMPLETED
    _void(missed, seen.id)
    missed.hear("attendance", amended("ada", ABSENT))
    missed.settle()
    assert (missed.catch_up("ada").state, missed.catch_up("ada").due) == (ASSIGNED, due)
    assert (missed.progress("ada"), missed.summary()) == (before, counts)
    assert _rebuilt(missed) == 0
    assert missed.progress("ada") == before
    assert len(missed.published(events_pb2.CatchUpReopened)) == 1
    assert [each.due for each in missed.published(events_pb2.CatchUpChanged)] == [due]
    reopened = missed.published(events_pb2.ActivityReopened)
    assert sorted(each.activity_id for each in reopened) == ["clip", "lecture"]
    missed.record(missed.watched("ada", "0[.]3600"))
    missed.settle()
    assert missed.catch_up("ada").state == COMPLETED


def test_a_catch_up_whose_due_has_passed_is_missed(missed: Classroom) -> None:
    """As it would be without the statement; studied late, it is completed late."""
    seen = missed.watched("ada", "0[.]3600")
    missed.record(seen)
    missed.settle()
    missed.clock.forward(days=5)
    _void(missed, seen.id)
    assert missed.catch_up("ada").state == MISSED
    told = missed.published(events_pb2.CatchUpMissed)
    assert [each.learner_id for each in told] == ["ada"]
    missed.record(missed.watched("ada", "0[.]3600"))
    missed.settle()
    assert (missed.catch_up("ada").state, missed.catch_up("ada").in_time) == (COMPLETED, False)


def test_what_others_prove_stays(missed: Classroom) -> None:
    """A statement that adds nothing is voided: nothing is told, and nothing is open again."""
    seen, again = missed.watched("ada", "0[.]3600"), missed.watched("ada", "0[.]1800")
    missed.record(seen)
    missed.settle()
    done = missed.progress("ada")
    missed.clock.forward(days=4)
    missed.record(again)
    missed.settle()
    told = missed.database.mongo["outbox"].count_documents({})
    _void(missed, again.id)
    outbox = missed.database.mongo["outbox"].count_documents({})
    assert outbox - told <= 3  # the voiding, and that it was stored; news of dues may come
    assert missed.published(events_pb2.CatchUpReopened) == []
    after = missed.progress("ada")
    assert after.progress.last_seen_at == done.progress.last_seen_at
    assert [each.completed_at for each in after.activities] == [
        each.completed_at for each in done.activities
    ]


def test_a_rebuild_takes_back_before_the_event_does(missed: Classroom) -> None:
    """The event of the voiding comes late, after a rebuild, and changes nothing more."""
    before = missed.progress("ada")
    seen = missed.watched("ada", "0[.]3600")
    missed.record(seen)
    missed.settle()
    Lrs(missed.database, missed.clock).post(voids(seen.id))
    assert _rebuilt(missed) == 1
    after = missed.progress("ada")
    missed.settle()
    assert missed.progress("ada") == after == before
    assert missed.summary().statements == 0
    assert len(missed.published(events_pb2.CatchUpReopened)) == 1


def test_last_seen_is_what_remains(missed: Classroom) -> None:
    """Of bob the class that he attended, also if an older version stored it; of ada nothing."""
    mongo, ended_at = missed.database.mongo, missed.clock.now()
    settled = finalised(ended_at, {"bob": PRESENT})
    settled.learners[0].minutes = 60
    missed.hear("attendance", settled)
    seen: dict[str, Any] = {each: missed.progress(each).progress for each in ("ada", "bob")}
    assert seen["bob"].last_seen_at == stamp(ended_at)
    mongo["standings"].update_many({}, {"$unset": {"attended_at": ""}})
    for _ in range(2):
        next(each for each in MIGRATIONS if each.number == 29).run(mongo)
    missed.clock.forward(days=1)
    sent = [about(each, "attempted") for each in ("ada", "bob")]
    Lrs(missed.database, missed.clock).post(*sent)
    missed.settle()
    assert missed.progress("bob").progress.last_seen_at == stamp(missed.clock.now())
    _void(missed, *(each["id"] for each in sent))
    for who, progress in seen.items():
        assert missed.progress(who).progress == progress
