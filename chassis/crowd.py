"""Threads for requests: so many work, so many wait, and the one too many is refused at once."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from chassis.statuses import Exhausted

# Requests that are handled at once. More would only wait for each other: Python runs one thread at
# a time, and each that waits for MongoDB holds one of the client's 100 connections.
THREADS = 32
# Requests in hand or waiting. More would wait until nobody wants their answers any more.
MOST_REQUESTS = 1_000

T = TypeVar("T")


class Crowd(ThreadPoolExecutor):
    """The threads. Work that finds no place runs on one more thread, where `check` refuses it."""

    def __init__(self, threads: int = THREADS, most: int = MOST_REQUESTS) -> None:
        super().__init__(threads, "call")
        self._most, self._places = most, threading.Semaphore(most)
        self._refusing = ThreadPoolExecutor(1, "refuse", initializer=self._mark)
        self._mine = threading.local()

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Do `work` on a thread, soon."""
        if not self._places.acquire(blocking=False):
            return self._refusing.submit(work, *args, **kwargs)
        future = super().submit(work, *args, **kwargs)
        future.add_done_callback(lambda _: self._places.release())
        return future

    def check(self) -> None:
        """Raise Exhausted where the work at hand found no place."""
        if getattr(self._mine, "refuses", False):
            raise Exhausted(f"{self._most} requests are in hand here; call again for another one")

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work."""
        self._refusing.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)

    def _mark(self) -> None:
        self._mine.refuses = True


def on_threads(threads: ThreadPoolExecutor, behaviour: Any) -> Any:
    """An RPC's behaviour, which grpc is to call on these threads."""
    # grpc looks for this attribute (grpc/_server.py, _select_thread_pool_for_behavior).
    behaviour.experimental_thread_pool = threads
    return behaviour
