"""Health (grpc.health.v1): SERVING only while the database answers."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pymongo
import structlog
from grpc_health.v1 import health
from grpc_health.v1.health_pb2 import HealthCheckResponse

from chassis.data.ping import is_answering
from chassis.edge.grpc.threads import on_threads

EVERY = 1.0
THREADS = 2
# The empty name stands for the whole server (grpc/doc/health-checking.md).
WHOLE_SERVER = ""

log = structlog.get_logger()


class _Watch:
    """The stream of one watcher. It ends once, however many try to end it."""

    def __init__(self, send: Callable[[Any], None]) -> None:
        self._send = send
        self.ended = False

    def __call__(self, answer: Any) -> None:
        """Send an answer. None ends the stream."""
        if not self.ended:
            self.ended = answer is None
            self._send(answer)


class _Servicer(health.HealthServicer):
    """The stock servicer, but a drain ends its watchers instead of waiting for them."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        super().__init__()
        # grpc reads the thread pool from an attribute of the function, so each object has its own.
        ours: Any = self
        ours.Check = on_threads(threads, partial(super().Check))
        ours.Watch = on_threads(threads, partial(self._watch))
        ours.Watch.experimental_non_blocking = True
        self._watches: list[_Watch] = []
        self._adding = threading.Lock()

    def _watch(self, request: Any, context: Any, send_response_callback: Any = None) -> Any:
        watch = _Watch(send_response_callback)
        with self._adding:
            self._watches = [each for each in self._watches if not each.ended] + [watch]
        return super().Watch(request, context, watch)

    def end(self) -> None:
        """Send NOT_SERVING to all watchers, and end their streams."""
        self.enter_graceful_shutdown()
        for watch in self._watches:
            watch(None)


class Health:
    """Pings the database every second, and reports the result as the server's health."""

    def __init__(self, client: "pymongo.MongoClient[Any]", names: Iterable[str]) -> None:
        # Threads of its own: a busy server is still healthy.
        self.threads = ThreadPoolExecutor(THREADS, "health-call")
        self.servicer = _Servicer(self.threads)
        self._answers = True  # it did a moment ago, when it was prepared
        self._client = client
        self._names = (WHOLE_SERVER, *names)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="health", daemon=True)
        self._report()

    def answers(self) -> bool:
        """Whether the database answered when it was last asked."""
        return self._answers

    @property
    def draining(self) -> bool:
        """Whether the server is draining."""
        return self._stop.is_set()

    def start(self) -> None:
        """Start the pings."""
        self._thread.start()

    def drain(self) -> None:
        """Report NOT_SERVING from now on."""
        self._stop.set()
        self.servicer.end()

    def _watch(self) -> None:
        while not self._stop.wait(EVERY):
            answers = is_answering(self._client)
            if answers != self._answers:
                self._answers = answers
                self._report()
                log.warning("MongoDB answers again" if answers else "MongoDB does not answer")

    def _report(self) -> None:
        serving = self._answers
        state = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        for name in self._names:
            self.servicer.set(name, state)
