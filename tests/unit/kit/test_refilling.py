"""The kit's refill: gaps, filled from sources of the past."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tandem_events import DeadLetter, Event, Gap, SqliteInbox, refill
from tandem_events.patterns import matches
from tandem_events.refilling import Wanted
from tandem_events.testing import MemoryBroker, example

WITHDRAWN = "tandem.catalog.enrolment.withdrawn.v1"
EXTENDED = "tandem.catalog.due.extended.v1"
SOURCE = "/tandem/catalog"
MARCH = datetime(2026, 3, 2, 8, tzinfo=UTC)
ALL = ["tandem.catalog.#"]


def an_event(sequence: int, key: str = "k") -> Event:
    """A withdrawal from a run."""
    return example(WITHDRAWN, sequence, MARCH + timedelta(hours=sequence), enrolmentId=key)


@pytest.fixture
def inbox() -> Iterator[SqliteInbox]:
    with closing(SqliteInbox(":memory:")) as inbox:
        yield inbox


class Handled(list[int]):
    """The sequences of handled events."""

    def __call__(self, event: Event, _: sqlite3.Connection) -> None:
        self.append(event.sequence or 0)


def came(inbox: SqliteInbox, events: Sequence[Event]) -> None:
    """Let events come from the queue."""
    for event in events:
        inbox.handle(event, lambda *_: None)


def ranges(gaps: Sequence[Gap]) -> list[tuple[int, int]]:
    """The numbers of gaps."""
    return [(gap.first, gap.last) for gap in gaps]


def test_a_gap_is_filled_in_order_and_the_rest_is_listed(inbox: SqliteInbox) -> None:
    """From the first source that has the event; a later one is asked for the rest alone."""
    events = [an_event(number) for number in range(1, 9)]
    came(inbox, [events[0], events[7]])
    handled, newer, older = Handled(), MemoryBroker(), MemoryBroker()
    newer.publish(*events[4:6])
    older.publish(*events[1:3], *events[4:6])
    asked: list[list[tuple[int, int]]] = []

    class Listening:
        def events(self, gaps: Sequence[Gap]) -> Iterator[Event]:
            asked.append(ranges(gaps))
            return older.events(gaps)

    result = refill(inbox, ALL, [newer, Listening()], handled)
    assert handled == [5, 6, 2, 3]
    assert asked == [[(2, 4), (7, 7)]]
    assert (result.handled, ranges(result.missing)) == (4, [(4, 4), (7, 7)])
    assert result.missing == inbox.gaps()
    again = refill(inbox, ALL, [newer, older], handled)
    assert (again.handled, again.missing) == (0, result.missing)


def test_without_a_gap_no_source_is_asked(inbox: SqliteInbox) -> None:
    """Reading the past is dear."""

    class Forbidden:
        def events(self, gaps: Sequence[Gap]) -> Iterator[Event]:
            raise AssertionError

    came(inbox, [an_event(1)])
    assert refill(inbox, ALL, [Forbidden()], Handled()).missing == []


def test_an_event_of_a_type_that_is_not_wanted_is_no_gap(inbox: SqliteInbox) -> None:
    """It counts in the same aggregate, and its handler is not called."""
    came(inbox, [an_event(1), an_event(3)])
    broker = MemoryBroker()
    broker.publish(example(EXTENDED, 2, MARCH, enrolmentId="k"))
    result = refill(inbox, ["tandem.catalog.enrolment.#"], [broker], Handled())
    assert (result.handled, result.others, result.missing) == (0, 1, [])
    assert inbox.gaps() == []


def test_an_event_whose_handler_fails_is_told_and_stays_a_gap(inbox: SqliteInbox) -> None:
    """It is not called missing, because a source has it; those after it go on."""
    events = [an_event(number) for number in range(1, 7)]
    came(inbox, [events[0], events[5]])
    broker = MemoryBroker()
    broker.publish(*events[2:5])

    def fail(event: Event, _: sqlite3.Connection) -> None:
        if event.sequence == 4:
            raise DeadLetter("nobody wants it")

    result = refill(inbox, ALL, [broker], fail)
    assert result.handled == 2
    assert result.failed == [(events[3], "DeadLetter('nobody wants it')")]
    assert ranges(result.missing) == [(2, 2)]
    assert ranges(inbox.gaps()) == [(2, 2), (4, 4)]
    assert refill(inbox, ALL, [broker], Handled()).handled == 1


def test_a_gap_says_when_it_was(inbox: SqliteInbox) -> None:
    """Between the event before and the one that showed it, also where a part of it was filled; so
    only these days are looked at, with one more before and after.
    """
    came(inbox, [an_event(1), an_event(60), an_event(30)])
    for gap in inbox.gaps():
        assert (gap.since, gap.until) == (an_event(1).time, an_event(60).time)
    days = Wanted(inbox.gaps()).days()
    assert days
    assert (days[0].isoformat(), days[-1].isoformat(), len(days)) == ("2026-03-01", "2026-03-05", 5)


def test_an_inbox_of_the_version_before_is_read(tmp_path: Path) -> None:
    """Its gaps have no time, so every day is looked at."""
    with closing(sqlite3.connect(tmp_path / "old")) as old, old:
        old.executescript("""
            CREATE TABLE tandem_last (
                source TEXT, key TEXT, sequence INTEGER, PRIMARY KEY (source, key));
            CREATE TABLE tandem_gaps (source TEXT, key TEXT, first INTEGER, last INTEGER,
                PRIMARY KEY (source, key, first));
            INSERT INTO tandem_last VALUES ('/tandem/catalog', 'k', 3);
            INSERT INTO tandem_gaps VALUES ('/tandem/catalog', 'k', 2, 2);""")
    for _ in range(2):
        with closing(SqliteInbox(str(tmp_path / "old"))) as inbox:
            assert ranges(inbox.gaps()) == [(2, 2)]
            assert Wanted(inbox.gaps()).days() is None
            came(inbox, [an_event(3)])


@settings(max_examples=50)
@given(
    st.sets(st.integers(1, 14)), st.sets(st.integers(1, 14)), st.sets(st.integers(1, 14)), st.data()
)
def test_what_a_source_has_is_handled_once_and_the_rest_is_missing(
    queued: set[int], had: set[int], failing: set[int], data: st.DataObject
) -> None:
    """In whatever order they came, and whatever fails."""
    order = data.draw(st.permutations(sorted(queued)))
    events = {number: an_event(number) for number in range(1, 15)}
    broker, handled = MemoryBroker(), Handled()
    broker.publish(*(events[number] for number in sorted(had)))

    def handle(event: Event, database: sqlite3.Connection) -> None:
        if event.sequence in failing:
            raise LookupError
        handled(event, database)

    with closing(SqliteInbox(":memory:")) as inbox:
        came(inbox, [events[number] for number in order])
        wanted = {each for gap in inbox.gaps() for each in range(gap.first, gap.last + 1)}
        result = refill(inbox, ALL, [broker], handle)
    assert handled == sorted((wanted & had) - failing)
    assert [event.sequence for event, _ in result.failed] == sorted(wanted & had & failing)
    listed = {each for first, last in ranges(result.missing) for each in range(first, last + 1)}
    assert listed == wanted - had


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("a.b", "a.b", "a.b.c"),
        ("a.*", "a.b", "a"),
        ("a.#", "a", "b.a"),
        ("#.c", "a.b.c", "a.b.c.d"),
        ("a.#.c", "a.c", "a.b"),
        ("#", "a.b", None),
    ],
)
def test_patterns_match_as_the_broker_matches(
    pattern: str, matching: str, other: str | None
) -> None:
    """A star is one word, a hash any number of words."""
    assert matches([pattern], matching)
    assert other is None or not matches([pattern], other)
