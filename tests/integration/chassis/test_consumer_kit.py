"""The kit under an account that may only read its queue."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tandem_events import DeadLetter, Event, SqliteInbox, Subscriber

from campus.consumers.accounts import Names
from tests.integration.chassis.bus import an_event, eventually
from tests.integration.chassis.desk import Desk


@contextmanager
def running(url: str, names: Names, file: Path, handler: Any) -> Iterator[None]:
    """The kit, which tries again twice, in a thread."""
    made: list[Subscriber[Any]] = []
    failed: list[Exception] = []

    def run() -> None:
        with closing(SqliteInbox(str(file))) as inbox:
            made.append(Subscriber(url, names.queue, (), inbox, (1, 0), declares=False))
            try:
                made[0].run(handler)
            except Exception as error:
                failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        made[0].stop()
        thread.join(150)
        assert not failed


def test_the_kit_handles_events_tries_again_and_rejects(desk: Desk, tmp_path: Path) -> None:
    """In order, for later events wait; what fails or can't be read is a dead letter."""
    names = desk.add()
    tried: Counter[str] = Counter()
    handled: list[str] = []

    def handle(event: Event, _: sqlite3.Connection) -> None:
        tried[event.subject] += 1
        order = event.data["learnerId"]
        if order == "never":
            raise DeadLetter
        if order == "always" or (order == "once" and tried[event.subject] == 1):
            raise LookupError
        handled.append(event.subject)

    orders = ["well", "once", "always", "never", "well"]
    some = [an_event(f"e{number}", order) for number, order in enumerate(orders)]
    with running(desk.url(names), names, tmp_path / "inbox", handle):
        desk.bus.publish(*some, some[0])
        desk.bus.send_raw((None, b"odd"), queue=names.queue)
        eventually("three dead letters", lambda: desk.bus.count(names.dead) == 3)
    assert handled == ["e0", "e1", "e4"]
    assert tried == {"e0": 1, "e1": 2, "e2": 3, "e3": 1, "e4": 1}
    assert desk.bus.count(names.queue) == 0


def test_a_stop_while_an_event_waits_for_its_next_try_loses_nothing(
    desk: Desk, tmp_path: Path
) -> None:
    """The event comes again at the next start."""
    names, tried = desk.add(), threading.Event()

    def fail(_: Event, __: sqlite3.Connection) -> None:
        tried.set()
        raise LookupError

    handled: list[str] = []
    desk.bus.publish(an_event("e1"))
    with running(desk.url(names), names, tmp_path / "inbox", fail):
        assert tried.wait(150)
    with running(
        desk.url(names), names, tmp_path / "inbox", lambda event, _: handled.append(event.subject)
    ):
        eventually("the event", lambda: handled == ["e1"])


def test_patterns_that_nobody_would_bind_are_refused() -> None:
    """A subscription that declares nothing has the patterns that the operator chose."""
    with closing(SqliteInbox(":memory:")) as inbox, pytest.raises(ValueError, match="binds no"):
        Subscriber("amqp://localhost", "consumer.lti", ["#"], inbox, declares=False)
