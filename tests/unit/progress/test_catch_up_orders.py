"""The same facts about a catch-up, in any order."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from services.progress.domain.enums import (
    EnrolmentState,
    EvidencePolicy,
)
from services.progress.domain.sessions import SessionUpdate
from services.progress.usecases.attendance import learn_attendance
from services.progress.usecases.enrolments import learn_enrolments
from services.progress.usecases.plans import learn_items, learn_runs, learn_sessions
from tests.deep import DEEP
from tests.unit.progress.examples import RUN, watched
from tests.unit.progress.test_catch_up_machine import (
    ABSENT,
    COMPLETED,
    OPENED,
    PARTIAL,
    POLICY,
    World,
    attendance,
    enrolment,
    item,
    recording,
    send,
)


def _facts(world: World) -> list[Callable[[], None]]:
    """Everything of a class that is replaced, amended and watched, each with its sequence."""
    store = world.store
    first, second = watched("40[.]70", "film"), watched("60[.]90", "again")
    in_session = [SessionUpdate("s1", RUN, 1)]
    return [
        lambda: learn_enrolments(store, [enrolment(EnrolmentState.ENROLLED, 2)]),
        lambda: learn_attendance(store, in_session, [attendance(ABSENT, (0, 0), 3, False)]),
        lambda: learn_attendance(store, in_session, [attendance(PARTIAL, (0, 30), 1, True)]),
        lambda: learn_attendance(store, in_session, [attendance(PARTIAL, (0, 50), 2, True)]),
        lambda: learn_sessions(store, [recording("film", 4, 0)]),
        lambda: learn_sessions(store, [recording("again", 5, 0)]),
        lambda: learn_sessions(store, [recording("again", 6, -10)]),
        lambda: learn_items(store, [item("film", True, 7)]),
        lambda: learn_items(store, [item("film", False, 8)]),
        lambda: learn_items(store, [item("again", True, 9)]),
        lambda: send(store, [first]),
        lambda: send(store, [second]),
    ]


@settings(max_examples=150 if DEEP else 50, deadline=None)
@given(st.data(), st.sampled_from(list(EvidencePolicy)), st.sampled_from([0.5, 0.75, 0.95]))
def test_the_same_facts_in_any_order_end_in_the_same_state(
    data: st.DataObject, evidence: EvidencePolicy, share: float
) -> None:
    """With repeats, and with the timers in between, by any policy. Only what a completed catch-up
    keeps of an earlier recording may differ.
    """
    ends = set()
    for is_in_order in (True, False):
        world = World()
        policy = replace(POLICY, evidence=evidence, watched_share=share)
        world.begin()
        learn_runs(world.store, [replace(OPENED, policy=policy, sequence=2)])
        facts = _facts(world)
        order = list(range(len(facts)))
        if not is_in_order:
            repeats = data.draw(st.lists(st.sampled_from(order), max_size=3))
            order = data.draw(st.permutations([*order, *repeats]))
        for each in order:
            facts[each]()
            if not is_in_order and data.draw(st.booleans()):
                world.settle()
        world.settle()
        one = world.catch_up
        assert one is not None
        kept = one.item_ids if one.state is not COMPLETED else ()
        parts = one.missed if one.state is not COMPLETED else ()
        left = one.watched_share if one.state is not COMPLETED else 1.0
        ends.add((one.state, one.in_time, one.due, kept, parts, round(left, 9)))
    assert len(ends) == 1
