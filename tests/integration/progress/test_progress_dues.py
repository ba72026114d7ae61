"""Deadlines by civil times, and their news exactly once, on the real database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.progress.v1 import events_pb2, progress_pb2

from chassis.testing import figure
from services.progress.store import HAS_DUE, UNSEEN
from services.progress.timers import apply_zone_data, miss, reevaluate, tell_dues
from services.progress.usecases import waiting
from tests.integration.progress.classroom import (
    ABSENT,
    DAY,
    FILM,
    HOUR,
    RUN,
    Classroom,
    after,
    lecture,
    moved,
    opened,
    path,
    recorded,
    scheduled,
    stamp,
    task,
)

LEARNERS = ["ada", "bob", "cyd"]
NEWS = (events_pb2.DueApproaching, events_pb2.DueMissed, events_pb2.DueRetracted)


def civil(**fields: Any) -> catalog_resources.TimeRule:
    """A civil time."""
    return catalog_resources.TimeRule(civil=catalog_resources.CivilRule(**fields))


def fixed(at: datetime) -> catalog_resources.TimeRule:
    """An instant."""
    return catalog_resources.TimeRule(fixed=stamp(at))


def news(classroom: Classroom) -> dict[str, list[str]]:
    """What was told, by kind: the learners, in order."""
    return {
        kind.DESCRIPTOR.name.removeprefix("Due").lower(): [
            each.learner_id for each in _published(classroom, kind)
        ]
        for kind in NEWS
    }


def _published(classroom: Classroom, kind: Any) -> list[Any]:
    return classroom.published(kind)


def told(
    approaching: list[str], missed: list[str] | None = None, retracted: list[str] | None = None
) -> dict[str, list[str]]:
    """What is to be told."""
    return {"approaching": approaching, "missed": missed or [], "retracted": retracted or []}


def sorted_news(classroom: Classroom) -> dict[str, list[str]]:
    """What was told, whatever the order of the learners."""
    return {kind: sorted(each) for kind, each in news(classroom).items()}


def test_a_civil_deadline_approaches_and_is_missed_at_the_local_time(classroom: Classroom) -> None:
    """The third day, 23:59: a day before in the run's zone, and after the minute; each once."""
    enrolled = classroom.clock.now()
    classroom.open(
        task(deadline=civil(days_after_enrolment=3, time="23:59")), task("free"), learners=["ada"]
    )
    due = datetime.combine((enrolled + 3 * DAY).date(), datetime.min.time(), UTC)
    due += timedelta(hours=23, minutes=59)  # Dublin, in winter
    classroom.clock.forward(seconds=(due - DAY - enrolled).total_seconds() - 1)
    classroom.settle()
    assert news(classroom) == told([])
    classroom.clock.forward(seconds=1)
    tell_dues(classroom.database)
    tell_dues(classroom.database)
    assert news(classroom) == told(["ada"])
    (near,) = classroom.published(events_pb2.DueApproaching)
    assert (near.activity_id, near.title, near.enrolment_id) == ("essay", "Essay", "e-ada")
    assert near.due.ToDatetime(tzinfo=UTC) == due
    classroom.clock.forward(days=1)
    classroom.settle()
    assert news(classroom) == told(["ada"])  # the instant is inside
    classroom.clock.forward(seconds=1)
    classroom.settle()
    classroom.settle()
    assert news(classroom) == told(["ada"], ["ada"])
    row = classroom.database.mongo["standings"].find_one({"learner_id": "ada"})
    assert row is not None
    assert row["next_due_at"] is None


def test_weeks_and_holidays_come_with_the_run(classroom: Classroom) -> None:
    """And an update of the holidays moves the dues of the timeline."""
    start = classroom.clock.now().date()
    monday = start - timedelta(days=start.isoweekday() - 1)
    run = opened()
    run.start_date = start.isoformat()
    week_day = catalog_resources.WeekDay(week=2, weekday=catalog_resources.WEEKDAY_MONDAY)
    rules = (
        task("a", deadline=civil(week_day=week_day, time="18:00")),
        task("b", deadline=civil(days_after_enrolment=1, working_days=True, time="18:00")),
    )
    classroom.hear("plans", run, path(*rules))
    classroom.open(*rules, learners=["ada"])
    classroom.hear("plans", run)

    def dues() -> list[datetime]:
        request = progress_pb2.GetProgressRequest(run_id=RUN, learner_id="ada")
        found = classroom.staff.GetProgress(request).activities
        return [each.due.ToDatetime(tzinfo=UTC) for each in found]

    next_monday = datetime.combine(monday + timedelta(days=7), datetime.min.time(), UTC)
    first, second = dues()
    assert first == next_monday + timedelta(hours=18)
    run.holidays.append(second.date().isoformat())
    classroom.hear("plans", run)
    assert dues()[1] > second


def test_a_catch_up_is_due_by_a_civil_time(classroom: Classroom) -> None:
    """Three days later at the end of the day; it is missed after it."""
    classroom.open(lecture(), learners=["ada"])
    span = catalog_resources.CivilSpan(days=3)
    classroom.hear("plans", opened(catch_up_due=span))
    classroom.hold_class(ada=ABSENT)
    classroom.hear("attendance", recorded())
    classroom.settle()
    day = classroom.clock.now().date() + timedelta(days=4)
    due = datetime.combine(day, datetime.min.time(), UTC)
    assert classroom.catch_up("ada").due.ToDatetime(tzinfo=UTC) == due
    stored = classroom.database.mongo["catch_ups"].find_one()
    assert stored is not None
    assert stored["due_local"] == f"{day - timedelta(days=1)}T24:00"
    # The law of the zone was another one when it was assigned: the next review moves the due.
    early = {"$set": {"due": due - HOUR, "due_local_at": due - HOUR}}
    classroom.database.mongo["catch_ups"].update_one({}, early)
    classroom.clock.forward(seconds=(due - classroom.clock.now()).total_seconds() - 60)
    miss(classroom.database)
    assert classroom.catch_up("ada").due.ToDatetime(tzinfo=UTC) == due
    (changed,) = classroom.published(events_pb2.CatchUpChanged)
    assert "clocks" in changed.reason
    classroom.clock.forward(minutes=2)
    miss(classroom.database)
    assert len(classroom.published(events_pb2.CatchUpMissed)) == 1


def test_a_class_that_moves_moves_the_news_of_what_depends_on_it(classroom: Classroom) -> None:
    """Who was told that the homework is missed is told that it is not; then it approaches."""
    now = classroom.clock.now()
    classroom.open(lecture(optional=True), task(deadline=after("lecture", 24)), learners=["ada"])
    classroom.hear("plans", scheduled(now))
    for hours in (0, 2, 24):
        classroom.clock.forward(hours=hours)
        classroom.settle()
    assert news(classroom) == told(["ada"], ["ada"])
    classroom.hear("plans", moved(now, now + 2 * DAY))
    reevaluate(classroom.database)
    assert news(classroom) == told(["ada"], ["ada"], ["ada"])
    assert classroom.published(events_pb2.DueRetracted)[0].missed
    classroom.clock.forward(days=1)
    classroom.settle()
    assert news(classroom) == told(["ada", "ada"], ["ada"], ["ada"])


def test_an_extension_retracts_at_once(classroom: Classroom) -> None:
    """The unit of work that learns it tells so."""
    classroom.open(task(deadline=fixed(classroom.clock.now() + HOUR)), learners=["ada"])
    classroom.clock.forward(hours=2)
    classroom.settle()
    until = stamp(classroom.clock.now() + 3 * DAY)
    more = catalog.DueExtended(
        enrolment_id="e-ada", run_id=RUN, learner_id="ada", activity_id="essay", until=until
    )
    classroom.hear("plans", more)
    assert news(classroom) == told(["ada"], ["ada"], ["ada"])


def test_work_handed_in_before_the_due_is_not_missed_while_the_broker_lags(
    classroom: Classroom,
) -> None:
    """Its statement is looked up before a due is told as missed."""
    classroom.open(task(deadline=fixed(classroom.clock.now() + HOUR)), learners=LEARNERS)
    classroom.record(classroom.said("ada", "completed", activity_id="essay"))
    classroom.clock.forward(hours=2)
    tell_dues(classroom.database)
    assert sorted_news(classroom)["missed"] == ["bob", "cyd"]
    classroom.settle()
    assert sorted_news(classroom)["missed"] == ["bob", "cyd"]
    assert sorted_news(classroom)["retracted"] == ["ada"]  # it no longer approaches


def test_evidence_that_arrives_late_takes_back_a_missed(classroom: Classroom) -> None:
    """An offline device sends what was done in time."""
    then = classroom.clock.now()
    classroom.open(task(deadline=fixed(then + HOUR)), learners=["ada"])
    done = classroom.said("ada", "completed", activity_id="essay")
    classroom.clock.forward(hours=2)
    classroom.settle()
    classroom.record(done)
    classroom.settle()
    assert news(classroom) == told(["ada"], ["ada"], ["ada"])


def test_the_timer_works_in_chunks_and_several_replicas_tell_each_due_once(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers find the same learners at the same time."""
    learners = [f"learner-{place:02d}" for place in range(23)]
    classroom.open(task(deadline=fixed(classroom.clock.now() + 2 * DAY)), learners=learners)
    monkeypatch.setattr(waiting, "CHUNK", 5)
    for days, expected in ((1, told(learners)), (2, told(learners, learners))):
        classroom.clock.forward(days=days)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(tell_dues, [classroom.database] * 2))
        tell_dues(classroom.database)
        assert sorted_news(classroom) == expected


def test_learners_of_an_older_version_are_told_of_what_is_to_come_only(
    classroom: Classroom,
) -> None:
    """They are seen once; dues that are past then are no news."""
    now = classroom.clock.now()
    classroom.open(
        task("old", deadline=fixed(now + 2 * DAY)),
        task("new", deadline=fixed(now + 5 * DAY)),
        learners=LEARNERS,
    )
    standings = classroom.database.mongo["standings"]
    added = ["dues_since", "next_due_at", "dues_told", "path_seen", "opened", "dues_known"]
    added += ["overdue", "listing"]
    standings.update_many({}, {"$unset": dict.fromkeys(added, 1)})
    classroom.clock.forward(hours=49)
    tell_dues(classroom.database)
    assert standings.count_documents(UNSEEN) == 0
    classroom.settle()
    assert news(classroom) == told([])
    classroom.clock.forward(days=4)
    classroom.settle()
    assert sorted_news(classroom) == told([], LEARNERS)
    assert {each.activity_id for each in classroom.published(events_pb2.DueMissed)} == {"new"}


def test_no_notice_is_told_where_the_policy_has_none(classroom: Classroom) -> None:
    """A duration of 0 is a choice; a missed due is told all the same."""
    classroom.open(task(deadline=fixed(classroom.clock.now() + HOUR)), learners=["ada"])
    assert news(classroom) == told(["ada"])
    classroom.hear("plans", opened(due_notice=Duration()))
    classroom.hear(
        "plans", path(task("b", deadline=fixed(classroom.clock.now() + HOUR)), version=2)
    )
    classroom.settle()
    assert news(classroom) == told(["ada"], [], ["ada"])  # the essay has gone
    classroom.clock.forward(hours=2)
    classroom.settle()
    assert news(classroom) == told(["ada"], ["ada"], ["ada"])


def test_a_learner_who_cannot_be_read_holds_up_no_other(classroom: Classroom) -> None:
    """The others are told; the bad row is set aside."""
    classroom.open(task(deadline=fixed(classroom.clock.now() + 2 * DAY)), learners=LEARNERS)
    standings = classroom.database.mongo["standings"]
    standings.update_one({"learner_id": "bob"}, {"$set": {"completed": 5}})
    classroom.clock.forward(days=1)
    failures = figure("tandem_timer_failures_total", timer="progress.dues")
    tell_dues(classroom.database)
    tell_dues(classroom.database)
    assert sorted_news(classroom) == told(["ada", "cyd"])
    assert figure("tandem_timer_failures_total", timer="progress.dues") == failures + 1


def test_the_timer_finds_learners_by_indexes(classroom: Classroom) -> None:
    """Learners without deadlines to come are in none of them."""
    classroom.open(task(), learners=LEARNERS)
    standings = classroom.database.mongo["standings"]
    due = {"next_due_at": HAS_DUE | {"$lte": classroom.clock.now()}}
    for query in (UNSEEN, due):
        stats = standings.find(query).explain()["executionStats"]
        assert (stats["totalDocsExamined"], stats["totalKeysExamined"]) == (0, 0)


def test_items_are_looked_up_too(classroom: Classroom) -> None:
    """Of an activity with an item, statements on the item count."""
    rule = fixed(classroom.clock.now() + HOUR)
    given = task("watch", kind=1, item_id=FILM, deadline=rule)
    classroom.open(given, learners=["ada"])
    classroom.record(classroom.watched("ada", "0[.]3600"))
    classroom.clock.forward(hours=2)
    tell_dues(classroom.database)
    assert news(classroom) == told(["ada"], [], ["ada"])


def test_new_zone_data_have_the_learners_of_its_runs_evaluated_again(classroom: Classroom) -> None:
    """Once; a due that comes earlier by the new data is told at its new instant."""
    due = classroom.clock.now() + 2 * DAY
    classroom.open(task(deadline=fixed(due)), learners=["ada"])
    mongo = classroom.database.mongo
    apply_zone_data(classroom.database)
    assert list(mongo["plan_revisits"].find({"turn_at": {"$lt": datetime.now(UTC)}})) == []
    # As the older data had it, the due was an hour later.
    mongo["runs"].update_one({}, {"$set": {"zone_print": "other"}})
    mongo["standings"].update_one({}, {"$set": {"next_due_at": due - DAY + HOUR}})
    apply_zone_data(classroom.database)
    reevaluate(classroom.database)
    row = mongo["standings"].find_one({})
    assert row is not None
    assert row["next_due_at"] == due - DAY
    assert classroom.database.reader().runs_of_other_zone_data(9) == []
