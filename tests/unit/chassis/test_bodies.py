"""Room for bodies."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from chassis.edge.bodies import Bodies, Body
from chassis.edge.statuses import DeadlinePassed, Exhausted

LONG = 60.0


def nothing() -> None:
    """A callback that does nothing."""


def test_room_that_is_left_is_another_requests() -> None:
    """Any number of requests can take it, one after the other."""
    bodies = Bodies(most=1)
    for _ in range(3):
        with bodies.room("ada", nothing, LONG) as body, body.reading():
            assert bodies.try_room("eve", nothing) is None


def test_whose_body_has_not_come_makes_way_after_a_moment() -> None:
    """A new body gets the room of the one that was silent for too long, and no sooner."""
    bodies, ended = Bodies(most=1, grace=0.2), threading.Event()
    silent = bodies.room("eve", ended.set, LONG)
    with bodies.room("ada", nothing, LONG) as body, body.reading():
        assert ended.is_set()
    with pytest.raises(Exhausted, match="too slowly") as refused, silent.reading():
        pass
    assert refused.value.of == "bodies"


def test_whose_body_has_come_keeps_its_room() -> None:
    """A body in memory counts until its request works, however long that takes."""
    bodies = Bodies(most=1, grace=0)
    with bodies.room("ada", nothing, LONG) as body:
        with body.reading():
            pass
        with pytest.raises(DeadlinePassed):
            bodies.room("eve", nothing, 0.3)
    assert bodies.try_room("eve", nothing)


def test_the_next_room_goes_to_who_has_least() -> None:
    """A caller with few requests is served before the many requests of another."""
    bodies, order = Bodies(most=2), list[str]()

    def want(principal: str) -> None:
        with bodies.room(principal, nothing, LONG):
            order.append(principal)

    held = [bodies.room("eve", nothing, LONG) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        for place, principal in enumerate(["eve", "eve", "eve", "ada"], 1):
            pool.submit(want, principal)
            while len(bodies._waiting) < place:
                pass
        held[0].leave()
        while not order:
            pass
        assert order[0] == "ada"
        held[1].leave()


def test_the_first_of_the_greediest_is_ended() -> None:
    """A caller with many bodies loses one; a caller with one keeps it, however old it is."""
    bodies, ended = Bodies(), list[str]()

    def named(name: str) -> Callable[[], None]:
        return lambda: ended.append(name)

    for principal, name in (("ada", "ada"), ("eve", "first"), ("eve", "second")):
        bodies.room(principal, named(name), LONG)
    assert bodies.end_one()
    assert ended == ["first"]
    bodies.end_all()
    assert ended == ["first", "ada", "second"]
    assert not bodies.end_one()


def test_what_broke_the_reading_is_told() -> None:
    """The error of a body that was not ended is raised unchanged."""
    with (
        pytest.raises(OSError, match="gone"),
        Bodies().room("ada", nothing, LONG) as body,
        body.reading(),
    ):
        raise OSError("gone")


def test_many_at_once_have_room_in_turn() -> None:
    """A thousand requests of ten callers, four at a time, each with its body."""
    bodies, inside, most = Bodies(most=4), list[Body](), list[int]()

    def request(number: int) -> None:
        with ExitStack() as stack:
            body = stack.enter_context(bodies.room(f"caller-{number % 10}", nothing, LONG))
            inside.append(body)
            most.append(len(inside))
            with body.reading():
                pass
            inside.remove(body)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(request, range(1000)))
    assert max(most) <= 4
    assert not bodies.end_one()
