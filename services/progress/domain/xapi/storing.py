"""Storing statements that a client sends: what is refused, what is known, what is stored."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from chassis.errors import FieldViolation
from services.progress.domain.cmi5.categories import is_defined
from services.progress.domain.enums import Role
from services.progress.domain.statements import FUTURE, Statement, says_the_same
from services.progress.domain.xapi.clients import Client
from services.progress.domain.xapi.completed import with_server_fields
from services.progress.domain.xapi.equality import same
from services.progress.domain.xapi.index_keys import Tag, agent_key, keys_of
from services.progress.domain.xapi.places import person_of, places_in
from services.progress.domain.xapi.projection import projected
from services.progress.domain.xapi.queries import rights_of
from services.progress.domain.xapi.versions import Version
from services.progress.domain.xapi.voiding import Link, is_voiding, target_of

MOST = 1_000
"""Statements of one request."""
LARGEST = 1 << 20
"""Bytes of one statement as it is stored."""
MOST_KEYS = 2_000
"""Agents and activities that one statement may name."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A valid statement as a client sent it."""

    id: str
    """In lower case; made by the server if the client made none."""
    statement: Mapping[str, Any]
    attachments: tuple[str, ...] = ()
    """The SHA-2 hashes of the data that came with it."""
    attached: int = 0
    """How many bytes these data have."""


@dataclass(frozen=True, slots=True)
class StoreStatements:
    """Store statements of one request: all of them, or none."""

    client: Client
    version: Version
    sent: tuple[Sent, ...]
    attachments: Mapping[str, "Data"]
    """The data that came with them, by SHA-2 hash."""


@dataclass(frozen=True, slots=True)
class Data:
    """The data of an attachment."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a statement with a known id, to compare another with it."""

    raw: bytes
    """Its JSON text; empty if it came by RecordStatements."""
    statement: Statement | None
    """The statement of ours that it is, if it is one."""


@dataclass(frozen=True, slots=True)
class Row:
    """A statement to store."""

    link: Link
    raw: bytes
    """The JSON text that GET answers."""
    statement: Statement | None
    attachments: tuple[str, ...]
    attached: int = 0


def row_of(sent: Sent, client: Client, version: Version, base: str, now: datetime) -> Row:
    """Return the row of a statement that is stored at `now`."""
    whole = with_server_fields(
        sent.statement, id_=sent.id, stored=now, authority=client.authority, version=version
    )
    whole["id"] = sent.id
    link = Link(
        sent.id,
        frozenset(keys_of(whole, base)),
        target=target_of(whole),
        is_voiding=is_voiding(whole),
        within=_within(client, base) if target_of(whole) else (),
    )
    ours = _ours(whole, client, base, now)
    return Row(link, written(whole), ours, sent.attachments, sent.attached)


def written(value: Any) -> bytes:
    """Return a statement, or any value of JSON, as JSON."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # it has an integer of more than 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def is_same(sent: Sent, client: Client, known: Known, base: str) -> bool:
    """Return whether a statement says the same as the known one with its id."""
    if known.raw:
        return _is_stored(sent.statement, json.loads(known.raw))
    if known.statement is None or "timestamp" not in sent.statement:
        return False
    role = _role(client, sent.statement)
    ours = projected({**sent.statement, "id": sent.id}, base, role)
    return ours is not None and says_the_same(ours, known.statement)


def _is_stored(sent: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Return whether a statement says what the stored one says, whose timestamp the LRS may have
    set: then it equals `stored`.
    """
    as_sent = {name: value for name, value in known.items() if name != "stored"}
    return same(sent, known) or same(sent, as_sent)


def repeated(sent: Iterable[Sent]) -> Iterator[FieldViolation]:
    """Yield the statements of a batch whose id is that of one before."""
    seen: set[str] = set()
    for place, each in enumerate(sent):
        if each.id in seen:
            yield FieldViolation(f"[{place}].id", f"{each.id} is there twice", "a UUID of its own")
        seen.add(each.id)


def too_large(rows: Sequence[Row]) -> Iterator[FieldViolation]:
    """Yield the statements that are larger than what is stored."""
    for row in rows:
        if len(row.raw) > LARGEST:
            wrong = f"{row.link.id} has {len(row.raw)} bytes"
            yield FieldViolation("statement", wrong, f"at most {LARGEST} bytes")
        if len(row.link.keys) > MOST_KEYS:
            wrong = f"{row.link.id} names {len(row.link.keys)} agents and activities"
            yield FieldViolation("statement", wrong, f"at most {MOST_KEYS}")


def write_violations(
    sent: Sent, client: Client, base: str, known_runs: Collection[str]
) -> Iterator[FieldViolation]:
    """Yield why a client may not store a statement.

    A learner stores statements of what the learner did, on runs in which the learner is known
    (`known_runs`); a client of some runs, statements on these. Both name a run.
    """
    if client.learner_id and person_of(sent.statement["actor"], base) != client.learner_id:
        yield FieldViolation("actor", f"of {sent.id} is not you", "your own account")
    allowed = known_runs if client.learner_id else client.run_ids
    if allowed is None:
        return
    named = {place.run_id for place in places_in(sent.statement, base) if place.run_id}
    if not named or not named <= set(allowed):
        told = ", ".join(sorted(named)) or "none"
        yield FieldViolation("run", f"of {sent.id} is {told}", "only runs of yours")


def _ours(whole: Mapping[str, Any], client: Client, base: str, now: datetime) -> Statement | None:
    """Return the statement of ours; one from the future counts for nothing, as by
    RecordStatements.
    """
    found = projected(whole, base, _role(client, whole))
    return found if found and found.timestamp <= now + FUTURE else None


def _role(client: Client, statement: Mapping[str, Any]) -> Role:
    """Return who asserts a statement. What a unit says by cmi5's rules is the platform's word: it
    launched the unit (docs/decisions/0069).
    """
    if client.launch and is_defined(statement):
        return Role.SERVICE
    return Role.LEARNER if client.learner_id else Role.SERVICE


def _within(client: Client, base: str) -> tuple[frozenset[bytes], ...]:
    """Return what the target of a client's reference must have; a learner's, that the learner
    asserted it.
    """
    own = [frozenset([agent_key(Tag.AUTHORITY, client.authority, base)])]
    return (*map(frozenset, rights_of(client, base)), *(own if client.learner_id else ()))
