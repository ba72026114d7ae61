"""Storing statements that come by the LRS."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from chassis.errors import AlreadyExists, DomainError, Invalid, PermissionDenied
from services.progress.domain.cmi5.said import platform
from services.progress.domain.events import StatementsStored
from services.progress.domain.intake import recorded
from services.progress.domain.xapi.places import places_in
from services.progress.domain.xapi.sending import sent_of
from services.progress.domain.xapi.storing import (
    Known,
    Row,
    StoreStatements,
    is_same,
    row_of,
    too_large,
    write_violations,
)
from services.progress.domain.xapi.versions import Version
from services.progress.ports_xapi import XapiStore
from services.progress.usecases import cmi5_sessions
from services.progress.usecases.xapi_links import follow

Accepted = tuple[StoreStatements, Sequence[Row]]
"""A request that is not refused, and its new statements."""
MOST_TOLD = 1_000
"""Ids of one event."""


def store_statements(
    store: XapiStore, commands: Sequence[StoreStatements], base: str
) -> list[DomainError | None]:
    """Store the statements of some requests, whose ids differ; return for each why it is refused.

    `base`: the LRS's public URL.
    """
    known = store.known_statements(each.id for command in commands for each in command.sent)
    outcomes: list[DomainError | None] = []
    accepted: list[Accepted] = []
    for command in commands:
        rows = _rows(store, command, known, base)
        refusal = _refusal(store, command, known, rows, base)
        refusal = refusal or _refusal_of_session(store, command, known, base)
        outcomes.append(refusal)
        if refusal is None:
            accepted.append((command, rows))
    _store(store, accepted)
    for launch in (command.client.launch for command, _ in accepted):
        if launch:
            say_all(store, cmi5_sessions.course_news(store, launch, base), base)
    return outcomes


def say_all(store: XapiStore, said: Sequence[Mapping[str, Any]], base: str) -> None:
    """Store what the platform says as cmi5's LMS. Raises what a refusal would be."""
    sent = sent_of(said, {}, store.new_id)
    if sent:
        command = StoreStatements(platform(base), Version.V1_0_3, sent, {})
        for refusal in filter(None, store_statements(store, [command], base)):
            raise refusal


def _rows(
    store: XapiStore, command: StoreStatements, known: Mapping[str, Known], base: str
) -> list[Row]:
    return [
        row_of(each, command.client, command.version, base, store.now)
        for each in command.sent
        if each.id not in known
    ]


def _refusal(
    store: XapiStore,
    command: StoreStatements,
    known: Mapping[str, Known],
    rows: Sequence[Row],
    base: str,
) -> DomainError | None:
    """Return why a request is refused as a whole; None if it is not."""
    runs = _known_runs(store, command, base)
    denied = [
        violation
        for each in command.sent
        for violation in write_violations(each, command.client, base, runs)
    ]
    if denied:
        return PermissionDenied("you may not store these statements", denied)
    if faults := [*too_large(rows)]:
        return Invalid(faults)
    others = [
        each.id
        for each in command.sent
        if each.id in known and not is_same(each, command.client, known[each.id], base)
    ]
    if others:
        return AlreadyExists(f"other statements have these ids: {', '.join(others)}")
    return None


def _refusal_of_session(
    store: XapiStore, command: StoreStatements, known: Mapping[str, Known], base: str
) -> DomainError | None:
    """Note what a session of cmi5 says, or return why it may not say it."""
    if not command.client.launch:
        return None
    new = [{**one.statement, "id": one.id} for one in command.sent if one.id not in known]
    return cmi5_sessions.take_in(store, command.client.launch, new, base)


def _known_runs(store: XapiStore, command: StoreStatements, base: str) -> Collection[str]:
    """Return the runs in which a sending learner is known, by a past or present enrolment."""
    learner_id = command.client.learner_id
    if not learner_id:
        return ()
    named = {place.run_id for each in command.sent for place in places_in(each.statement, base)}
    found = store.run_states((run_id, learner_id) for run_id in named if run_id)
    return {run_id for (run_id, _), state in found.items() if state.state is not None}


def _store(store: XapiStore, accepted: Sequence[Accepted]) -> None:
    rows = [row for _, some in accepted for row in some]
    store.add_attachments({k: v for command, _ in accepted for k, v in command.attachments.items()})
    store.add_rows(rows)
    store.record_event(*recorded(row.statement for row in rows if row.statement))
    store.record_event(*_stored(accepted))
    follow(store, (row.link for row in rows))


def _stored(accepted: Iterable[Accepted]) -> Iterator[StatementsStored]:
    """Yield the events of statements that are none of ours, by the client that sent them."""
    others: dict[str, list[str]] = defaultdict(list)
    for command, rows in accepted:
        others[command.client.id] += [row.link.id for row in rows if row.statement is None]
    for client_id, ids in others.items():
        for first in range(0, len(ids), MOST_TOLD):
            yield StatementsStored(client_id, tuple(ids[first : first + MOST_TOLD]))
