"""Our events as consumers read them that know nothing of Tandem."""

import os
import subprocess
import sys

import pika

from chassis.contracts import events
from tests.integration.chassis.bus import Bus, an_event, channel_of, eventually
from tests.integration.chassis.bus_service import QUEUE
from tests.integration.chassis.test_worker import DEAD, ONCE

STOCK = """
import eventlet
eventlet.monkey_patch()
import os
from nameko.events import event_handler
from nameko.runners import ServiceRunner

class Stranger:
    name = "stranger"
    @event_handler("tandem", "tandem.catalog.enrolment.withdrawn.v1")
    def seen(self, payload):
        print("SEEN", payload["enrolmentId"], payload["learnerId"], flush=True)

runner = ServiceRunner({"AMQP_URI": os.environ["URL"]})
runner.add_service(Stranger)
runner.start()
print("READY", flush=True)
runner.wait()
"""


def test_a_stock_nameko_service_reads_our_events(bus: Bus) -> None:
    """A nameko @event_handler, with nothing of ours, gets the event's body."""
    bus.declare()
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", STOCK],
        env={**os.environ, "URL": bus.amqp_url},
        stdout=subprocess.PIPE,
        text=True,
    ) as stranger:
        try:
            assert stranger.stdout
            assert stranger.stdout.readline() == "READY\n"
            with bus.running("relay"):
                bus.commit("run", ["e1"], "ada")
                assert stranger.stdout.readline() == "SEEN e1 ada\n"
        finally:
            stranger.kill()


def test_headers_survive_a_delay(bus: Bus) -> None:
    """A message has the same headers after a delay; those that the broker added are removed."""
    bus.declare()
    event = an_event("early", "wait-for-ada")
    with channel_of(bus.amqp_url) as channel:
        properties = pika.BasicProperties(
            headers={**events.headers_of(event), "more": "kept"}, message_id=event.id, timestamp=7
        )
        channel.basic_publish("", QUEUE, events.body_of(event.data), properties)
    with bus.running("worker", **ONCE):
        eventually("the dead letter", lambda: bus.count(DEAD) == 1)
    [(_, properties, _)] = bus.messages(DEAD, 1)
    assert properties.headers["more"] == "kept"
    assert (properties.message_id, properties.timestamp) == (event.id, 7)
    assert "x-death" not in properties.headers
