"""Storing statements that come by the LRS."""

from collections.abc import Collection, Mapping, Sequence
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
    for command in commands:
        rows = _rows(store, command, known, base)
        refusal = _refusal(store, command, known, rows, base)
        if refusal is None and command.client.launch:
            new = [{**one.statement, "id": one.id} for one in command.sent if one.id not in known]
            refusal = cmi5_sessions.take_in(store, command.client.launch, new, base)
        outcomes.append(refusal)
        if refusal is None:
            _store(store, command, rows)
            if command.client.launch:
                say_all(store, cmi5_sessions.course_news(store, command.client.launch, base), base)
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


def _known_runs(store: XapiStore, command: StoreStatements, base: str) -> Collection[str]:
    """Return the runs in which a sending learner is known, by a past or present enrolment."""
    learner_id = command.client.learner_id
    if not learner_id:
        return ()
    named = {place.run_id for each in command.sent for place in places_in(each.statement, base)}
    found = store.run_states((run_id, learner_id) for run_id in named if run_id)
    return {run_id for (run_id, _), state in found.items() if state.state is not None}


def _store(store: XapiStore, command: StoreStatements, rows: Sequence[Row]) -> None:
    store.add_attachments(command.attachments)
    store.add_rows(rows)
    store.record_event(*recorded(row.statement for row in rows if row.statement))
    others = [row.link.id for row in rows if row.statement is None]
    for first in range(0, len(others), MOST_TOLD):
        part = tuple(others[first : first + MOST_TOLD])
        store.record_event(StatementsStored(command.client.id, part))
    follow(store, (row.link for row in rows))
