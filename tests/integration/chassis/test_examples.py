"""The programs in examples/, started as strangers start them, killed, and started again."""

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pika
import pytest
from tandem.catalog.v1 import events_pb2

from chassis import ids
from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.messaging import topology
from chassis.messaging.queue_figures import figures
from tests import node
from tests.deep import DEEP, deep
from tests.integration.chassis.bus import NOW, TYPE, Bus, an_event, channel_of, eventually
from tests.integration.chassis.bus_service import EnrolmentWithdrawn
from tests.integration.chassis.desk import Desk

EXAMPLES = Path(__file__).parents[3] / "examples"
QUEUE = "records.enrolments"
# Events, more than a program's prefetch; and how often it is killed among them.
COUNT, KILLS = (600, 8) if DEEP else (150, 2)
PROGRAMS = ["with_pika.py", "with_kombu.py", "with_nameko.py", "node/with_amqplib.mjs"]
MODES = ["live", "replay"]
# pika, unlike the others, gives up to connect; here a busy broker may take its time.
PATIENT = {"with_pika.py": "?socket_timeout=150&stack_timeout=150"}
Counts = Counter[tuple[str, str]]


@dataclass(frozen=True)
class Example:
    """A program, the broker that it reads, and the file in which it counts."""

    program: Path
    bus: Bus
    file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    queue: str = ""
    """A queue that others declare; empty: the program declares its own."""

    @contextmanager
    def running(self, mode: str) -> Iterator["subprocess.Popen[str]"]:
        """The program with nothing of ours; killed by SIGKILL at the end."""
        runs = ["node"] if self.program.suffix == ".mjs" else [sys.executable, "-W", "ignore"]
        url = self.bus.amqp_url + PATIENT.get(self.program.name, "")
        words = [*runs, str(self.program), *mode.split(), url, str(self.file), *self.queue.split()]
        surroundings = {"PATH": os.environ["PATH"], **self.environment}
        with subprocess.Popen(
            words, env=surroundings, cwd=self.file.parent, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def makes_its_queue(self, mode: str = "live") -> None:
        """Start it, and kill it when it consumes its queue, which it has declared and bound by
        then.
        """
        with self.running(mode) as process:
            eventually("its consumer", lambda: _runs(process) and self._listens())

    def _listens(self) -> bool:
        with channel_of(self.bus.amqp_url) as channel:
            found = figures(channel.connection, QUEUE)
        return found is not None and found.consumers > 0

    def counts(self) -> Counts:
        """How often it counted each type of event, in each run."""
        if not self.file.exists():
            return Counter()
        return self._lines() if self.program.suffix == ".mjs" else self._rows()

    def _rows(self) -> Counts:
        with closing(sqlite3.connect(self.file, timeout=60)) as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'counts'").fetchone():
                return Counter()
            rows = database.execute("SELECT run, type, number FROM counts")
            return Counter({(run, kind): number for run, kind, number in rows})

    def _lines(self) -> Counts:
        whole = [line for line in self.file.read_text().splitlines(True) if line.endswith("\n")]
        noted = [json.loads(line) for line in whole]
        return Counter((each["run"], each["type"]) for each in noted)

    def reads(self, mode: str, least: int) -> None:
        """Start it, and kill it as soon as it has counted this number of events in all."""
        with self.running(mode) as process:
            eventually(
                f"{least} events counted", lambda: _runs(process) and self.counts().total() >= least
            )

    def fails(self, mode: str) -> str:
        """Start it; what it says when it has ended by an error."""
        with self.running(mode) as process:
            _, errors = process.communicate(timeout=150)
            assert process.returncode > 0, errors
            return errors


def _runs(process: "subprocess.Popen[str]") -> bool:
    """True; fails with what the process said if it has ended."""
    if process.poll() is not None:
        assert process.stderr
        raise AssertionError(process.stderr.read())
    return True


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the program for Node.js, with its packages."""
    return node.installed(EXAMPLES / "node", tmp_path_factory.mktemp("node"))


@pytest.fixture(params=PROGRAMS)
def example(request: pytest.FixtureRequest, bus: Bus, tmp_path: Path) -> Example:
    """Each program, on a broker where Tandem's topology is declared."""
    folder, name = EXAMPLES, request.param
    if name.startswith("node/"):
        folder = request.getfixturevalue("node_folder").parent
    bus.declare()
    return Example(folder / name, bus, tmp_path / "counts")


def commit(bus: Bus, runs: Iterable[str]) -> Counts:
    """Let a learner be withdrawn from each run, in one unit of work; what is to be counted."""
    listed = list(runs)
    happened = [EnrolmentWithdrawn(ids.new_id(), run, "ada", NOW) for run in listed]
    bus.database.transact(lambda store: store.record_event(*happened))
    return Counter((run, TYPE) for run in listed)


def names(letter: str, count: int = COUNT) -> list[str]:
    """Runs; every third is the same one."""
    return [letter if number % 3 == 0 else f"{letter}{number}" for number in range(count)]


def an_updated_course() -> Event[Any]:
    """An event that the programs don't want."""
    data = events_pb2.CourseUpdated(course_id="c", code="C-1", title="Waves")
    return replace(an_event("c"), type="tandem.catalog.course.updated.v1", data=data)


def publish_null(bus: Bus) -> None:
    """An event whose body none of them can count."""
    properties = pika.BasicProperties(
        content_type=events.CONTENT_TYPE, headers=events.headers_of(an_event("null"))
    )
    with channel_of(bus.amqp_url) as channel:
        channel.confirm_delivery()
        channel.basic_publish(topology.EXCHANGE, TYPE, b"null", properties)


@deep
@pytest.mark.parametrize("mode", MODES)
def test_an_example_killed_again_and_again_counts_every_event_once(
    example: Example, mode: str
) -> None:
    """Killed in the middle of events that a relay publishes, some of which come twice."""
    bus = example.bus
    if mode == "live":
        example.makes_its_queue()
    with bus.running("relay"):
        expected = commit(bus, names("a"))
        for kill in range(1, KILLS + 1):
            example.reads(mode, COUNT * kill // (KILLS + 2))
        twice = [an_event(f"twice-{number}", run="twice") for number in range(20)]
        bus.publish(an_updated_course(), *twice, *twice, an_updated_course())
        expected += Counter({("twice", TYPE): len(twice)})
        expected += commit(bus, names("b"))
        example.reads(mode, expected.total() - COUNT // 2)
        bus.publish(*twice)
        eventually("an empty outbox", lambda: bus.waiting() == 0)
        expected += commit(bus, ["last"])
        example.reads(mode, expected.total())
    assert example.counts() == expected


def test_an_example_reads_the_past_and_then_its_queue(example: Example) -> None:
    """What is in the history and in its queue counts once; nothing is missing in between."""
    bus = example.bus
    with bus.running("relay"):
        expected = commit(bus, names("before", 30))
        eventually("an empty outbox", lambda: bus.waiting() == 0)
        example.makes_its_queue()
        expected += commit(bus, names("both", 30))
        example.reads("replay", expected.total())
        assert example.counts() == expected
        expected += commit(bus, names("after", 30))
        example.reads("live", expected.total())
    assert example.counts() == expected


@pytest.mark.parametrize("mode", MODES)
def test_an_example_ends_at_what_it_cannot_count_and_loses_nothing(
    example: Example, mode: str
) -> None:
    """The event comes again when the program is started again, and those after it are there."""
    if mode == "live":
        example.makes_its_queue()
    publish_null(example.bus)
    example.bus.publish(an_event("after"))
    for _ in range(2):
        assert "TypeError" in example.fails(mode)
    assert example.counts() == Counter()


def test_an_example_says_that_the_history_was_shortened(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends, instead of going on without the events that it has missed."""
    bus = example.bus
    bus.publish(an_event("first"))
    example.reads("replay", 1)
    with channel_of(bus.amqp_url) as channel:  # the same, with bounds that are reached soon
        channel.queue_delete(topology.HISTORY)
        small = {"x-max-length-bytes": 200_000, "x-stream-max-segment-size-bytes": 100_000}
        monkeypatch.setattr(topology, "HISTORY_ARGUMENTS", topology.HISTORY_ARGUMENTS | small)
        topology.declare_history(channel)
    eventually("a later beginning", partial(_is_shortened, bus))
    assert "the history no longer has the events after 0" in example.fails("replay")


def _is_shortened(bus: Bus) -> bool:
    """Publish more; whether the first event is gone."""
    with channel_of(bus.amqp_url) as channel:
        channel.confirm_delivery()
        for _ in range(100):
            channel.basic_publish(topology.EXCHANGE, "tandem.any.v1", bytes(10_000))
        channel.basic_qos(prefetch_count=1)
        arguments = {"x-stream-offset": "first"}
        for _, properties, _ in channel.consume(topology.HISTORY, arguments=arguments):
            channel.close()
            return int(properties.headers["x-stream-offset"]) > 0
    raise AssertionError


def test_a_program_reads_the_queue_that_it_is_given(example: Example, desk: Desk) -> None:
    """Under an account that may only read it: it declares nothing, and counts a repeat once."""
    names = desk.add()
    some = [an_event(f"e{number}", sequence=number + 1) for number in range(5)]
    desk.bus.publish(*some, some[0], an_event("last", run="other"))
    there = replace(desk.bus, amqp_url=desk.url(names))
    given = replace(example, bus=there, queue=names.queue)
    given.reads("live", 6)
    assert given.counts() == {("run", TYPE): 5, ("other", TYPE): 1}
