"""Enrolments and extensions, behind the real edge."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from services.catalog.domain.enums import AttendanceMode
from services.catalog.usecases.enrolments import Enrol, enrol
from tests.deep import only_deep
from tests.integration.catalog.registry import (
    ONLINE,
    Registry,
    Stub,
    activity,
    at,
    fields_of,
    person,
    publish,
    refused,
)


def test_200_racing_for_50_places_give_exactly_50(registry: Registry) -> None:
    """No place is given twice, none stays empty, the others wait, and each gets one event."""
    learners = [f"l{number:03d}" for number in range(200)]
    registry.people(*learners)
    run = registry.open_run(capacity=50)
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda learner: registry.enrol(run.id, learner), learners))
    states = Counter(enrolment.state for enrolment in found)
    assert states == {
        resources_pb2.ENROLMENT_STATE_ENROLLED: 50,
        resources_pb2.ENROLMENT_STATE_WAITLISTED: 150,
    }
    after = registry.staff.GetRun(catalog_pb2.GetRunRequest(run_id=run.id))
    assert (after.enrolled, after.waitlisted) == (50, 150)
    counts = Counter(row["type"] for row in registry.events())
    assert counts["tandem.catalog.enrolment.created.v1"] == 50
    assert counts["tandem.catalog.enrolment.waitlisted.v1"] == 150


def test_a_repeat_with_the_same_request_id_changes_nothing(registry: Registry) -> None:
    """Many at once: one enrolment, one event, the same answer; another content is refused."""
    registry.people("ada", "bob")
    run = registry.open_run()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: registry.enrol(run.id, "ada", request_id="r1"), range(16)))
    assert len({enrolment.id for enrolment in found}) == 1
    assert len(registry.events("tandem.catalog.enrolment.created.v1")) == 1
    with pytest.raises(grpc.RpcError) as refused:
        registry.enrol(run.id, "bob", request_id="r1")
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS


def test_a_withdrawal_promotes_who_waits_for_the_longest_time(registry: Registry) -> None:
    """The first in line gets the freed place in the same transaction; both are published."""
    registry.people("a", "b", "c")
    run = registry.open_run(capacity=1)
    for learner in ("a", "b", "c"):
        registry.enrol(run.id, learner)
    mine = Stub(registry.channel_for("a", "learner"))
    mine.Withdraw(catalog_pb2.WithdrawRequest(run_id=run.id, learner_id="a"))
    rows = registry.staff.ListEnrolments(
        catalog_pb2.ListEnrolmentsRequest(run_id=run.id)
    ).enrolments
    assert {row.learner_id: row.state for row in rows} == {
        "b": resources_pb2.ENROLMENT_STATE_ENROLLED,
        "c": resources_pb2.ENROLMENT_STATE_WAITLISTED,
    }
    assert [row["type"].split(".")[3] for row in registry.events()[-2:]] == [
        "withdrawn",
        "promoted",
    ]
    assert registry.enrol(run.id, "a").state == resources_pb2.ENROLMENT_STATE_WAITLISTED


def test_a_mode_change_is_told_once(registry: Registry) -> None:
    """A repeated choice of the same mode publishes no event."""
    registry.people("ada")
    run = registry.open_run()
    registry.enrol(run.id, "ada")
    request = catalog_pb2.ChangeModeRequest(
        run_id=run.id, learner_id="ada", mode=types_pb2.ATTENDANCE_MODE_CLASSROOM
    )
    for _ in range(2):
        assert registry.staff.ChangeMode(request).mode == types_pb2.ATTENDANCE_MODE_CLASSROOM
    assert len(registry.events("tandem.catalog.enrolment.mode_changed.v1")) == 1


def test_an_extension_is_recorded_and_told(registry: Registry) -> None:
    """The deadline moves to later only, for a learner of the run, by who may grant it."""
    registry.people("ada")
    run = registry.open_run()
    due = datetime(2026, 3, 10, tzinfo=UTC)
    task = activity("t", types_pb2.ACTIVITY_KIND_TASK)
    task.deadline.fixed.FromDatetime(due)
    publish(registry, run.id, [task])
    registry.enrol(run.id, "ada")
    request = catalog_pb2.ExtendDueRequest(
        run_id=run.id, learner_id="ada", activity_id="t", reason="illness"
    )
    request.until.FromDatetime(due + timedelta(days=3))
    found = registry.staff.ExtendDue(request)
    assert (found.granted_by, found.reason) == ("registrar", "illness")
    assert registry.events("tandem.catalog.due.extended.v1")[0]["key"] == found.enrolment_id
    with pytest.raises(grpc.RpcError) as refused:
        registry.staff.ExtendDue(request)
    assert fields_of(refused.value) == ["until"]


def test_an_extension_names_what_the_path_has(registry: Registry) -> None:
    """Unknown learners and activities are NOT_FOUND; what is never due can't be due later."""
    registry.people("ada")
    run = registry.open_run()
    publish(registry, run.id, [activity("t", types_pb2.ACTIVITY_KIND_TASK)])
    registry.enrol(run.id, "ada")

    def extend(learner: str, name: str) -> grpc.RpcError:
        request = catalog_pb2.ExtendDueRequest(
            run_id=run.id, learner_id=learner, activity_id=name, reason="illness"
        )
        request.until.FromDatetime(datetime(2026, 3, 10, tzinfo=UTC))
        return refused(lambda: registry.staff.ExtendDue(request))

    for learner, name in (("ada", "other"), ("bob", "t")):
        assert extend(learner, name).code() == grpc.StatusCode.NOT_FOUND
    assert fields_of(extend("ada", "t")) == ["activity_id"]


def test_a_deadline_moves_for_who_holds_a_place(registry: Registry) -> None:
    """A waiting learner has no deadline yet, a withdrawn one is not in the run, the past stays."""
    registry.people("ada", "bob", "eve")
    run = registry.open_run(capacity=1)
    task = activity("t", types_pb2.ACTIVITY_KIND_TASK)
    task.deadline.after_enrolment.FromTimedelta(timedelta(days=7))
    publish(registry, run.id, [task])
    for learner in ("eve", "ada", "bob"):
        registry.enrol(run.id, learner)
    registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id=run.id, learner_id="eve"))
    now = datetime(2026, 3, 2, 8, tzinfo=UTC)

    def request(learner: str, days: float) -> catalog_pb2.ExtendDueRequest:
        wanted = catalog_pb2.ExtendDueRequest(
            run_id=run.id, learner_id=learner, activity_id="t", reason="illness"
        )
        wanted.until.FromDatetime(now + timedelta(days=days))
        return wanted

    for learner, days, code in (
        ("bob", 9, grpc.StatusCode.FAILED_PRECONDITION),
        ("eve", 9, grpc.StatusCode.NOT_FOUND),
        ("ada", 0, grpc.StatusCode.INVALID_ARGUMENT),
        ("ada", 7, grpc.StatusCode.INVALID_ARGUMENT),
    ):
        wanted = request(learner, days)
        assert refused(lambda wanted=wanted: registry.staff.ExtendDue(wanted)).code() == code  # type: ignore[misc]
    assert registry.events("tandem.catalog.due.extended.v1") == []
    registry.staff.ExtendDue(request("ada", 8))
    assert fields_of(refused(lambda: registry.staff.ExtendDue(request("ada", 7.5)))) == ["until"]


def test_withdrawals_that_race_promote_in_the_order_of_coming(registry: Registry) -> None:
    """As many learners get a place as withdrew: those who waited for the longest time."""
    learners = [f"l{number:02}" for number in range(30)]
    registry.people(*learners)
    run = registry.open_run(capacity=10)
    for learner in learners:
        registry.enrol(run.id, learner)

    def leave(learner: str) -> None:
        registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id=run.id, learner_id=learner))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, learners[:8]))
    promotions = registry.events("tandem.catalog.enrolment.promoted.v1")
    promotions.sort(key=lambda row: row["sequence"])
    assert [json.loads(row["body"])["learnerId"] for row in promotions] == learners[10:18]


def test_who_waits_may_leave_the_waiting_list(registry: Registry) -> None:
    """No place becomes free; the next freed place goes to the next in line."""
    registry.people("a", "b", "c")
    run = registry.open_run(capacity=1)
    for learner in ("a", "b", "c"):
        registry.enrol(run.id, learner)

    def leave(learner: str) -> resources_pb2.Enrolment:
        mine = Stub(registry.channel_for(learner, "learner"))
        return mine.Withdraw(catalog_pb2.WithdrawRequest(run_id=run.id, learner_id=learner))

    assert leave("b").state == resources_pb2.ENROLMENT_STATE_WITHDRAWN
    assert registry.events("tandem.catalog.enrolment.promoted.v1") == []
    after = registry.staff.GetRun(catalog_pb2.GetRunRequest(run_id=run.id))
    assert (after.enrolled, after.waitlisted) == (1, 1)
    leave("a")
    (promotion,) = registry.events("tandem.catalog.enrolment.promoted.v1")
    assert json.loads(promotion["body"])["learnerId"] == "c"


def test_a_wish_changed_while_waiting_is_the_mode_of_the_place(registry: Registry) -> None:
    """The event of the promotion contains it; no event does before."""
    registry.people("a", "b")
    run = registry.open_run(capacity=1)
    for learner in ("a", "b"):
        registry.enrol(run.id, learner)
    wish = types_pb2.ATTENDANCE_MODE_CLASSROOM
    registry.staff.ChangeMode(
        catalog_pb2.ChangeModeRequest(run_id=run.id, learner_id="b", mode=wish)
    )
    assert registry.events("tandem.catalog.enrolment.mode_changed.v1") == []
    registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id=run.id, learner_id="a"))
    (promotion,) = registry.events("tandem.catalog.enrolment.promoted.v1")
    assert json.loads(promotion["body"])["mode"] == "ATTENDANCE_MODE_CLASSROOM"
    (row,) = registry.staff.ListEnrolments(
        catalog_pb2.ListEnrolmentsRequest(run_id=run.id)
    ).enrolments
    assert (row.learner_id, row.mode) == ("b", wish)


def test_a_repeat_of_any_command_answers_what_it_answered(registry: Registry) -> None:
    """It changes nothing, even if another answer would be right by now."""
    registry.people("ada")
    run = registry.open_run()
    task = activity("t", types_pb2.ACTIVITY_KIND_TASK)
    task.deadline.after_enrolment.FromTimedelta(timedelta(days=7))
    until = at(datetime(2026, 4, 1, tzinfo=UTC))
    who: dict[str, Any] = {"run_id": run.id, "learner_id": "ada", "request_id": "r"}
    registry.enrol(run.id, "ada")
    calls: list[Callable[[], object]] = [
        lambda: registry.staff.BatchUpsertPeople(
            catalog_pb2.BatchUpsertPeopleRequest(request_id="r", people=[person("bob")])
        ),
        lambda: registry.staff.CreateCourse(
            catalog_pb2.CreateCourseRequest(request_id="r", code="R", title="R")
        ),
        lambda: registry.staff.OpenRun(
            catalog_pb2.OpenRunRequest(
                request_id="r",
                course_id=run.course_id,
                term="t",
                delivery_mode=types_pb2.DELIVERY_MODE_BLENDED,
                zone="UTC",
                start_date="2026-03-01",
                end_date="2026-05-31",
            )
        ),
        lambda: registry.staff.PublishPath(
            catalog_pb2.PublishPathRequest(request_id="r", run_id=run.id, activities=[task])
        ),
        lambda: registry.staff.ExtendDue(
            catalog_pb2.ExtendDueRequest(activity_id="t", until=until, reason="illness", **who)
        ),
        lambda: registry.staff.Withdraw(catalog_pb2.WithdrawRequest(**who)),
        lambda: registry.staff.UpdateRun(
            catalog_pb2.UpdateRunRequest(request_id="r", run_id=run.id, title="R")
        ),
        lambda: registry.staff.SetRunStaff(
            catalog_pb2.SetRunStaffRequest(request_id="r", run_id=run.id)
        ),
        lambda: registry.staff.CloseRun(catalog_pb2.CloseRunRequest(request_id="r", run_id=run.id)),
        lambda: registry.staff.ReopenRun(
            catalog_pb2.ReopenRunRequest(request_id="r", run_id=run.id)
        ),
    ]
    for call in calls:
        first = call()
        before = everything(registry)
        assert call() == first
        assert everything(registry) == before


@only_deep
def test_200_units_of_work_at_once_give_50_places(registry: Registry) -> None:
    """The database alone ensures it, without the locks of the process."""
    learners = [f"l{number:03d}" for number in range(200)]
    registry.people(*learners)
    run = registry.open_run(capacity=50)

    def come(learner: str) -> str:
        command = Enrol(run_id=run.id, learner_id=learner, mode=AttendanceMode.ONLINE)
        return registry.database.transact(lambda store: enrol(store, command)).state

    with ThreadPoolExecutor(200) as pool:
        assert Counter(pool.map(come, learners)) == {"ENROLLED": 50, "WAITLISTED": 150}
    rows = registry.database.mongo["enrolments"].find({"state": "WAITLISTED"})
    assert sorted(row["ticket"] for row in rows) == list(range(1, 151))
    published = [row for row in registry.events() if ".enrolment." in row["type"]]
    assert {row["sequence"] for row in published} == {1}
    assert len({row["key"] for row in published}) == 200


def test_who_comes_and_goes_at_once_leaves_no_place_empty(registry: Registry) -> None:
    """Withdrawals race with enrolments; the counters are what the enrolments say."""
    learners = [f"l{number:02d}" for number in range(40)]
    registry.people(*learners)
    run = registry.open_run(capacity=10)
    for learner in learners[:20]:
        registry.enrol(run.id, learner)

    def step(learner: str) -> None:
        if learner < "l10":
            request = catalog_pb2.WithdrawRequest(run_id=run.id, learner_id=learner)
            registry.staff.Withdraw(request)
        else:
            registry.enrol(run.id, learner)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(step, learners))
    rows = registry.database.mongo["enrolments"].find({"run_id": run.id})
    states = Counter(row["state"] for row in rows)
    assert states == {"WITHDRAWN": 10, "ENROLLED": 10, "WAITLISTED": 20}
    after = registry.staff.GetRun(catalog_pb2.GetRunRequest(run_id=run.id))
    assert (after.enrolled, after.waitlisted) == (10, 20)


def test_a_repeated_batch_answers_what_it_answered(registry: Registry) -> None:
    """The first answer comes again; without the request id the answer is current."""
    registry.people("ada", "bob")
    run = registry.open_run()
    rows = [catalog_pb2.EnrolRow(learner_id=name, mode=ONLINE) for name in ("ada", "bob")]
    request = catalog_pb2.BatchEnrolRequest(request_id="b1", run_id=run.id, rows=rows)
    first = registry.staff.BatchEnrol(request)
    assert registry.staff.BatchEnrol(request) == first
    request.request_id = ""
    assert [row.changed for row in registry.staff.BatchEnrol(request).results] == [False, False]
    assert len(registry.events("tandem.catalog.enrolment.created.v1")) == 2


def test_what_is_refused_leaves_nothing_behind(registry: Registry) -> None:
    """No document of any collection differs after commands that were refused."""
    registry.people("ada")
    run = registry.open_run(delivery_mode=types_pb2.DELIVERY_MODE_SYNCHRONOUS)
    before = everything(registry)
    for learner, mode, code in (
        ("nobody", ONLINE, grpc.StatusCode.FAILED_PRECONDITION),
        ("ada", types_pb2.ATTENDANCE_MODE_SELF_PACED, grpc.StatusCode.INVALID_ARGUMENT),
    ):
        request = catalog_pb2.EnrolRequest(
            request_id="r", run_id=run.id, learner_id=learner, mode=mode
        )
        error = refused(lambda request=request: registry.staff.Enrol(request))  # type: ignore[misc]
        assert error.code() == code
    tasks = [activity("t", types_pb2.ACTIVITY_KIND_TASK)]
    assert fields_of(refused(lambda: publish(registry, run.id, tasks))) == ["activities"]
    assert fields_of(refused(lambda: registry.open_run(end_date="2026-02-01"))) == ["end_date"]
    courses = registry.database.mongo["courses"]
    courses.delete_many({"code": "C-1"})  # made for the run that was refused
    assert everything(registry) == before


def everything(registry: Registry) -> dict[str, list[dict[str, Any]]]:
    """All documents of the database."""
    names = registry.database.mongo.list_collection_names()
    return {name: list(registry.database.mongo[name].find().sort("_id")) for name in names}


def test_an_enum_value_of_a_newer_version_fails_no_call(registry: Registry) -> None:
    """A list has UNSPECIFIED for it, and a command that changes the document keeps it."""
    registry.people("ada", "bob")
    run = registry.open_run()
    for learner in ("ada", "bob"):
        registry.enrol(run.id, learner)
    enrolments = registry.database.mongo["enrolments"]
    enrolments.update_one({"learner_id": "ada"}, {"$set": {"mode": "HOLOGRAM"}})
    rows = registry.staff.ListEnrolments(
        catalog_pb2.ListEnrolmentsRequest(run_id=run.id)
    ).enrolments
    unspecified = types_pb2.ATTENDANCE_MODE_UNSPECIFIED
    assert [(row.learner_id, row.mode) for row in rows] == [("ada", unspecified), ("bob", ONLINE)]
    registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id=run.id, learner_id="ada"))
    stored = enrolments.find_one({"learner_id": "ada"})
    assert stored is not None
    assert (stored["mode"], stored["state"]) == ("HOLOGRAM", "WITHDRAWN")
