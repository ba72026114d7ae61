"""Attendance credit: the part that was missed, replaced recordings, and whose word counts."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.contracts.mapping import from_document, to_document
from services.progress.domain import credit
from services.progress.domain.completion import done_at
from services.progress.domain.enums import (
    ActivityKind,
    AttendanceStatus,
    EvidencePolicy,
    ItemKind,
    PartialAttendance,
    Role,
    SessionState,
    Stretch,
)
from services.progress.domain.evidence import Evidence, item_target, merged, told_apart
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
from services.progress.domain.statements import Statement, Stored
from tests.unit.progress.examples import (
    ADA,
    COMPLETED,
    DAY,
    EXPERIENCED,
    HOUR,
    MONDAY,
    POLICY,
    RUN,
    activity,
    learner,
    plan,
    session,
    statement,
    watched,
)

ASKS = replace(POLICY, partial_attendance=PartialAttendance.CATCH_UP)
CLASS = activity("class", ActivityKind.SESSION)
LEARNERS, AT_PACE, SERVICES = EvidencePolicy


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


# Whose word counts


def by_service(segments: str) -> Statement:
    """A service's statement of a player."""
    return watched(segments, authority=Role.SERVICE)


def own(segments: str, minutes: float = 0.0) -> Statement:
    """Ada's own statement, so many minutes after the first."""
    at = MONDAY + timedelta(minutes=minutes)
    return watched(segments, authority=Role.LEARNER, timestamp=at)


def by_policy(evidence: EvidencePolicy | None, seconds: float = 3600.0) -> Plan:
    """A run with this evidence policy, and an hour of recording."""
    return recorded(seconds=seconds, policy=replace(ASKS, evidence=evidence))


def test_one_statement_that_covers_the_film() -> None:
    """It completes a catch-up where learners' word counts, and where a service says it."""
    mine, theirs = learner(own("0[.]3600")), learner(by_service("0[.]3600"))
    for evidence, expected in ((None, 1.0), (LEARNERS, 1.0), (AT_PACE, 1 / 60), (SERVICES, 0.0)):
        assert share(mine, by_policy(evidence)) == pytest.approx(expected)
        assert share(theirs, by_policy(evidence)) == 1.0


def test_what_is_played_at_a_plausible_pace_counts() -> None:
    """Up to three times the time between the first and the last statement, and a minute."""
    by = by_policy(AT_PACE)
    for minutes, expected in ((0, 1), (1, 4), (10, 31), (19, 58), (20, 60)):
        ada = learner(own(""), own("0[.]3600", minutes))
        assert share(ada, by) == pytest.approx(expected / 60)
    both = learner(own("0[.]1800"), by_service("1200[.]2400"))
    assert share(both, by) == pytest.approx((20 + 1) / 60)


def test_what_was_attended_needs_no_pace() -> None:
    """It was seen by the meeting provider, or checked in."""
    ada = after(there((0.0, 1800.0)), own("1800[.]3600"))
    assert share(ada, by_policy(AT_PACE)) == pytest.approx(31 / 60)
    assert share(ada, by_policy(SERVICES)) == pytest.approx(30 / 60)


def test_a_text_is_read_when_someone_whom_the_run_trusts_says_so() -> None:
    """With SERVICES, not when the learner says so."""
    book = Item("book", ItemKind.EBOOK, 0.0, True, 1)
    for evidence, role, read in (
        (LEARNERS, Role.LEARNER, True),
        (AT_PACE, Role.LEARNER, True),
        (SERVICES, Role.LEARNER, False),
        (SERVICES, Role.SERVICE, True),
    ):
        policy = replace(POLICY, evidence=evidence)
        by = planned(AttachedRecording("film", 0, 1), policy=policy, items=[book])
        for verb in (EXPERIENCED, COMPLETED):
            ada = learner(statement(verb=verb, item_id="book", authority=role))
            assert share(ada, by, "book") == float(read)


WORDS = st.lists(
    st.builds(
        lambda start, length, minutes, role: watched(
            f"{start}[.]{start + length}",
            timestamp=MONDAY + timedelta(minutes=minutes),
            authority=role,
        ),
        st.integers(0, 3500),
        st.integers(0, 600),
        st.integers(0, 60),
        st.sampled_from([Role.LEARNER, Role.SERVICE, None]),
    ),
    max_size=6,
)


@given(WORDS, st.data())
def test_more_statements_never_give_less_in_any_order(
    words: list[Statement], data: st.DataObject
) -> None:
    """With any policy; repeats change nothing."""
    half = there((0.0, 600.0), (3000.0, 3300.0))
    order = data.draw(st.permutations([*words, *words[:2]]))
    for evidence in EvidencePolicy:
        by = by_policy(evidence)
        assert after(half, *order).evidence == after(half, *words).evidence
        shares = [share(after(half, *words[:count]), by) for count in range(len(words) + 1)]
        assert all(a <= b + 1e-9 for a, b in itertools.pairwise(shares))
        assert shares[-1] <= share(after(half, *words), by_policy(LEARNERS)) + 1e-9


def test_evidence_of_an_older_version_counts_as_before() -> None:
    """It did not tell apart who said what, so all of it counts as vouched for; what comes then
    is told apart.
    """
    rest = {"vouched", "vouched_read_at", "first_own_at", "last_own_at"}
    film = replace(learner(own("0[.]1800")).evidence["item:film"], experienced_at=MONDAY)
    document = {name: value for name, value in to_document(film).items() if name not in rest}
    old = from_document(document, Evidence)
    assert old.vouched is None
    assert told_apart(old).vouched == ((0.0, 1800.0),)
    assert told_apart(old).vouched_read_at == MONDAY
    new = learner(own("1800[.]3600")).evidence["item:film"]
    assert merged(old, new) == replace(merged(new, old), length_at=merged(old, new).length_at)
    ada = replace(learner(), evidence={"item:film": merged(old, new)})
    assert share(ada, by_policy(SERVICES)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("evidence", "role", "days", "late", "own_time"),
    [
        (LEARNERS, Role.LEARNER, 0, HOUR, False),
        (LEARNERS, Role.LEARNER, 2, 2 * DAY, True),
        (LEARNERS, Role.LEARNER, 2, 2 * DAY + HOUR, False),
        (None, Role.LEARNER, 2, HOUR, True),
        (AT_PACE, Role.LEARNER, 2, HOUR, True),
        (SERVICES, Role.LEARNER, 2, HOUR, False),
        (SERVICES, Role.SERVICE, 2, HOUR, True),
        (LEARNERS, Role.SERVICE, 2, HOUR, True),
        (LEARNERS, Role.LEARNER, 2, -HOUR, False),
    ],
)
def test_whose_own_time_counts(
    evidence: EvidencePolicy | None, role: Role, days: int, late: timedelta, own_time: bool
) -> None:
    """If the run trusts its source, and it arrived within the policy's days, and not before."""
    policy = replace(POLICY, evidence=evidence, evidence_within=days * DAY)
    said = statement(authority=role)
    stored = Stored(said, MONDAY + late)
    assert credit.counts_since(stored, policy) == (MONDAY if own_time else MONDAY + late)


def test_statements_until_a_due() -> None:
    """Those that count by then, and since when they do."""
    policy = replace(POLICY, evidence_within=DAY)
    due = MONDAY + HOUR
    early, late = statement(), statement(timestamp=MONDAY + 2 * HOUR)
    found = credit.until([Stored(early, MONDAY + 3 * HOUR), Stored(late, due + HOUR)], due, policy)
    assert found is not None
    assert (found.statements, found.at) == ((early,), MONDAY)
    assert credit.until([Stored(late, due + HOUR)], due, policy) is None


def _in_time(one: Learner, by: Plan, *statements: Statement) -> datetime | None:
    known = credit.until([Stored(each, MONDAY) for each in statements], MONDAY, by.run.policy)
    return credit.in_time_at("s1", ("film",), one, known, by) if known else None


def test_only_what_counts_before_the_due_shows_that_it_was_in_time() -> None:
    """Evidence that is known besides counts nothing here; what was attended does."""
    by = recorded()
    late = learner(watched("0[.]100"))
    assert _in_time(late, by, watched("0[.]50")) is None
    assert _in_time(there((50.0, 100.0)), by, watched("0[.]50")) == MONDAY
    assert late.run_state.learner_id == ADA


def test_a_text_counts_since_it_was_read() -> None:
    """Not since the last statement; one that was only opened is not read, whatever the share."""
    book = Item("book", ItemKind.EBOOK, 0.0, True, 1)
    policy = replace(POLICY, watched_share=0.0)
    by = planned(AttachedRecording("film", 0, 1), policy=policy, items=[book])
    opened = statement(verb="http://adlnet.gov/expapi/verbs/launched", item_id="book")
    read = statement(item_id="book", timestamp=MONDAY + HOUR)
    later = replace(opened, timestamp=MONDAY + DAY)
    assert credit.made_up_at("s1", ("book",), learner(opened), by) is None
    assert credit.made_up_at("s1", ("book",), learner(opened, read, later), by) == MONDAY + HOUR
