"""Advice on delivery, and the draft paths that follow from it, behind the real edge."""

import json
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass
from tandem.catalog.v1 import advice_pb2, catalog_pb2, resources_pb2
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub as Stub
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.sessions.v1 import resources_pb2 as sessions_resources
from tandem.types.v1 import types_pb2

from chassis.contracts.events import Event, event_type
from services.catalog.worker import subscriptions
from tests.deep import only_deep
from tests.integration.catalog.registry import (
    Registry,
    activity,
    fields_of,
    publish,
    refused,
)
from tests.integration.catalog.test_preferences import SELF_PACED, wish

PAGE = Path(__file__).resolve().parents[3] / "services" / "catalog" / "README.md"
LIVE, ALONE = advice_pb2.WEEK_FORM_LIVE, advice_pb2.WEEK_FORM_SELF_PACED
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
SUNDAY = "2026-03-01"  # the first day of a run of the registry: week 1 has no working day


@pytest.fixture
def run(registry: Registry) -> resources_pb2.Run:
    """A seminar from Monday, March 2, for five weeks, held by curie."""
    registry.people("curie", role=options_pb2.ROLE_INSTRUCTOR)
    opened = registry.open_run(
        start_date="2026-03-02", end_date="2026-04-03", instructor_ids=["curie"]
    )
    nature = resources_pb2.COURSE_NATURE_SEMINAR
    request = catalog_pb2.UpdateCourseRequest(course_id=opened.course_id, nature=nature)
    assert registry.staff.UpdateCourse(request).nature == nature
    return opened


def hear(registry: Registry, *told: sessions.AvailabilityChanged, first: int = 1) -> None:
    """Give the worker events of sessions, numbered from `first` on."""
    (subscription,) = subscriptions()
    kind = event_type(sessions.AvailabilityChanged)
    batch = [
        Event(str(number), kind, "", registry.database.clock.now(), "", "", number, "", data)
        for number, data in enumerate(told, first)
    ]
    registry.database.transact(lambda store: subscription.handle(store, batch))


def available(*weekdays: int, away: str = "", start: str = "09:00") -> sessions.AvailabilityChanged:
    """When curie can teach: in the morning of some days, but for a day."""
    hours = [
        sessions_resources.TeachingWindow(weekday=day, start=start, end="12:00") for day in weekdays
    ]
    days = [sessions_resources.Absence(start_date=away, end_date=away)] if away else []
    return sessions.AvailabilityChanged(
        person_id="curie", zone="Europe/Dublin", hours=hours, away=days
    )


def override(week: int, form: Any, reason: str = "a guest") -> advice_pb2.WeekOverride:
    """What staff decides on a week."""
    return advice_pb2.WeekOverride(week=week, form=form, reason=reason)


def advise(
    registry: Registry, run_id: str, *overrides: advice_pb2.WeekOverride
) -> advice_pb2.Advice:
    """The advice that curie gets."""
    request = advice_pb2.AdviseDeliveryRequest(run_id=run_id, overrides=overrides)
    return Stub(registry.channel_for("curie")).AdviseDelivery(request)


def accept(
    registry: Registry,
    advice: advice_pb2.Advice,
    *overrides: advice_pb2.WeekOverride,
    **more: Any,
) -> advice_pb2.DraftPath:
    """The draft that curie gets."""
    request = advice_pb2.AcceptAdviceRequest(
        run_id=advice.run_id, overrides=overrides, digest=advice.digest, **more
    )
    return Stub(registry.channel_for("curie")).AcceptAdvice(request, timeout=30)


def draft_of(registry: Registry, run_id: str) -> advice_pb2.DraftPath:
    """The draft of a run, as curie reads it."""
    request = advice_pb2.GetDraftPathRequest(run_id=run_id)
    return Stub(registry.channel_for("curie")).GetDraftPath(request)


def forms(advice: advice_pb2.Advice) -> list[Any]:
    """The forms of the weeks."""
    return [each.form for each in advice.weeks]


def codes(advice: advice_pb2.Advice, week: int) -> list[str]:
    """The codes of a week's reasons."""
    return [
        advice_pb2.AdviceReasonCode.Name(each.code).removeprefix("ADVICE_REASON_CODE_")
        for each in advice.weeks[week - 1].reasons
    ]


def test_advice_follows_from_the_course_and_the_run(
    registry: Registry, run: resources_pb2.Run
) -> None:
    """A seminar of five weeks: live in the first, the third and the last; nothing is stored."""
    before = len(registry.events())
    advice = advise(registry, run.id)
    assert forms(advice) == [LIVE, ALONE, LIVE, ALONE, LIVE]
    assert (advice.live_share, advice.live_weeks, advice.self_paced_weeks) == (50, 3, 2)
    assert [each.code for each in advice.reasons] == [
        advice_pb2.ADVICE_REASON_CODE_NATURE,
        advice_pb2.ADVICE_REASON_CODE_FEW_WISHES,
    ]
    assert (advice.weeks[0].first_day, advice.weeks[0].last_day) == ("2026-03-02", "2026-03-06")
    assert codes(advice, 1) == ["FIRST_WEEK"]
    assert all(why.words for week in advice.weeks for why in week.reasons)
    assert advise(registry, run.id) == advice
    assert len(registry.events()) == before


def test_a_week_in_which_the_teachers_are_away_is_self_paced(
    registry: Registry, run: resources_pb2.Run
) -> None:
    """By the newest event, in whatever order they come, and how often."""
    newest, older = available(1, away="2026-03-16"), available(1)
    hear(registry, newest, first=2)
    hear(registry, older, newest)
    advice = advise(registry, run.id)
    assert forms(advice)[2] == ALONE
    assert codes(advice, 3) == ["NO_TEACHER"]
    hear(registry, older, first=3)
    assert forms(advise(registry, run.id))[2] == LIVE


def test_who_told_nothing_can_always_teach(registry: Registry, run: resources_pb2.Run) -> None:
    """Curie never can; with a second teacher, of whom nothing is known, every week can be live."""
    hear(registry, available())
    assert forms(advise(registry, run.id)) == [ALONE] * 5
    registry.people("bohr", role=options_pb2.ROLE_INSTRUCTOR)
    staff = [
        resources_pb2.StaffMember(person_id=each, role=options_pb2.STAFF_ROLE_TEACHER)
        for each in ("curie", "bohr")
    ]
    registry.staff.SetRunStaff(catalog_pb2.SetRunStaffRequest(run_id=run.id, staff=staff))
    assert forms(advise(registry, run.id)) == [LIVE, ALONE, LIVE, ALONE, LIVE]


def test_the_intake_is_the_capacity_or_else_the_learners(
    registry: Registry, run: resources_pb2.Run
) -> None:
    """A lecture with a hundred places is large, also before anybody enrolled."""
    nature = resources_pb2.COURSE_NATURE_LECTURE
    registry.staff.UpdateCourse(
        catalog_pb2.UpdateCourseRequest(course_id=run.course_id, nature=nature)
    )
    assert advise(registry, run.id).live_share == 50
    registry.staff.UpdateRun(catalog_pb2.UpdateRunRequest(run_id=run.id, capacity=100))
    assert advise(registry, run.id).live_share == 25


def test_wishes_and_checkpoints_change_the_advice(
    registry: Registry, run: resources_pb2.Run
) -> None:
    """Five learners wish to study alone; the week before the quiz is the live one."""
    learners = [f"l{number}" for number in range(5)]
    registry.people(*learners)
    for learner in learners:
        registry.enrol(run.id, learner)
        wish(registry, run.id, learner, SELF_PACED)
    quiz = activity(
        "quiz",
        types_pb2.ACTIVITY_KIND_CHECKPOINT,
        deadline=resources_pb2.TimeRule(civil=resources_pb2.CivilRule(date="2026-03-23")),
    )
    publish(registry, run.id, [quiz])
    advice = advise(registry, run.id, override(5, ALONE))
    assert (advice.live_share, advice.path_version) == (25, 1)
    assert forms(advice) == [LIVE, ALONE, ALONE, ALONE, ALONE]
    advice = advise(registry, run.id, override(1, ALONE), override(5, ALONE))
    assert forms(advice) == [ALONE, ALONE, LIVE, ALONE, ALONE]
    assert codes(advice, 3) == ["BEFORE_CHECKPOINT", "SHARE"]


@only_deep
def test_a_hundred_thousand_wishes_are_counted(registry: Registry, run: resources_pb2.Run) -> None:
    """Advice and its acceptance tell the numbers of a run of 100,000 learners."""
    modes = ("CLASSROOM", "ONLINE", "SELF_PACED", None)
    rows = (
        {
            "_id": f"e{number}",
            "run_id": run.id,
            "learner_id": f"l{number}",
            "mode": "ONLINE",
            "state": "ENROLLED",
            "enrolled_at": registry.database.clock.now(),
            "preference": modes[number % 4],
        }
        for number in range(100_000)
    )
    registry.database.mongo["enrolments"].insert_many(rows, ordered=False)
    advice = advise(registry, run.id)
    assert {each.name: each.value for each in advice.reasons[1].figures} == {
        "live_wishes": 50_000,
        "self_paced_wishes": 25_000,
        "learners": 100_000,
        "shift": 6,
    }
    assert accept(registry, advice).advice == advice


def test_faults_of_overrides_come_in_one_answer(registry: Registry, run: resources_pb2.Run) -> None:
    """Weeks that the run does not have, and weeks that are named twice."""
    wrong = [override(6, LIVE), override(1, LIVE), override(1, ALONE)]
    error = refused(lambda: advise(registry, run.id, *wrong))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert fields_of(error) == ["overrides[0].week", "overrides[2].week"]
    empty = refused(lambda: advise(registry, run.id, advice_pb2.WeekOverride()))
    assert fields_of(empty) == ["overrides[0].week", "overrides[0].form", "overrides[0].reason"]


def test_a_run_without_end_gets_no_advice(registry: Registry) -> None:
    """It is refused, and its days are not counted."""
    registry.people("curie", role=options_pb2.ROLE_INSTRUCTOR)
    endless = registry.open_run(end_date="9999-12-31", instructor_ids=["curie"])
    error = refused(lambda: advise(registry, endless.id))
    assert (error.code(), fields_of(error)) == (PRECONDITION, ["run_id"])


def test_accepted_advice_becomes_a_draft_that_tells_its_faults(
    registry: Registry, run: resources_pb2.Run
) -> None:
    """It keeps what staff decided and why, and neither a path nor an event is published."""
    decided = override(2, LIVE)
    before = len(registry.events())
    advice = advise(registry, run.id, decided)
    draft = accept(registry, advice, decided)
    assert [each.id for each in draft.activities] == [
        "week-1-class",
        "week-2-class",
        "week-3-study",
        "week-4-study",
        "week-5-class",
    ]
    assert (draft.advice, draft.accepted_by) == (advice, "curie")
    assert "a guest" in draft.advice.weeks[1].reasons[0].words
    faults = [each.field for each in draft_of(registry, run.id).faults]
    assert faults == ["activities[2].item_id", "activities[3].item_id"]
    assert len(registry.events()) == before
    missing = refused(lambda: registry.staff.GetPath(catalog_pb2.GetPathRequest(run_id=run.id)))
    assert missing.code() is grpc.StatusCode.NOT_FOUND


def test_a_draft_is_published_when_its_holes_are_filled(
    registry: Registry, run: resources_pb2.Run
) -> None:
    """By PublishPath, with its steps; the next draft begins with them."""
    draft = accept(registry, advise(registry, run.id))
    faults = {each.field for each in draft_of(registry, run.id).faults}
    error = refused(lambda: publish(registry, run.id, list(draft.activities)))
    assert {*fields_of(error)} == faults
    for each in draft.activities:
        if each.kind == types_pb2.ACTIVITY_KIND_ITEM:
            each.item_id = "known"
    assert publish(registry, run.id, list(draft.activities)).version == 1
    again = accept(registry, advise(registry, run.id))
    assert [each.id for each in again.activities] == [each.id for each in draft.activities]
    assert not draft_of(registry, run.id).faults
    registry.library.away = True
    away = refused(lambda: draft_of(registry, run.id))
    assert away.code() is grpc.StatusCode.UNAVAILABLE


def test_advice_that_changed_since_is_not_accepted(
    registry: Registry, run: resources_pb2.Run
) -> None:
    """By an absence, a new path, other dates or other overrides; the draft stays as it was."""
    read = advise(registry, run.id)
    draft = accept(registry, read)
    assert fields_of(refused(lambda: accept(registry, read, override(2, LIVE)))) == ["digest"]
    hear(registry, available(1, away="2026-03-16"))
    error = refused(lambda: accept(registry, read))
    assert (error.code(), fields_of(error)) == (PRECONDITION, ["digest"])
    read = advise(registry, run.id)
    publish(registry, run.id, [activity("task", types_pb2.ACTIVITY_KIND_TASK)])
    assert fields_of(refused(lambda: accept(registry, read))) == ["digest"]
    read = advise(registry, run.id)
    registry.staff.UpdateRun(catalog_pb2.UpdateRunRequest(run_id=run.id, end_date="2026-04-10"))
    assert fields_of(refused(lambda: accept(registry, read))) == ["digest"]
    assert draft_of(registry, run.id).advice == draft.advice


def test_a_learner_more_does_not_make_the_advice_another(
    registry: Registry, run: resources_pb2.Run
) -> None:
    """The numbers are others, the weeks are not: what was read may be accepted."""
    read = advise(registry, run.id)
    registry.people("ada")
    registry.enrol(run.id, "ada")
    assert accept(registry, read).advice.digest == read.digest


def test_the_same_advice_is_accepted_once(registry: Registry, run: resources_pb2.Run) -> None:
    """Ten at once get one draft; a repeat with the id of the request gets its first answer."""
    read = advise(registry, run.id)
    with ThreadPoolExecutor(10) as pool:
        drafts = list(pool.map(lambda _: accept(registry, read), range(10)))
    assert len({each.SerializeToString(deterministic=True) for each in drafts}) == 1
    first = accept(registry, read, request_id="a1")
    decided = override(2, LIVE)
    other = accept(registry, advise(registry, run.id, decided), decided)
    assert accept(registry, read, request_id="a1") == first
    assert draft_of(registry, run.id).activities == other.activities


def test_two_who_accept_different_advice_leave_one_whole_draft(
    registry: Registry, run: resources_pb2.Run
) -> None:
    """The draft is one of the two."""
    decided = [[], [override(2, LIVE)]]
    read = [advise(registry, run.id, *each) for each in decided]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: accept(registry, read[n % 2], *decided[n % 2]), range(8)))
    draft = draft_of(registry, run.id)
    assert draft.advice in read
    assert len(draft.activities) == 5


def test_a_closed_run_gets_no_draft(registry: Registry, run: resources_pb2.Run) -> None:
    """Advice may still be read."""
    read = advise(registry, run.id)
    registry.staff.CloseRun(catalog_pb2.CloseRunRequest(run_id=run.id))
    assert advise(registry, run.id) == read
    assert refused(lambda: accept(registry, read)).code() is PRECONDITION
    missing = refused(lambda: draft_of(registry, run.id))
    assert missing.code() is grpc.StatusCode.NOT_FOUND


def test_the_requests_of_the_page_are_answered(registry: Registry, run: resources_pb2.Run) -> None:
    """Each call in services/catalog/README.md, in its order, with the digest of the one before."""
    registry.people("ada")
    registry.enrol(run.id, "ada")
    pages = re.findall(r"^curl .*?(?<!\\)$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    digest = ""
    for call in pages:
        words = shlex.split(call.replace("\\\n", " "))
        name = words[1].rpartition("/")[2]
        body = words[words.index("-d") + 1].replace("RUN", run.id).replace("DIGEST", digest)
        method = catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"].methods_by_name[name]
        request = json_format.ParseDict(json.loads(body), GetMessageClass(method.input_type)())
        digest = getattr(getattr(registry.staff, name)(request), "digest", digest)
    assert len(pages) == 4
    assert draft_of(registry, run.id).advice.weeks[1].form == LIVE
