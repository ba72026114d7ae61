"""Catch-ups are due where the weeks of their learners have room."""

import threading
from datetime import UTC, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2

from services.progress.usecases import week_fits
from tests.integration.progress.classroom import (
    ABSENT,
    CLASS,
    DAY,
    FILM,
    HOUR,
    RUN,
    Classroom,
    available,
    ended,
    enrolled,
    finalised,
    lecture,
    opened,
    path,
    recorded,
    refused,
    scheduled,
    stamp,
    task,
)

WEEK = 7 * DAY
SLACK = Duration(seconds=21 * 86400)


def _hours(time: timedelta) -> Duration:
    made = Duration()
    made.FromTimedelta(time)
    return made


def _tell(classroom: Classroom, hours: float, **weeks: float) -> resources_pb2.StudyHours:
    """Ada has so many hours in a week; others in weeks by their Mondays, such as d2026_03_09."""
    other = [
        resources_pb2.OtherWeek(monday=name[1:].replace("_", "-"), time=_hours(HOUR * each))
        for name, each in weeks.items()
    ]
    request = progress_pb2.SetStudyHoursRequest(
        learner_id="ada", time=_hours(HOUR * hours), other_weeks=other
    )
    return classroom.learner("ada").SetStudyHours(request)


def _due(after: timedelta, classroom: Classroom) -> catalog_resources.TimeRule:
    return catalog_resources.TimeRule(fixed=stamp(classroom.clock.now() + after))


def _open(classroom: Classroom, *efforts: tuple[timedelta, float], **policy: Any) -> None:
    """A run with tasks, each by its due from now and its hours; Ada is in it."""
    tasks = [
        task(f"t{place}", deadline=_due(due, classroom), effort=_hours(HOUR * hours))
        for place, (due, hours) in enumerate(efforts)
    ]
    classroom.open(*tasks, lecture())
    classroom.hear("plans", opened(**{"catch_up_slack": SLACK, **policy}))
    classroom.hear("plans", enrolled("ada", classroom.clock.now()))
    classroom.settle()


def _miss_the_class(classroom: Classroom) -> resources_pb2.CatchUp:
    """Ada was absent from a class whose film takes an hour."""
    classroom.hear("attendance", recorded())
    classroom.hold_class(ada=ABSENT)
    return classroom.catch_up("ada")


def _load(classroom: Classroom, weeks: int = 3) -> progress_pb2.GetWeekLoadResponse:
    request = progress_pb2.GetWeekLoadRequest(learner_id="ada", weeks=weeks)
    return classroom.learner("ada").GetWeekLoad(request)


def _planned(found: progress_pb2.GetWeekLoadResponse) -> list[dict[str, float]]:
    """By week, the hours of each work."""
    return [
        {each.title: each.time.ToTimedelta() / HOUR for each in week.works} for week in found.weeks
    ]


def test_a_catch_up_is_due_in_the_first_week_with_room(classroom: Classroom) -> None:
    """The event tells the usual due, too. All of the learner's work fits."""
    _open(classroom, (2 * DAY, 4), (WEEK + DAY, 4))
    _tell(classroom, 4)
    usual = classroom.clock.now() + 3 * DAY
    found = _miss_the_class(classroom)
    assert found.due == stamp(usual + 2 * WEEK)
    assert found.usual_due == stamp(usual)
    (told,) = classroom.published(events_pb2.CatchUpAssigned)
    assert (told.due, told.usual_due) == (found.due, found.usual_due)
    load = _load(classroom)
    assert _planned(load) == [{"T0": 4}, {"T1": 4}, {"Motion": 1}]
    assert not load.unfit


def test_with_room_a_catch_up_is_due_as_usual(classroom: Classroom) -> None:
    """Nothing is told of another due."""
    _open(classroom, (2 * DAY, 3))
    _tell(classroom, 4)
    found = _miss_the_class(classroom)
    assert found.due == stamp(classroom.clock.now() + 3 * DAY)
    assert not found.HasField("usual_due")


def test_without_room_a_catch_up_says_why(classroom: Classroom) -> None:
    """It is due as usual; the weeks are told, with what fills them."""
    _open(classroom, (2 * DAY, 2), (WEEK + DAY, 2), catch_up_slack=Duration(seconds=7 * 86400))
    _tell(classroom, 2)
    found = _miss_the_class(classroom)
    assert found.due == stamp(classroom.clock.now() + 3 * DAY)
    full = [(each.budget.ToTimedelta(), each.planned.ToTimedelta()) for each in found.full_weeks]
    assert full == [(2 * HOUR, 2 * HOUR), (2 * HOUR, 2 * HOUR)]
    (told,) = classroom.published(events_pb2.CatchUpAssigned)
    assert list(told.full_weeks) == list(found.full_weeks)
    (unfit,) = _load(classroom, 1).unfit
    assert (unfit.work.title, unfit.work.time.ToTimedelta()) == ("Motion", HOUR)


@pytest.mark.parametrize(("hours", "slack"), [(0, 21), (2, 0)])
def test_without_hours_or_slack_dues_are_as_usual(
    classroom: Classroom, hours: float, slack: int
) -> None:
    """Whatever else is due."""
    _open(classroom, (2 * DAY, 9), catch_up_slack=Duration(seconds=slack * 86400))
    _tell(classroom, hours)
    found = _miss_the_class(classroom)
    assert found.due == stamp(classroom.clock.now() + 3 * DAY)
    assert not found.full_weeks
    assert not found.HasField("usual_due")


def test_other_weeks_and_other_runs_count(classroom: Classroom) -> None:
    """A holiday in the second week, and an essay of another run in the third."""
    _open(classroom, (2 * DAY, 4))
    _other_run(classroom, 2 * WEEK + DAY, 4)
    _tell(classroom, 4, d2026_03_09=0)
    usual = classroom.clock.now() + 3 * DAY
    assert _miss_the_class(classroom).due == stamp(usual + 3 * WEEK)
    assert _planned(_load(classroom, 4)) == [{"T0": 4}, {}, {"Thesis": 4}, {"Motion": 1}]


def _other_run(classroom: Classroom, due: timedelta, hours: float) -> None:
    """Ada is in another run, with a thesis."""
    thesis = task("thesis", deadline=_due(due, classroom), effort=_hours(HOUR * hours))
    news: list[Any] = [
        opened(catch_up_slack=SLACK),
        path(thesis),
        enrolled("ada", classroom.clock.now()),
    ]
    for each in news:
        each.run_id = "run-2"
    news[2].enrolment_id = "e2-ada"
    classroom.hear("plans", *news)
    classroom.settle()


def test_what_was_worked_this_week_is_not_left(classroom: Classroom) -> None:
    """An hour of work leaves three of four."""
    _open(classroom)
    _tell(classroom, 4)
    result = resources_pb2.Result(duration=Duration(seconds=3600))
    classroom.record(classroom.said("ada", "experienced", item_id=FILM, result=result))
    classroom.settle()
    classroom.clock.forward(hours=1)
    assert _load(classroom, 1).weeks[0].budget.ToTimedelta() == 3 * HOUR


def test_without_hours_work_stands_in_the_week_of_its_due(classroom: Classroom) -> None:
    """What is overdue in the present one."""
    _open(classroom, (HOUR, 30), (8 * DAY, 200))
    classroom.clock.forward(hours=2)
    load = _load(classroom)
    assert _planned(load) == [{"T0": 30}, {"T1": 200}, {}]
    assert not load.unfit
    assert load.hours.learner_id == "ada"


def test_two_runs_never_place_in_the_same_room(classroom: Classroom) -> None:
    """Units of work on different runs of a learner conflict over the hours; one starts again."""
    _open(classroom)
    _other_run(classroom, 20 * WEEK, 1)
    _tell(classroom, 1)
    classroom.hear("attendance", available("other", 3600))
    both = threading.Barrier(2, timeout=20)
    waits = iter([True, True])
    original = week_fits.books_of

    def together(*args: Any) -> Any:
        found = original(*args)
        if next(waits, False):
            both.wait()
        return found

    _miss_both(classroom, together)
    dues = sorted(each.due.ToDatetime(tzinfo=UTC) for each in _all_catch_ups(classroom))
    assert dues[1] - dues[0] == WEEK
    assert not _load(classroom).unfit


def _miss_both(classroom: Classroom, books_of: Any) -> None:
    """Ada was absent from classes of both runs, and both units of work place at once."""
    now = classroom.clock.now()
    for run_id, session_id, item_id in ((RUN, CLASS, FILM), ("run-2", "class-2", "other")):
        news: list[Any] = [scheduled(now - HOUR), ended(now), recorded(item_id)]
        for each in news:
            each.run_id, each.session_id = run_id, session_id
        classroom.hear("plans", *news[:2])
        classroom.hear("attendance", news[2])
    settled = [finalised(now, {"ada": ABSENT}), finalised(now, {"ada": ABSENT})]
    settled[1].run_id, settled[1].session_id = "run-2", "class-2"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(week_fits, "books_of", books_of)
        threads = [
            threading.Thread(target=classroom.hear, args=("attendance", each)) for each in settled
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()


def _all_catch_ups(classroom: Classroom) -> list[resources_pb2.CatchUp]:
    request = progress_pb2.ListCatchUpsRequest(learner_id="ada")
    return list(classroom.staff.ListCatchUps(request).catch_ups)


def test_an_extension_by_staff_is_the_due(classroom: Classroom) -> None:
    """Whatever the learner's weeks hold; nothing is left of the usual due."""
    _open(classroom, (2 * DAY, 4))
    _tell(classroom, 4)
    first = _miss_the_class(classroom)
    until = classroom.clock.now() + 5 * WEEK
    request = progress_pb2.ExtendCatchUpRequest(
        catch_up_id=first.id, until=stamp(until), reason="ill"
    )
    extended = classroom.staff.ExtendCatchUp(request)
    assert extended.due == stamp(until)
    assert not extended.HasField("usual_due")


def test_wrong_hours_are_refused(classroom: Classroom) -> None:
    """With every fault; and nobody tells the hours of another."""
    code, text = refused(lambda: _tell(classroom, 169, d2026_03_10=1))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "time" in text
    assert "Monday" in text
    bob = classroom.learner("bob")
    request = progress_pb2.GetWeekLoadRequest(learner_id="ada")
    assert refused(lambda: bob.GetWeekLoad(request))[0] is grpc.StatusCode.PERMISSION_DENIED


def test_hours_are_told_again(classroom: Classroom) -> None:
    """The last ones count."""
    _open(classroom)
    _tell(classroom, 4, d2026_03_09=1)
    assert _tell(classroom, 5).time.ToTimedelta() == 5 * HOUR
    assert [each.budget.ToTimedelta() / HOUR for each in _load(classroom, 2).weeks] == [5, 5]


def test_an_unknown_learner_has_empty_weeks(classroom: Classroom) -> None:
    """As many as were asked for, or four."""
    request = progress_pb2.GetWeekLoadRequest(learner_id="zoe")
    assert len(classroom.service.GetWeekLoad(request).weeks) == 4
