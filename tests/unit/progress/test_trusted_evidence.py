"""Whose word counts that something was studied."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.contracts.mapping import from_document, to_document
from services.progress.domain import credit
from services.progress.domain.enums import (
    EvidencePolicy,
    ItemKind,
    Role,
)
from services.progress.domain.evidence import Evidence, merged, told_apart
from services.progress.domain.learner import Learner
from services.progress.domain.plan import Plan
from services.progress.domain.sessions import (
    AttachedRecording,
    Item,
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
    learner,
    statement,
    watched,
)
from tests.unit.progress.test_credit import ASKS, after, planned, recorded, share, there

LEARNERS, AT_PACE, SERVICES = EvidencePolicy


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
