"""Streams: how many, and how they end."""

import math
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from chassis.context import deadline
from chassis.edge.auth import Unauthenticated
from chassis.edge.grpc import streams as streams_module
from chassis.edge.grpc.streams import Streams
from chassis.edge.statuses import Draining, Exhausted

LATER = time.time() + 86_400


class Context:
    """The parts of grpc's context that a stream needs."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def is_active(self) -> bool:
        return not self.cancelled.is_set()

    def cancel(self) -> None:
        self.cancelled.set()


def silent(context: Context) -> Iterator[bytes]:
    """A caller that sends one message and then waits."""
    yield b"one"
    context.cancelled.wait(30)


def test_one_stream_too_many_is_refused() -> None:
    """A server that is full refuses the next stream, and takes it when another has ended."""
    streams = Streams("t", most=1)
    context: Any = Context()
    with (
        streams.one(context, "ada", LATER),
        pytest.raises(Exhausted),
        streams.one(context, "ada", LATER),
    ):
        pass
    with streams.one(context, "ada", LATER):
        pass


def test_one_caller_takes_no_more_than_its_part() -> None:
    """A caller with too many streams is refused the next, and another caller is not."""
    streams = Streams("t", most=3, most_each=1)
    context: Any = Context()
    with streams.one(context, "ada", LATER):
        with pytest.raises(Exhausted, match="you have 1"), streams.one(context, "ada", LATER):
            pass
        with streams.one(context, "eve", LATER):
            pass
    with streams.one(context, "ada", LATER):
        pass


def test_a_stream_that_asks_ends_with_its_token() -> None:
    """A stream that polls is_active() ends as Unauthenticated when its token has expired."""
    streams = Streams("t")
    context: Any = Context()

    def poll() -> None:
        with streams.one(context, "ada", time.time() - 1) as stream:
            assert not stream.is_active()

    with pytest.raises(Unauthenticated, match="expired"):
        poll()


@pytest.mark.parametrize(("until", "ended"), [(LATER, False), (0, True)], ids=["valid", "expired"])
def test_a_silent_stream_ends_with_its_token(until: float, ended: bool) -> None:
    """A stream that waits for its caller's next message is cancelled when its token has expired."""
    streams = Streams("t")
    context: Any = Context()
    with streams.one(context, "ada", until) as stream:
        messages = stream.incoming(silent(context))
        assert next(messages) == b"one"
        stream.end_if_expired()
        assert not context.cancelled.is_set()
        reading = threading.Thread(target=lambda: list(messages), daemon=True)
        reading.start()
        while not stream._waiting:
            time.sleep(0.01)
        stream.end_if_expired()
        assert context.cancelled.is_set() is ended
        context.cancel()


def test_a_drain_ends_a_stream_that_asks() -> None:
    """A stream that polls is_active() ends as Draining, so that its caller goes elsewhere."""
    streams = Streams("t")
    context: Any = Context()

    def poll() -> None:
        with streams.one(context, "ada", LATER) as stream:
            assert stream.is_active()
            streams.drain()
            assert not stream.is_active()

    with pytest.raises(Draining):
        poll()


def test_a_stream_that_was_complete_is_not_cut() -> None:
    """A stream that ended by itself during the drain has its own result."""
    streams = Streams("t")
    context: Any = Context()
    with streams.one(context, "ada", LATER):
        streams.drain()


def test_a_drain_lets_the_message_in_hand_be_answered() -> None:
    """A drain accepts no further message, and interrupts no message that is being handled."""
    streams = Streams("t")
    context: Any = Context()

    def answer() -> None:
        with streams.one(context, "ada", LATER) as stream:
            messages = stream.incoming(iter([b"one", b"two"]))
            assert next(messages) == b"one"
            streams.drain()
            assert not context.cancelled.is_set()
            assert list(messages) == []

    with pytest.raises(Draining):
        answer()


def test_a_drain_ends_the_wait_for_a_silent_caller() -> None:
    """A stream that waits for its caller's next message ends at once."""
    streams = Streams("t")
    context: Any = Context()
    with streams.one(context, "ada", LATER) as stream:
        messages = stream.incoming(silent(context))
        assert next(messages) == b"one"
        reading = threading.Thread(target=lambda: list(messages))
        reading.start()
        while reading.is_alive():
            streams.drain()
            reading.join(0.05)
    assert context.cancelled.is_set()


def test_no_stream_begins_during_a_drain() -> None:
    """A server that stops opens no stream."""
    streams = Streams("t")
    streams.drain()
    context: Any = Context()
    with pytest.raises(Draining), streams.one(context, "ada", LATER):
        pass


def test_each_step_of_a_stream_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts anew with each message, and with each check whether the stream continues."""
    monkeypatch.setattr(streams_module, "LONGEST_OPERATION", 20.0)
    clock = SimpleNamespace(now=1_000.0)
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: clock.now))
    context: Any = Context()
    with Streams("t").one(context, "ada", LATER) as stream:
        for _ in stream.incoming(iter([b"one", b"two"])):
            assert deadline.left() == 20
            clock.now += 25
            assert deadline.left() == -5
        assert stream.is_active()
        assert deadline.left() == 20
    assert deadline.left() == math.inf
