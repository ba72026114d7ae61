"""The worker as a process, under eventlet: what it hears and verifies, over the real parts."""

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
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from google.protobuf.message import Message
from tandem.library.v1.events_pb2 import ItemAvailable
from tandem.types.v1 import types_pb2

from campus.identity import IdentityProvider
from chassis.events import Event, body_of, event_type, headers_of
from services.library.settings import Settings
from tests.integration.library.shelves import (
    AVAILABLE,
    PDF,
    RUN,
    Shelves,
    enrolled,
    path,
    race,
)

EXCHANGE = "tandem.events"
FILM = (Path(__file__).parents[3] / "campus" / "demo" / "recording.mp4").read_bytes()


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
def environment(
    stack: dict[str, str], shelves: Shelves, library_settings: Settings, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """Of the library's processes, with a virtual host of the test's own."""
    name = f"library-{uuid.uuid4().hex[:8]}"
    _manage(stack, "PUT", f"/api/vhosts/{name}")
    yield {
        **stack,
        **IdentityProvider(tmp_path).environment(),
        "TANDEM_AMQP_URL": stack["TANDEM_AMQP_URL"].rpartition("/")[0] + f"/{name}",
        "TANDEM_MONGO_DATABASE": shelves.database.mongo.name,
        "TANDEM_S3_BUCKET": library_settings.s3_bucket,
        # The tests' clock stands in the past, where to a process every upload is long expired.
        "TANDEM_EXPIRE_UPLOADS": "315360000",
    }
    _manage(stack, "DELETE", f"/api/vhosts/{name}")


@contextmanager
def _role(name: str, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A role of the library; killed at the end where it still runs."""
    command = [sys.executable, "-W", "ignore", "-m", "services.library", name]
    with subprocess.Popen(command, env={**os.environ, **environment}) as process:
        try:
            yield process
        finally:
            process.kill()


def _publish(amqp_url: str, *data: Message) -> None:
    """Put catalog's events on the bus, as its relay does."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for number, each in enumerate(data, start=1):
            kind, now = event_type(type(each)), datetime.now(UTC)
            event = Event(str(uuid.uuid4()), kind, "/tandem/catalog", now, RUN, RUN, number, "",
                          each)  # fmt: skip
            properties = pika.BasicProperties(
                content_type="application/json", delivery_mode=2, headers=headers_of(event)
            )
            channel.basic_publish(EXCHANGE, kind, body_of(each), properties, mandatory=True)


def test_a_worker_verifies_and_knows_who_may_read(
    shelves: Shelves, environment: dict[str, str]
) -> None:
    """Two workers, many documents and a film: each item told once; SIGTERM ends both in order."""
    with _role("declare", environment) as declare:
        assert declare.wait(60) == 0
    with _role("worker", environment) as one, _role("worker", environment) as other:
        film = shelves.upload(
            FILM, kind=types_pb2.ITEM_KIND_RECORDING, media_type="video/mp4", run_ids=["run-2"]
        )
        ids = [film, *race(lambda _: shelves.upload(PDF), range(20))]
        _publish(environment["TANDEM_AMQP_URL"], enrolled("ada"), path(*ids[1:]))
        _eventually(lambda: all(shelves.item(each).state == AVAILABLE for each in ids))
        _eventually(lambda: shelves.may_read("ada", ids[-1]))
        assert not shelves.may_read("ada", film)
        assert shelves.item(film).seconds == 2400.0
        for process in (one, other):
            process.send_signal(signal.SIGTERM)
        assert [process.wait(60) for process in (one, other)] == [0, 0]
    assert all(len(shelves.published(ItemAvailable, each)) == 1 for each in ids)


def test_the_api_starts_while_the_store_is_away(environment: dict[str, str]) -> None:
    """What needs no files is answered; the bucket is made by the first upload."""
    away = {**environment, "TANDEM_S3_ENDPOINT": "http://127.0.0.1:1"}
    with subprocess.Popen(
        [sys.executable, "-m", "services.library", "api"],
        env={**os.environ, **away},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if "listening" in line:
                break
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(60) == 0
    assert "the S3 store does not answer yet" in told
