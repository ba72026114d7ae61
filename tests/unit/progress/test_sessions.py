"""Replicas of sessions, with updates in any order."""

from dataclasses import replace
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from chassis.replicas import newer
from services.progress.domain.enums import SessionState
from services.progress.domain.path import Path
from services.progress.domain.plan_history import NO_EFFECT, Effect
from services.progress.domain.reevaluations import effect_of
from services.progress.domain.sessions import (
    RecordedPart,
    Session,
    SessionUpdate,
    merge,
    substitutes,
)
from tests.unit.progress.examples import DAY, HOUR, ITEMS, MONDAY, RUN, session

SCHEDULED = SessionUpdate(
    "s1", RUN, 1, "class", "Motion", MONDAY, MONDAY + HOUR, SessionState.SCHEDULED,
    recorded=True, material_item_ids=("book",),
)  # fmt: skip
MOVED = SessionUpdate("s1", RUN, 2, "class", "Motion", MONDAY + DAY, MONDAY + DAY + HOUR)
STARTED = SessionUpdate("s1", RUN, 3, "class", "Motion", state=SessionState.LIVE)
ENDED = SessionUpdate(
    "s1", RUN, 4, "class", "Motion", state=SessionState.ENDED, ended_at=MONDAY + DAY + HOUR
)
FINALISED = replace(ENDED, sequence=5, recorded=True, material_item_ids=("book",))
ATTACHED = SessionUpdate("s1", RUN, 6, "class", recorded_parts=(RecordedPart("film"),))
AMENDED = SessionUpdate("s1", RUN, 7)
ALL = [SCHEDULED, MOVED, STARTED, ENDED, FINALISED, ATTACHED, AMENDED]
BLANK = Session("s1", RUN)


@given(st.permutations([*ALL, *ALL[:3]]))
def test_order_and_repeats_do_not_matter(updates: list[SessionUpdate]) -> None:
    """Any order of a session's events comes to the same."""
    assert reduce(merge, updates, BLANK) == reduce(merge, ALL, BLANK)


def test_the_newest_part_counts() -> None:
    """The moved time, the last state, the recording."""
    known = reduce(merge, ALL, BLANK)
    assert known.start_time == MONDAY + DAY
    assert known.state is SessionState.ENDED
    assert known.recording_item_id == "film"
    assert known.mentions == ("book", "film")


def test_the_recording_stands_in_for_a_class_as_soon_as_it_can_be_played() -> None:
    """Attached but unknown to us: wait. Refused: the materials. Not attached though due: wait.

    Waited for long enough: the materials.
    """
    one = session(material_item_ids=("book",))
    failed = {**ITEMS, "film": replace(ITEMS["film"], available=False)}
    assert substitutes(one, ITEMS) == ("film",)
    assert substitutes(one, {"book": ITEMS["book"]}) == ()
    assert substitutes(one, failed) == ("book",)
    assert substitutes(replace(one, recording_item_id=""), ITEMS) == ()
    waited = replace(one, waited=True)
    assert substitutes(waited, ITEMS) == ("film",)
    assert substitutes(waited, {"book": ITEMS["book"]}) == ("book",)
    assert substitutes(replace(waited, recording_item_id=""), ITEMS) == ("book",)


def test_materials_stand_in_where_no_recording_is_made() -> None:
    """Those that are available; a recording that comes all the same outdoes them."""
    one = session(recorded=False, recording_item_id="", material_item_ids=("book", "unheard-of"))
    assert substitutes(one, ITEMS) == ("book",)
    assert substitutes(one, {}) == ()
    assert substitutes(replace(one, recording_item_id="film"), ITEMS) == ("film",)


def test_nothing_stands_in_for_a_class_to_come() -> None:
    """Reading the slides ahead is no class; a cancelled one has its substitute."""
    for state in (None, SessionState.SCHEDULED, SessionState.LIVE):
        assert substitutes(session(state=state), ITEMS) == ()
    off = session(state=SessionState.CANCELLED, substitute_item_id="book")
    assert substitutes(off, ITEMS) == ("book",)
    assert substitutes(replace(off, substitute_item_id=""), ITEMS) == ()


def test_what_matters_to_learners() -> None:
    """A new plan does not; an end, a recording, an activity that was not known do."""
    to_come = reduce(merge, [SCHEDULED], BLANK)
    moved = merge(to_come, MOVED)
    assert effect_of(None, to_come, ITEMS) == NO_EFFECT
    assert effect_of(to_come, moved, ITEMS) == NO_EFFECT
    assert effect_of(to_come, moved, ITEMS, {to_come.activity_id}).matters
    assert effect_of(None, to_come, ITEMS, {to_come.activity_id}).matters
    assert effect_of(to_come, replace(to_come, title="Waves"), ITEMS, {"class"}) == NO_EFFECT
    called_off = replace(to_come, state=SessionState.CANCELLED)
    assert effect_of(to_come, called_off, ITEMS) == NO_EFFECT
    assert effect_of(to_come, called_off, ITEMS, {to_come.activity_id}).matters
    assert effect_of(moved, merge(moved, ENDED), ITEMS).matters
    assert effect_of(BLANK, to_come, ITEMS).matters
    on_film = Effect(frozenset({"film"}))
    assert effect_of(replace(session(), recording_item_id=""), session(), ITEMS) == on_film
    assert effect_of(None, session(), ITEMS) == on_film


def test_the_newest_copy_counts() -> None:
    """An old event that comes late changes nothing, and neither does a repeat."""
    old, new = Path(RUN, 1, (), 1), Path(RUN, 2, (), 2)
    assert newer({}, [new, old]) == newer({}, [old, new]) == [new]
    assert newer({RUN: new}, [old, new]) == []
    assert newer({RUN: old}, [new]) == [new]
