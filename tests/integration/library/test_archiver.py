"""Archivers as processes: killed while events come, and one after the other."""

import json
import random
import signal
import threading
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pymongo
import pytest
from click.testing import CliRunner, Result
from prometheus_client import REGISTRY

from campus.cli import cli
from chassis.archive import process, verifying
from chassis.archive.archive import Archive
from chassis.archive.archiver import Archiver
from chassis.archive.process import Process
from chassis.archive.store import Bucket
from chassis.data import lease
from chassis.messaging import topology
from services.library.store import LibraryStore
from tests.conftest import MakeDatabase
from tests.deep import DEEP
from tests.integration.chassis.archives import MemoryKeys
from tests.integration.chassis.bus import an_event, channel_of
from tests.integration.processes import eventually, publish, role


@pytest.fixture
def archiving(
    stack: dict[str, str], vhost: str, make_database: MakeDatabase, bucket: Bucket
) -> Mapping[str, str]:
    """The environment of archivers; the history is declared."""
    topology.declare(vhost, [])
    return {
        **stack,
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_AMQP_URL": vhost,
        "TANDEM_MONGO_DATABASE": make_database(LibraryStore).mongo.name,
        "TANDEM_ARCHIVE_BUCKET": bucket.name,
        "TANDEM_ARCHIVE_EVERY": "1",
    }


def archived(bucket: Bucket) -> int:
    """How many events the archive has."""
    return verifying.verify(Archive(bucket)).messages


def has_more(bucket: Bucket, before: int) -> bool:
    """Whether the archive has more segments than before."""
    return len(Archive(bucket).segments()) > before


def test_killed_archivers_lose_and_repeat_nothing(
    archiving: Mapping[str, str], bucket: Bucket, mongo: "pymongo.MongoClient[dict[str, Any]]"
) -> None:
    """Each dies at a moment that nobody chose, and the next goes on; deep, one waits until the
    lease ends by itself.
    """
    sent = 0
    leases: Any = mongo[archiving["TANDEM_MONGO_DATABASE"]]["leases"]
    for turn in range(3):
        with role("library", "archiver", archiving) as archiver:
            before = len(Archive(bucket).segments())
            for _ in range(random.randrange(1, 4)):
                publish(
                    archiving["TANDEM_AMQP_URL"],
                    *(an_event(f"e{sent + n}", sequence=sent + n) for n in range(1, 51)),
                )
                sent += 50
            eventually(partial(has_more, bucket, before), "a segment")
            archiver.kill()
        if turn or not DEEP:  # else the next one waits until the lease ends by itself
            lease.release(leases, process.NAME, leases.find_one({"_id": process.NAME})["holder"])
    with role("library", "archiver", archiving):
        eventually(lambda: archived(bucket) >= sent, "the rest")
    report = verifying.verify(Archive(bucket))
    assert report.faults == []
    assert (report.messages, report.last) == (sent, sent - 1)


def test_an_archiver_that_is_stopped_gives_its_lease_back(
    archiving: Mapping[str, str], bucket: Bucket
) -> None:
    """SIGTERM ends it with status 0, and another begins at once."""
    publish(archiving["TANDEM_AMQP_URL"], an_event("e1"))
    with role("library", "archiver", archiving) as first:
        eventually(lambda: archived(bucket) == 1, "the first event")
        first.send_signal(signal.SIGTERM)
        assert first.wait(120) == 0


def test_one_of_two_archives_and_the_other_takes_over(
    stack: dict[str, str],
    vhost: str,
    make_database: MakeDatabase,
    bucket: Bucket,
) -> None:
    """Who does not have the lease writes nothing; it is ready all the same."""
    topology.declare(vhost, [])
    database = make_database(LibraryStore)
    leases = database.mongo["leases"]
    assert lease.take(leases, process.NAME, "another", process.LEASE)
    waiting = Process(vhost, database, bucket, timedelta(seconds=1))
    thread = threading.Thread(target=waiting.run)
    thread.start()
    try:
        publish(vhost, an_event("e1"))
        assert waiting.ready() == {"mongodb": True, "archive": True}
        assert Archive(bucket).segments() == {}
        lease.release(leases, process.NAME, "another")
        eventually(lambda: archived(bucket) == 1, "the event in the archive")
    finally:
        waiting.stop()
        thread.join()
    assert lease.take(leases, process.NAME, "a third", process.LEASE)


def test_the_history_is_looked_after_although_nothing_can_be_archived(
    vhost: str, make_database: MakeDatabase, bucket: Bucket
) -> None:
    """The archive has another stream; the age of this one is reported all the same."""
    topology.declare(vhost, [])
    publish(vhost, an_event("e1"))
    Archiver(vhost, bucket, MemoryKeys(), lambda: None).archive()
    with channel_of(vhost) as channel:
        channel.queue_delete(topology.HISTORY)
    topology.declare(vhost, [])
    publish(vhost, an_event("e2"))
    failing = Process(vhost, make_database(LibraryStore), bucket, timedelta(seconds=1))
    thread = threading.Thread(target=failing.run)
    thread.start()
    try:
        eventually(lambda: REGISTRY.get_sample_value("tandem_history_age_seconds"), "its age")
        eventually(lambda: not failing.ready()["archive"], "a round that failed")
    finally:
        failing.stop()
        thread.join()
    assert REGISTRY.get_sample_value("tandem_history_age_seconds") == 0  # another tells it


def test_the_command_verifies_and_reads_it(
    archiving: Mapping[str, str], bucket: Bucket, tmp_path: Path
) -> None:
    """All is there: status 0. What is missing is listed: status 1."""
    publish(archiving["TANDEM_AMQP_URL"], an_event("e1"), an_event("e2", sequence=2))
    Archiver(archiving["TANDEM_AMQP_URL"], bucket, MemoryKeys(), lambda: None).archive()
    words = ["--data", str(tmp_path), "--json"]

    def tandem(*command: str) -> Result:
        return CliRunner().invoke(cli, [*command, *words], env=dict(archiving))

    good = tandem("events", "archive", "verify")
    assert (good.exit_code, json.loads(good.stdout)["messages"]) == (0, 2)
    lines = tandem("events", "tail", "--since", "2026-03-01").stdout.splitlines()
    assert [json.loads(line)["subject"] for line in lines] == ["e1", "e2"]
    (file,) = bucket.listed("events/")
    bucket.remove(file.key)
    bad = tandem("events", "archive", "verify")
    assert bad.exit_code == 1
    assert {fault["kind"] for fault in json.loads(bad.stdout)["faults"]} == {"damaged", "missing"}
