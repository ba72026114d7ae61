"""A stream whose files are truncated on the broker's disk, read together with its archive."""

import os
from pathlib import Path

import pytest
from pika.exceptions import AMQPError

from campus.stack.rabbitmq import RabbitMQ
from chassis.archive import reading
from chassis.archive.archive import Archive
from chassis.archive.archiver import Archiver
from chassis.archive.layout import Span
from chassis.archive.store import Bucket
from chassis.messaging import history, topology
from tests.deep import only_deep
from tests.integration.chassis.archives import LONG_AGO, MemoryKeys, free, subject
from tests.integration.chassis.bus import an_event, eventually
from tests.integration.processes import publish

COUNT = 150
SMALL = {"x-stream-max-segment-size-bytes": 100_000}


def truncate(broker: RabbitMQ, folder: Path) -> None:
    """Cut the stream's second file in half, as a damage of the broker's disk does."""
    broker.stop()
    file = sorted(folder.rglob("*.segment"))[1]
    os.truncate(file, file.stat().st_size // 2)
    broker.start()
    eventually("the stream", lambda: is_there(broker.address))


def is_there(url: str) -> bool:
    """Whether the broker has opened the stream's files."""
    try:
        history.last_offset(url)
    except AMQPError:
        return False
    return True


@only_deep
def test_a_truncated_file_of_the_stream_is_filled_from_the_archive(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RabbitMQ hands over nothing of it; a reader has every event once all the same."""
    monkeypatch.setattr(topology, "HISTORY_ARGUMENTS", topology.HISTORY_ARGUMENTS | SMALL)
    broker = RabbitMQ(tmp_path)
    broker.start()
    try:
        url = broker.address
        topology.declare(url, [])
        names = [f"e{number}" for number in range(COUNT)]
        for first in range(0, COUNT, 10):  # in several chunks, and so in several files
            some = names[first : first + 10]
            publish(url, *(an_event(name, learner="x" * 2_000) for name in some))
        archiver = Archiver(url, bucket, MemoryKeys(), free)
        archiver.archive()

        def read() -> list[str]:
            found = reading.read(url, Archive(bucket), LONG_AGO)
            return [str(each) if isinstance(each, Span) else subject(each[1]) for each in found]

        truncate(broker, tmp_path)
        assert read() == names
        archiver.archive()
    finally:
        broker.kill()
