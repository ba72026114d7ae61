"""The snippets of docs/events.md, run as they are written there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pika

from chassis.messaging import topology
from chassis.messaging.queue_figures import figures
from tests.integration.chassis.bus import Bus, channel_of, eventually

PAGE = Path(__file__).parents[3] / "docs" / "events.md"

KOMBU_HEAD = "import os\nurl = os.environ['URL']\n"
PIKA_HEAD = """
import os
from datetime import UTC, datetime, timedelta
import pika
channel = pika.BlockingConnection(pika.URLParameters(os.environ['URL'])).channel()
def on_event(channel, method, properties, body):
    print(properties.headers["cloudEvents_type"], properties.headers["cloudEvents_id"], body)
    channel.basic_ack(method.delivery_tag)
"""


def snippet(text: str) -> str:
    """The page's Python block that has this text."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    [found] = [block for block in blocks if text in block]
    return str(found)


@contextmanager
def running(bus: Bus, program: str) -> Iterator["subprocess.Popen[str]"]:
    """A stranger's program, with nothing of ours but the broker's address."""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", program],
        env={**os.environ, "URL": bus.amqp_url},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: "subprocess.Popen[str]") -> str:
    """The next line that it prints."""
    assert process.stdout
    return process.stdout.readline()


def is_consumed(bus: Bus, queue: str) -> bool:
    """Whether the stranger consumes its queue, which it has declared and bound by then."""
    with channel_of(bus.amqp_url) as channel:
        found = figures(channel.connection, queue)
    return found is not None and found.consumers > 0


def test_the_kombu_snippet_listens(bus: Bus) -> None:
    """It declares its queue and prints type, id and body of what it wants."""
    bus.declare()
    with running(bus, KOMBU_HEAD + snippet("from kombu import")) as stranger:
        eventually("its consumer", lambda: is_consumed(bus, "records.attendance"))
        kind = "tandem.sessions.attendance.amended.v1"
        headers = {"cloudEvents_type": kind, "cloudEvents_id": "the-id"}
        publish(bus, kind, headers)
        assert line(stranger) == f"{kind} the-id {{'personId': 'ada'}}\n"


def test_the_pika_snippet_replays(bus: Bus) -> None:
    """It reads the last days from the history."""
    bus.declare()
    with bus.running("relay"):
        bus.commit("run", ["e1"])
        eventually("its publication", lambda: bus.waiting() == 0)
    program = PIKA_HEAD + snippet("x-stream-offset") + "channel.start_consuming()\n"
    with running(bus, program) as stranger:
        found = line(stranger)
        assert found.startswith("tandem.catalog.enrolment.withdrawn.v1 ")
        assert '"enrolmentId": "e1"' in found


def publish(bus: Bus, kind: str, headers: dict[str, str]) -> None:
    """An event with a body of our own."""
    with channel_of(bus.amqp_url) as channel:
        properties = pika.BasicProperties(content_type="application/json", headers=headers)
        channel.basic_publish(topology.EXCHANGE, kind, b'{"personId": "ada"}', properties)
