"""Take statements in."""

from collections.abc import Collection

from services.progress.domain.intake import (
    RecordStatements,
    Row,
    RowResult,
    owner_faults,
    place_faults,
    recorded,
    taken,
)
from services.progress.domain.statements import faults_of
from services.progress.domain.words import Key
from services.progress.ports import Store


def record_statements(store: Store, command: RecordStatements) -> list[RowResult]:
    """Store what is new of a batch and tell of it; a faulty row is refused alone."""
    places = _places(store, command)
    rows = [_judged(store, row, command.own, places) for row in command.rows]
    known = store.statements({row.statement.id for row in rows if row.statement})
    results, new = taken(rows, known)
    store.add_statements(new)
    store.publish(*recorded(new))
    return results


def _places(store: Store, command: RecordStatements) -> Collection[Key]:
    """Where a learner who sends is known: once enrolled, or on the waiting list."""
    named = {row.statement.run_id for row in command.rows if row.statement} if command.own else ()
    found = store.standings((run_id, command.own) for run_id in named)
    return {key for key, standing in found.items() if standing.state is not None}


def _judged(store: Store, row: Row, own: str, places: Collection[Key]) -> Row:
    """The row as it is when nothing speaks against it; else its faults without its statement."""
    if row.statement is None:
        return row
    faults = (
        *owner_faults(row.statement, own),
        *place_faults(row.statement, own, places),
        *faults_of(row.statement, store.now),
    )
    return Row(None, faults) if faults else row
