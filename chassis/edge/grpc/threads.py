"""The threads on which grpc calls a handler."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any


def on_threads(threads: ThreadPoolExecutor, behaviour: Any) -> Any:
    """Return the handler; grpc will call it on these threads."""
    # grpc looks for this attribute (grpc/_server.py, _select_thread_pool_for_behavior).
    behaviour.experimental_thread_pool = threads
    return behaviour
