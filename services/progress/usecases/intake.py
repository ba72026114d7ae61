"""Take statements in."""

from services.progress.domain.intake import (
    RecordStatements,
    Row,
    RowResult,
    owner_faults,
    recorded,
    taken,
)
from services.progress.domain.statements import faults_of
from services.progress.ports import Store


def record_statements(store: Store, command: RecordStatements) -> list[RowResult]:
    """Store what is new of a batch and tell of it; a faulty row is refused alone."""
    rows = [_judged(store, row, command.own) for row in command.rows]
    known = store.statements({row.statement.id for row in rows if row.statement})
    results, new = taken(rows, known)
    store.add_statements(new)
    store.publish(*recorded(new))
    return results


def _judged(store: Store, row: Row, own: str) -> Row:
    """The row as it is when nothing speaks against it; else its faults without its statement."""
    if row.statement is None:
        return row
    faults = (*owner_faults(row.statement, own), *faults_of(row.statement, store.now))
    return Row(None, faults) if faults else row
