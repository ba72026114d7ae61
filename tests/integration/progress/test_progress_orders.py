"""Any order of events, with repeats and races, leads to the same end."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.deep import DEEP, deep
from tests.integration.progress.classroom import Classroom
from tests.integration.progress.stories import QueuedEvent, forget, outcome, story, tell

LEARNERS = ["ada", "bob", "cyd", "dan", "eve"]
pytestmark = pytest.mark.usefixtures("unhurried")


@settings(
    max_examples=50 if DEEP else 3,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def _hold(
    classroom: Classroom, term: list[QueuedEvent], expected: dict[str, Any], data: Any
) -> None:
    forget(classroom)
    order = data.draw(
        st.permutations(term + data.draw(st.lists(st.sampled_from(term), max_size=9)))
    )
    batches = _in_batches(order, data.draw(st.lists(st.integers(1, 6), max_size=40)))
    turns = data.draw(st.lists(st.integers(0, len(batches)), max_size=4))  # of the timer
    for place in turns:
        batches.insert(place, [])
    racing = data.draw(st.lists(st.integers(0, 3), max_size=len(batches)))
    note(f"{[[(x.queue, type(x.event.data).__name__) for x in batch] for batch in batches]}")
    tell(classroom, batches, racing)
    assert outcome(classroom) == expected


@deep
def test_orders_repeats_and_races_come_to_the_same(classroom: Classroom) -> None:
    """Batches in any order, some twice, some while others have read and not yet written."""
    term = story(classroom, LEARNERS)
    tell(classroom, [[each] for each in term], racing=[])
    _hold(classroom, term, outcome(classroom))


def _in_batches(order: list[QueuedEvent], sizes: list[int]) -> list[list[QueuedEvent]]:
    """Neighbours of one queue together, at most so many."""
    batches: list[list[QueuedEvent]] = []
    left = iter(sizes)
    most = next(left, 1)
    for each in order:
        if batches and batches[-1][0].queue == each.queue and len(batches[-1]) < most:
            batches[-1].append(each)
        else:
            batches.append([each])
            most = next(left, 1)
    return batches
