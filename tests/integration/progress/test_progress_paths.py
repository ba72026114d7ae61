"""Openings and changes of dues, behind the real edge and on the real database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from typing import Any

from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from services.progress.migrations import MIGRATIONS
from services.progress.timers import reevaluate, tell_dues
from tests.integration.progress.classroom import (
    DAY,
    PRESENT,
    RUN,
    Classroom,
    after,
    lecture,
    moved,
    opened,
    path,
    scheduled,
    stamp,
    task,
)

LEARNERS = ["ada", "bob", "cyd"]


def quiz() -> catalog_resources.Activity:
    """A CHECKPOINT."""
    return task("quiz", kind=types_pb2.ACTIVITY_KIND_CHECKPOINT)


def condition(activity_id: str, kind: str, **fields: Any) -> catalog_resources.Condition:
    """A condition of a kind."""
    value = catalog_resources.ConditionKind.Value(f"CONDITION_KIND_{kind}")
    return catalog_resources.Condition(activity_id=activity_id, kind=value, **fields)


def due_changes(classroom: Classroom) -> dict[str, list[tuple[str, str]]]:
    """The changes that were told, by learner: the activity and the cause."""
    name = events_pb2.DueCause.Name
    found: dict[str, list[tuple[str, str]]] = {}
    for news in classroom.published(events_pb2.DuesChanged):
        rows = [(each.activity_id, name(each.cause)[10:]) for each in news.changes]
        found.setdefault(news.learner_id, []).extend(rows)
    return found


def test_an_activity_opens_by_attendance_and_score_behind_the_edge(classroom: Classroom) -> None:
    """What is lacking is told until it opens; then an event tells it once, also if a failed attempt
    or an absence comes later.
    """
    conditions = [condition("lecture", "ATTENDED"), condition("quiz", "SCORED", score=0.8)]
    last = task("last", requires=["essay"], opens_when=conditions)
    classroom.open(lecture(), quiz(), task(), last, learners=["ada", "bob"])
    rows = {each.activity_id: each for each in classroom.progress("ada").activities}
    kinds = [resources_pb2.LackKind.Name(each.kind)[10:] for each in rows["last"].lacks]
    assert kinds == ["COMPLETION", "ATTENDANCE", "SCORE"]
    assert [each.title for each in rows["last"].lacks] == ["Essay", "Lecture", "Quiz"]
    assert not rows["last"].lacks[2].HasField("best_score")
    classroom.hold_class(ada=PRESENT, bob=PRESENT)
    score = resources_pb2.Result(scaled_score=0.9)
    low = resources_pb2.Result(scaled_score=0.5)
    classroom.record(
        classroom.said("ada", "completed", activity_id="essay"),
        classroom.said("ada", "passed", activity_id="quiz", result=score),
        classroom.said("bob", "completed", activity_id="essay"),
        classroom.said("bob", "completed", activity_id="quiz", result=low),
    )
    classroom.settle()
    assert classroom.states("ada")["last"] == "OPEN"
    (lack,) = classroom.progress("bob").activities[3].lacks
    assert (lack.score, lack.best_score) == (0.8, 0.5)
    classroom.record(classroom.said("ada", "failed", activity_id="quiz", result=low))
    classroom.settle_for_good()
    assert classroom.states("ada")["last"] == "OPEN"
    (news,) = classroom.published(events_pb2.ActivitiesOpened)
    assert (news.enrolment_id, news.run_id, news.learner_id) == ("e-ada", RUN, "ada")
    assert list(news.activity_ids) == ["last"]


def test_a_release_is_told_by_the_timer_to_all_learners(classroom: Classroom) -> None:
    """Once, at its instant, though two replicas race; a timeline tells until then when it opens."""
    opens = classroom.clock.now() + DAY
    rule = catalog_resources.TimeRule(fixed=stamp(opens))
    classroom.open(
        task("later", release=rule, deadline=after("essay", 1)),
        task(deadline=catalog_resources.TimeRule(fixed=stamp(opens + DAY))),
        learners=LEARNERS,
    )
    request = progress_pb2.GetTimelineRequest(
        learner_id="ada", from_time=stamp(opens - DAY), until_time=stamp(opens + 9 * DAY)
    )
    essay, later = classroom.staff.GetTimeline(request).entries
    assert (essay.locked, later.locked) == (False, True)
    assert [each.opens_at.ToDatetime(UTC) for each in later.lacks] == [opens]
    classroom.clock.forward(days=1)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(tell_dues, [classroom.database] * 2))
    tell_dues(classroom.database)
    told = classroom.published(events_pb2.ActivitiesOpened)
    assert sorted(each.learner_id for each in told) == LEARNERS
    assert not any(each.locked for each in classroom.staff.GetTimeline(request).entries)


def test_a_class_that_moves_tells_each_learner_why_dues_changed(classroom: Classroom) -> None:
    """The report counts from the class, and the review from the report: each is told once."""
    now = classroom.clock.now()
    classroom.open(
        lecture(),
        task("report", deadline=after("lecture", 24)),
        task("review", deadline=after("report", 24)),
        learners=LEARNERS,
    )
    classroom.hear("plans", scheduled(now + DAY))
    classroom.settle()
    both = [("report", "SESSION_SCHEDULED"), ("review", "SESSION_SCHEDULED")]
    assert due_changes(classroom) == dict.fromkeys(LEARNERS, both)
    classroom.hear("plans", moved(now + DAY, now + 2 * DAY))
    classroom.settle_for_good()
    both += [("report", "SESSION_MOVED"), ("review", "SESSION_MOVED")]
    assert due_changes(classroom) == dict.fromkeys(LEARNERS, both)
    change = classroom.published(events_pb2.DuesChanged)[-1].changes[0]
    assert change.new_due.ToDatetime(UTC) - change.old_due.ToDatetime(UTC) == DAY
    assert (change.session_id, change.cause_activity_id) == ("class-1", "lecture")


def test_an_extension_and_a_version_tell_why_dues_changed(classroom: Classroom) -> None:
    """The extension with the activity that was extended, the version with its number."""
    due = classroom.clock.now() + 3 * DAY
    rule = catalog_resources.TimeRule(fixed=stamp(due))
    activities = [task(deadline=rule), task("review", deadline=after("essay", 24))]
    classroom.open(*activities, learners=["ada"])
    extended = catalog.DueExtended(
        enrolment_id="e-ada",
        run_id=RUN,
        learner_id="ada",
        activity_id="essay",
        until=stamp(due + DAY),
    )
    classroom.hear("plans", extended)
    assert due_changes(classroom) == {"ada": [("essay", "EXTENSION"), ("review", "EXTENSION")]}
    news = path(activities[0], task("review", deadline=after("essay", 48)), version=2)
    classroom.hear("plans", news)
    classroom.settle()
    (change,) = classroom.published(events_pb2.DuesChanged)[-1].changes
    assert (change.activity_id, change.path_version) == ("review", 2)


def test_an_update_tells_learners_of_an_older_version_nothing_old(classroom: Classroom) -> None:
    """The timer evaluates them once, and the step of the migration adds the scores that are stored;
    then what opens, and what moves, is told.
    """
    due = classroom.clock.now() + 3 * DAY
    rule = catalog_resources.TimeRule(fixed=stamp(due))
    classroom.open(quiz(), task(deadline=rule), learners=["ada"])
    result = resources_pb2.Result(scaled_score=0.9)
    classroom.record(classroom.said("ada", "completed", activity_id="quiz", result=result))
    classroom.settle()
    mongo = classroom.database.mongo
    mongo["evidence"].update_many({}, {"$unset": {"best_score": 1}})
    added = dict.fromkeys(("path_seen", "opened", "dues_known", "listing"), 1)
    mongo["standings"].update_many({}, {"$unset": added})
    for _ in range(2):
        next(each for each in MIGRATIONS if each.number == 12).run(mongo)
    row: Any = mongo["evidence"].find_one({"_id.target": "activity:quiz"})
    assert row["best_score"] == 0.9
    tell_dues(classroom.database)
    assert due_changes(classroom) == {}
    last = task("last", opens_when=[condition("quiz", "SCORED", score=0.8)])
    classroom.hear("plans", path(quiz(), task(deadline=after("quiz", 1)), last, version=2))
    reevaluate(classroom.database)
    assert due_changes(classroom) == {"ada": [("essay", "PATH_PUBLISHED")]}
    (news,) = classroom.published(events_pb2.ActivitiesOpened)
    assert list(news.activity_ids) == ["last"]


def test_a_mixed_week_is_told_behind_the_edge(classroom: Classroom) -> None:
    """A class and what is due in the same week have its number, in progress and timeline."""
    now = classroom.clock.now()
    rule = catalog_resources.TimeRule(fixed=stamp(now + 8 * DAY))
    classroom.open(lecture(), task(deadline=rule), learners=["ada"])
    run = opened()
    run.start_date = "2026-03-02"  # the clock stands at this day
    classroom.hear("plans", run, scheduled(now + 7 * DAY))
    classroom.settle()
    rows = {each.activity_id: each.week for each in classroom.progress("ada").activities}
    assert rows == {"lecture": 2, "essay": 2}
    request = progress_pb2.GetTimelineRequest(
        learner_id="ada", from_time=stamp(now), until_time=stamp(now + 99 * DAY)
    )
    entries = classroom.staff.GetTimeline(request).entries
    assert [each.week for each in entries] == [2, 2]
