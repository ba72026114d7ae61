"""Queries of the statements resource (xAPI 1.0.3, part 3, section 2.1.3).

A query is a list of clauses; a statement meets a clause if it has one of the clause's index keys,
and it meets a query if it meets all clauses. The client's rights are clauses too.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chassis.errors import FieldViolation, Invalid, check
from services.progress.domain.xapi import identities
from services.progress.domain.xapi.clients import Client, Scope
from services.progress.domain.xapi.data_types import iri as iri_check
from services.progress.domain.xapi.index_keys import Tag, activity_key, agent_key, key
from services.progress.domain.xapi.parsing import parse_json
from services.progress.domain.xapi.timestamps import instant_of, timestamp
from services.progress.domain.xapi.validation import agent_violations
from services.progress.domain.xapi.versions import Version

MOST = 100
"""Statements of a page at most; the limit 0 means the same."""
SINGLE = ("statementId", "voidedStatementId")
BESIDE_SINGLE = {"attachments", "format"}
FORMATS = ("ids", "exact", "canonical")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)

Clause = tuple[bytes, ...]
"""Index keys; a statement has one of them."""


@dataclass(frozen=True, slots=True)
class Single:
    """A query for one statement."""

    id: str
    voided: bool
    format: str
    attachments: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A query for statements in the order of their storing."""

    clauses: tuple[Clause, ...]
    since: datetime | None = None
    """Only what was stored after it."""
    until: datetime | None = None
    """Only what was stored at it or before."""
    limit: int = MOST
    """Statements of a page."""
    ascending: bool = False
    format: str = "exact"
    attachments: bool = False
    after: bytes = b""
    """The cursor of the last statement of the page before; empty on the first page."""


def single_of(parameters: Mapping[str, str]) -> Single | None:
    """Return the query for one statement; None if the parameters ask for several.

    Raises Invalid with every fault.
    """
    named = [name for name in SINGLE if name in parameters]
    if not named:
        return None
    check([*_beside(parameters, named[0]), *_faults(parameters, _single_checks())])
    wanted = parameters[named[0]].lower()
    voided = named[0] == "voidedStatementId"
    return Single(wanted, voided, parameters.get("format", "exact"), _is_true(parameters))


def query_of(parameters: Mapping[str, str], version: Version, base: str) -> Query:
    """Return the query for several statements. Raises Invalid with every fault."""
    check(_faults(parameters, _checks(version)))
    limit = int(parameters.get("limit", 0)) or MOST
    return Query(
        tuple(_clauses(parameters, base)),
        since=_instant(parameters, "since"),
        until=_instant(parameters, "until"),
        limit=min(limit, MOST),
        ascending=parameters.get("ascending") == "true",
        format=parameters.get("format", "exact"),
        attachments=_is_true(parameters),
    )


def rights_of(client: Client, base: str) -> tuple[Clause, ...]:
    """Return the clauses that cut what a client reads to what it may read."""
    clauses: list[Clause] = []
    if client.learner_id:
        clauses.append((key(Tag.PERSON, client.learner_id),))
    elif not client.scopes & {Scope.STATEMENTS_READ, Scope.ALL_READ, Scope.ALL}:
        clauses.append((agent_key(Tag.AUTHORITY, client.authority, base),))
    if client.run_ids is not None:
        clauses.append(tuple(key(Tag.RUN, run_id) for run_id in sorted(client.run_ids)))
    return tuple(clauses)


def restricted(query: Query, rights: tuple[Clause, ...]) -> Query:
    """Return a query whose statements a client may read; it always has a clause."""
    return replace(query, clauses=(*query.clauses, *rights) or ((key(Tag.ALL),),))


def may_read(keys: Set[bytes], rights: tuple[Clause, ...]) -> bool:
    """Return whether a statement with these keys is within a client's rights."""
    return all(not keys.isdisjoint(clause) for clause in rights)


def _clauses(parameters: Mapping[str, str], base: str) -> Iterator[Clause]:
    related_agents = parameters.get("related_agents") == "true"
    if "agent" in parameters:
        agent = _agent(parameters["agent"])
        yield tuple(agent_key(tag, agent, base) for tag in _tags(Tag.AGENT, related_agents))
    if "verb" in parameters:
        yield (key(Tag.VERB, parameters["verb"]),)
    related = parameters.get("related_activities") == "true"
    if "activity" in parameters:
        iri = parameters["activity"]
        yield tuple(activity_key(tag, iri, base) for tag in _tags(Tag.ACTIVITY, related))
    if "registration" in parameters:
        yield (key(Tag.REGISTRATION, parameters["registration"].lower()),)


def _tags(direct: Tag, related: bool) -> tuple[Tag, ...]:
    return (direct, Tag(direct + 1)) if related else (direct,)


def _beside(parameters: Mapping[str, str], single: str) -> Iterator[FieldViolation]:
    for name in sorted(parameters.keys() - BESIDE_SINGLE - {single}):
        yield FieldViolation(name, f"stands beside {single}", "nothing but attachments and format")


Fault = Callable[[str], str]
"""Returns what would be right of a parameter's text; empty if the text is right."""


def _faults(parameters: Mapping[str, str], checks: Mapping[str, Fault]) -> Iterator[FieldViolation]:
    for name, value in parameters.items():
        if name == "agent" and "agent" in checks:
            yield from _agent_faults(value)
        elif name in checks and (right := checks[name](value)):
            yield FieldViolation(name, f"is {value[:100]!r}", right)


def _single_checks() -> Mapping[str, Fault]:
    return dict.fromkeys(SINGLE, _uuid) | {"attachments": _boolean, "format": _format}


def _checks(version: Version) -> Mapping[str, Fault]:
    names = ("related_activities", "related_agents", "ascending", "attachments")
    instant = _instant_check(version)
    return dict.fromkeys(names, _boolean) | {
        "agent": _uuid,
        "verb": _iri,
        "activity": _iri,
        "registration": _uuid,
        "since": instant,
        "until": instant,
        "limit": lambda text: "" if _NUMBER.fullmatch(text) else "a whole number from 0 up",
        "format": _format,
    }


def _boolean(text: str) -> str:
    return "" if text in ("true", "false") else "true or false"


def _format(text: str) -> str:
    return "" if text in FORMATS else "ids, exact or canonical"


def _uuid(text: str) -> str:
    return "" if _UUID.fullmatch(text) else "a UUID"


def _iri(text: str) -> str:
    return "an absolute IRI" if iri_check(text) else ""


def _instant_check(version: Version) -> Fault:
    is_wrong = timestamp(version)
    return lambda text: "a timestamp, such as 2026-03-02T08:00:00Z" if is_wrong(text) else ""


def _agent_faults(text: str) -> Iterator[FieldViolation]:
    try:
        agent = parse_json(text.encode(errors="replace"), "agent")
    except Invalid as error:
        yield from error.violations
        return
    faults = agent_violations(agent)
    for each in faults:
        field = "agent" if each.field == "agent" else f"agent.{each.field}"
        yield FieldViolation(field, each.wrong, each.right)
    if not faults and not identities.agent_key(agent):
        yield FieldViolation("agent", "has no identifier", "an agent or an identified group")


def _agent(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = parse_json(text.encode(errors="replace"), "agent")
    return found


def _instant(parameters: Mapping[str, str], name: str) -> datetime | None:
    return instant_of(parameters[name]) if name in parameters else None


def _is_true(parameters: Mapping[str, str]) -> bool:
    return parameters.get("attachments") == "true"
