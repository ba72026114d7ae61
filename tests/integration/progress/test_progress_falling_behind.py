"""Falling behind on the real database: judged by events and by time, told once, listed by index."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from functools import partial
from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2

from chassis.data.pages import Page
from chassis.testing import figure
from services.progress import timers
from services.progress.migrations import MIGRATIONS
from services.progress.store import ProgressStore
from tests.integration.progress.classroom import (
    DAY,
    HOUR,
    RUN,
    Classroom,
    Stub,
    enrolled,
    opened,
    stamp,
    task,
    withdrawn,
)

LEARNERS = ["ada", "bob", "cyd"]
FELL, RECOVERED = events_pb2.LearnerFellBehind, events_pb2.LearnerRecovered
KINDS = resources_pb2.BehindReasonKind


def term(classroom: Classroom, learners: list[str] = LEARNERS) -> None:
    """A run with an essay that is due on its second day, and another thing to do."""
    due = catalog_resources.TimeRule(fixed=stamp(classroom.clock.now() + 2 * DAY))
    classroom.open(task(deadline=due), task("free"), learners=learners)


def pass_days(classroom: Classroom, days: float) -> None:
    """Let time go by, and the timer judge."""
    classroom.clock.forward(seconds=days * 86400)
    classroom.settle()
    timers.judge(classroom.database)


def fell(classroom: Classroom) -> list[str]:
    """Who fell behind, as told."""
    return sorted(each.learner_id for each in classroom.published(FELL))


def listed(
    classroom: Classroom, stub: Any = None, size: int = 0, token: str = ""
) -> progress_pb2.ListFallingBehindResponse:
    """The list, as staff see it."""
    request = progress_pb2.ListFallingBehindRequest(run_id=RUN, page_size=size, page_token=token)
    return (stub or classroom.staff).ListFallingBehind(request)


def ids(found: progress_pb2.ListFallingBehindResponse) -> list[str]:
    """The learners of a list."""
    return [each.learner_id for each in found.learners]


def essay(classroom: Classroom, *learner_ids: str) -> None:
    """Learners hand the essay in."""
    done = (classroom.said(each, "completed", activity_id="essay") for each in learner_ids)
    classroom.record(*done)
    classroom.settle()


def test_who_is_overdue_after_the_first_days_is_told_and_listed(classroom: Classroom) -> None:
    """By the timer alone: the event, the list, the summary, and the learner's own progress tell the
    same; who hands in recovers.
    """
    term(classroom)
    essay(classroom, "cyd")
    pass_days(classroom, 6)
    assert (fell(classroom), ids(listed(classroom))) == ([], [])
    pass_days(classroom, 1.1)
    assert fell(classroom) == ["ada", "bob"]
    event = classroom.published(FELL)[0]
    since = event.since.ToDatetime(tzinfo=UTC)
    assert since == event.at.ToDatetime(tzinfo=UTC) == classroom.clock.now()
    overdue = [(KINDS.BEHIND_REASON_KIND_OVERDUE_WORK, 1.0, 1.0)]
    assert [(each.kind, each.value, each.limit) for each in event.reasons] == overdue
    found = listed(classroom)
    assert ids(found) == ["ada", "bob"]
    told = found.learners[0].falling_behind
    assert (list(told.reasons), told.since) == (list(event.reasons), event.since)
    assert classroom.progress("ada").progress.falling_behind == told
    assert not classroom.progress("cyd").progress.HasField("falling_behind")
    assert classroom.summary().falling_behind == 2
    essay(classroom, "ada")
    (recovered,) = classroom.published(RECOVERED)
    assert (recovered.learner_id, recovered.enrolment_id) == ("ada", "e-ada")
    assert recovered.was_since == event.since
    assert (ids(listed(classroom)), classroom.summary().falling_behind) == (["bob"], 1)


def test_silence_beside_the_median_is_found_by_time_alone(classroom: Classroom) -> None:
    """Two study each day; the third does nothing more. The median is counted by the timer."""
    classroom.open(task("free"), learners=LEARNERS)
    for _ in range(15):
        pass_days(classroom, 1)
        classroom.record(*(classroom.said(each, "read", activity_id="x") for each in LEARNERS[:2]))
        classroom.settle()
    assert fell(classroom) == ["cyd"]
    (reason,) = classroom.published(FELL)[0].reasons
    assert reason.kind == KINDS.BEHIND_REASON_KIND_SILENCE
    assert reason.value >= reason.limit >= 10
    classroom.record(classroom.said("cyd", "read", activity_id="x"))
    classroom.settle()
    assert [each.learner_id for each in classroom.published(RECOVERED)] == ["cyd"]


def test_the_median_is_of_enrolled_learners_who_have_not_completed_the_path(
    classroom: Classroom,
) -> None:
    """As the use cases count it in memory: the lower one of two; who did nothing counts since they
    came. It is rounded down to the hour.
    """
    database = classroom.database
    assert database.reader().median_last_seen(RUN) is None
    start = classroom.clock.now().replace(minute=0, second=0, microsecond=0)
    classroom.open(task("free"), learners=[*LEARNERS, "dan", "eve"])
    for learner_id, verb in (("ada", "read"), ("bob", "read"), ("dan", "completed")):
        classroom.clock.forward(seconds=3600)
        classroom.record(classroom.said(learner_id, verb, activity_id="free"))
        classroom.settle()
    classroom.hear("plans", withdrawn("eve"))
    assert database.reader().median_last_seen(RUN) == start + HOUR  # of cyd, ada, bob
    classroom.hear("plans", withdrawn("bob"))
    assert database.reader().median_last_seen(RUN) == start


def test_two_timers_and_a_worker_at_once_tell_each_change_once(classroom: Classroom) -> None:
    """Whoever comes first writes the learner; the others begin again and find it told."""
    learners = [f"l{number:02}" for number in range(20)]
    term(classroom, learners)
    pass_days(classroom, 6)
    classroom.clock.forward(seconds=2 * 86400)
    batch = [
        classroom.event(
            events_pb2.StatementsRecorded(
                learner_id=each,
                statements=[classroom.said(each, "read", activity_id="free")],
            )
        )
        for each in learners
    ]
    work: list[Callable[[], object]] = [
        lambda: timers.judge(classroom.database),
        lambda: timers.judge(classroom.database),
        lambda: timers.tell_dues(classroom.database),
        *(partial(classroom.apply, "statements", [each]) for each in batch),
    ]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(each) for each in work]:
            done.result()
    timers.judge(classroom.database)
    assert fell(classroom) == learners
    assert classroom.summary().falling_behind == len(learners)
    assert len(listed(classroom).learners) == len(learners)


def test_a_unit_of_work_that_dies_before_its_commit_tells_nothing(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict and its event are in one transaction; the next pass tells it once."""
    term(classroom)
    pass_days(classroom, 6)
    classroom.clock.forward(seconds=2 * 86400)
    real = ProgressStore.save

    def dies(self: ProgressStore, *arguments: Any) -> None:
        real(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(ProgressStore, "save", dies)
    with pytest.raises(KeyboardInterrupt):
        timers.judge(classroom.database)
    monkeypatch.undo()
    assert (fell(classroom), ids(listed(classroom))) == ([], [])
    timers.judge(classroom.database)
    timers.judge(classroom.database)
    assert fell(classroom) == LEARNERS


def test_one_bad_learner_stops_no_other(classroom: Classroom) -> None:
    """A document that can't be read is set aside, and judged when it is repaired."""
    start = classroom.clock.now()
    term(classroom)
    pass_days(classroom, 6)
    standings = classroom.database.mongo["standings"]
    bad = {"learner_id": "bob"}
    standings.update_one(bad, {"$set": {"enrolled_at": "on Monday"}})
    failed = "tandem_timer_failures_total"
    before = figure(failed, timer="progress.falling_behind")
    classroom.clock.forward(seconds=2 * 86400)
    timers.judge(classroom.database)
    assert fell(classroom) == ["ada", "cyd"]
    assert figure(failed, timer="progress.falling_behind") == before + 1
    standings.update_one(bad, {"$set": {"enrolled_at": start}})
    pass_days(classroom, 0.1)
    assert fell(classroom) == LEARNERS


def test_learners_of_an_older_version_are_judged_after_the_migration(classroom: Classroom) -> None:
    """They have no turn yet: the timer finds them by its index. The migration may run twice."""
    term(classroom)
    pass_days(classroom, 8)
    mongo = classroom.database.mongo
    assert fell(classroom) == LEARNERS
    names = ("behind_since", "behind_reasons", "judge_at")
    mongo["standings"].update_many({}, {"$unset": dict.fromkeys(names, "")})
    for _ in range(2):
        next(each for each in MIGRATIONS if each.number == 18).run(mongo)
    timers.judge(classroom.database)
    assert fell(classroom) == sorted(LEARNERS * 2)
    assert classroom.summary().falling_behind == 3


def test_a_hand_in_that_was_a_week_late_is_told_as_a_reason(classroom: Classroom) -> None:
    """The list has the days and the limit; who hands in within a week has recovered."""
    term(classroom)
    pass_days(classroom, 8.5)
    essay(classroom, "ada")
    pass_days(classroom, 1)
    essay(classroom, "bob")
    assert [each.learner_id for each in classroom.published(RECOVERED)] == ["ada"]
    found = {each.learner_id: each.falling_behind.reasons for each in listed(classroom).learners}
    assert sorted(found) == ["bob", "cyd"]
    late = [(KINDS.BEHIND_REASON_KIND_LATE_WORK, 7.5, 7.0)]
    assert [(each.kind, each.value, each.limit) for each in found["bob"]] == late


def test_it_is_told_for_how_long_a_learner_has_waited_to_be_judged(classroom: Classroom) -> None:
    """Of those enrolled, of whom the longest; without who was set aside after a failure. The alert
    goes by this number.
    """
    assert _waits(classroom) == 0
    term(classroom)
    pass_days(classroom, 8)
    assert _waits(classroom) == 0
    first = min(each["judge_at"] for each in classroom.database.mongo["standings"].find())
    classroom.clock.at = first + 2 * HOUR
    assert _waits(classroom) == 7_200
    classroom.hear("plans", withdrawn("ada"), withdrawn("bob"))
    standings = classroom.database.mongo["standings"]
    standings.update_one({"learner_id": "cyd"}, {"$set": {"set_aside_until": first + 3 * HOUR}})
    assert _waits(classroom) == 0
    classroom.clock.at = first + 4 * HOUR
    assert _waits(classroom) == 14_400
    timers.judge(classroom.database)
    assert _waits(classroom) == 0


def _waits(classroom: Classroom) -> float:
    timers.watch(classroom.database)
    return figure("tandem_progress_oldest_verdict_due_seconds")


def test_no_query_reads_learners_who_are_not_asked_for(classroom: Classroom) -> None:
    """The list reads those who are behind, the timer those whose turn it is, both in order."""
    learners = [f"l{number:02}" for number in range(40)]
    term(classroom, learners)
    essay(classroom, *learners[5:])
    pass_days(classroom, 8)
    reader, seen = classroom.database.reader(), _explained(classroom)
    assert len(reader.falling_behind_page(RUN, Page(3))[0]) == 3
    assert seen()["totalDocsExamined"] <= 4
    assert reader.learners_to_judge(500) == []
    assert seen()["totalDocsExamined"] == 0
    classroom.clock.forward(seconds=5 * 86400)
    assert classroom.database.reader().oldest_verdict_due() > DAY
    assert seen()["totalDocsExamined"] == 1


def _explained(classroom: Classroom) -> Any:
    """Return what the last query on learners' states read, by MongoDB's own profile."""
    mongo = classroom.database.mongo
    mongo.command("profile", 2)

    def last() -> dict[str, Any]:
        rows = mongo["system.profile"].find({"ns": f"{mongo.name}.standings", "op": "query"})
        row = next(rows.sort("$natural", -1))
        assert "SORT" not in row["planSummary"], row["planSummary"]
        assert not row.get("hasSortStage"), row
        return {"totalDocsExamined": row["docsExamined"]}

    return last


def test_pages_go_by_who_is_behind_for_longest(classroom: Classroom) -> None:
    """And then by the learner; a token of another list is refused."""
    term(classroom)
    pass_days(classroom, 1)
    classroom.hear("plans", enrolled("abe", classroom.clock.now()))
    pass_days(classroom, 6.5)
    pass_days(classroom, 3)
    first = listed(classroom, size=2)
    assert ids(first) == ["ada", "bob"]
    second = listed(classroom, size=2, token=first.next_page_token)
    assert (ids(second), second.next_page_token) == (["cyd", "abe"], "")
    with pytest.raises(grpc.RpcError) as error:
        listed(classroom, token="nonsense")
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_staff_of_groups_see_their_own_and_learners_nobody(classroom: Classroom) -> None:
    """Who teaches the run sees all; a learner sees what is told of themselves in GetProgress."""
    term(classroom)
    run = opened()
    for person, groups in (("lise", ()), ("tutor", ("group-a",))):
        role = options_pb2.STAFF_ROLE_OBSERVER
        run.staff.add(person_id=person, role=role, group_ids=groups)
    member = catalog.GroupMemberChanged(enrolment_id="e-bob", run_id=RUN, learner_id="bob")
    member.group_ids.append("group-a")
    classroom.hear("plans", run, member)
    pass_days(classroom, 8)
    assert ids(listed(classroom, Stub(classroom.channel_for("lise")))) == LEARNERS
    assert ids(listed(classroom, Stub(classroom.channel_for("tutor")))) == ["bob"]
    for stranger in ("ada", "eve"):
        with pytest.raises(grpc.RpcError) as error:
            listed(classroom, classroom.learner(stranger))
        assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
    own = classroom.learner("ada").GetProgress(
        progress_pb2.GetProgressRequest(run_id=RUN, learner_id="ada")
    )
    assert own.progress.HasField("falling_behind")


def test_a_run_may_judge_nobody(classroom: Classroom) -> None:
    """By its policy; when it changes its mind, those who are behind are told."""
    term(classroom)
    off = opened(tell_falling_behind=False)
    classroom.hear("plans", off)
    classroom.settle()
    pass_days(classroom, 9)
    assert (fell(classroom), classroom.summary().falling_behind) == ([], 0)
    classroom.hear("plans", opened(tell_falling_behind=True))
    classroom.settle()
    assert fell(classroom) == LEARNERS
