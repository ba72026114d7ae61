"""The rules of consumers: names, patterns of types, rights, limits."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.consumers import accounts, patterns, replay_state
from campus.consumers.accounts import Limits, Names
from campus.consumers.replay_state import State
from chassis.archive.layout import Span
from chassis.contracts.events import contracts
from chassis.messaging import topology

TYPES = contracts().keys()
PERSON = "tandem.catalog.person.upserted.v1"
WORDS = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=5)
PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "#"]), min_size=1, max_size=5)


def fits(pattern: list[str], words: list[str]) -> bool:
    """The same, as AMQP says it."""
    if not pattern:
        return not words
    first, *rest = pattern
    if first == "#":
        return any(fits(rest, words[start:]) for start in range(len(words) + 1))
    return bool(words) and first in ("*", words[0]) and fits(rest, words[1:])


@given(PATTERNS, WORDS)
def test_a_pattern_takes_what_a_topic_exchange_routes(pattern: list[str], words: list[str]) -> None:
    """`*` is one word, `#` is any number."""
    assert patterns.matches(".".join(pattern), ".".join(words)) == fits(pattern, words)


def test_a_pattern_of_many_hashes_takes_no_long_time() -> None:
    """A hostile pattern is compared in steps, each once."""
    assert not patterns.matches(".".join(["#", "a"] * 60), ".".join(["a"] * 59 + ["b"]))


def test_all_faults_of_patterns_are_told_at_once() -> None:
    """Each with what would be right; good ones are not named."""
    given = [
        "tandem.catalog.#",
        "tandem.catalog.enrolment.creatd.v1",
        "Tandem.*",
        "",
        "x.y",
        "a..b",
    ]
    typo, upper, empty, strange, hole = patterns.faults(given, TYPES)
    assert "is it tandem.catalog.enrolment.created.v1?" in typo
    assert "'Tandem.*' is no pattern" in upper
    assert "'' is no pattern" in empty
    assert "docs/events.md" in strange
    assert "'a..b' is no pattern" in hole
    assert patterns.faults(["#", "tandem.*.*.*.v1", PERSON], TYPES) == []
    assert patterns.faults([], TYPES)
    assert patterns.faults([f"{'a' * 300}.#"], TYPES)


def test_personal_data_in_the_chosen_types_is_named() -> None:
    """As the catalogue names it; types without it are left out."""
    chosen = patterns.chosen([PERSON, "tandem.catalog.run.#"], TYPES)
    found = patterns.personal({kind: contracts()[kind] for kind in chosen})
    assert found == {PERSON: ["email", "familyName", "givenName"]}


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a.b", "a.*", "é", "a" * 41, "a\n", "a/b"])
def test_a_name_that_could_mean_more_is_refused(name: str) -> None:
    """It becomes part of patterns of the broker, of names and of URLs."""
    assert accounts.fault(name)


@given(st.from_regex(accounts.NAME, fullmatch=True), st.from_regex(accounts.NAME, fullmatch=True))
def test_a_consumer_reads_its_own_two_queues(name: str, other: str) -> None:
    """And nothing of another consumer, whose name may begin with its own."""
    mine, others = Names(name), Names(other)
    assert accounts.fault(name) == ""
    assert len(mine.queue) < 100
    rights = accounts.rights(mine)
    things = {mine.queue, mine.dead, mine.replay, mine.lock, topology.EXCHANGE, topology.HISTORY}
    things |= {others.queue, others.dead, others.replay, "amq.default", ""}
    assert {each for each in things if re.search(rights["read"], each)} == {mine.queue, mine.dead}
    for action in ("configure", "write"):
        assert not any(re.search(rights[action], each) for each in things - {""})


def test_no_queue_of_a_consumer_refuses_events_or_grows_without_end() -> None:
    """A refusal would be the relay's to repeat; what is dropped is in the history."""
    for definition in accounts.policies(Names("lti"), Limits()).values():
        assert definition["overflow"] == "drop-head"
        assert definition.get("max-length-bytes") or definition["max-length"]


INSTANTS = st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1))


@given(INSTANTS, INSTANTS, st.booleans(), st.none() | st.integers(0, 2**62))
def test_the_state_of_a_replay_is_read_as_it_was_written(
    since: datetime, until: datetime, is_bounded: bool, place: int | None
) -> None:
    """After messages, and after what nobody has."""
    state = State(since, until, is_bounded, place)
    later = state.missed(Span(3, 7)).passed(9, sent=1).passed(10, unreadable=1)
    for each in (state, later):
        assert replay_state.read(replay_state.write(each)) == each
    assert (later.place, later.sent, later.unreadable, later.missing) == (11, 1, 1, (Span(3, 7),))
