"""Catch-ups of recordings with several parts: which parts, how much of each, and in any order."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.progress.domain.credit import missed, missed_parts, studied
from services.progress.domain.enums import (
    CatchUpState,
    EnrolmentState,
    ItemKind,
    MissedPart,
    SessionState,
    Stretch,
)
from services.progress.domain.events import CatchUpAssigned, CatchUpChanged, CatchUpWithdrawn
from services.progress.domain.recorded_time import in_class, in_file
from services.progress.domain.sessions import (
    AttachedRecording,
    Item,
    RecordedPart,
    RecordedStretch,
    Session,
    SessionUpdate,
    merge,
    substitutes,
)
from services.progress.usecases.attendance import learn_attendance
from services.progress.usecases.enrolments import learn_enrolments
from services.progress.usecases.plans import learn_items, learn_sessions
from tests.unit.progress.examples import RUN, session, watched
from tests.unit.progress.test_catch_up_machine import (
    ABSENT,
    COMPLETED,
    PARTIAL,
    World,
    attendance,
    enrolment,
    send,
)
from tests.unit.progress.test_credit import after, planned, recording, there

SECOND = timedelta(seconds=1)
# The recorder ran for 100 s from the start, and for 50 s from second 200.
PAUSED = ((0.0, 100.0), (200.0, 50.0))
numbers = st.floats(0, 500)


def test_seconds_of_a_file_are_times_of_the_class() -> None:
    """A pause is in no file, and a watched stretch may be two times of the class."""
    assert in_class(PAUSED, [(90.0, 110.0)]) == ((90.0, 100.0), (200.0, 210.0))
    assert in_file(PAUSED, [(90.0, 210.0)]) == ((90.0, 100.0), (100.0, 110.0))
    assert in_file(PAUSED, [(120.0, 180.0), (-9.0, 0.0), (250.0, 300.0)]) == ()


@given(st.lists(st.tuples(numbers, numbers), max_size=5))
def test_there_and_back(pairs: list[tuple[float, float]]) -> None:
    """What a file shows of the class is what it shows: nothing is lost or added on the way."""
    seen = [(min(pair), max(pair)) for pair in pairs]
    shown = in_file(PAUSED, in_class(PAUSED, seen))
    total = sum(max(0.0, min(end, 150.0) - min(start, 150.0)) for start, end in seen)
    assert abs(sum(end - start for start, end in shown) - total) < 1e-6


def attach(sequence: int, *parts: tuple[str, int]) -> SessionUpdate:
    """The recording has these parts now, each with where it begins; none: it was withdrawn."""
    told = tuple(RecordedPart(item_id, begin * SECOND) for item_id, begin in parts)
    return SessionUpdate("s1", RUN, sequence, recorded_parts=told)


def item(item_id: str, available: bool, sequence: int = 1) -> Item:
    """A part that can be played for 100 s, or is refused."""
    seconds = 100.0 if available else 0.0
    return Item(item_id, ItemKind.RECORDING, seconds, available, sequence)


def test_all_parts_that_can_be_played_are_studied() -> None:
    """Those that are refused or still processed are left out. Of what was withdrawn nothing is
    awaited: the materials stand in.
    """
    whole = session(recording_item_id="", material_item_ids=("book",))
    held = merge(whole, attach(5, ("b", 100), ("a", 0)))
    items = {each.id: each for each in (item("a", True), item("book", True))}
    assert substitutes(held, items) == ("a",)
    assert substitutes(held, items | {"b": item("b", True)}) == ("a", "b")
    assert substitutes(held, {"a": item("a", False)}) == ()
    refused = {each: item(each, False) for each in ("a", "b")}
    assert substitutes(held, items | refused) == ("book",)
    left = merge(held, attach(6, ("b", 100)))
    assert substitutes(left, items | {"b": item("b", True)}) == ("b",)
    gone = merge(left, attach(7))
    assert (gone.is_withdrawn, gone.recording_item_id, substitutes(gone, items)) == (
        True,
        "",
        ("book",),
    )


UPDATES = [
    attach(3, ("a", 0)),
    attach(4, ("b", 100), ("a", 0)),
    attach(5),
    attach(6, ("c", 50), ("b", 100)),
]


@given(st.permutations(UPDATES), st.sampled_from(UPDATES))
def test_the_newest_parts_count(order: list[SessionUpdate], again: SessionUpdate) -> None:
    """In any order and with repeats; what was there before is known as earlier."""
    known = Session("s1", RUN)
    for each in (*order, again):
        known = merge(known, each)
    assert [each.item_id for each in known.parts] == ["c", "b"]
    assert [each.item_id for each in known.attached] == ["a", "c", "b"]
    assert (known.recording_item_id, known.recording_sequence) == ("c", 6)


FIRST, LAST = AttachedRecording("film", 0.0, 2), AttachedRecording("more", 100.0, 2)


def test_who_was_there_for_a_part_watches_what_is_missing_of_each_part() -> None:
    """Heard was the first part but for its end, and the second from its middle."""
    by = planned(FIRST, LAST, items=[recording("film"), recording("more")])
    ada, both = there((0, 80), (150, 200)), ("film", "more")
    assert missed("s1", both, ada, by) == ()
    assert missed_parts("s1", both, ada, by) == (
        MissedPart("film", (Stretch(80.0, 100.0),)),
        MissedPart("more", (Stretch(0.0, 50.0),)),
    )
    assert studied("s1", both, ada, by).share == (0.8 + 0.5) / 2
    rest = [watched("80[.]100", "film"), watched("0[.]50", "more")]
    assert not studied("s1", both, after(ada, rest[0]), by).enough
    assert studied("s1", both, after(ada, *rest), by).enough


def test_a_part_that_was_heard_whole_need_not_be_watched() -> None:
    """Of the other one all is missing; who was not there is told of no stretches."""
    by = planned(FIRST, LAST, items=[recording("film"), recording("more")])
    [other] = missed_parts("s1", ("film", "more"), there((0, 100)), by)
    assert other == MissedPart("more", (Stretch(0.0, 100.0),))
    assert missed_parts("s1", ("film", "more"), there(verdict=ABSENT), by) == ()


def test_equally_long_parts_don_t_stand_in_for_each_other() -> None:
    """Who watched the first part twice has not seen the second."""
    by = planned(FIRST, LAST, items=[recording("film"), recording("more")])
    ada = after(there(verdict=ABSENT), watched("0[.]100[,]0[.]100", "film"))
    assert studied("s1", ("film", "more"), ada, by).share == 0.5


def test_what_was_watched_counts_for_a_cut_version() -> None:
    """Where both tell their stretches, whatever their lengths: 40 s of the cut file were seen in
    the whole one, on both sides of what was cut out.
    """
    whole = AttachedRecording("film", 0.0, 1, ((0.0, 100.0),))
    cut = AttachedRecording("cut", 0.0, 2, ((0.0, 30.0), (60.0, 40.0)))
    by = planned(whole, cut, items=[recording("film"), recording("cut", 70.0)])
    ada = after(there(verdict=ABSENT), watched("10[.]80", "film"))
    assert abs(studied("s1", ("cut",), ada, by).share - 40 / 70) < 1e-9
    held = there((20.0, 70.0))
    assert missed("s1", ("cut",), held, by) == (Stretch(0.0, 20.0), Stretch(40.0, 70.0))


def test_stretches_come_with_their_event() -> None:
    """In seconds of the class."""
    part = RecordedPart("a", 5 * SECOND, (RecordedStretch(5 * SECOND, 60 * SECOND),))
    held = merge(Session("s1", RUN), SessionUpdate("s1", RUN, 1, recorded_parts=(part,)))
    assert held.parts == (AttachedRecording("a", 5.0, 1, ((5.0, 60.0),)),)


# Catch-ups


def absent(world: World) -> World:
    """Ada was absent from a class."""
    world.begin()
    learn_enrolments(world.store, [enrolment(EnrolmentState.ENROLLED, 2)])
    in_session = [SessionUpdate("s1", RUN, 1)]
    learn_attendance(world.store, in_session, [attendance(ABSENT, (0, 0), 3, False)])
    return world


def told(world: World) -> list[type]:
    """The kinds of events on the catch-up so far, but its being completed."""
    kinds = (CatchUpAssigned, CatchUpChanged, CatchUpWithdrawn)
    return [type(each) for each in world.store.events if isinstance(each, kinds)]


def test_a_part_that_comes_late_is_added_to_an_open_catch_up() -> None:
    """And one that is withdrawn is taken out; all of it withdrawn leaves none, until another
    comes.
    """
    world = absent(World())
    learn_items(world.store, [item("a", True), item("b", True)])
    contents = []
    for sequence, parts in enumerate(
        [[("a", 0)], [("a", 0), ("b", 100)], [("b", 100)], [], [("a", 0)]], 10
    ):
        learn_sessions(world.store, [attach(sequence, *parts)])
        world.settle()
        one = world.catch_up
        assert one is not None
        contents.append(() if one.dropped else one.item_ids)
    assert contents == [("a",), ("a", "b"), ("b",), (), ("a",)]
    assert told(world) == [
        CatchUpAssigned,
        CatchUpChanged,
        CatchUpChanged,
        CatchUpWithdrawn,
        CatchUpAssigned,
    ]


def test_materials_stand_in_for_what_was_withdrawn() -> None:
    """At once, though the class was to be recorded."""
    world = absent(World())
    learn_items(world.store, [item("a", True), item("book", True)])
    given_ = SessionUpdate("s1", RUN, 9, recorded=True, material_item_ids=("book",))
    learn_sessions(world.store, [given_, attach(10, ("a", 0))])
    world.settle()
    learn_sessions(world.store, [attach(11)])
    world.settle()
    one = world.catch_up
    assert one is not None
    assert (one.is_open, one.item_ids) == (True, ("book",))


def test_what_was_completed_or_missed_stays_when_its_recording_is_withdrawn() -> None:
    """A completed one counts; a missed one can't be done any more."""
    for is_studied in (True, False):
        world = absent(World())
        learn_items(world.store, [item("a", True)])
        learn_sessions(world.store, [attach(10, ("a", 0))])
        world.settle()
        if is_studied:
            send(world.store, [watched("0[.]100", "a")])
        else:
            world.store.now += timedelta(days=5)
        world.settle()
        learn_sessions(world.store, [attach(11)])
        world.settle()
        one = world.catch_up
        assert one is not None
        state = COMPLETED if is_studied else CatchUpState.MISSED
        assert (one.state, one.dropped) == (state, False)


def _facts(world: World) -> list[Callable[[], None]]:
    """A recording of two parts that is replaced and withdrawn, and what Ada heard and watched."""
    store, in_session = world.store, [SessionUpdate("s1", RUN, 1)]
    seen = [watched("80[.]85", "a"), watched("0[.]60", "b")]
    return [
        lambda: learn_enrolments(store, [enrolment(EnrolmentState.ENROLLED, 2)]),
        lambda: learn_attendance(store, in_session, [attendance(ABSENT, (0, 0), 3, False)]),
        lambda: learn_attendance(store, in_session, [attendance(PARTIAL, (0, 80), 4, True)]),
        *(lambda each=each: learn_sessions(store, [each]) for each in UPDATES),
        lambda: learn_items(store, [item("a", True)]),
        lambda: learn_items(store, [item("b", True), item("c", True)]),
        *(lambda each=each: send(store, [each]) for each in seen),
    ]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_same_facts_in_any_order_end_in_the_same_state(data: st.DataObject) -> None:
    """With repeats, and with the timers in between; what was watched never completes it."""
    ends = set()
    for is_in_order in (True, False):
        world = World()
        world.begin()
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
        ends.add(
            (one.state, one.dropped, one.item_ids, one.missed_parts, round(one.watched_share, 9))
        )
    assert len(ends) == 1
    [(state, dropped, item_ids, *_)] = ends
    assert (state, dropped, item_ids) == (CatchUpState.ASSIGNED, False, ("c", "b"))


def test_a_cancelled_class_has_its_substitute() -> None:
    """Whatever was recorded before."""
    held = session(
        state=SessionState.CANCELLED, substitute_item_id="book", recording_item_id="film"
    )
    assert substitutes(held, {"book": item("book", True)}) == ("book",)
