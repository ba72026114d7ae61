"""Recording statements: which rows are stored, and which are refused, each by itself."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chassis.errors import FieldViolation
from services.progress.domain.enums import Key
from services.progress.domain.events import StatementsRecorded
from services.progress.domain.statements import Statement, normal, note_of, says_the_same

# An event's body stays below 256 KiB; the estimate of a statement's size is rather too large.
ROOM = 200_000
PUNCTUATION = 700


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a batch: a statement, or its violations."""

    statement: Statement | None
    violations: tuple[FieldViolation, ...] = ()
    note: str = ""
    """What of the statement counts for nothing, and why."""


@dataclass(frozen=True, slots=True)
class RowResult:
    """The result of a row."""

    row: int
    id: str
    changed: bool
    violations: tuple[FieldViolation, ...] = ()
    note: str = ""
    """What of a row that was taken counts for nothing, and why; empty if all of it counts."""


@dataclass(frozen=True, slots=True)
class RecordStatements:
    """Record a batch of statements."""

    rows: tuple[Row, ...]
    own: str
    """The learner whose statements the sender may send; empty: any learner."""


def row_of(statement: Statement) -> Row:
    """Return the row of a statement that keeps the contract's rules."""
    return Row(normal(statement), note=note_of(statement))


def owner_violations(statement: Statement, own: str) -> Iterator[FieldViolation]:
    """Yield a violation if a learner sends a statement of another learner."""
    if own and statement.learner_id != own:
        yield FieldViolation(
            "learner_id", f"is {statement.learner_id!r}, not you", f"your own id, {own!r}"
        )


def place_violations(
    statement: Statement, own: str, known: Collection[Key]
) -> Iterator[FieldViolation]:
    """Yield a violation if a learner sends a statement on a run in which the learner is unknown.

    Only services may send statements on unknown runs, because these wait, and become dead letters
    if the run never comes.
    """
    if own and (statement.run_id, own) not in known:
        wrong = f"you are not known in run {statement.run_id!r}"
        right = "a run of yours; after an enrolment just now, the same again in a moment"
        yield FieldViolation("run_id", wrong, right)


def taken(
    rows: Sequence[Row], known: Mapping[str, Statement | None]
) -> tuple[list[RowResult], list[Statement]]:
    """Return the result of each row, and the new statements.

    A statement never replaces another with its id: the same content changes nothing, other content
    is a conflict (xAPI 1.0.3, part 3, section 2.1.1). This is true for rows of one batch too. None
    in `known` is a statement of the LRS that is none of ours: other content.
    """
    kept, new, results = dict(known), [], []
    for place, row in enumerate(rows):
        statement = row.statement
        if statement is None:
            results.append(RowResult(place, "", False, row.violations))
        elif statement.id not in kept:
            kept[statement.id] = statement
            new.append(statement)
            results.append(RowResult(place, statement.id, True, note=row.note))
        else:
            results.append(_again(place, row, statement, kept[statement.id]))
    return results, new


def recorded(statements: Iterable[Statement]) -> Iterator[StatementsRecorded]:
    """Yield the events of new statements: each of one learner in one run, and small enough.

    So statements that wait for an unknown run don't delay those of other runs.
    """
    by_key: dict[Key, list[Statement]] = defaultdict(list)
    for statement in statements:
        by_key[statement.run_id, statement.learner_id].append(statement)
    for (_, learner_id), own in by_key.items():
        for part in _parts(own):
            yield StatementsRecorded(learner_id, part)


def _again(place: int, row: Row, statement: Statement, known: Statement | None) -> RowResult:
    if known is not None and says_the_same(statement, known):
        return RowResult(place, statement.id, False, note=row.note)
    conflict = FieldViolation("id", f"{statement.id} is another statement's", "a UUID of its own")
    return RowResult(place, "", False, (conflict,))


def _parts(statements: Sequence[Statement]) -> Iterator[tuple[Statement, ...]]:
    part: list[Statement] = []
    room = ROOM
    for statement in statements:
        size = _size(statement)
        if part and size > room:
            yield tuple(part)
            part, room = [], ROOM
        part.append(statement)
        room -= size
    if part:
        yield tuple(part)


def _size(statement: Statement) -> int:
    """Return about how many bytes it takes in an event; a character may need six bytes in JSON, but
    not one of played segments, of which only digits and punctuation are kept.
    """
    texts = (statement.learner_id, statement.verb, statement.run_id)
    names = (statement.activity_id, statement.item_id)
    segments = statement.video.played_segments if statement.video else ""
    return PUNCTUATION + 6 * sum(map(len, texts + names)) + len(segments)
