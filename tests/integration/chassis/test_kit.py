"""The consumer kit in kit/, on a real broker."""

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.exceptions import AMQPError
from tandem_events import DeadLetter, Event, Gap, SqliteInbox, Subscriber, subscriber

from chassis.messaging import topology
from tests.deep import deep
from tests.integration.chassis.bus import TYPE, Bus, an_event, channel_of, eventually
from tests.integration.chassis.test_examples import COUNT, KILLS, Example, commit, names

KIT = Path(__file__).parents[3] / "kit"
NAME, DEAD = "records", "records.dead"
Handler = Callable[[Event, sqlite3.Connection], None]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the kit as pip installs it."""
    folder = tmp_path_factory.mktemp("kit")
    copy = folder / "source"
    shutil.copytree(KIT, copy)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *options]
    subprocess.run([*command, "--target", folder / "installed", copy], check=True)
    return folder / "installed"


@deep
def test_the_kits_example_killed_again_and_again_counts_every_event_once(
    bus: Bus, installed: Path, tmp_path: Path
) -> None:
    """With nothing but what is installed, among events some of which come twice."""
    bus.declare()
    given = {"PYTHONPATH": str(installed)}
    url = f"{bus.amqp_url}?socket_timeout=150&stack_timeout=150"
    there = replace(bus, amqp_url=url)
    example = Example(KIT / "example.py", there, tmp_path / "counts", given)
    example.makes_its_queue("")
    with bus.running("relay"):
        expected = commit(bus, names("a"))
        for kill in range(1, KILLS + 1):
            example.reads("", COUNT * kill // (KILLS + 2))
        twice = [an_event(f"twice-{number}", run="twice") for number in range(20)]
        bus.publish(*twice, *twice)
        expected += Counter({("twice", TYPE): len(twice)})
        example.reads("", expected.total())
        bus.publish(*twice)
        expected += commit(bus, ["last"])
        example.reads("", expected.total())
    assert example.counts() == expected


def test_the_kit_needs_nothing_of_the_services(installed: Path) -> None:
    """It loads pika and protobuf alone, and has its examples with it."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tandem_events.testing;"
        "tandem_events.testing.example('tandem.catalog.enrolment.withdrawn.v1');"
        "print({name.partition('.')[0] for name in sys.modules}"
        " & {'chassis', 'services', 'campus', 'tandem', 'grpc', 'kombu', 'pymongo', 'minio'})"
    )
    command = [sys.executable, "-I", "-c", program, str(installed)]
    done = subprocess.run(command, cwd=installed, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


class Reader:
    """A subscription whose handler obeys the event's learner, and what it handled."""

    def __init__(self, bus: Bus, file: Path) -> None:
        self.bus, self.file = bus, file
        self.handled: list[str] = []
        self.tried: Counter[str] = Counter()
        self.healed = False

    def handle(self, event: Event, _: sqlite3.Connection) -> None:
        """Fail once, always, or never."""
        order = event.data["learnerId"]
        self.tried[event.subject] += 1
        if order == "never":
            raise DeadLetter("nobody wants it")
        if (order == "later" and not self.healed) or (order == "once" and self._is_first(event)):
            raise LookupError("not known yet")
        self.handled.append(event.subject)

    def _is_first(self, event: Event) -> bool:
        return self.tried[event.subject] == 1

    @contextmanager
    def running(self) -> Iterator[None]:
        """Handle events in a thread, until the end."""
        made: list[Subscriber[Any]] = []
        ready, failed = threading.Event(), []

        def run() -> None:
            with closing(SqliteInbox(str(self.file))) as inbox:
                made.append(self.subscriber(inbox))
                made[0].declare()
                ready.set()
                try:
                    made[0].run(self.handle)
                except Exception as error:
                    failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        assert ready.wait(150)
        try:
            yield
        finally:
            made[0].stop()
            thread.join(150)
            assert not failed

    def subscriber(self, inbox: Any) -> Subscriber[Any]:
        """The subscription, which tries again twice, after a second each."""
        return Subscriber(self.bus.amqp_url, NAME, ["tandem.catalog.#"], inbox, delays=(1, 1))

    def declare(self) -> None:
        """Declare its queues, so that they keep what is published before it runs."""
        with closing(SqliteInbox(":memory:")) as inbox:
            self.subscriber(inbox).declare()

    def gaps(self) -> list[Gap]:
        """What is missing now."""
        with closing(SqliteInbox(str(self.file))) as inbox:
            return inbox.gaps()

    def dead(self, count: int) -> list[dict[str, Any]]:
        """The headers of the dead letters, of which there are this many."""
        eventually(f"{count} dead letters", lambda: self.bus.count(DEAD) == count)
        with channel_of(self.bus.amqp_url) as channel:
            found = [channel.basic_get(DEAD)[1].headers for _ in range(count)]
        eventually("they are back", lambda: self.bus.count(DEAD) == count)
        return found


@pytest.fixture
def reader(bus: Bus, tmp_path: Path) -> Reader:
    """A subscription of which nothing is declared yet."""
    bus.declare()
    return Reader(bus, tmp_path / "inbox")


def test_an_event_whose_handler_fails_comes_again(reader: Reader) -> None:
    """After a delay, in which later events of its key are handled and it counts as missing."""
    reader.declare()
    for sequence, order in enumerate(["ada", "once", "ada"], 1):
        reader.bus.publish(an_event(f"e{sequence}", order, sequence=sequence))
    with reader.running():
        eventually("all three", lambda: len(reader.handled) == 3)
    assert reader.handled == ["e1", "e3", "e2"]
    assert reader.tried == {"e1": 1, "e2": 2, "e3": 1}
    assert reader.gaps() == []


def test_what_never_succeeds_is_a_dead_letter_until_it_is_tried_again(reader: Reader) -> None:
    """It is tried after each delay; its reason is with it, and its number is missing."""
    with reader.running():
        reader.bus.publish(an_event("e1"), an_event("e2", "later", sequence=2))
        reader.bus.publish(an_event("e3", sequence=3))
        [headers] = reader.dead(1)
        assert reader.tried["e2"] == 3
        assert headers["x-tandem-reason"] == "LookupError('not known yet')"
        eventually("the third", lambda: reader.handled == ["e1", "e3"])
        reader.healed = True
        with closing(SqliteInbox(":memory:")) as inbox:
            assert reader.gaps() == [Gap("/tandem/catalog", "run", 2, 2)]
            assert reader.subscriber(inbox).retry_dead() == 1
        eventually("all three", lambda: reader.handled == ["e1", "e3", "e2"])
    assert reader.gaps() == []
    assert reader.bus.count(DEAD) == 0


def test_what_is_refused_or_unreadable_is_a_dead_letter_at_once(reader: Reader) -> None:
    """It is not tried again; events after it are handled."""
    with reader.running():
        reader.bus.publish(an_event("e1", "never"))
        with channel_of(reader.bus.amqp_url) as channel:
            channel.basic_publish(topology.EXCHANGE, TYPE, b"\xff")
            properties = pika.BasicProperties(headers={"cloudEvents_id": 7, "x-death": "odd"})
            channel.basic_publish(topology.EXCHANGE, TYPE, b"[]", properties)
        reader.bus.publish(an_event("e2"))
        reasons = [headers["x-tandem-reason"] for headers in reader.dead(3)]
        eventually("the event after them", lambda: reader.handled == ["e2"])
    assert reader.tried["e1"] == 1
    assert reasons[0] == "DeadLetter('nobody wants it')"
    assert "cloudEvents_id is missing" in reasons[1]
    assert "cloudEvents_id is 7, and no text" in reasons[2]
    assert "the body is no JSON object" in reasons[2]


class AwayError(Exception):
    """The inbox's database is away."""


class Away:
    """An inbox whose database is away."""

    def handle(self, event: Event, handler: Callable[[Event, None], None]) -> bool:
        """Fail."""
        raise AwayError


def test_a_database_that_is_away_ends_the_run_and_loses_nothing(reader: Reader) -> None:
    """The event is still in the queue, and is handled once the database is back."""
    broken = reader.subscriber(Away())
    broken.declare()
    reader.bus.publish(an_event("e1"))
    for _ in range(2):
        with pytest.raises(AwayError):
            broken.run(reader.handle)
    with reader.running():
        eventually("the event", lambda: reader.handled == ["e1"])


def test_an_event_that_ends_its_process_each_time_is_a_dead_letter(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker gives it up after DELIVERY_LIMIT, so that others are handled."""
    monkeypatch.setattr(subscriber, "DELIVERY_LIMIT", 2)
    broken = reader.subscriber(Away())
    broken.declare()
    reader.bus.publish(an_event("e1"))
    for _ in range(3):
        with pytest.raises(AwayError):
            broken.run(reader.handle)
    [headers] = reader.dead(1)
    assert headers["cloudEvents_subject"] == "e1"


def test_a_queue_that_is_deleted_ends_the_run(reader: Reader) -> None:
    """It does not look as if it had been stopped."""

    def delete(_: Event, __: None) -> None:
        with channel_of(reader.bus.amqp_url) as channel:
            channel.queue_delete(NAME)

    with closing(SqliteInbox(":memory:")) as inbox:
        subscription = reader.subscriber(inbox)
        subscription.declare()
        reader.bus.publish(an_event("e1"))
        with pytest.raises(AMQPError):
            subscription.run(delete)
