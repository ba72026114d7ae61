"""Doing the same with many things: several at once, in batches, or in turns."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def several_at_once(work: Callable[[T], R], things: Iterable[T], most: int) -> Iterator[R]:
    """Yield `work(thing)` of each, in their order; `most` run at once.

    Of the things, at most twice as many are taken before they are needed, so they may be endless.
    Raises what `work` raises, after what was begun has ended.
    """
    begun = deque[Future[R]]()
    pool = ThreadPoolExecutor(most)
    try:
        for thing in things:
            begun.append(pool.submit(work, thing))
            if len(begun) >= 2 * most:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the things in lists of `size`; the last may be shorter."""
    source = iter(things)
    while chunk := list(itertools.islice(source, size)):
        yield chunk


def in_turns(sources: Iterable[Iterator[T]]) -> Iterator[T]:
    """Yield a thing of each source in turn, until all have ended."""
    waiting = deque(sources)
    while waiting:
        source = waiting.popleft()
        with suppress(StopIteration):
            yield next(source)
            waiting.append(source)
