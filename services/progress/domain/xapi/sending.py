"""Reading what a client sends to be stored: valid statements, each with an id."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from chassis.errors import FieldViolation, check
from services.progress.domain.xapi.storing import MOST, Sent, repeated
from services.progress.domain.xapi.validation import violations_of
from services.progress.domain.xapi.versions import Version

Statements = Sequence[Mapping[str, Any]]


def statements_in(body: object, version: Version, put_id: str | None) -> Statements:
    """Return the statements of a body, each valid, with ids that differ. `put_id`: by PUT, the id
    of the only one; the statement need not repeat it.

    Raises Invalid with every fault of all of them, those of a list with their places.
    """
    is_list = isinstance(body, list) and put_id is None
    statements: list[Any] = body if is_list and isinstance(body, list) else [body]
    if len(statements) > MOST:
        found = FieldViolation("body", f"has {len(statements)} statements", f"at most {MOST}")
        check([found])
    check(
        FieldViolation(f"[{place}].{each.field}" if is_list else each.field, each.wrong, each.right)
        for place, statement in enumerate(statements)
        for each in violations_of(statement, version)
    )
    if put_id is not None:
        check(_other_id(statements[0], put_id))
        return [{**statements[0], "id": put_id.lower()}]
    return statements


def sent_of(
    statements: Statements, data: Mapping[str, bytes], new_id: Callable[[], str]
) -> tuple[Sent, ...]:
    """Return valid statements to be stored; those without an id get a new one.

    `data`: what came with them, by SHA-2 hash. Raises Invalid if an id is there twice, if the
    data of an attachment that names no URL are missing or of another length, or if data belong to
    no attachment.
    """
    sent = tuple(_sent(each, data, new_id) for each in statements)
    check([*repeated(sent), *_attachment_faults(statements, data)])
    return sent


def _sent(
    statement: Mapping[str, Any], data: Mapping[str, bytes], new_id: Callable[[], str]
) -> Sent:
    came = tuple(sha2 for sha2 in dict.fromkeys(_hashes(statement)) if sha2 in data)
    id_ = str(statement.get("id", "")).lower() or new_id()
    return Sent(id_, statement, came, sum(len(data[sha2]) for sha2 in came))


def attachments_of(statement: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the attachments of a statement and of its sub-statement."""
    yield from statement.get("attachments", ())
    if statement["object"].get("objectType") == "SubStatement":
        yield from statement["object"].get("attachments", ())


def _hashes(statement: Mapping[str, Any]) -> Iterator[str]:
    return (each["sha2"].lower() for each in attachments_of(statement))


def _attachment_faults(
    statements: Statements, data: Mapping[str, bytes]
) -> Iterator[FieldViolation]:
    """Yield what is wrong with attachments and their data (part 2, section 2.4.11)."""
    for place, statement in enumerate(statements):
        for each in attachments_of(statement):
            yield from _data_faults(f"[{place}].attachments", each, data.get(each["sha2"].lower()))
    named = {sha2 for each in statements for sha2 in _hashes(each)}
    for sha2 in sorted(data.keys() - named):
        yield FieldViolation("parts", f"has data of the SHA-2 {sha2}", "data of an attachment")


def _data_faults(
    field: str, attachment: Mapping[str, Any], data: bytes | None
) -> Iterator[FieldViolation]:
    told = f"has the SHA-2 {attachment['sha2']}"
    if data is None and "fileUrl" not in attachment:
        yield FieldViolation(field, f"{told}, and no such data came", "the data, or a fileUrl")
    if data is not None and len(data) != attachment["length"]:
        wrong = f"{told} and the length {attachment['length']}"
        yield FieldViolation(f"{field}.length", wrong, f"the length of the data, {len(data)}")


def _other_id(statement: Mapping[str, Any], put_id: str) -> Iterator[FieldViolation]:
    own = str(statement.get("id", put_id))
    if own.lower() != put_id.lower():
        yield FieldViolation("id", f"is {own}", f"{put_id}, as the parameter statementId says")
