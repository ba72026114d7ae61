"""Streaming RPCs: how many may be open at once, and how they end when the replica stops."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from chassis import metrics
from chassis.statuses import Draining, Exhausted

# A stream holds a thread as long as it is open, so streams have threads of their own: however many
# listen, requests go on.
MOST_STREAMS = 256


class Stream:
    """A stream's context as its service sees it: `is_active()` is false as soon as it should end.

    A service that waits asks `is_active()` at least once a second.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._draining = self._waiting = self._cut = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def is_active(self) -> bool:
        """Whether the caller is there and the replica goes on."""
        if self._draining:
            self._cut = True
            return False
        return bool(self._context.is_active())

    def incoming(self, messages: Iterator[bytes]) -> Iterator[bytes]:
        """The caller's messages until it ends them, or the replica stops."""
        while self._wait():
            try:
                message = next(messages)
            except StopIteration:
                return
            finally:
                self._waiting = False
            yield message

    def drain(self) -> None:
        """End soon: after the message at hand, or at once where there is none."""
        with self._lock:
            self._draining = True
            if self._waiting:
                self._context.cancel()

    def check(self) -> None:
        """Raise Draining where the replica ended it, so that the caller goes elsewhere."""
        if self._cut:
            raise Draining("this replica stops; call again and another one answers")

    def _wait(self) -> bool:
        with self._lock:
            self._waiting, self._cut = not self._draining, self._draining
            return self._waiting


class Streams:
    """The open streams of a server."""

    def __init__(self, service: str, most: int = MOST_STREAMS) -> None:
        # One thread more than there may be streams: somebody must refuse the one too many.
        self.threads = ThreadPoolExecutor(most + 1, "stream")
        self._most = most
        self._lock = threading.Lock()
        self._open: set[Stream] = set()
        self._draining = False
        self._gauge = metrics.GRPC_STREAMS.labels(service)

    @contextmanager
    def one(self, context: grpc.ServicerContext) -> Iterator[Stream]:
        """An open stream. Raises Exhausted where there are too many, Draining at the end."""
        stream = Stream(context)
        self._enter(stream)
        try:
            yield stream
            stream.check()
        finally:
            self._leave(stream)

    def drain(self) -> None:
        """Let all streams end, and no other begin."""
        with self._lock:
            self._draining = True
            streams = list(self._open)
        for stream in streams:
            stream.drain()

    def _enter(self, stream: Stream) -> None:
        with self._lock:
            if self._draining:
                raise Draining("this replica stops; call again and another one answers")
            if len(self._open) >= self._most:
                raise Exhausted(f"{self._most} streams are open here; call again for another one")
            self._open.add(stream)
            self._gauge.set(len(self._open))

    def _leave(self, stream: Stream) -> None:
        with self._lock:
            self._open.discard(stream)
            self._gauge.set(len(self._open))
