"""Taking statements in: which rows are kept, and which are refused, each by itself."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chassis.errors import FieldViolation
from services.progress.domain.enums import Key
from services.progress.domain.events import StatementsRecorded
from services.progress.domain.statements import Statement, says_the_same

# An event's body stays below 256 KiB; the estimate of a statement's share of it errs upwards.
ROOM = 200_000
PUNCTUATION = 700


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a batch: a statement, or why it is none."""

    statement: Statement | None
    violations: tuple[FieldViolation, ...] = ()


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row."""

    row: int
    id: str
    changed: bool
    violations: tuple[FieldViolation, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordStatements:
    """Take a batch in."""

    rows: tuple[Row, ...]
    own: str
    """Whose statements the sender may send; empty: anyone's."""


def owner_violations(statement: Statement, own: str) -> Iterator[FieldViolation]:
    """A learner speaks for no one else."""
    if own and statement.learner_id != own:
        yield FieldViolation(
            "learner_id", f"is {statement.learner_id!r}, not you", f"your own id, {own!r}"
        )


def place_violations(
    statement: Statement, own: str, known: Collection[Key]
) -> Iterator[FieldViolation]:
    """A learner tells of runs in which progress knows that learner; services may be ahead of it.

    What waits for a run that never comes ends as a dead letter: nobody's token is to make these.
    """
    if own and (statement.run_id, own) not in known:
        wrong = f"you are not known in run {statement.run_id!r}"
        right = "a run of yours; after an enrolment just now, the same again in a moment"
        yield FieldViolation("run_id", wrong, right)


def taken(
    rows: Sequence[Row], known: Mapping[str, Statement]
) -> tuple[list[RowResult], list[Statement]]:
    """What becomes of each row, and the statements that are new.

    A statement is never changed by another of its id: the same content changes nothing, other
    content is a conflict (xAPI 1.0.3, part 3, section 2.1.1). That goes for rows of one batch too.
    """
    kept, new, results = dict(known), [], []
    for place, row in enumerate(rows):
        statement = row.statement
        if statement is None:
            results.append(RowResult(place, "", False, row.violations))
        elif statement.id not in kept:
            kept[statement.id] = statement
            new.append(statement)
            results.append(RowResult(place, statement.id, True))
        else:
            results.append(_again(place, statement, kept[statement.id]))
    return results, new


def recorded(statements: Iterable[Statement]) -> Iterator[StatementsRecorded]:
    """The events that tell of new statements: each of one learner, and small enough.

    Each of one run too: what waits for a run that is not known yet holds up no other run's.
    """
    by_key: dict[Key, list[Statement]] = defaultdict(list)
    for statement in statements:
        by_key[statement.run_id, statement.learner_id].append(statement)
    for (_, learner_id), own in by_key.items():
        for part in _parts(own):
            yield StatementsRecorded(learner_id, part)


def _again(place: int, statement: Statement, known: Statement) -> RowResult:
    if says_the_same(statement, known):
        return RowResult(place, statement.id, False)
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
    """About how much of an event's body it takes; a character may need six bytes in JSON."""
    texts = (statement.learner_id, statement.verb, statement.run_id)
    names = (statement.activity_id, statement.item_id)
    segments = statement.video.played_segments if statement.video else ""
    return PUNCTUATION + 6 * sum(map(len, texts + names)) + len(segments)
