"""moveOn: what completes a unit, for the platform and for progress (section 13.1.4)."""

from collections.abc import Sequence
from functools import partial

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import progress_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from services.progress.domain.cmi5.terms import COURSE, MOVE_ON_CATEGORY, REASON, SESSION_ID, Verb
from services.progress.timers import rebuild_runs
from tests.integration.progress.classroom import RUN, Stub, opened, refused
from tests.integration.progress.cmi5.units import CHECKPOINT, Lms, unit

ITEM = types_pb2.ACTIVITY_KIND_ITEM
COMPLETED, PASSED = Verb.COMPLETED, Verb.PASSED
BOTH = types_pb2.MOVE_ON_COMPLETED_AND_PASSED
NONE = types_pb2.MOVE_ON_NOT_APPLICABLE


@pytest.mark.parametrize("kind", [ITEM, CHECKPOINT])
@pytest.mark.parametrize(
    ("move_on", "too_little", "enough"),
    [
        (types_pb2.MOVE_ON_PASSED, [COMPLETED], [PASSED]),
        (types_pb2.MOVE_ON_COMPLETED, [PASSED], [COMPLETED]),
        (BOTH, [COMPLETED], [PASSED]),
        (types_pb2.MOVE_ON_COMPLETED_OR_PASSED, [Verb.FAILED], [COMPLETED]),
    ],
)
def test_a_unit_is_completed_when_its_move_on_is_met(
    lms: Lms,
    kind: "types_pb2.ActivityKind.ValueType",
    move_on: "types_pb2.MoveOn.ValueType",
    too_little: Sequence[Verb],
    enough: Sequence[Verb],
) -> None:
    """Progress completes the activity, and the platform says satisfied of the course, once, in the
    unit's session (section 9.3.9).
    """
    lms.classroom.open(unit(move_on=move_on, kind=kind), learners=["ada"])
    launched = lms.launch().begin()
    for verb in too_little:
        launched.say(verb)
    lms.classroom.settle()
    assert lms.classroom.states("ada") == {"quiz": "STARTED"}
    assert lms.statements(Verb.SATISFIED) == []
    for verb in enough:
        launched.say(verb)
    launched.say(Verb.TERMINATED)
    lms.classroom.settle()
    assert lms.classroom.states("ada") == {"quiz": "COMPLETED"}
    (said,) = lms.statements(Verb.SATISFIED)
    assert said["object"]["definition"] == {"type": COURSE}
    assert said["object"]["id"].endswith(f"/runs/{RUN}")
    assert said["context"]["extensions"] == {SESSION_ID: launched.launched.session_id}


def test_a_course_is_satisfied_when_all_its_units_are(lms: Lms) -> None:
    """A unit with NOT_APPLICABLE is from the beginning."""
    lms.classroom.open(unit("one"), unit("two"), unit("free", NONE), learners=["ada"])
    lms.launch(activity="one").begin().say(COMPLETED)
    assert lms.statements(Verb.SATISFIED) == []
    lms.launch(activity="two").begin().say(PASSED)
    assert len(lms.statements(Verb.SATISFIED)) == 1


def test_where_nothing_is_needed_the_first_launch_satisfies(lms: Lms) -> None:
    """The course is satisfied at once (section 9.6.1); progress completes what was begun."""
    lms.classroom.open(unit(move_on=NONE), learners=["ada"])
    lms.launch()
    lms.launch()
    lms.classroom.settle()
    assert len(lms.statements(Verb.SATISFIED)) == 1
    assert lms.classroom.states("ada") == {"quiz": "COMPLETED"}


def test_what_is_allowed_completes_nothing(lms: Lms) -> None:
    """A statement without cmi5's category is the learner's own word (section 7.1.3), as is what the
    learner sends by RecordStatements.
    """
    lms.classroom.open(unit(), learners=["ada"])
    launched = lms.launch().begin()
    target = {"id": launched.asked["activityId"]}
    launched.send(launched.allowed(verb={"id": PASSED.value}, object=target))
    own = lms.classroom.said("ada", "passed", activity_id="quiz")
    request = progress_pb2.RecordStatementsRequest(statements=[own])
    lms.classroom.learner("ada").RecordStatements(request)
    lms.classroom.settle()
    assert lms.classroom.states("ada") == {"quiz": "STARTED"}
    assert lms.statements(Verb.SATISFIED) == []


def test_over_sessions_each_verdict_counts_once(lms: Lms) -> None:
    """Completed in one session and passed in the next; a failure before is no matter."""
    lms.classroom.open(unit(move_on=BOTH), learners=["ada"])
    first = lms.launch().begin()
    first.say(COMPLETED)
    first.say(Verb.FAILED)
    lms.clock.forward(minutes=1)
    second = lms.launch().begin()
    second.say(PASSED)
    lms.classroom.settle()
    assert lms.classroom.states("ada") == {"quiz": "COMPLETED"}
    assert len(lms.statements(Verb.SATISFIED)) == 1


@pytest.mark.parametrize("move_on", [types_pb2.MOVE_ON_PASSED, types_pb2.MOVE_ON_COMPLETED, BOTH])
def test_a_waiver_satisfies_any_unit(lms: Lms, move_on: "types_pb2.MoveOn.ValueType") -> None:
    """Once, in a session of its own, with its reason (sections 9.3.7 and 9.5.5.2)."""
    lms.classroom.open(unit(move_on=move_on, kind=ITEM), learners=["ada"])
    at = lms.waive()
    lms.clock.forward(hours=1)
    assert lms.waive() == at
    lms.classroom.settle()
    (waived,), (done,) = lms.statements(Verb.WAIVED), lms.statements(Verb.SATISFIED)
    assert waived["result"] == {
        "success": True,
        "completion": True,
        "extensions": {REASON: "Tested Out"},
    }
    assert {"id": MOVE_ON_CATEGORY} in waived["context"]["contextActivities"]["category"]
    assert waived["context"]["extensions"] == done["context"]["extensions"]
    assert lms.classroom.states("ada") == {"quiz": "COMPLETED"}


def test_who_may_waive(lms: Lms) -> None:
    """A teacher of the run, of a group its learners; no assistant, and not the learner."""
    run = catalog.RunOpened()
    run.CopyFrom(opened())
    run.staff.add(person_id="lise", role=options_pb2.STAFF_ROLE_TEACHER)
    run.staff.add(person_id="otto", role=options_pb2.STAFF_ROLE_ASSISTANT)
    run.staff.add(person_id="tom", role=options_pb2.STAFF_ROLE_TEACHER, group_ids=["g1"])
    lms.classroom.open(unit(), learners=["ada"])
    lms.classroom.hear("plans", run)
    request = progress_pb2.WaiveActivityRequest(
        run_id=RUN,
        learner_id="ada",
        activity_id="quiz",
        reason=resources_pb2.WAIVE_REASON_ADMINISTRATIVE,
    )
    for person in ("otto", "tom", "ada"):
        stub = Stub(lms.classroom.channel_for(person, "learner" if person == "ada" else ""))
        code, _ = refused(partial(stub.WaiveActivity, request))
        assert code is grpc.StatusCode.PERMISSION_DENIED, person
    assert Stub(lms.classroom.channel_for("lise")).WaiveActivity(request).HasField("waived_at")


def test_a_rebuild_changes_nothing(lms: Lms) -> None:
    """Evidence that is made anew from the statements completes the same units."""
    lms.classroom.open(unit(move_on=BOTH), unit("free", NONE), learners=["ada"])
    launched = lms.launch().begin()
    launched.say(COMPLETED)
    launched.say(PASSED)
    lms.launch(activity="free")
    lms.classroom.settle()
    before = lms.classroom.states("ada")
    lms.classroom.service.RebuildRun(progress_pb2.RebuildRunRequest(run_id=RUN))
    rebuild_runs(lms.database)
    found = lms.classroom.service.GetRebuild(progress_pb2.GetRebuildRequest(run_id=RUN))
    assert (found.done, found.changed, found.failed) == (1, 0, 0)
    assert lms.classroom.states("ada") == before == {"quiz": "COMPLETED", "free": "COMPLETED"}
