"""The kit's inbox in SQLite."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_events import Event, Gap, HandlerError, SqliteInbox


def an_event(sequence: int | None, key: str = "k") -> Event:
    """An event whose id is its key and number."""
    at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    return Event(f"{key}-{sequence}", "t", "/tandem/catalog", at, "s", key, sequence, {})


def ignore(event: Event, database: sqlite3.Connection) -> None:
    """Do nothing."""


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[SqliteInbox]:
    """An empty one, with a table of the test's own."""
    with closing(SqliteInbox(str(tmp_path / "inbox"))) as inbox:
        inbox.database.execute("CREATE TABLE handled (id TEXT)")
        yield inbox


def note(event: Event, database: sqlite3.Connection) -> None:
    """Store the event's id."""
    database.execute("INSERT INTO handled VALUES (?)", [event.id])


def refuse(event: Event, database: sqlite3.Connection) -> None:
    """Store the event's id, and fail."""
    note(event, database)
    raise LookupError("no such learner")


def handled(inbox: SqliteInbox) -> list[str]:
    """The ids that were stored."""
    return [row[0] for row in inbox.database.execute("SELECT id FROM handled")]


def test_an_event_is_handled_once(inbox: SqliteInbox) -> None:
    """A repeat has no effect."""
    assert [inbox.handle(an_event(1), note) for _ in range(3)] == [True, False, False]
    assert handled(inbox) == ["k-1"]


def test_what_a_failed_handler_did_is_undone(inbox: SqliteInbox) -> None:
    """Its event is new the next time, and its number is missing until then."""
    inbox.handle(an_event(1), note)
    with pytest.raises(HandlerError, match="no such learner"):
        inbox.handle(an_event(2), refuse)
    inbox.handle(an_event(3), note)
    assert handled(inbox) == ["k-1", "k-3"]
    assert inbox.gaps() == [Gap("/tandem/catalog", "k", 2, 2)]
    assert inbox.handle(an_event(2), note)
    assert inbox.gaps() == []


def test_a_reader_that_begins_late_misses_nothing(inbox: SqliteInbox) -> None:
    """What was before its first event of a key is no gap; nor are types without sequence."""
    for event in (an_event(7), an_event(8), an_event(None), an_event(3)):
        inbox.handle(event, ignore)
    assert inbox.gaps() == []


def test_a_large_gap_is_one_row(inbox: SqliteInbox) -> None:
    """As after a restored backup, when numbers go on a million later."""
    inbox.handle(an_event(1), ignore)
    inbox.handle(an_event(1_000_002), ignore)
    inbox.handle(an_event(500_000), ignore)
    ranges = [(gap.first, gap.last) for gap in inbox.gaps()]
    assert ranges == [(2, 499_999), (500_001, 1_000_001)]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 12))))
def test_gaps_are_what_did_not_come(came: list[tuple[str, int]]) -> None:
    """In any order, and repeated: of each key, the numbers between its first event and its
    greatest number that did not come.
    """
    with closing(SqliteInbox(":memory:")) as inbox:
        for key, number in came:
            inbox.handle(an_event(number, key), ignore)
        found = {(gap.key, each) for gap in inbox.gaps() for each in range(gap.first, gap.last + 1)}
    expected = set()
    for key in {key for key, _ in came}:
        numbers = [number for each, number in came if each == key]
        missing = set(range(numbers[0], max(numbers))) - set(numbers)
        expected |= {(key, number) for number in missing}
    assert found == expected
