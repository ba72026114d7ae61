"""Recording statements."""

from collections.abc import Collection

from services.progress.domain.enums import Key
from services.progress.domain.intake import (
    RecordStatements,
    Row,
    RowResult,
    owner_violations,
    place_violations,
    recorded,
    taken,
)
from services.progress.domain.statements import violations_of
from services.progress.domain.xapi.voiding import Link
from services.progress.ports import Store
from services.progress.usecases.xapi_links import follow


def record_statements(store: Store, command: RecordStatements) -> list[RowResult]:
    """Store the new statements of a batch and record their events; refuse invalid rows alone."""
    places = _places(store, command)
    rows = [_judged(store, row, command.own, places) for row in command.rows]
    known = store.statements({row.statement.id for row in rows if row.statement})
    results, new = taken(rows, known)
    store.add_statements(new)
    store.record_event(*recorded(new))
    follow(store, (Link(each.id) for each in new))
    return results


def _places(store: Store, command: RecordStatements) -> Collection[Key]:
    """Return the runs in which a sending learner is known, by a past or present enrolment."""
    named = {row.statement.run_id for row in command.rows if row.statement} if command.own else ()
    found = store.run_states((run_id, command.own) for run_id in named)
    return {key for key, run_state in found.items() if run_state.state is not None}


def _judged(store: Store, row: Row, own: str, places: Collection[Key]) -> Row:
    """Return the row if it is valid; otherwise a row with its violations."""
    if row.statement is None:
        return row
    violations = (
        *owner_violations(row.statement, own),
        *place_violations(row.statement, own, places),
        *violations_of(row.statement, store.now),
    )
    return Row(None, violations) if violations else row
