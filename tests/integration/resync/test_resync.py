"""Resyncs over a real broker: copies become whole again, whatever happens meanwhile."""

import random
from functools import partial

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tandem.types.v1 import resyncs_pb2

from chassis.jobs.runner import Runner
from chassis.messaging import topology
from chassis.resync.resyncs import ResyncState
from chassis.resync.work import resyncing
from services.catalog.sources import SOURCES
from tests.deep import DEEP
from tests.integration.catalog.registry import refused
from tests.integration.chassis.bus import channel_of
from tests.integration.resync.copying import Copying
from tests.integration.resync.university import LEARNERS, University

SUBSCRIPTIONS = {
    "notify": ("notify.people", "notify.rosters"),
    "sessions": ("sessions.rosters",),
    "library": ("library.entitlements",),
    "progress": ("progress.plans",),
}


@settings(
    max_examples=40 if DEEP else 8,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(
        st.sampled_from(["change", "change", "relay", "send", "send", "work off"]), max_size=25
    ),
    service=st.sampled_from(sorted(SUBSCRIPTIONS)),
    lost=st.sampled_from(["everything", "the news"]),
)
def test_copies_are_whole_after_a_resync_in_any_order(
    copying: Copying, seed: int, steps: list[str], service: str, lost: str
) -> None:
    """A service that lost its database, or the news of some time, has the same copies as the
    originals after a resync, whatever is changed, relayed and worked off meanwhile.
    """
    choice = random.Random(seed)
    university = University(copying.registry)
    for _ in range(15):
        university.change(choice)
    copying.relay()
    copying.lose_news()
    if lost == "everything":
        copying.copiers[service].lose()
    copying.resync_amid(service, SUBSCRIPTIONS[service], steps, choice, university.change)
    copying.relay()
    copying.work_off(service)
    assert copying.differences(service) == {}


def test_a_whole_resync_reaches_one_subscription_and_nobody_else(copying: Copying) -> None:
    """A worker sends everything that the subscription takes; other queues, the exchange of events
    and the history get nothing; the counts tell it, and a second resync is no repeat.
    """
    university = University(copying.registry)
    copying.registry.enrol(university.run.id, LEARNERS[0])
    copying.relay()
    copying.lose_news()
    with channel_of(copying.amqp_url) as channel:
        channel.queue_declare("spy", durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind("spy", topology.EXCHANGE, "#")
        channel.queue_declare("lti.students", durable=True)
        channel.queue_bind("lti.students", topology.RESYNC, "#.lti.students")
    operator = copying.registry.channel_for("olga", "operator")
    stub = type(copying.registry.staff)(operator)
    asked = resyncs_pb2.RepublishRequest(request_id="r1", subscription="notify.people")
    begun = stub.Republish(asked)
    assert stub.Republish(asked).id == begun.id
    assert list(begun.kinds) == [each.kind for each in SOURCES]
    assert begun.state == resyncs_pb2.RESYNC_STATE_RUNNING
    jobs = resyncing("catalog", copying.amqp_url, SOURCES)
    assert Runner(copying.registry.database, jobs).run_due() == 1
    ended = stub.GetResync(resyncs_pb2.GetResyncRequest(resync_id=begun.id))
    assert ended.state == resyncs_pb2.RESYNC_STATE_DONE
    assert ended.requested_by == "olga"
    people = "tandem.catalog.person.upserted.v1"
    assert [(each.type, each.events) for each in ended.sent] == [(people, len(LEARNERS))]
    assert "tandem.catalog.run.updated.v1" in ended.not_taken
    assert copying.count("notify.people") == len(LEARNERS)
    assert [copying.count(each) for each in ("spy", "notify.rosters", "sessions.rosters.0")] == [
        0,
        0,
        0,
    ]
    stranger = copying.resync("lti.students", "people", "enrolments")
    assert copying.count("lti.students") == sum(each.events for each in stranger.sent)
    assert stranger.not_taken == ()
    assert copying.work_off("notify") == len(LEARNERS)
    copying.copiers["notify"].database.mongo["people"].delete_one({"_id": LEARNERS[1]})
    assert copying.differences("notify")["people"] == {LEARNERS[1]}
    copying.resync("notify.people", "people")
    copying.work_off("notify")
    assert "people" not in copying.differences("notify")


@pytest.mark.parametrize("subscription", ["notify.triggers", "progress.attendance", "no.such"])
def test_a_subscription_that_takes_none_refuses(copying: Copying, subscription: str) -> None:
    """What tells people, and what does not exist, gets nothing, and the resync says why."""
    University(copying.registry)
    found = copying.resync(subscription)
    assert found.state is ResyncState.REFUSED
    assert subscription in found.reason
    assert found.sent == ()


def test_unknown_kinds_and_names_are_refused_with_all_faults(copying: Copying) -> None:
    """The faults say which field is wrong, and what would be right."""
    stub = type(copying.registry.staff)(copying.registry.channel_for("olga", "operator"))
    asked = resyncs_pb2.RepublishRequest(subscription="notify.people", kinds=["people", "x", "y"])
    error = refused(lambda: stub.Republish(asked))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "people, runs, groups, enrolments" in str(error.details())
    for name in ("", "a b", "#", "x" * 101):
        asked = resyncs_pb2.RepublishRequest(subscription=name)
        error = refused(partial(stub.Republish, asked))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    unknown = resyncs_pb2.GetResyncRequest(resync_id="nothing")
    assert refused(lambda: stub.GetResync(unknown)).code() is grpc.StatusCode.NOT_FOUND
