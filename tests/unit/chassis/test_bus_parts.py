"""Small parts of the bus: order, delays, ids."""

import asyncio
import time
import uuid
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from chassis import ids, topology
from chassis.outbox import in_order
from chassis.relay import _end

ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 50)), unique=True)


@given(ROWS)
def test_rows_are_ordered_by_aggregate_and_sequence(pairs: list[tuple[str, int]]) -> None:
    """Aggregates come in the given order, each whole, by its sequence."""
    keys = list(dict.fromkeys(key for key, _ in pairs))
    ordered = in_order([{"key": key, "sequence": number} for key, number in pairs], keys)
    expected = [(key, n) for key in keys for n in sorted(n for k, n in pairs if k == key)]
    assert [(row["key"], row["sequence"]) for row in ordered] == expected


def test_a_retry_waits_longer_each_time_and_then_no_more() -> None:
    """The four tiers in their order, then none."""
    assert [topology.delay_name(attempt) for attempt in range(1, 6)] == [
        "tandem.delay.1s",
        "tandem.delay.10s",
        "tandem.delay.60s",
        "tandem.delay.600s",
        None,
    ]


def test_an_id_tells_when_it_was_made() -> None:
    """To the millisecond; what is no UUIDv7 of ours counts as made now."""
    before = time.time()
    assert -0.01 <= ids.made_at(ids.new_id()) - before < 5
    assert ids.made_at("0190a1b2-0000-7000-8000-000000000000") == int("0190a1b20000", 16) / 1000
    for strange in ("no id", "", str(uuid.UUID(int=2**128 - 1)), str(uuid.uuid4())):
        assert -0.01 <= ids.made_at(strange) - before < timedelta(seconds=5).total_seconds()


def test_a_task_that_swallows_a_cancellation_is_ended() -> None:
    """Stopping asks again until it is heard: a relay must not outlive its SIGTERM."""

    async def deaf() -> None:
        for _ in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue
        await asyncio.Event().wait()

    async def run() -> bool:
        task = asyncio.create_task(deaf())
        await asyncio.sleep(0)
        await _end([task])
        return task.cancelled()

    assert asyncio.run(asyncio.wait_for(run(), 30))
