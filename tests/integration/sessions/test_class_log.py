"""The log of a class: its entries are numbered without gaps, however many write at once."""

from datetime import timedelta
from itertools import chain

from chassis.data.store import Database
from services.sessions.domain.class_log import ChatSent, ClassEntry, HandMoved
from services.sessions.store import SessionsStore
from tests.conftest import FakeClock, MakeDatabase
from tests.integration.sessions.school import race

WRITERS, EACH = 6, 5
Log = Database[SessionsStore]


def add(log: Log, entry: ClassEntry) -> ClassEntry:
    """Add an entry in a unit of work of its own."""
    return log.transact(lambda store: store.add_entry(entry))


def test_many_write_at_once(make_database: MakeDatabase, clock: FakeClock) -> None:
    """Six writers of two processes, which share no locks, get the numbers 1 to 30, each once."""
    log = make_database(SessionsStore)
    other: Log = Database(log.client, log.mongo.name, SessionsStore, clock)

    def write(writer: int) -> list[int]:
        said = ClassEntry(session_id="monday", at=clock.now(), chat=ChatSent("I see it"))
        return [add((log, other)[writer % 2], said).number for _ in range(EACH)]

    numbers = chain.from_iterable(race(write, range(WRITERS)))
    assert sorted(numbers) == [*range(1, WRITERS * EACH + 1)]


def test_reads_on(make_database: MakeDatabase, clock: FakeClock) -> None:
    """Who stopped after an entry reads those that follow, in order, of this class only."""
    log = make_database(SessionsStore)
    said = [
        ClassEntry(session_id="monday", at=clock.now(), person_id="ada", chat=ChatSent("Hello")),
        ClassEntry(session_id="monday", at=clock.now(), person_id="ada", hand=HandMoved(True)),
        ClassEntry(
            session_id="monday",
            at=clock.now() + timedelta(seconds=1),
            person_id="ada",
            hand=HandMoved(False),
        ),
    ]
    made = [add(log, each) for each in said]
    add(log, ClassEntry(session_id="monday2", at=clock.now(), chat=ChatSent("Elsewhere")))
    store = log.reader()
    assert store.entries_after("monday", 1, 10) == made[1:]
    assert store.entries_after("monday", 0, 1) == made[:1]
    assert store.last_entry("monday") == 3
    assert store.last_entry("tuesday") == 0
