"""Learners' wishes of mode, behind the real edge."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from tandem.catalog.v1 import advice_pb2, catalog_pb2
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub as Stub
from tandem.types.v1 import types_pb2

from services.catalog.domain.advice import Wishes
from services.catalog.store_advice import wish_stages
from tests.integration.catalog.registry import ONLINE, Registry, refused

CLASSROOM = types_pb2.ATTENDANCE_MODE_CLASSROOM
SELF_PACED = types_pb2.ATTENDANCE_MODE_SELF_PACED
NO_MODE = types_pb2.ATTENDANCE_MODE_UNSPECIFIED


def wish(
    registry: Registry, run_id: str, learner: str, mode: Any = SELF_PACED, **more: Any
) -> advice_pb2.Preference:
    """What a learner's own call answers."""
    request = advice_pb2.SetPreferenceRequest(run_id=run_id, learner_id=learner, mode=mode, **more)
    return Stub(registry.channel_for(learner)).SetPreference(request)


def wished(registry: Registry, run_id: str, learner: str) -> Any:
    """The mode that a learner reads."""
    request = advice_pb2.GetPreferenceRequest(run_id=run_id, learner_id=learner)
    return Stub(registry.channel_for(learner)).GetPreference(request).mode


def test_a_learner_wishes_changes_and_takes_back(registry: Registry) -> None:
    """The enrolment keeps its mode, and no event is published."""
    registry.people("ada")
    run = registry.open_run().id
    registry.enrol(run, "ada")
    before = len(registry.events())
    assert wished(registry, run, "ada") == NO_MODE
    for mode in (SELF_PACED, CLASSROOM, NO_MODE):
        answer = wish(registry, run, "ada", mode)
        assert (answer.run_id, answer.learner_id, answer.mode) == (run, "ada", mode)
        assert wished(registry, run, "ada") == mode
    assert len(registry.events()) == before
    request = catalog_pb2.ListEnrolmentsRequest(run_id=run)
    assert registry.staff.ListEnrolments(request).enrolments[0].mode == ONLINE


def test_who_waits_for_a_place_wishes_too(registry: Registry) -> None:
    """The wish stays when the place comes; who leaves and comes back wishes nothing."""
    registry.people("ada", "bob")
    run = registry.open_run(capacity=1).id
    registry.enrol(run, "ada")
    registry.enrol(run, "bob")
    wish(registry, run, "bob")
    registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id=run, learner_id="ada"))
    assert wished(registry, run, "bob") == SELF_PACED
    registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id=run, learner_id="bob"))
    registry.enrol(run, "bob")
    assert wished(registry, run, "bob") == NO_MODE


def test_only_learners_of_a_run_that_goes_on_wish(registry: Registry) -> None:
    """Others are not found; a closed run takes no wish."""
    registry.people("ada", "bob")
    run = registry.open_run().id
    registry.enrol(run, "ada")
    assert refused(lambda: wish(registry, run, "bob")).code() is grpc.StatusCode.NOT_FOUND
    assert refused(lambda: wish(registry, "none", "ada")).code() is grpc.StatusCode.NOT_FOUND
    registry.staff.CloseRun(catalog_pb2.CloseRunRequest(run_id=run))
    closed = refused(lambda: wish(registry, run, "ada"))
    assert closed.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_a_repeated_wish_is_answered_as_before(registry: Registry) -> None:
    """Also after another one; it changes nothing then."""
    registry.people("ada")
    run = registry.open_run().id
    registry.enrol(run, "ada")
    first = wish(registry, run, "ada", SELF_PACED, request_id="w1")
    wish(registry, run, "ada", CLASSROOM)
    assert wish(registry, run, "ada", SELF_PACED, request_id="w1") == first
    assert wished(registry, run, "ada") == CLASSROOM


def test_a_wish_and_a_change_of_mode_at_once_both_hold(registry: Registry) -> None:
    """Ten of each: neither loses the other's field."""
    registry.people("ada")
    run = registry.open_run().id
    registry.enrol(run, "ada")
    change = catalog_pb2.ChangeModeRequest(run_id=run, learner_id="ada", mode=CLASSROOM)
    modes = (SELF_PACED, CLASSROOM)

    def attempt(number: int) -> None:
        if number % 2:
            registry.staff.ChangeMode(change, timeout=30)
        else:
            wish(registry, run, "ada", modes[number // 2 % 2])

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(attempt, range(20)))
    wish(registry, run, "ada")
    request = catalog_pb2.ListEnrolmentsRequest(run_id=run)
    assert registry.staff.ListEnrolments(request).enrolments[0].mode == CLASSROOM
    assert wished(registry, run, "ada") == SELF_PACED


def test_wishes_are_counted_from_an_index(registry: Registry) -> None:
    """Those of learners who are in or wait, with what nobody wishes; and no document is read."""
    registry.people("ada", "bob", "cyd", "dan", "eve")
    run = registry.open_run(capacity=3).id
    for learner, mode in zip(("ada", "bob", "cyd", "dan"), (1, 2, 3, 3), strict=True):
        registry.enrol(run, learner)
        wish(registry, run, learner, mode)
    registry.enrol(run, "eve")
    registry.staff.Withdraw(catalog_pb2.WithdrawRequest(run_id=run, learner_id="ada"))
    found = registry.database.reader().wishes(run)
    assert found == Wishes(classroom=0, online=1, self_paced=2, undecided=1)
    command = {"aggregate": "enrolments", "pipeline": wish_stages(run), "cursor": {}}
    told = registry.database.mongo.command("explain", command, verbosity="executionStats")
    stats = told["executionStats"] if "executionStats" in told else _first_stage(told)
    assert stats["totalDocsExamined"] == 0
    assert stats["totalKeysExamined"] <= 6


def _first_stage(told: Any) -> Any:
    return told["stages"][0]["$cursor"]["executionStats"]
