"""Attendance credit: the part that was missed, replaced recordings, and whose word counts."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain import credit
from services.progress.domain.completion import done_at
from services.progress.domain.enums import (
    ActivityKind,
    AttendanceStatus,
    ItemKind,
    PartialAttendance,
    SessionState,
    Stretch,
)
from services.progress.domain.evidence import item_target
from services.progress.domain.intervals import Interval
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import Attendance
from services.progress.domain.path import Policy, Run
from services.progress.domain.plan import Plan
from services.progress.domain.sessions import (
    MOST_RECORDINGS,
    AttachedRecording,
    Item,
    RecordedPart,
    Session,
    SessionUpdate,
    agree,
    merge,
    substitutes,
    with_item,
)
from services.progress.domain.statements import Statement
from tests.unit.progress.examples import (
    HOUR,
    MONDAY,
    POLICY,
    RUN,
    activity,
    learner,
    plan,
    session,
    watched,
)

ASKS = replace(POLICY, partial_attendance=PartialAttendance.CATCH_UP)
CLASS = activity("class", ActivityKind.SESSION)


def recording(id_: str, seconds: float = 100.0) -> Item:
    """A recording that can be played."""
    return Item(id_, ItemKind.RECORDING, seconds, True, 1)


def there(*stretches: Interval, verdict: AttendanceStatus = AttendanceStatus.PARTIAL) -> Learner:
    """Ada, who was in the class for these seconds."""
    return learner(attendance={"s1": Attendance(verdict, 1, stretches=stretches)})


def after(one: Learner, *statements: Statement) -> Learner:
    """Ada after more statements."""
    return replace(learner(*statements), run_state=one.run_state)


def planned(*recordings: AttachedRecording, policy: Policy = ASKS, items: Iterable[Item]) -> Plan:
    """A run with the class and its recordings."""
    last = recordings[-1]
    held = session(
        recordings=recordings, recording_item_id=last.item_id, recording_sequence=last.sequence
    )
    return plan(
        CLASS,
        sessions=(held,),
        run=Run(RUN, "Physics", "UTC", policy, 1),
        items={each.id: each for each in items},
    )


def recorded(offset: float = 0.0, seconds: float = 100.0, policy: Policy = ASKS) -> Plan:
    """A run whose class has one recording."""
    film = AttachedRecording("film", offset, 1)
    return planned(film, policy=policy, items=[recording("film", seconds)])


def share(one: Learner, by: Plan, item_id: str = "film") -> float:
    """How much Ada has made up for."""
    return credit.studied("s1", (item_id,), one, by).share


def test_what_was_attended_and_what_was_watched_are_joined_on_the_recordings_line() -> None:
    """The recorder began 20 s before the class; she heard its first half, and watches the rest."""
    by = recorded(offset=-20.0, seconds=120.0)
    half = there((0.0, 50.0))
    assert share(half, by) == pytest.approx(50 / 120)
    assert credit.missed("s1", ("film",), half, by) == (Stretch(0.0, 20.0), Stretch(70.0, 120.0))
    rest = after(half, watched("70[.]120"))
    assert share(rest, by) == pytest.approx(100 / 120)
    assert credit.made_up_at("s1", ("film",), rest, by) is None
    whole = after(half, watched("70[.]120"), watched("0[.]12"))
    assert credit.made_up_at("s1", ("film",), whole, by) == MONDAY
    assert done_at(CLASS, whole, by) == MONDAY


def test_a_recording_that_began_late_shows_less() -> None:
    """What is outside of it counts nothing."""
    by = recorded(offset=30.0)
    assert share(there((0.0, 40.0), (120.0, 300.0)), by) == pytest.approx(0.2)


def test_who_attended_enough_has_nothing_to_study() -> None:
    """The class is done since its end, without a statement."""
    by = recorded(policy=replace(ASKS, watched_share=0.5))
    assert done_at(CLASS, there((0.0, 60.0)), by) == MONDAY + HOUR
    assert credit.missed("s1", ("film",), there((0.0, 100.0)), by) == ()


@pytest.mark.parametrize("means", [None, PartialAttendance.COUNTS])
def test_attended_stretches_count_only_where_the_policy_asks(
    means: PartialAttendance | None,
) -> None:
    """Otherwise PARTIAL counts as a whole, or is neither."""
    by = recorded(policy=replace(POLICY, partial_attendance=means))
    assert (share(there((0.0, 60.0)), by), credit.missed("s1", ("film",), there(), by)) == (0.0, ())


def test_attended_stretches_are_nothing_of_other_materials() -> None:
    """A text, or another film, has no line with the class."""
    by = planned(
        AttachedRecording("film", 0.0, 1),
        items=[recording("film"), recording("other"), Item("book", ItemKind.EBOOK, 0, True, 1)],
    )
    half = there((0.0, 50.0))
    assert [share(half, by, item) for item in ("film", "other", "book")] == [0.5, 0.0, 0.0]


def test_of_many_missed_stretches_the_longest_are_told() -> None:
    """In their order, so that an event stays small."""
    came_and_went = [(60.0 * place, 60.0 * place + place) for place in range(1, 50)]
    parts = credit.missed("s1", ("film",), there(*came_and_went), recorded(seconds=3000.0))
    assert len(parts) == credit.MOST_MISSED
    assert list(parts) == sorted(parts, key=lambda each: each.start)
    assert parts[0] == Stretch(0.0, 60.0)


SECONDS = st.integers(0, 100).map(float)
INTERVALS = st.lists(
    st.tuples(SECONDS, SECONDS).map(lambda pair: (min(pair), max(pair))), max_size=4
)


@given(INTERVALS, INTERVALS, st.integers(-30, 30))
def test_the_share_is_that_of_the_union(
    attended: list[Interval], played: list[Interval], offset: int
) -> None:
    """Counted second by second; gaps of a second count as watched."""
    heard = {s - offset for a, b in attended for s in range(int(a), int(b))}
    seen = {s for a, b in played for s in range(int(a), int(b))}
    covered = sorted({s for s in heard | seen if 0 <= s < 100})
    seams = {s for s in range(100) if {s - 1, s + 1} <= {*covered, -1, 100} and covered}
    text = "[,]".join(f"{a:g}[.]{b:g}" for a, b in played)
    ada = after(there(*attended), watched(text))
    expected = len({*covered, *seams}) / 100
    assert share(ada, recorded(offset=float(offset))) == pytest.approx(expected)


# Replaced recordings


@pytest.mark.parametrize(
    ("before", "now", "counts"),
    [
        (100, 100, True),
        (100, 102, True),
        (100, 103, False),
        (3600, 3635, True),
        (3600, 3640, False),
    ],
)
def test_what_was_watched_of_an_earlier_recording_counts_where_lengths_agree(
    before: float, now: float, counts: bool
) -> None:
    """Within 2 s or 1 %, shifted by the difference of the offsets."""
    old, new = recording("old", before), recording("new", now)
    assert agree(old, new) is agree(new, old) is counts
    by = planned(
        AttachedRecording("old", -10.0, 1), AttachedRecording("new", -20.0, 2), items=[old, new]
    )
    ada = learner(watched("0[.]50", "old"), watched("40[.]70", "new"))
    assert share(ada, by, "new") == pytest.approx((60 if counts else 30) / now)
    line = by.line_of("s1", "new")
    assert line is not None
    assert [each.item_id for each in line.earlier] == (["old"] if counts else [])


def test_a_length_that_is_not_known_agrees_with_none() -> None:
    """Nor does an item that is not known."""
    assert not agree(recording("old", 0.0), recording("new", 0.0))
    assert not agree(None, recording("new"))


def test_evidence_on_all_recordings_is_loaded_together() -> None:
    """A statement on an earlier one evaluates the present one."""
    by = planned(
        AttachedRecording("old", 0, 1),
        AttachedRecording("new", 0, 2),
        items=[recording("old"), recording("new")],
    )
    both = {item_target("old"), item_target("new")}
    assert by.related([item_target("old")]) == both == by.targets_in_place_of("s1", ["new"])


UPDATES = [
    SessionUpdate("s1", RUN, 1, recorded_parts=(RecordedPart("a"),)),
    SessionUpdate("s1", RUN, 2, recorded_parts=(RecordedPart("b", timedelta(seconds=-5)),)),
    SessionUpdate("s1", RUN, 3, recorded_parts=(RecordedPart("a", timedelta(seconds=7)),)),
    SessionUpdate("s1", RUN, 4, recorded_parts=(RecordedPart("c"),)),
    SessionUpdate("s1", RUN, 5, recorded_parts=(RecordedPart("b", timedelta(seconds=9)),)),
]


@pytest.mark.parametrize("order", itertools.permutations(UPDATES))
def test_recordings_are_kept_in_order_of_their_news(order: tuple[SessionUpdate, ...]) -> None:
    """Whatever comes first, and repeats change nothing; the same item again has its last offset."""
    known = Session("s1", RUN)
    for each in (*order, order[0]):
        known = merge(known, each)
    assert [(each.item_id, each.offset) for each in known.recordings] == [
        ("a", 7.0),
        ("c", 0.0),
        ("b", 9.0),
    ]
    assert (known.recording_item_id, known.recording_sequence) == ("b", 5)
    assert known.attached == known.recordings


def test_a_session_of_an_older_version_has_its_recording() -> None:
    """Whether it knew the others or not; what the event says of its offset counts when it comes."""
    old = Session("s1", RUN, recording_item_id="b", recording_sequence=2)
    assert old.attached == (AttachedRecording("b", 0.0, 2),)
    assert merge(old, UPDATES[0]).attached == (
        AttachedRecording("a", 0.0, 1),
        AttachedRecording("b", 0.0, 2),
    )
    assert merge(old, UPDATES[1]).attached == (AttachedRecording("b", -5.0, 2),)
    assert old.mentions == ("b",)


def test_so_many_recordings_are_kept() -> None:
    """The newest, in any order."""
    news = [
        SessionUpdate("s1", RUN, number, recorded_parts=(RecordedPart(f"r{number}"),))
        for number in range(1, MOST_RECORDINGS + 10)
    ]
    one, other = Session("s1", RUN), Session("s1", RUN)
    for each, reverse in zip(news, reversed(news), strict=True):
        one, other = merge(one, each), merge(other, reverse)
    assert one == other
    assert len(one.recordings) == MOST_RECORDINGS
    assert one.recording_item_id == f"r{MOST_RECORDINGS + 9}"


def test_a_retired_recording_keeps_its_length() -> None:
    """In any order of its events; it can't be a substitute any more."""
    came = Item("old", ItemKind.RECORDING, 100.0, True, 1)
    again = replace(came, seconds=90.0, sequence=2)
    gone = Item("old", ItemKind.RECORDING, 0.0, False, 3)
    ends = set()
    for order in itertools.permutations([came, again, gone, again]):
        known: Item | None = None
        for each in order:
            known = with_item(known, each)
        assert known is not None
        ends.add(known)
    (end,) = ends
    assert (end.length, end.seconds, end.available) == (90.0, 0.0, False)
    held = session(recording_item_id="old", state=SessionState.ENDED)
    assert substitutes(held, {"old": end}) == ()
