"""Requests whose bodies have not come."""

import threading
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from chassis.edge.bodies import Bodies
from chassis.edge.statuses import Exhausted


def nothing() -> None:
    """A request that goes on."""


def test_a_body_that_comes_is_read() -> None:
    """What is read in time is nobody else's business."""
    bodies = Bodies(most=1)
    for _ in range(3):
        with bodies.awaiting("ada", nothing):
            pass
    assert not bodies.end_one()


def test_the_oldest_of_the_greediest_is_ended() -> None:
    """Who waits for many bodies loses one; who waits for one keeps it, however old it is."""
    bodies, ended = Bodies(most=3), list[str]()

    def named(name: str) -> Callable[[], None]:
        return lambda: ended.append(name)

    with ExitStack() as stack:
        for caller, name in (("ada", "ada"), ("eve", "first"), ("eve", "second")):
            stack.enter_context(bodies.awaiting(caller, named(name)))
        with bodies.awaiting("bob", nothing):
            assert ended == ["first"]
        with pytest.raises(Exhausted, match="too slowly") as refused:
            stack.close()
    assert refused.value.of == "bodies"


def test_what_broke_the_reading_is_told() -> None:
    """An error of a body that nobody gave up stays that error."""
    with pytest.raises(OSError, match="gone"), Bodies().awaiting("ada", nothing):
        raise OSError("gone")


def test_all_are_ended_when_the_replica_stops() -> None:
    """A drain waits for no body."""
    bodies, ended = Bodies(), threading.Semaphore(0)
    with ExitStack() as stack:
        for caller in ("ada", "eve"):
            stack.enter_context(bodies.awaiting(caller, ended.release))
        bodies.end_all()
        assert all(ended.acquire(timeout=1) for _ in range(2))
        with pytest.raises(Exhausted):
            stack.close()
