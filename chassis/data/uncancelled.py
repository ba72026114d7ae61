"""Operations of MongoDB's asynchronous client that no cancellation reaches."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# asyncio itself keeps only weak references to tasks.
_running: "set[asyncio.Task[Any]]" = set()


def uncancelled(
    operation: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let an operation go on to its end when its caller is cancelled; the caller ends at once.

    pymongo (4.20, on Python 3.11) does not stand being cancelled: it may swallow the first
    cancellation, and the second one may leave a lock of its client locked for ever. Then every
    operation of the client waits without end, and no timeout ends it.
    """

    @wraps(operation)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        task = asyncio.create_task(operation(*args, **kwargs))
        _running.add(task)
        task.add_done_callback(_forget)
        return await asyncio.shield(task)

    return run


def _forget(task: "asyncio.Task[Any]") -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # otherwise asyncio reports one whose caller is gone
