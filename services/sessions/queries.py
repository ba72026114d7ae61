"""Queries for lists, in pages."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from chassis.contracts.mapping import from_document
from chassis.data.pages import Page, find_page, within
from services.sessions.domain.attendance import Attendance
from services.sessions.domain.clashes import Clash
from services.sessions.domain.class_log import ClassEntry
from services.sessions.domain.moderation import ModerationAct
from services.sessions.domain.planning import LONGEST
from services.sessions.domain.polls import Poll
from services.sessions.domain.roster import is_enrolled
from services.sessions.domain.seats import Seat
from services.sessions.domain.session import Room, Session
from services.sessions.domain.swaps import Swap, SwapState
from services.sessions.domain.votes import Vote
from services.sessions.store import SessionsStore
from services.sessions.store_class_log import after
from services.sessions.usecases.swaps import as_seen

T = TypeVar("T")
Query = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SessionsWanted:
    """Which sessions to list: of a run and a series (empty: all), that end after and start before
    an instant.
    """

    run_id: str
    from_time: datetime | None
    until_time: datetime | None
    series_id: str


def rooms_page(store: SessionsStore, page: Page) -> tuple[list[Room], str]:
    """Return rooms by name, and the token of the next page."""
    return _page(store, "rooms", {}, ["name"], page, Room)


def sessions_page(
    store: SessionsStore, wanted: SessionsWanted, page: Page
) -> tuple[list[Session], str]:
    """Return sessions by start, and the token of the next page."""
    named = {"run_id": wanted.run_id, "series_id": wanted.series_id}
    query: Query = {name: value for name, value in named.items() if value}
    start: Query = {}
    if wanted.from_time:
        query["end_time"] = {"$gt": wanted.from_time}
        start["$gt"] = wanted.from_time - LONGEST  # redundant, but the index is by start
    if wanted.until_time:
        start["$lt"] = wanted.until_time
    if start:
        query["start_time"] = start
    return _page(store, "sessions", query, ["start_time", "_id"], page, Session)


def seats_page(
    store: SessionsStore, session_id: str, learner_id: str, page: Page
) -> tuple[list[Seat], str]:
    """Return the seats of a session, or a learner's: in the room, online, the waiting list."""
    if learner_id:
        seat = store.seat(session_id, learner_id)
        return [seat] if seat else [], ""
    order = ["kind", "turn", "_id"]
    return _page(store, "seats", {"session_id": session_id}, order, page, Seat)


def swaps_page(
    store: SessionsStore, run_id: str, learner_id: str, page: Page
) -> tuple[list[Swap], str]:
    """Return requests for swaps by session: of a learner, also those that are over; or the open
    ones of a run, or of all that the caller may see.
    """
    given = {"run_id": run_id, "learner_id": learner_id}
    query: Query = {name: value for name, value in given.items() if value}
    if not learner_id:
        query["state"] = SwapState.OPEN
    rows, token = _page(store, "swaps", query, ["_id"], page, Swap)
    seen = as_seen(store, rows)
    return [each for each in seen if learner_id or each.state is SwapState.OPEN], token


def polls_page(store: SessionsStore, session_id: str, page: Page) -> tuple[list[Poll], str]:
    """Return the polls of a session, as they were opened."""
    page = replace(page, runs=None)  # the session's was checked
    return _page(store, "polls", {"session_id": session_id}, ["_id"], page, Poll)


def votes_page(store: SessionsStore, poll_id: str, page: Page) -> tuple[list[Vote], str]:
    """Return the votes in a poll, by voter."""
    page = replace(page, runs=None)  # votes name no run: the poll's was checked
    return _page(store, "votes", {"poll_id": poll_id}, ["voter"], page, Vote)


def comments_page(store: SessionsStore, session_id: str, page: Page) -> tuple[list[str], str]:
    """Return the comments on a session that are shown, by the hashes of their authors' ids."""
    query = {"session_id": session_id, "shown_comment": {"$gt": ""}}
    rows, token = find_page(
        store["feedback"], query, [("_id", 1)], replace(page, runs=None), store.session
    )
    return [row["shown_comment"] for row in rows], token


def moderation_page(
    store: SessionsStore, session_id: str, page: Page
) -> tuple[list[ModerationAct], str]:
    """Return the acts of moderation of a session, in order."""
    page = replace(page, runs=None)  # acts name no run: the session's was checked
    return _page(store, "moderation", {"session_id": session_id}, ["_id"], page, ModerationAct)


def chat_page(store: SessionsStore, session_id: str, page: Page) -> tuple[list[ClassEntry], str]:
    """Return what was written in the chat of a class, in order."""
    query: Query = {**after(session_id, 0), "chat": {"$exists": True}}
    # Entries name no run: the session's was checked.
    return _page(store, "class_log", query, ["_id"], replace(page, runs=None), ClassEntry)


def online_counts(store: SessionsStore, sessions: Iterable[Session]) -> Mapping[str, int]:
    """Return how many online seats without limit are taken, by session."""
    ids = [each.id for each in sessions if not each.online_seats]
    stages: list[Query] = [
        {"$match": {"session_id": {"$in": ids}}},
        {"$group": {"_id": "$session_id", "count": {"$sum": "$count"}}},
    ]
    rows = store["online_counts"].aggregate(stages, session=store.session) if ids else ()
    return {row["_id"]: row["count"] for row in rows}


def attendance_page(
    store: SessionsStore, session_id: str, learner_id: str, page: Page
) -> tuple[list[Attendance], str]:
    """Return attendance of a session by learner, of a learner by session, or (both) the one row."""
    given = {"session_id": session_id, "learner_id": learner_id}
    query: Query = {name: value for name, value in given.items() if value}
    if page.runs is not None and not session_id:
        query["session_id"] = {"$in": _attended(store, learner_id, page.runs)}
    # Rows of attendance name no run: the session's was checked, or is among the page's.
    return _page(store, "attendance", query, ["_id"], replace(page, runs=None), Attendance)


def _attended(store: SessionsStore, learner_id: str, runs: Mapping[str, Set[str]]) -> list[str]:
    """Return the sessions of some runs, or of their groups, that have attendance of a learner."""
    query = {"learner_id": learner_id}
    sessions = store["attendance"].distinct("session_id", query, session=store.session)
    among = {"$and": [{"_id": {"$in": sessions}}, within(runs)]}
    return list(store["sessions"].distinct("_id", among, session=store.session))


def clashes_page(
    store: SessionsStore, run_id: str, learner_id: str, page: Page
) -> tuple[list[Clash], str]:
    """Return clashes that are not over, by learner: of a run, of a learner, or (both) the learner's
    in the run. Those of a run are seen from the side of its sessions, all others once.
    """
    given = {"run_id": run_id, "learner_id": learner_id}
    query: Query = {name: value for name, value in given.items() if value}
    query["until"] = {"$gt": store.now}
    if not run_id and page.runs is None:
        query["first"] = True
    return _page(store, "clashes", query, ["_id"], page, Clash)


def own_runs(store: SessionsStore, run_ids: Iterable[str], learner_id: str) -> set[str]:
    """Return those of some runs in which a learner has a place."""
    known = store.enrolments((run_id, learner_id) for run_id in run_ids)
    return {each.run_id for each in known.values() if is_enrolled(each)}


def _page(
    store: SessionsStore,
    collection: str,
    query: Query,
    order: Sequence[str],
    page: Page,
    cls: type[T],
) -> tuple[list[T], str]:
    fields = [(field, 1) for field in order]
    rows, token = find_page(store[collection], query, fields, page, store.session)
    return [from_document(row, cls) for row in rows], token
