"""Streaming RPCs: how many may be open at once, and how a drain ends them."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc

from chassis.context import deadline
from chassis.edge.auth import Unauthenticated
from chassis.edge.bodies import MOST_BODIES, Bodies, Body
from chassis.edge.statuses import Draining, Exhausted
from chassis.operations import metrics

# An open stream holds a thread. Streams have threads of their own, so that they never block
# requests.
MOST_STREAMS = 256
# For one caller: a person has a few devices, a system a few connections to each replica.
MOST_EACH = 16
# The deadline, in seconds, of one operation of a stream's service.
LONGEST_OPERATION = 30.0
# Seconds by which a stream may outlive its token.
SWEEP = 1.0


class Stream:
    """The context of a stream for its service. `is_active()` is False when the stream should end.

    A service that waits must call `is_active()` at least once a second. Each operation has a
    deadline: from one such call, or one message of the caller, to the next.
    """

    def __init__(self, context: Any, until: float) -> None:
        """`until` is the time when the caller's token expires, in Unix seconds."""
        self._context, self._until = context, until
        self._lock = threading.Lock()
        self._limit = ExitStack()
        self._draining = self._waiting = self._cut = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def is_active(self) -> bool:
        """Whether the caller is connected, the token is valid, and the replica is not draining."""
        if self._draining or self._is_expired():
            self._cut = True
            return False
        self.begin_operation()
        return bool(self._context.is_active())

    def incoming(self, messages: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the caller's messages until the caller ends them or the replica drains."""
        while self._wait():
            try:
                message = next(messages)
            except StopIteration:
                return
            finally:
                self._waiting = False
            self.begin_operation()
            yield message

    def begin_operation(self) -> None:
        """Set a new deadline for the service's next operation."""
        self._limit.close()
        self._limit.enter_context(deadline.within(LONGEST_OPERATION))

    def end_operation(self) -> None:
        """Remove the deadline."""
        self._limit.close()

    def drain(self) -> None:
        """End after the current message, or at once if the stream waits for one."""
        with self._lock:
            self._draining = True
            if self._waiting:
                self._context.cancel()

    def end_if_expired(self) -> None:
        """Cancel the stream if it waits for a message and the token has expired."""
        with self._lock:
            if self._waiting and self._is_expired():
                self._context.cancel()

    def check_token(self) -> None:
        """Raise Unauthenticated if the token has expired."""
        if self._is_expired():
            raise Unauthenticated("the token has expired; call again with a fresh one")

    def check(self) -> None:
        """Raise Draining or Unauthenticated if this replica ended the stream."""
        if self._cut and self._draining:
            raise Draining("this replica stops; call again and another one answers")
        if self._cut:
            self.check_token()

    def _is_expired(self) -> bool:
        return time.time() > self._until

    def _wait(self) -> bool:
        with self._lock:
            self._waiting, self._cut = not self._draining, self._draining
            return self._waiting


class Streams:
    """The open streams of a server."""

    def __init__(self, service: str, most: int = MOST_STREAMS, most_each: int = MOST_EACH) -> None:
        # One thread more than streams and bodies: it refuses the next stream.
        self.threads = ThreadPoolExecutor(most + MOST_BODIES + 1, "stream")
        self.bodies = Bodies()
        self._most, self._most_each = most, most_each
        self._lock = threading.Lock()
        self._open: dict[Stream, str] = {}
        self._draining = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="streams", daemon=True)
        self._gauge = metrics.GRPC_STREAMS.labels(service)

    def start(self) -> None:
        """Start to cancel waiting streams whose tokens have expired."""
        self._sweeper.start()

    def room(self, principal: str, context: Any) -> Body:
        """Wait for room for the request of a download. Raises DeadlinePassed."""
        seconds = min(context.time_remaining(), LONGEST_OPERATION)
        return self.bodies.room(principal, context.cancel, seconds)

    @contextmanager
    def one(self, context: grpc.ServicerContext, subject: str, until: float) -> Iterator[Stream]:
        """Open a stream for a caller whose token expires at `until`.

        Raises Exhausted where there are too many, Draining and Unauthenticated at the end.
        """
        stream = Stream(context, until)
        self._enter(stream, subject)
        try:
            stream.begin_operation()
            yield stream
            stream.check()
        finally:
            stream.end_operation()
            self._leave(stream)

    def drain(self) -> None:
        """End all streams, and open no more."""
        with self._lock:
            self._draining.set()
            self.bodies.end_all()
            streams = list(self._open)
        for stream in streams:
            stream.drain()

    def _enter(self, stream: Stream, subject: str) -> None:
        with self._lock:
            if self._draining.is_set():
                raise Draining("this replica stops; call again and another one answers")
            if len(self._open) >= self._most:
                raise Exhausted(f"{self._most} streams are open here", "streams")
            if sum(each == subject for each in self._open.values()) >= self._most_each:
                raise Exhausted(f"you have {self._most_each} streams open here", "caller")
            self._open[stream] = subject
            self._gauge.inc()

    def _leave(self, stream: Stream) -> None:
        with self._lock:
            if self._open.pop(stream, None) is not None:
                self._gauge.dec()

    def _sweep(self) -> None:
        while not self._draining.wait(SWEEP):
            with self._lock:
                streams = list(self._open)
            for stream in streams:
                stream.end_if_expired()
