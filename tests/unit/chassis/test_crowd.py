"""Threads for requests."""

import threading

import pytest

from chassis.crowd import Crowd
from chassis.statuses import Exhausted


def test_one_request_too_many_is_refused_at_once() -> None:
    """Some work, some wait, the next is refused while they do; there is room when one has ended."""
    with Crowd(threads=1, most=2) as crowd:
        free = threading.Event()

        def work() -> bool:
            crowd.check()
            return free.wait(60)

        taken = [crowd.submit(work) for _ in range(2)]
        with pytest.raises(Exhausted, match="2 requests"):
            crowd.submit(work).result(60)
        free.set()
        assert all(each.result(60) for each in taken)
        assert crowd.submit(work).result(60)
