"""Running actions at the same time, and locking a file."""

import fcntl
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from campus.stack.errors import StackError


def all_at_once(actions: Iterable[Callable[[], object]], most: int | None = None) -> None:
    """Run all actions to the end, then raise their errors as one StackError.

    Up to `most` run at the same time. Any other error is a bug, and is raised as it is.
    """
    with ThreadPoolExecutor(most) as pool:
        outcomes = [pool.submit(action) for action in actions]
    errors = [error for outcome in outcomes if (error := outcome.exception())]
    unexpected = next((error for error in errors if not isinstance(error, StackError)), None)
    if unexpected:
        raise unexpected
    if errors:
        raise StackError("\n\n".join(map(str, errors)))


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold the lock of a file, after waiting for it; a lock ends with the process that holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
