"""Queries for calendar feeds. Their number does not depend on how many classes a feed has."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.contracts.mapping import from_document
from chassis.data.pages import Page, find_page, within
from services.sessions.domain.calendars import COMING, PAST, View
from services.sessions.domain.enums import SessionState
from services.sessions.domain.feeds import Feed, Reader
from services.sessions.domain.roster import is_enrolled
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session
from services.sessions.store import SessionsStore

Query = dict[str, Any]
MOST = 5000
"""Sessions of a feed; of more, the latest."""
_NEWEST = [("_id", -1)]
# It makes the bounds of an index whose second field is the state.
_ANY_STATE = {"$in": list(SessionState)}


@dataclass(frozen=True, slots=True)
class Classes:
    """What a feed may show."""

    sessions: list[Session]
    series: dict[str, Series]
    """By id; all of their sessions are in `sessions`."""


def feeds_page(
    store: SessionsStore, reader_id: str, room_id: str, page: Page
) -> tuple[list[Feed], str]:
    """Return the feeds of a reader or a room, newest first, and the token of the next page."""
    query = {"reader_id": reader_id, "room_id": room_id}
    rows, token = find_page(store["feeds"], query, _NEWEST, page)
    return [from_document(row, Feed) for row in rows], token


def classes(store: SessionsStore, view: View, day: datetime) -> Classes:
    """Return the sessions that a feed may show around a day, and all of the series of these."""
    time = {"start_time": {"$gt": day - PAST, "$lt": day + COMING}}
    near = _sessions(store, [{**each, **time} for each in _wanted(view)])
    named = {each.series_id for each in near if each.series_id}
    rows = store.find_by_ids("series", named)
    found = (from_document(row, Series) for row in rows)
    series = {each.id: each for each in found if view.shows(each)}
    others = _sessions(store, [{"series_id": {"$in": sorted(series)}}] if series else [])
    return Classes([*{each.id: each for each in (*near, *others)}.values()], series)


def _sessions(store: SessionsStore, wanted: Collection[Query]) -> list[Session]:
    """Return the sessions that one of some queries finds; of too many the latest."""
    if not wanted:
        return []
    rows = store["sessions"].find({"$or": list(wanted)}, session=store.session)
    rows = rows.sort([("start_time", -1), ("_id", -1)]).limit(MOST).batch_size(MOST + 1)
    return [from_document(row, Session) for row in rows]


def _wanted(view: View) -> Iterator[Query]:
    """Yield queries for what a feed may show: each is answered by an index, and no feed shows what
    none of them finds.
    """
    feed, reader = view.feed, view.reader
    if feed.room_id:
        yield {"room_id": feed.room_id, "state": _ANY_STATE}
    elif not reader.retired:
        only = {"run_id": feed.run_id} if feed.run_id else {}
        yield {"instructor_id": reader.id, "state": _ANY_STATE, **only}
        for query in (_of_staff(reader), *_of_learner(reader, whole=bool(feed.run_id))):
            yield {"$and": [query, only]} if only else query


def _of_staff(reader: Reader) -> Query:
    return within({run_id: set(member.group_ids) for run_id, member in reader.staff.items()})


def _of_learner(reader: Reader, whole: bool) -> Iterator[Query]:
    """Yield queries for a learner's classes; `whole`: also those of other groups, and of runs in
    which the learner waits for a place.
    """
    for run_id, enrolment in reader.enrolments.items():
        if whole:
            yield {"run_id": run_id}
        elif is_enrolled(enrolment):
            # Sessions of before there were groups have no such field.
            groups: list[Any] = [None, [], *sorted(enrolment.group_ids)]
            yield {"run_id": run_id, "group_ids": {"$in": groups}}
