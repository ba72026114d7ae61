"""Polls: what may be asked and chosen, what is counted, and who sees what."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.poll_results import answered, closed_event, shown, shown_tally
from services.sessions.domain.polls import (
    MOST_POLLS,
    Poll,
    PollResults,
    PollScale,
    PollState,
    closed,
    number_violations,
    open_violations,
    voter_of,
)
from services.sessions.domain.votes import Tally, added, choice_violations
from tests.unit.sessions.examples import HOUR, NINE, OPEN_POLL, poll

FIVE, FOUR = Tally(5, (2, 3)), Tally(4, (2, 2))


def wrong(**changes: Any) -> list[str]:
    """The fields that are wrong with a poll to open."""
    return [each.field for each in open_violations(replace(OPEN_POLL, **changes))]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, []),
        ({"right": (2, 1)}, []),
        ({"options": ("p", "P")}, []),
        ({"options": ()}, ["options"]),
        ({"options": ("one",)}, ["options"]),
        ({"options": tuple(map(str, range(21)))}, ["options"]),
        ({"options": ("a", " ", "a ")}, ["options[1]", "options[2]"]),
        ({"right": (3, 1, 1)}, ["right[0]", "right[2]"]),
        ({"scale": PollScale(1, 5)}, ["options"]),
        ({"scale": PollScale(1, 5), "options": ()}, []),
        ({"scale": PollScale(1, 5), "options": (), "right": (1,)}, ["right"]),
        ({"scale": PollScale(0, 20), "options": ()}, ["scale.highest"]),
        ({"scale": PollScale(5, 5), "options": ()}, ["scale.highest"]),
        ({"scale": PollScale(9, 1), "options": ()}, ["scale.highest"]),
    ],
)
def test_a_poll_has_options_or_a_scale(changes: dict[str, Any], fields: list[str]) -> None:
    """Two to twenty, each once, and right ones among them; all faults are told at once."""
    assert wrong(**changes) == fields


@given(st.lists(st.integers(-2, 7), min_size=1, max_size=6), st.booleans())
def test_choices_are_options_each_once(choices: list[int], several: bool) -> None:
    """A vote is valid exactly if it is a set of the poll's options, or one of them."""
    valid = set(choices) <= {1, 2, 3, 4} and len(set(choices)) == len(choices)
    assert (not [*choice_violations(choices, 4, several)]) is (
        valid and (several or len(choices) == 1)
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8))
def test_parts_of_a_tally_add_up(parts: list[tuple[int, int]]) -> None:
    """Whatever part a vote was counted in."""
    total = Tally(0, (0, 0))
    for counts in parts:
        total = added(total, Tally(sum(counts), counts))
    assert total.counts == (sum(one for one, _ in parts), sum(other for _, other in parts))
    assert total.voters == sum(total.counts)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("results", PollResults)
@pytest.mark.parametrize("state", PollState)
@pytest.mark.parametrize("is_staff", [False, True])
@pytest.mark.parametrize("tally", [FOUR, FIVE])
def test_who_sees_counts(
    named: bool, results: PollResults, state: PollState, is_staff: bool, tally: Tally
) -> None:
    """Staff those of a named poll; everyone from five voters on, as the poll says; nobody others.
    How many voted is always told.
    """
    one = poll(named=named, results_shown=results, state=state)
    told = state is PollState.CLOSED or results is PollResults.AT_ONCE
    sees = (named and is_staff) or (told and tally.voters >= 5)
    assert shown_tally(one, tally, is_staff) == (tally if sees else Tally(tally.voters))
    votes = [each.votes for each in shown(one, tally, is_staff, ()).options]
    assert votes == ([*tally.counts] if sees else [None, None])


@pytest.mark.parametrize(
    ("state", "is_staff", "tells"),
    [
        (PollState.OPEN, False, False),
        (PollState.OPEN, True, True),
        (PollState.CLOSED, False, True),
    ],
)
def test_what_is_right_is_told_at_the_end(state: PollState, is_staff: bool, tells: bool) -> None:
    """To staff before."""
    seen = shown(poll(right=(2,), explanation="So.", state=state), FIVE, is_staff, (1,))
    assert (seen.right, seen.explanation) == (((2,), "So.") if tells else ((), ""))
    assert seen.my_choices == (1,)


def test_the_class_and_others_are_told_the_same() -> None:
    """Of few votes nothing but their number, also of a named poll."""
    for tally, counts in ((FIVE, (2, 3)), (FOUR, ())):
        one = closed(poll(named=True), tally, "curie", NINE + HOUR)
        assert (answered(one).voters, answered(one).counts) == (tally.voters, counts)
        event = closed_event(one, NINE + HOUR)
        assert (event.voters, event.counts, event.closed_by) == (tally.voters, counts, "curie")


def test_an_anonymous_voter_is_a_hash_until_the_poll_closes() -> None:
    """The same for the same learner, others for others and in other polls; then nobody can tell."""
    one, other = poll(), poll(secret="cd" * 32)
    hashes = {voter_of(one, "ada"), voter_of(one, "bob"), voter_of(other, "ada")}
    assert len(hashes) == 3
    assert voter_of(one, "ada") in hashes
    assert not any("ada" in each for each in hashes)
    assert voter_of(_closed(one), "ada") == ""
    assert voter_of(_closed(poll(named=True)), "ada") == "ada"


def test_a_scale_makes_options() -> None:
    """Its numbers, from the lowest to the highest."""
    assert PollScale(0, 3).options == ("0", "1", "2", "3")


def test_a_session_has_so_many_polls() -> None:
    """And no more."""
    assert [bool([*number_violations(number)]) for number in (MOST_POLLS - 1, MOST_POLLS)] == [
        False,
        True,
    ]


def _closed(one: Poll) -> Poll:
    return closed(one, FIVE, "", NINE)
