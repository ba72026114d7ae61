"""Places, the waiting list, and their events."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import FieldViolation
from services.catalog.domain.enrolments import (
    Enrolment,
    enrolled,
    mode_violations,
    promoted,
    withdrawn,
)
from services.catalog.domain.enums import AttendanceMode, DeliveryMode, EnrolmentState, LateCatchUps
from services.catalog.domain.runs import (
    DEFAULT_POLICY,
    OpenRun,
    Run,
    RunPolicy,
    open_violations,
    with_defaults,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def a_run(**more: Any) -> Run:
    fields: dict[str, Any] = {
        "id": "run",
        "course_id": "course",
        "term": "t",
        "title": "Run",
        "delivery_mode": DeliveryMode.BLENDED,
        "zone": "UTC",
        "start_date": "2026-03-01",
        "end_date": "2026-05-31",
        "capacity": 3,
        "instructor_ids": (),
        "policy": DEFAULT_POLICY,
    }
    return Run(**{**fields, **more})


@given(st.lists(st.tuples(st.sampled_from(["come", "go"]), st.integers(0, 9)), max_size=60))
def test_places_are_full_before_anyone_waits(steps: list[tuple[str, int]]) -> None:
    """In any order, no more than the places are taken, and nobody waits while one is free."""
    run, people = a_run(), dict[int, Enrolment]()
    for step, who in steps:
        inside = who in people and people[who].is_in
        if step == "come" and not inside:
            change = enrolled(run, people.get(who), str(who), AttendanceMode.ONLINE, f"e{who}", NOW)
            run, people[who] = change.run, change.enrolment
        elif step == "go" and inside:
            change = withdrawn(run, people[who], NOW)
            run, people[who] = change.run, change.enrolment
            waiting = [e for e in people.values() if e.state is EnrolmentState.WAITLISTED]
            if waiting and run.has_place:
                first = min(waiting, key=lambda enrolment: enrolment.ticket)
                change = promoted(run, first, NOW)
                run, people[int(first.learner_id)] = change.run, change.enrolment
        states = [enrolment.state for enrolment in people.values()]
        assert run.enrolled == states.count(EnrolmentState.ENROLLED) <= run.capacity
        assert run.waitlisted == states.count(EnrolmentState.WAITLISTED)
        assert not run.waitlisted or run.enrolled == run.capacity


@pytest.mark.parametrize(
    ("delivery", "mode", "offered"),
    [
        (DeliveryMode.BLENDED, AttendanceMode.SELF_PACED, True),
        (DeliveryMode.SYNCHRONOUS, AttendanceMode.SELF_PACED, False),
        (DeliveryMode.ASYNCHRONOUS, AttendanceMode.CLASSROOM, False),
        (DeliveryMode.ASYNCHRONOUS, AttendanceMode.ONLINE, True),
        (DeliveryMode.ASYNCHRONOUS, AttendanceMode.SELF_PACED, True),
    ],
)
def test_a_run_offers_the_modes_of_its_delivery(
    delivery: DeliveryMode, mode: AttendanceMode, offered: bool
) -> None:
    """A live-only run offers no SELF_PACED mode, a run without classes no CLASSROOM mode."""
    assert bool(list(mode_violations(a_run(delivery_mode=delivery), mode))) is not offered


def open_with(**more: Any) -> list[FieldViolation]:
    fields: dict[str, Any] = {
        "course_id": "c",
        "term": "t",
        "title": "",
        "delivery_mode": DeliveryMode.BLENDED,
        "zone": "UTC",
        "start_date": "2026-03-01",
        "end_date": "2026-05-31",
        "capacity": 0,
        "instructor_ids": (),
        "policy": None,
    }
    return list(open_violations(OpenRun(**{**fields, **more})))


def test_a_run_that_ends_before_it_starts_is_refused() -> None:
    """Dates, instructors and policy are all looked at."""
    policy = RunPolicy(
        partial_share=0.9,
        present_share=0.5,
        catch_up_within=0 * DAY,
        seat_cutoff=-DAY,
        feedback_within=-DAY,
        seat_offer_notice=-DAY,
        seat_offer_within=0 * DAY,
        keep_recordings=40_000 * DAY,
    )
    found = open_with(end_date="2026-02-28", instructor_ids=("a", "a"), policy=policy)
    assert [violation.field for violation in found] == [
        "end_date",
        "instructor_ids",
        "policy.partial_share",
        "policy.catch_up_within",
        "policy.seat_cutoff",
        "policy.keep_recordings",
        "policy.feedback_within",
        "policy.seat_offer_notice",
        "policy.seat_offer_within",
    ]


def test_what_a_policy_leaves_open_is_the_default() -> None:
    """A policy that names one thing has the default for the rest."""
    assert with_defaults(None) == DEFAULT_POLICY
    chosen = with_defaults(RunPolicy(catch_up_within=3 * DAY))
    assert (chosen.catch_up_within, chosen.watched_share) == (3 * DAY, 0.9)
    assert with_defaults(RunPolicy(seat_cutoff=0 * DAY)).seat_cutoff == 0 * DAY
    off = with_defaults(RunPolicy(tell_falling_behind=False))
    assert DEFAULT_POLICY.tell_falling_behind
    assert not off.tell_falling_behind
    assert with_defaults(RunPolicy(watched_share=0.5), off).tell_falling_behind is False
    since = RunPolicy(late_catch_ups=LateCatchUps.SINCE, late_catch_ups_since="2026-03-02")
    once = with_defaults(since)
    assert (once.late_catch_ups, once.late_catch_ups_since) == (LateCatchUps.SINCE, "2026-03-02")
    again = with_defaults(RunPolicy(late_catch_ups=LateCatchUps.NONE), once)
    assert (again.late_catch_ups, again.late_catch_ups_since) == (LateCatchUps.NONE, "")
