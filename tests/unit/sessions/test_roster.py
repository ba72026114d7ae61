"""Copies of others' things, made of events in any order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.replicas import newer
from services.sessions.domain.enums import AttendanceMode, EnrolmentState
from services.sessions.domain.roster import (
    Enrolment,
    EnrolmentUpdate,
    Item,
    is_enrolled,
    is_expected,
    merge,
)

ENROLLED, WAITLISTED, WITHDRAWN = (
    EnrolmentState.ENROLLED,
    EnrolmentState.WAITLISTED,
    EnrolmentState.WITHDRAWN,
)
ONLINE, CLASSROOM = AttendanceMode.ONLINE, AttendanceMode.CLASSROOM


def _fold(updates: list[EnrolmentUpdate]) -> Enrolment:
    enrolment = Enrolment("run", "ada")
    for each in updates:
        enrolment = merge(enrolment, each)
    return enrolment


def _update(
    sequence: int, state: EnrolmentState | None, mode: AttendanceMode | None
) -> EnrolmentUpdate:
    return EnrolmentUpdate("run", "ada", sequence, state, mode)


def test_a_change_of_mode_may_come_before_the_enrolment() -> None:
    """State and mode are each the newest, in any order of their events."""
    after = _fold([_update(2, None, ONLINE), _update(1, ENROLLED, CLASSROOM)])
    assert (after.state, after.mode) == (ENROLLED, ONLINE)


def test_an_old_event_changes_nothing() -> None:
    """A withdrawal is not undone by an older enrolment, but by a newer one."""
    gone = _fold([_update(5, WITHDRAWN, None), _update(3, ENROLLED, CLASSROOM)])
    assert gone.state is WITHDRAWN
    assert merge(gone, _update(6, ENROLLED, ONLINE)).state is ENROLLED


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, ENROLLED, WAITLISTED, WITHDRAWN]),
            st.sampled_from([None, ONLINE, CLASSROOM]),
        )
    ),
    st.randoms(use_true_random=False),
)
def test_any_order_tells_the_same(
    facts: list[tuple[EnrolmentState | None, AttendanceMode | None]], chance: random.Random
) -> None:
    """Events in any order, repeated or not, lead to the same enrolment."""
    updates = [_update(number, *fact) for number, fact in enumerate(facts, start=1)]
    mixed = [*updates, *updates]
    chance.shuffle(mixed)
    assert _fold(mixed) == _fold(updates)


@pytest.mark.parametrize("state", [None, WAITLISTED, WITHDRAWN])
def test_only_who_holds_a_place_is_enrolled(state: EnrolmentState | None) -> None:
    """Waiting, having left, or being unknown is not being enrolled."""
    assert not is_enrolled(Enrolment("run", "ada", state))
    assert not is_enrolled(None)
    assert is_enrolled(Enrolment("run", "ada", ENROLLED))


def test_only_newer_copies_replace_what_is_known() -> None:
    """The newest update of a batch counts, if it is newer than the replica."""
    known = {"a": Item("a", True, "", 5), "b": Item("b", False, "", 5)}
    arrived = [
        Item("a", False, "late", 4),
        Item("b", True, "", 7),
        Item("b", False, "between", 6),
        Item("c", True, "", 1),
    ]
    assert newer(known, arrived) == [Item("b", True, "", 7), Item("c", True, "", 1)]


@pytest.mark.parametrize(
    ("state", "mode", "seated", "expected"),
    [
        (ENROLLED, CLASSROOM, False, True),
        (ENROLLED, ONLINE, False, True),
        (ENROLLED, AttendanceMode.SELF_PACED, False, False),
        (ENROLLED, AttendanceMode.SELF_PACED, True, True),
        (ENROLLED, None, False, False),
        (WITHDRAWN, CLASSROOM, True, False),
        (WAITLISTED, ONLINE, True, False),
        (None, ONLINE, True, False),
    ],
)
def test_who_is_expected_at_a_session(
    state: EnrolmentState | None, mode: AttendanceMode | None, seated: bool, expected: bool
) -> None:
    """Who is enrolled and usually comes or joins, or has a seat."""
    assert is_expected(Enrolment("run", "ada", state, 1, mode, 1), seated) is expected
    assert not is_expected(None, seated)
