"""The roles as processes: from a statement to its effect, over the real bus."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import grpc
import pika
import pytest

from chassis.events import Event, body_of, headers_of
from tests.conftest import FakeClock
from tests.integration.progress.classroom import (
    ABSENT,
    FILM,
    HOUR,
    Classroom,
    available,
    ended,
    enrolled,
    lecture,
    opened,
    path,
    recorded,
    scheduled,
    settled,
)

EXCHANGE = "tandem.events"
LEARNERS = [f"l{number}" for number in range(30)]


def _eventually(holds: Callable[[], Any]) -> None:
    """Wait until something holds; fail after a while."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.1)


def _manage(stack: dict[str, str], method: str, path_: str) -> None:
    """Ask the broker's management API."""
    broker = urlsplit(stack["TANDEM_AMQP_URL"])
    token = b64encode(f"{broker.username}:{broker.password}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    url = stack["TANDEM_AMQP_MANAGEMENT_URL"] + path_
    urllib.request.urlopen(urllib.request.Request(url, headers=headers, method=method))


@pytest.fixture
def amqp_url(stack: dict[str, str]) -> Iterator[str]:
    """A virtual host of the test's own."""
    name = f"progress-{uuid.uuid4().hex[:8]}"
    _manage(stack, "PUT", f"/api/vhosts/{name}")
    yield stack["TANDEM_AMQP_URL"].rpartition("/")[0] + f"/{name}"
    _manage(stack, "DELETE", f"/api/vhosts/{name}")


@contextmanager
def _role(name: str, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A role of progress; killed at the end where it still runs."""
    command = [sys.executable, "-W", "ignore", "-m", "services.progress", name]
    with subprocess.Popen(command, env={**os.environ, **environment}) as process:
        try:
            yield process
        finally:
            process.kill()


def _publish(amqp_url: str, *events: Event[Any]) -> None:
    """Put events on the bus, as another service's relay does."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for event in events:
            properties = pika.BasicProperties(
                content_type="application/json", delivery_mode=2, headers=headers_of(event)
            )
            channel.basic_publish(
                EXCHANGE, event.type, body_of(event.data), properties, mandatory=True
            )


def test_from_absence_to_study_over_the_bus(
    classroom: Classroom, clock: FakeClock, stack: dict[str, str], amqp_url: str
) -> None:
    """Events in disorder and twice give one catch-up each; statements come back over the bus."""
    clock.at = datetime.now(UTC)  # the worker knows the system's clock only
    environment = {
        **stack,
        "TANDEM_AMQP_URL": amqp_url,
        "TANDEM_MONGO_DATABASE": classroom.database.mongo.name,
    }
    with _role("declare", environment) as declare:
        assert declare.wait(60) == 0
    news = [
        classroom.event(each)
        for each in (
            opened(),
            path(lecture()),
            *(enrolled(each, clock.at) for each in LEARNERS),
            scheduled(clock.at - HOUR),
            ended(clock.at),
            settled(clock.at, dict.fromkeys(LEARNERS, ABSENT)),
            recorded(),
            available(FILM, 3600),
        )
    ]
    with _role("relay", environment) as relay, _role("worker", environment) as worker:
        _publish(amqp_url, *reversed(news), *news)
        _eventually(lambda: _open_catch_ups(classroom) == len(LEARNERS))
        classroom.record(*(classroom.watched(each, "0[.]3600") for each in LEARNERS[:20]))
        _eventually(lambda: classroom.summary().completed_catch_ups == 20)
        for process in (worker, relay):
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    summary = classroom.summary()
    assert (summary.open_catch_ups, summary.statements) == (10, 20)
    assert summary.completed_activities == 20
    assert len(classroom.catch_ups()) == len(LEARNERS)


def _open_catch_ups(classroom: Classroom) -> int:
    """How many wait to be studied; none while the run is not known."""
    try:
        return classroom.summary().open_catch_ups
    except grpc.RpcError:
        return 0
