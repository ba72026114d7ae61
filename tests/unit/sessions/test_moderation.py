"""Moderation: what holds after some acts, and who may moderate whom."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import PermissionDenied
from chassis.staff import StaffMember, StaffRole
from services.sessions.domain.class_log import ChatSent, ClassEntry, HandMoved, Moderated, seen_by
from services.sessions.domain.enums import ModerationAction
from services.sessions.domain.live_channel import Standing
from services.sessions.domain.moderation import (
    ModerationAct,
    action_violations,
    by_person,
    entry_violations,
    expect_above,
    moderated,
    repeated,
    role_in,
)
from tests.unit.sessions.examples import NINE, session

MUTE, UNMUTE, REMOVE, READMIT, HIDE, SHOW = ModerationAction
LEARNER = Standing(is_staff=False)


def act(number: int, action: ModerationAction, person_id: str = "ada") -> ModerationAct:
    """An act of a class."""
    return ModerationAct(
        session_id="s1",
        number=number,
        action=action,
        person_id=person_id,
        reason="noise",
        moderator_id="curie",
        at=NINE + number * timedelta(seconds=1),
    )


@given(st.lists(st.sampled_from([MUTE, UNMUTE, REMOVE, READMIT]), max_size=6), st.randoms())
def test_the_last_act_of_a_kind_holds(actions: list[ModerationAction], shuffle: object) -> None:
    """Whether muted and whether removed follow from the last act of each kind, in whatever order
    the acts are read.
    """
    acts = [act(number, action) for number, action in enumerate(actions, 1)]
    muted = [each for each in actions if each in (MUTE, UNMUTE)]
    removed = [each for each in actions if each in (REMOVE, READMIT)]
    expected = Standing(False, muted[-1:] == [MUTE], removed[-1:] == [REMOVE])
    shuffle.shuffle(acts)  # type: ignore[attr-defined]
    assert moderated(LEARNER, acts) == expected


def test_staff_that_is_muted_stays_staff() -> None:
    """A standing keeps what it does not follow from acts."""
    assert moderated(Standing(is_staff=True), [act(1, MUTE)]) == Standing(True, muted=True)


def test_acts_are_grouped_by_person() -> None:
    """Each person has the acts about them."""
    one, other = act(1, MUTE), act(2, REMOVE, "bob")
    assert by_person([one, other]) == {"ada": [one], "bob": [other]}


def test_a_repeat_is_found_by_its_act() -> None:
    """The act by which an action holds; none if it was taken back, or is of another kind."""
    for order in permutations([act(1, MUTE), act(2, REMOVE)]):
        assert repeated(order, MUTE) == act(1, MUTE)
        assert repeated(order, UNMUTE) is None
    assert repeated([act(1, MUTE), act(2, UNMUTE)], MUTE) is None


@pytest.mark.parametrize(("action", "wrong"), [(UNMUTE, "muted"), (READMIT, "removed")])
def test_only_what_holds_is_taken_back(action: ModerationAction, wrong: str) -> None:
    """Otherwise a violation says what does not hold."""
    (violation,) = action_violations([], action, "person_id")
    assert f"is not {wrong}" in str(violation)
    assert not [*action_violations([act(1, MUTE), act(2, REMOVE)], action, "person_id")]


def test_only_chat_is_hidden() -> None:
    """Neither other entries nor ones that are not there."""
    said = ClassEntry(session_id="s1", at=NINE, chat=ChatSent("Hello"))
    hand = ClassEntry(session_id="s1", at=NINE, hand=HandMoved(True))
    assert [[*map(str, entry_violations(each))] != [] for each in (said, hand, None)] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("own", [None, *StaffRole])
@pytest.mark.parametrize("other", [None, *StaffRole])
def test_staff_moderates_up_to_its_own_role(own: StaffRole | None, other: StaffRole | None) -> None:
    """Learners and staff with the same or a lower role, never with a higher one."""
    ranks = [None, *StaffRole]
    if ranks.index(other) <= ranks.index(own):
        expect_above(own, other)
    else:
        with pytest.raises(PermissionDenied, match=str(other)):
            expect_above(own, other)


def test_who_holds_a_class_is_at_least_an_assistant_of_it() -> None:
    """A guest, and an observer; a teacher stays one, and staff of other groups is none of it."""
    held = session(instructor_id="ada", group_ids=("a",))

    def role(role: StaffRole | None, person: str = "ada", *groups: str) -> StaffRole | None:
        member = StaffMember(person_id=person, role=role, group_ids=groups) if role else None
        return role_in(held, member, person)

    assert role(None) is role(StaffRole.OBSERVER) is StaffRole.ASSISTANT
    assert role(StaffRole.TEACHER) is StaffRole.TEACHER
    assert role(None, "bob") is None
    assert role(StaffRole.TEACHER, "bob", "a") is StaffRole.TEACHER
    assert role(StaffRole.TEACHER, "bob", "b") is None


def test_everybody_sees_what_is_hidden_and_shown() -> None:
    """An entry that tells that a text is hidden is for all."""
    entry = ClassEntry(session_id="s1", at=NINE, moderated=Moderated(action=HIDE, entry_number=1))
    assert seen_by(entry, "bob", is_staff=False) == entry
