"""Rebuilding a run from its statements."""

from typing import Any

import grpc
import pytest
from click.testing import CliRunner
from google.protobuf.duration_pb2 import Duration
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2

from campus import progress_command
from services.progress.timers import rebuild_runs
from services.progress.usecases import rebuilds
from tests.integration.progress.classroom import FILM, RUN, Classroom, item, refused, stamp, task

LEARNERS = ("ada", "bob", "cyd")


@pytest.fixture
def studied(classroom: Classroom) -> Classroom:
    """A run whose learners have studied."""
    classroom.open(item("watch", FILM), task(), learners=LEARNERS)
    result = resources_pb2.Result(scaled_score=0.8, duration=Duration(seconds=600))
    classroom.record(
        classroom.said("ada", "completed", activity_id="essay", result=result),
        classroom.watched("ada", "0[.]3600"),
        classroom.watched("bob", "0[.]1800"),
    )
    classroom.settle()
    return classroom


def _rebuilt(classroom: Classroom) -> resources_pb2.Rebuild:
    classroom.service.RebuildRun(progress_pb2.RebuildRunRequest(run_id=RUN))
    rebuild_runs(classroom.database)
    return classroom.service.GetRebuild(progress_pb2.GetRebuildRequest(run_id=RUN))


def _all(classroom: Classroom) -> list[Any]:
    """Everything that progress stores of its learners."""
    mongo = classroom.database.mongo
    standings = [{**row, "writes": 0} for row in mongo["standings"].find().sort("_id")]
    return [*standings, *mongo["evidence"].find().sort("_id"), *mongo["summaries"].find()]


def test_a_rebuild_equals_what_grew_with_each_statement(studied: Classroom) -> None:
    """Evidence, states and summaries; nothing is told again."""
    before, told = _all(studied), studied.database.mongo["outbox"].count_documents({})
    found = _rebuilt(studied)
    assert (found.done, found.changed, found.failed) == (3, 0, 0)
    assert found.HasField("finished_at")
    assert _all(studied) == before
    assert studied.database.mongo["outbox"].count_documents({}) == told


def test_damaged_evidence_is_repaired(studied: Classroom) -> None:
    """What was lost is there again, and completes what it proves."""
    before, mongo = studied.progress("ada"), studied.database.mongo
    mongo["evidence"].update_many({}, {"$set": {"watched": [], "best_score": None}})
    mongo["standings"].update_many({}, {"$set": {"sittings": b"", "scores": {}, "completed": {}}})
    assert studied.progress("ada") != before
    assert _rebuilt(studied).changed == 2
    assert studied.progress("ada") == before


def test_statements_of_a_down_broker_are_in_the_rebuild(studied: Classroom) -> None:
    """Their events come later, and change nothing more."""
    studied.record(studied.said("cyd", "completed", activity_id="essay"))
    assert _rebuilt(studied).changed == 1
    assert studied.states("cyd")["essay"] == "COMPLETED"
    studied.settle()
    assert len(studied.published(events_pb2.ActivityCompleted)) == 3


def test_a_statement_in_the_middle_of_a_rebuild_is_not_lost(studied: Classroom) -> None:
    """Its unit of work and the rebuild's conflict over the learner, and one starts again."""
    studied.database.mongo["evidence"].update_many({}, {"$set": {"watched": []}})
    attempts = []

    def overtaken(store: Any) -> None:
        store.statements_of([(RUN, "bob")])
        attempts.append(store)
        if len(attempts) == 1:
            studied.record(studied.watched("bob", "1800[.]3600"))
            studied.settle()
        rebuilds.rebuild_learners(store, [(RUN, each) for each in LEARNERS])

    studied.service.RebuildRun(progress_pb2.RebuildRunRequest(run_id=RUN))
    studied.database.transact(overtaken, "progress.rebuild")
    assert len(attempts) == 2
    assert studied.states("bob")["watch"] == "COMPLETED"


def test_a_killed_rebuild_goes_on_where_it_was(
    studied: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Learners who are done are not rebuilt again."""
    monkeypatch.setattr(rebuilds, "CHUNK", 1)
    studied.service.RebuildRun(progress_pb2.RebuildRunRequest(run_id=RUN))
    studied.database.transact(lambda store: rebuilds.rebuild_learners(store, [(RUN, "ada")]), "x")
    rebuild_runs(studied.database)
    found = studied.service.GetRebuild(progress_pb2.GetRebuildRequest(run_id=RUN))
    assert (found.done, found.changed, found.failed) == (3, 0, 0)


def test_a_learner_who_cannot_be_read_is_passed_over(studied: Classroom) -> None:
    """The others are rebuilt."""
    mongo = studied.database.mongo
    mongo["statements"].update_many({"learner_id": "ada"}, {"$set": {"timestamp": "never"}})
    found = _rebuilt(studied)
    assert (found.done, found.failed) == (2, 1)
    assert found.HasField("finished_at")


def test_a_rebuild_under_way_is_answered_again(studied: Classroom) -> None:
    """A new one begins when it is finished."""
    request = progress_pb2.RebuildRunRequest(run_id=RUN)
    first = studied.service.RebuildRun(request)
    studied.clock.forward(minutes=1)
    assert studied.service.RebuildRun(request) == first
    rebuild_runs(studied.database)
    assert studied.service.RebuildRun(request).requested_at == stamp(studied.clock.now())


def test_unknown_runs_are_not_found(studied: Classroom) -> None:
    """To rebuild, and to ask for."""
    call = studied.service.RebuildRun
    code, _ = refused(lambda: call(progress_pb2.RebuildRunRequest(run_id="none")))
    assert code is grpc.StatusCode.NOT_FOUND
    code, _ = refused(
        lambda: studied.service.GetRebuild(progress_pb2.GetRebuildRequest(run_id=RUN))
    )
    assert code is grpc.StatusCode.NOT_FOUND


def test_the_command_asks_and_tells(studied: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tandem progress rebuild --no-wait` answers at once."""
    channel = studied.channel_for("player", "service")
    monkeypatch.setattr(progress_command, "channel_to", lambda *_: _Given(channel))
    command = progress_command.progress
    result = CliRunner().invoke(command, ["rebuild", "--run", RUN, "--no-wait", "--json"])
    assert result.exit_code == 0, result.output
    assert '"finished": false' in result.stdout
    rebuild_runs(studied.database)
    monkeypatch.setattr(progress_command, "_followed", lambda service, found, _: found)
    assert CliRunner().invoke(command, ["rebuild", "--run", "none"]).exit_code == 1


class _Given:
    """A channel that is there already."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel

    def __enter__(self) -> grpc.Channel:
        return self._channel

    def __exit__(self, *_: object) -> None:
        return None


def test_progress_tells_time_scores_and_streaks(studied: Classroom) -> None:
    """Of each activity, of the run, and by day."""
    studied.clock.forward(days=1)
    studied.record(studied.watched("ada", "0[.]10"))
    studied.settle()
    found = studied.progress("ada")
    assert found.progress.time_on_task == Duration(seconds=600)
    assert found.progress.mean_score == pytest.approx(0.8)
    assert (found.study.days, found.study.streak_days, found.study.longest_streak_days) == (2, 2, 2)
    essay = next(each for each in found.activities if each.activity_id == "essay")
    assert essay.best_score == pytest.approx(0.8)
    assert essay.time_on_task == Duration(seconds=600)
    assert not studied.progress("cyd").progress.HasField("mean_score")
