"""Small parts of the bus: order, delays, ids."""

import asyncio
import time
import uuid

from hypothesis import given
from hypothesis import strategies as st

from chassis import ids
from chassis.data.numbering import Last, document_of, following, last_of, place
from chassis.messaging import topology
from chassis.messaging.relay_session import end


@given(st.integers(0, 2**48 - 1), st.integers(-(2**40), 2**40))
def test_ids_grow_in_an_aggregate_whatever_the_clocks(at: int, skew: int) -> None:
    """The id after one that a clock made that is ahead or behind is greater, as text."""
    made = str(uuid.UUID(int=(max(0, at + skew) % 2**48 << 80) | (7 << 76) | (2 << 62)))
    this = following(Last(4, made), ids.new_id())
    assert this.sequence == 5
    assert str(this.id) > made
    assert str(following(this, ids.new_id()).id) > str(this.id)
    assert last_of(document_of(this)) == this


def test_what_an_older_version_numbered_has_no_known_id() -> None:
    """It counts up `last` alone; then the relay finds the next row by its key, not by its lane."""
    counted_on = {**document_of(Last(4, "id")), "last": 5}
    for row in ({"last": 5}, counted_on):
        assert last_of(row) == Last(5, None)
        assert place("k", last_of(row)) == {}
    assert place("k", Last()).keys() == {"lane", "after"}


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
    """To the millisecond; an id that is no UUIDv7 of ours counts as made now."""
    before = time.time() - 0.01
    assert before <= ids.made_at(ids.new_id()) <= time.time()
    assert ids.made_at("0190a1b2-0000-7000-8000-000000000000") == int("0190a1b20000", 16) / 1000
    for strange in ("no id", "", str(uuid.UUID(int=2**128 - 1)), str(uuid.uuid4())):
        assert before <= ids.made_at(strange) <= time.time()


def test_ended_tasks_have_cleaned_up() -> None:
    """A task is cancelled once, and what it does on its way out is waited for."""

    async def tidy(done: list[str]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            done.append("tidied")

    async def run() -> list[str]:
        done: list[str] = []
        tasks = [asyncio.create_task(tidy(done)) for _ in range(2)]
        await asyncio.sleep(0)
        await end(tasks)
        return done

    assert asyncio.run(run()) == ["tidied", "tidied"]
