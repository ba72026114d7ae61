"""A worker's dispositions of strange headers, last attempts and failing timers; their traces."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tandem.catalog.v1 import events_pb2

from chassis.contracts import events
from chassis.messaging.inbox_processor import Delivery, Kind, apply
from chassis.messaging.subscriptions import one_by_one
from chassis.operations import tracing
from tests.integration.chassis.bus import NOW, Bus, an_event, channel_of, eventually
from tests.integration.chassis.bus_service import QUEUE, EnrolmentWithdrawn
from tests.integration.processes import RoleProcess

DEAD = f"{QUEUE}.dead"


@contextmanager
def started(module: str, bus: Bus, **more: str) -> Iterator[tuple[RoleProcess, int]]:
    """A worker as a process, and the port of its operations' server."""
    environment = {
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_MONGO_URL": bus.mongo_url,
        "TANDEM_MONGO_DATABASE": bus.database.mongo.name,
        "TANDEM_AMQP_URL": bus.amqp_url,
        **more,
    }
    worker = RoleProcess(["-m", f"{__package__}.{module}", "worker"], environment)
    try:
        yield worker, eventually("the port", lambda: worker.logged("working"))["ops_port"]
    finally:
        worker.kill()


def ready(port: int) -> dict[str, bool]:
    """The answer of /ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready") as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        return dict(json.load(error))


def poison(**headers: Any) -> tuple[dict[str, Any], bytes]:
    """An event that always fails, with more headers."""
    event = an_event("poison", "poison")
    return {**events.headers_of(event), **headers}, events.body_of(event.data)


def test_the_last_attempt_is_the_last(bus: Bus) -> None:
    """An event that failed after every delay becomes a dead letter at its next failure."""
    bus.declare()
    bus.send_raw(poison(**{"x-tandem-attempts": 4}))
    with bus.running("worker"):
        eventually("the dead letter", lambda: bus.count(DEAD) == 1)
    [(_, properties, _)] = bus.messages(DEAD, 1)
    assert properties.headers["x-tandem-attempts"] == 5
    assert properties.headers["x-tandem-reason"] == "ValueError: poison"
    assert properties.headers["x-tandem-queue"] == QUEUE


STRANGE = (-5, -(2**63), 2**63 - 1, "9" * 30, True, ["a"], b"\xff", None)


def test_a_strange_count_of_attempts_harms_nobody(bus: Bus) -> None:
    """Events with any such header become dead letters in the end, and the batch continues."""
    bus.declare()
    bus.send_raw(*(poison(**{"x-tandem-attempts": each}) for each in STRANGE))
    bus.send(an_event("good"))
    with bus.running("worker", ONE_TRY="1"):
        eventually("the good one's effect", lambda: bus.effects() == {"good": 1})
        eventually("the dead letters", lambda: bus.count(DEAD) == len(STRANGE))
        eventually("nothing left", lambda: bus.count() == 0)
    dead = bus.messages(DEAD, len(STRANGE))
    reasons = {properties.headers["x-tandem-reason"] for _, properties, _ in dead}
    assert reasons == {"ValueError: poison"}


def test_a_timer_that_fails_is_counted_and_goes_on(bus: Bus) -> None:
    """Each failure is counted, and the next tick comes."""
    with started("failing_timer", bus) as (worker, port):
        eventually("three ticks", lambda: bus.database.mongo["ticks"].count_documents({}) >= 3)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        [counted] = [line for line in lines if line.startswith("tandem_timer_failures_total{")]
        assert 'timer="failing"' in counted
        assert float(counted.split()[-1]) >= 2
        assert worker.stop() == 0


def test_a_worker_without_its_queue_is_not_ready(bus: Bus) -> None:
    """It says so for as long as the broker refuses its consumer, and works when that ends."""
    bus.declare()
    with started("bus_service", bus) as (_, port):
        eventually("ready", lambda: ready(port) == {"mongodb": True, "rabbitmq": True})
        with channel_of(bus.amqp_url) as channel:
            channel.queue_delete(QUEUE)
        eventually("not ready", lambda: not ready(port)["rabbitmq"])
        assert not any(ready(port)["rabbitmq"] for _ in range(100))
        bus.declare()
        eventually("ready again", lambda: ready(port)["rabbitmq"])
        bus.send(an_event("good"))
        eventually("its effect", lambda: bus.effects() == {"good": 1})


def test_an_event_carries_the_trace_of_its_cause(bus: Bus) -> None:
    """An event that a handler publishes belongs to the trace of the handled event."""

    def handle(store: Any, event: Any) -> None:
        store.record_event(EnrolmentWithdrawn(event.subject, "later", "l", NOW))

    subscription = one_by_one(QUEUE, {events_pb2.EnrolmentWithdrawn: handle})
    causes = {f"e{number}": f"00-{number + 1:032x}-{7:016x}-01" for number in range(3)}
    deliveries = []
    for name, traceparent in causes.items():
        event = an_event(name)
        headers = {**events.headers_of(event), "cloudEvents_traceparent": traceparent}
        deliveries.append(Delivery(events.body_of(event.data), headers))
    dispositions = apply(bus.database, subscription, deliveries)
    assert {disposition.kind for disposition in dispositions} == {Kind.APPLIED}
    rows = [row["headers"] for row in bus.database.mongo["outbox"].find()]
    found = {row["cloudEvents_subject"]: row["cloudEvents_traceparent"] for row in rows}
    assert {name: tracing.trace_id(each) for name, each in found.items()} == {
        name: tracing.trace_id(each) for name, each in causes.items()
    }
