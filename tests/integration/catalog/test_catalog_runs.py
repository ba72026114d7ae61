"""Runs that change, close and open again, behind the real edge."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.options.v1 import options_pb2
from tandem.types.v1 import types_pb2

from chassis.contracts import events
from tests.conftest import FakeClock
from tests.integration.catalog.registry import (
    ONLINE,
    Registry,
    Stub,
    activity,
    at,
    fields_of,
    publish,
    refused,
)

ENROLLED = resources_pb2.ENROLMENT_STATE_ENROLLED
WAITLISTED = resources_pb2.ENROLMENT_STATE_WAITLISTED
OBSERVER, TEACHER = options_pb2.STAFF_ROLE_OBSERVER, options_pb2.STAFF_ROLE_TEACHER
CLOSED, OPEN = resources_pb2.RUN_STATE_CLOSED, resources_pb2.RUN_STATE_OPEN
BY_REGISTRAR = resources_pb2.ENROLMENT_POLICY_BY_REGISTRAR


def update(registry: Registry, run_id: str, **fields: Any) -> resources_pb2.Run:
    """Change a run."""
    request = catalog_pb2.UpdateRunRequest(run_id=run_id, **fields)
    return registry.staff.UpdateRun(request)


def close(registry: Registry, run_id: str) -> resources_pb2.Run:
    """Close a run."""
    return registry.staff.CloseRun(catalog_pb2.CloseRunRequest(run_id=run_id))


def reopen(registry: Registry, run_id: str) -> resources_pb2.Run:
    """Open a closed run again."""
    return registry.staff.ReopenRun(catalog_pb2.ReopenRunRequest(run_id=run_id))


def get(registry: Registry, run_id: str) -> resources_pb2.Run:
    """A run as the API returns it."""
    return registry.staff.GetRun(catalog_pb2.GetRunRequest(run_id=run_id))


def withdraw(registry: Registry, run_id: str, learner: str) -> None:
    """Take a learner out of a run."""
    registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id=run_id, learner_id=learner))


def states(registry: Registry, run_id: str) -> dict[str, int]:
    """The state of each learner in a run."""
    request = catalog_pb2.ListEnrolmentsRequest(run_id=run_id)
    rows = registry.staff.ListEnrolments(request).enrolments
    return {row.learner_id: row.state for row in rows}


def types(registry: Registry) -> list[str]:
    """The types of all events, in short."""
    return [row["type"].removeprefix("tandem.catalog.") for row in registry.events()]


def last(registry: Registry, type_: str) -> Any:
    """The newest event of a type, decoded."""
    row = registry.events(f"tandem.catalog.{type_}.v1")[-1]
    return events.read(row["headers"], row["body"]).data


def test_an_update_changes_what_it_names(registry: Registry) -> None:
    """Other fields stay; one event has the whole run; an update that changes nothing has none."""
    run = registry.open_run(title="Motion")
    policy = resources_pb2.RunPolicy(catch_up_within=Duration(seconds=86_400))
    after = update(registry, run.id, end_date="2026-06-30", policy=policy)
    assert (after.title, after.start_date, after.end_date) == ("Motion", "2026-03-01", "2026-06-30")
    assert after.policy.catch_up_within.seconds == 86_400
    assert after.policy.watched_share == run.policy.watched_share
    assert get(registry, run.id) == after
    event = last(registry, "run.updated")
    assert (event.run.end_date, event.run.state) == ("2026-06-30", OPEN)
    assert event.run.policy == after.policy
    assert update(registry, run.id, end_date="2026-06-30", title="Motion") == after
    assert types(registry).count("run.updated.v1") == 1


def test_an_update_that_is_not_valid_lists_every_violation(registry: Registry) -> None:
    """Nothing is changed then."""
    run = registry.open_run()
    error = refused(
        lambda: update(
            registry,
            run.id,
            end_date="2026-02-01",
            policy=resources_pb2.RunPolicy(present_share=0.5, partial_share=0.6),
            enrolment=resources_pb2.EnrolmentRules(
                opens_at=at(datetime(2026, 3, 5, tzinfo=UTC)),
                closes_at=at(datetime(2026, 3, 4, tzinfo=UTC)),
            ),
        )
    )
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert fields_of(error) == ["end_date", "policy.partial_share", "enrolment.closes_at"]
    assert get(registry, run.id).end_date == run.end_date


def test_nobody_is_enrolled_or_promoted_in_a_closed_run(registry: Registry) -> None:
    """A withdrawal frees a place that stays free; a path, a mode and a due can't change."""
    registry.people("a", "b", "c")
    run = registry.open_run(capacity=1)
    publish(registry, run.id, [activity("task", types_pb2.ACTIVITY_KIND_TASK)])
    registry.enrol(run.id, "a")
    registry.enrol(run.id, "b")
    closed = close(registry, run.id)
    assert (closed.state, closed.HasField("closed_at")) == (CLOSED, True)
    assert close(registry, run.id) == closed
    refusals = [
        lambda: registry.enrol(run.id, "c"),
        lambda: update(registry, run.id, title="New"),
        lambda: publish(registry, run.id, [activity("task", types_pb2.ACTIVITY_KIND_TASK)]),
        lambda: registry.staff.ChangeMode(
            catalog_pb2.ChangeModeRequest(
                run_id=run.id, learner_id="a", mode=types_pb2.ATTENDANCE_MODE_CLASSROOM
            )
        ),
        lambda: registry.staff.ExtendDue(
            catalog_pb2.ExtendDueRequest(
                run_id=run.id,
                learner_id="a",
                activity_id="task",
                until=at(datetime(2026, 4, 1, tzinfo=UTC)),
                reason="ill",
            )
        ),
    ]
    for call in refusals:
        error = refused(call)
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert fields_of(error) == ["run_id"]
    withdraw(registry, run.id, "a")
    assert states(registry, run.id) == {"b": WAITLISTED}
    assert last(registry, "run.closed").run.state == CLOSED
    assert types(registry).count("run.closed.v1") == 1


def test_a_reopened_run_gives_its_free_places_away(registry: Registry) -> None:
    """The first that waited gets the place that became free while the run was closed."""
    registry.people("a", "b", "c")
    run = registry.open_run(capacity=1)
    for each in ("a", "b", "c"):
        registry.enrol(run.id, each)
    close(registry, run.id)
    withdraw(registry, run.id, "a")
    after = reopen(registry, run.id)
    assert (after.state, after.HasField("closed_at"), after.enrolled) == (OPEN, False, 1)
    assert states(registry, run.id) == {"b": ENROLLED, "c": WAITLISTED}
    assert types(registry)[-2:] == ["enrolment.promoted.v1", "run.reopened.v1"]
    assert reopen(registry, run.id) == after
    assert types(registry).count("run.reopened.v1") == 1


def test_a_run_ends_with_its_last_day_in_its_zone(registry: Registry, clock: FakeClock) -> None:
    """Dublin's 31 May ends at 23:00 UTC; from then nobody comes in, and a later end opens it."""
    registry.people("a", "b", "c")
    run = registry.open_run(capacity=1)
    registry.enrol(run.id, "a")
    clock.at = datetime(2026, 5, 31, 22, 59, 59, tzinfo=UTC)
    assert registry.enrol(run.id, "b").state == WAITLISTED
    clock.at = datetime(2026, 5, 31, 23, tzinfo=UTC)
    error = refused(lambda: registry.enrol(run.id, "c"))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "ended on 2026-05-31" in str(error.details())
    withdraw(registry, run.id, "a")
    assert states(registry, run.id) == {"b": WAITLISTED}
    update(registry, run.id, end_date="2026-06-30")
    assert states(registry, run.id) == {"b": ENROLLED}


def test_a_run_may_end_with_the_calendar(registry: Registry) -> None:
    """The last day that a date can name."""
    registry.people("ada")
    run = registry.open_run(end_date="9999-12-31", zone="Pacific/Kiritimati")
    assert registry.enrol(run.id, "ada").state == ENROLLED


def test_learners_enrol_themselves_by_the_runs_rules(registry: Registry, clock: FakeClock) -> None:
    """The window and the policy limit learners; the registrar enrols whenever the run goes on."""
    registry.people("ada", "bob")
    opens = clock.at + timedelta(hours=1)
    run = registry.open_run(
        enrolment=resources_pb2.EnrolmentRules(
            opens_at=at(opens), closes_at=at(opens + timedelta(hours=1))
        )
    )
    ada = Stub(registry.channel_for("ada", "learner"))
    request = catalog_pb2.EnrolRequest(run_id=run.id, learner_id="ada", mode=ONLINE)

    def details() -> str:
        error = refused(lambda: ada.Enrol(request))
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        return str(error.details())

    assert "2026-03-02T09:00:00Z" in details()
    assert registry.enrol(run.id, "bob").state == ENROLLED
    clock.at = opens
    assert ada.Enrol(request).state == ENROLLED
    ada.Withdraw(catalog_pb2.WithdrawRequest(run_id=run.id, learner_id="ada"))
    clock.at = opens + timedelta(hours=1)
    assert "2026-03-02T10:00:00Z" in details()
    update(registry, run.id, enrolment=resources_pb2.EnrolmentRules(policy=BY_REGISTRAR))
    assert "only the registrar" in details()
    assert registry.enrol(run.id, "ada").state == ENROLLED


def member(person_id: str, role: "options_pb2.StaffRole.ValueType") -> resources_pb2.StaffMember:
    """A member of staff."""
    return resources_pb2.StaffMember(person_id=person_id, role=role)


def test_invited_learners_enrol_themselves(registry: Registry) -> None:
    """Others don't; the registrar enrols anyone. A learner sees no invitation but the own one."""
    registry.people("ada", "bob", "eve")
    rules = resources_pb2.EnrolmentRules(
        policy=resources_pb2.ENROLMENT_POLICY_BY_INVITATION, invited_ids=["ada", "bob"]
    )
    run = registry.open_run(enrolment=rules)

    def enrol(learner: str) -> resources_pb2.Enrolment:
        request = catalog_pb2.EnrolRequest(run_id=run.id, learner_id=learner, mode=ONLINE)
        return Stub(registry.channel_for(learner, "learner")).Enrol(request)

    assert enrol("ada").state == ENROLLED
    error = refused(lambda: enrol("eve"))
    assert (error.code(), fields_of(error)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        ["learner_id"],
    )
    assert registry.enrol(run.id, "eve").state == ENROLLED
    one = catalog_pb2.GetRunRequest(run_id=run.id)
    seen = {
        who: list(Stub(registry.channel_for(who, role)).GetRun(one).enrolment.invited_ids)
        for who, role in (("bob", "learner"), ("eve", "learner"), ("office", "registrar"))
    }
    assert seen == {"bob": ["bob"], "eve": [], "office": ["ada", "bob"]}
    open_to_all = resources_pb2.EnrolmentRules(invited_ids=["ada"])
    wrong = refused(lambda: registry.open_run(enrolment=open_to_all))
    assert fields_of(wrong) == ["enrolment.invited_ids"]


def test_the_staff_of_a_run_is_replaced(registry: Registry) -> None:
    """Instructors are its first TEACHERs; the same staff again publishes nothing."""
    registry.people("curie", role=options_pb2.ROLE_INSTRUCTOR)
    registry.people("bohr", "ada")
    run = registry.open_run(instructor_ids=["curie"])
    curie, bohr, ada = member("curie", TEACHER), member("bohr", TEACHER), member("ada", OBSERVER)
    assert list(run.staff) == list(last(registry, "run.opened").staff) == [curie]
    request = catalog_pb2.SetRunStaffRequest(run_id=run.id, staff=[bohr, ada])
    after = registry.staff.SetRunStaff(request)
    assert (list(after.staff), list(after.instructor_ids)) == ([bohr, ada], ["bohr"])
    assert registry.staff.SetRunStaff(request) == after == get(registry, run.id)
    event = last(registry, "run.staff_changed").run
    assert (list(event.staff), list(event.instructor_ids)) == ([bohr, ada], ["bohr"])
    assert types(registry).count("run.staff_changed.v1") == 1
    nobody = registry.staff.SetRunStaff(catalog_pb2.SetRunStaffRequest(run_id=run.id))
    assert list(nobody.staff) == list(nobody.instructor_ids) == []
    assert list(get(registry, run.id).staff) == []


def test_staff_are_people_of_the_roster_and_named_once(registry: Registry) -> None:
    """Every violation is listed, and a closed run keeps its staff."""
    registry.people("ada")
    run = registry.open_run()

    def refusal(*staff: resources_pb2.StaffMember) -> Any:
        request = catalog_pb2.SetRunStaffRequest(run_id=run.id, staff=staff)
        return refused(lambda: registry.staff.SetRunStaff(request))

    twice = refusal(member("ada", OBSERVER), member("ada", TEACHER))
    assert twice.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert fields_of(twice) == ["staff[1].person_id"]
    close(registry, run.id)
    unknown = refusal(member("ada", OBSERVER), member("bob", TEACHER), member("eve", TEACHER))
    assert unknown.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert fields_of(unknown) == ["run_id", "staff[1].person_id", "staff[2].person_id"]


def test_a_run_of_an_older_version_has_its_instructors_as_staff(registry: Registry) -> None:
    """Its document has no staff, no rules and no closing."""
    registry.people("curie", role=options_pb2.ROLE_INSTRUCTOR)
    run = registry.open_run(instructor_ids=["curie"])
    newer = dict.fromkeys(("staff", "enrolment", "closed_at", "limited_at"), "")
    registry.database.mongo["runs"].update_one({"_id": run.id}, {"$unset": newer})
    assert get(registry, run.id).staff == run.staff


def test_closing_races_with_enrolments(registry: Registry) -> None:
    """Every enrolment is either in the run or refused; counters and events say the same."""
    learners = [f"l{number:02d}" for number in range(40)]
    registry.people(*learners)
    run = registry.open_run(capacity=30)

    def act(learner: str) -> str:
        if learner == learners[20]:
            close(registry, run.id)
        try:
            registry.enrol(run.id, learner)
        except grpc.RpcError as error:
            return str(error.code().name)
        return "OK"

    with ThreadPoolExecutor(16) as pool:
        answers = Counter(pool.map(act, learners))
    assert set(answers) <= {"OK", "FAILED_PRECONDITION"}
    after, found = get(registry, run.id), Counter(states(registry, run.id).values())
    assert answers["OK"] == sum(found.values())
    assert (after.enrolled, after.waitlisted) == (found[ENROLLED], found[WAITLISTED])
    assert types(registry).count("run.closed.v1") == 1


def test_holidays_are_told_and_an_update_without_them_leaves_them(registry: Registry) -> None:
    """They are kept in order, each once; an update with none takes them away."""
    run = registry.open_run(holidays=["2026-05-04", "2026-03-17", "2026-05-04"])
    assert list(run.holidays) == ["2026-03-17", "2026-05-04"]
    assert list(last(registry, "run.opened").holidays) == list(run.holidays)
    assert list(update(registry, run.id, title="Motion").holidays) == list(run.holidays)
    one = resources_pb2.Holidays(days=["2026-04-06"])
    assert list(update(registry, run.id, holidays=one).holidays) == ["2026-04-06"]
    assert list(last(registry, "run.updated").run.holidays) == ["2026-04-06"]
    assert not update(registry, run.id, holidays=resources_pb2.Holidays()).holidays
    wrong = resources_pb2.Holidays(days=["2026-4-6"])
    error = refused(lambda: update(registry, run.id, holidays=wrong))
    assert fields_of(error) == ["holidays.days[0]"]


def test_of_two_rules_for_the_due_of_a_catch_up_the_one_set_last_counts(registry: Registry) -> None:
    """A duration takes a civil rule away; other settings leave it."""
    span = resources_pb2.CivilSpan(days=2, working_days=True, time="18:00")
    run = registry.open_run(policy=resources_pb2.RunPolicy(catch_up_due=span))
    assert run.policy.catch_up_due == span
    assert run.policy.due_notice.seconds == 86_400
    no_notice = resources_pb2.RunPolicy(due_notice=Duration())
    after = update(registry, run.id, policy=no_notice)
    assert (after.policy.catch_up_due, after.policy.due_notice.seconds) == (span, 0)
    assert after.policy.HasField("due_notice")
    within = resources_pb2.RunPolicy(catch_up_within=Duration(seconds=86_400))
    assert not update(registry, run.id, policy=within).policy.HasField("catch_up_due")
    negative = resources_pb2.RunPolicy(due_notice=Duration(seconds=-1))
    assert fields_of(refused(lambda: update(registry, run.id, policy=negative))) == [
        "policy.due_notice"
    ]
