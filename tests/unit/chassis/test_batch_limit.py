"""How many rows one transaction applies, by how fast the last one was."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.contracts import events
from chassis.messaging import inbox
from chassis.messaging.batch_limit import ROWS, SECONDS, BatchLimit
from chassis.messaging.inbox_processor import Delivery, apply
from chassis.messaging.subscriptions import Subscription
from tests.unit.chassis.test_inbox_processor import TYPES, FakeDatabase, event


@given(st.integers(1, 100_000), st.floats(0, 1_000))
def test_a_unit_takes_as_long_as_it_should_at_the_same_pace(rows: int, seconds: float) -> None:
    """It has a row at least and a thousand at most."""
    limit = BatchLimit()
    limit.took(rows, seconds)
    assert 1 <= limit.rows <= ROWS
    assert limit.rows == 1 or limit.rows * seconds / rows <= SECONDS * 1.001


class Clock:
    """A clock that a handler moves, by so much an event."""

    def __init__(self) -> None:
        self.now, self.each = 0.0, 0.0

    def monotonic(self) -> float:
        return self.now


def test_a_slow_worker_makes_smaller_units_and_a_fast_one_larger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At 0.1 s an event, units have 50 events; when it goes faster, they grow again."""
    clock, units = Clock(), list[int]()
    monkeypatch.setattr(inbox, "time", clock)

    def handle(_: Any, batch: Any) -> None:
        units.append(len(batch))
        clock.now += len(batch) * clock.each

    limit, numbers = BatchLimit(), itertools.count()
    for clock.each in (0.1, 0.1, 0.001, 0.001):
        batch = [event(f"e{number}") for number in itertools.islice(numbers, 200)]
        sent = [Delivery(events.body_of(e.data), events.headers_of(e)) for e in batch]
        found = apply(FakeDatabase(), Subscription("s", TYPES, handle), sent, batch_limit=limit)  # type: ignore[arg-type]
        assert {disposition.kind for disposition in found} == {"applied"}
    assert units == [200, 50, 50, 50, 50, 50, 150, 200]
