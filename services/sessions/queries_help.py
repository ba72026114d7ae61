"""Queries for invitations to help sessions, in pages."""

from collections.abc import Sequence
from dataclasses import replace

from chassis.contracts.mapping import from_document
from chassis.data.pages import Page, find_page
from services.sessions.domain.enums import AttendanceStatus
from services.sessions.domain.help import Invitation, InvitationState
from services.sessions.store import SessionsStore
from services.sessions.store_attendance import key

_NEWEST = [("invited_at", -1), ("_id", -1)]
_CAME = {"$in": [AttendanceStatus.PRESENT, AttendanceStatus.PARTIAL]}


def invitations_page(
    store: SessionsStore, run_id: str, learner_id: str, page: Page
) -> tuple[list[Invitation], str]:
    """Return invitations to help sessions, the newest first: of a run, of a learner, or (both) the
    learner's in the run.
    """
    given = {"run_id": run_id, "learner_id": learner_id}
    query = {name: value for name, value in given.items() if value}
    rows, token = find_page(store["help_invitations"], query, _NEWEST, page, store.session)
    return _with_came(store, [from_document(row, Invitation) for row in rows]), token


def _with_came(store: SessionsStore, invitations: Sequence[Invitation]) -> list[Invitation]:
    """Return invitations, CAME of learners who were there."""
    named = {"_id": {"$in": [key(*each.key) for each in invitations]}, "verdict": _CAME}
    found = store["attendance"].find(named, {"_id": 1}, session=store.session)
    came = {row["_id"] for row in found}
    return [
        replace(each, state=InvitationState.CAME) if key(*each.key) in came else each
        for each in invitations
    ]
