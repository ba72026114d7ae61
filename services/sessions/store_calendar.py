"""The calendar in MongoDB: sessions by time and run, and who is expected at them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from chassis.contracts.mapping import from_document
from services.sessions.domain.audiences import Counted, Members
from services.sessions.domain.enums import EnrolmentState, Interval, SessionState
from services.sessions.domain.planning import LONGEST
from services.sessions.domain.roster import EXPECTED_MODES
from services.sessions.domain.session import Room, Session
from services.sessions.store_feeds import FeedsStore

Document = dict[str, Any]

TO_COME = {"$in": [SessionState.SCHEDULED, SessionState.LIVE]}
_EXPECTED: Document = {"state": EnrolmentState.ENROLLED, "mode": {"$in": [*EXPECTED_MODES]}}
_COUNT: list[Document] = [
    {
        "$group": {
            "_id": {"run_id": "$run_id", "group_ids": {"$ifNull": ["$group_ids", []]}},
            "learners": {"$sum": 1},
        }
    }
]
# Learners whose other runs one query counts: it names each of them.
_LEARNERS = 5_000


class CalendarStore(FeedsStore):
    """The part of the store that tells what is when, and for whom."""

    def bookings(
        self, room_id: str, instructor_id: str, start: datetime, end: datetime
    ) -> list[Session]:
        """Return SCHEDULED and LIVE sessions of a room or an instructor that overlap a time."""
        time = during(start, end)
        wanted: list[Document] = [{"instructor_id": instructor_id, "state": TO_COME, **time}]
        if room_id:
            wanted.append({"room_id": room_id, "state": TO_COME, **time})
        return self._found({"$or": wanted})

    def overlapping(self, times: Sequence[Interval]) -> list[Session]:
        """Return SCHEDULED and LIVE sessions of all runs that overlap one of some times."""
        wanted = [{"state": TO_COME, **during(each.start, each.end)} for each in times]
        return self._found({"$or": wanted})

    def sessions_of(
        self, run_ids: Collection[str], start: datetime, end: datetime
    ) -> list[Session]:
        """Return SCHEDULED and LIVE sessions of some runs that overlap a time."""
        among = {"run_id": {"$in": [*run_ids]}, "state": TO_COME}
        return self._found({**among, **during(start, end)})

    def rooms_with(self, seats: int) -> list[Room]:
        """Return the rooms in use that have some seats or more, the smallest first."""
        query = {"retired": {"$ne": True}, "capacity": {"$gte": seats}}
        rows = self["rooms"].find(query, session=self.session).sort([("capacity", 1), ("name", 1)])
        return [from_document(row, Room) for row in rows]

    def audiences(self, run_ids: Collection[str]) -> Counted:
        """Return how many learners are expected in some runs."""
        return self._counted({**_EXPECTED, "run_id": {"$in": [*run_ids]}})

    def shared_learners(
        self, run_id: str, group_ids: Collection[str], among: Collection[str] | None = None
    ) -> Counted:
        """Return how many of the learners that are expected in a run, or in some groups of it, are
        expected in each run; `among`: only in these.
        """
        query = _EXPECTED if among is None else {**_EXPECTED, "run_id": {"$in": [*among]}}
        found: dict[Any, int] = defaultdict(int)
        for learners in _chunks(self._expected(run_id, group_ids)):
            rows = self._counted({**query, "learner_id": {"$in": learners}})
            for each in (member for members in rows.values() for member in members):
                found[each.run_id, each.group_ids] += each.learners
        return _by_run(Members(run, groups, count) for (run, groups), count in found.items())

    def learners_in_both(
        self, run_id: str, group_ids: Collection[str], among: Collection[str]
    ) -> set[str]:
        """Return the learners that are expected in a run, or in some groups of it, and in one of
        some runs.
        """
        found = set[str]()
        for learners in _chunks(self._expected(run_id, group_ids)) if among else ():
            both = {**_EXPECTED, "run_id": {"$in": [*among]}, "learner_id": {"$in": learners}}
            found |= {*self["enrolments"].distinct("learner_id", both, session=self.session)}
        return found

    def _expected(self, run_id: str, group_ids: Collection[str]) -> Iterator[str]:
        query = {**_EXPECTED, "run_id": run_id}
        if group_ids:
            query["group_ids"] = {"$in": [*group_ids]}
        # Of a whole run, the index has all fields.
        shown = {"_id": 0, "learner_id": 1}
        rows = self["enrolments"].find(query, shown, session=self.session)
        return (row["learner_id"] for row in rows)

    def _counted(self, query: Document) -> Counted:
        rows = self["enrolments"].aggregate([{"$match": query}, *_COUNT], session=self.session)
        return _by_run(
            Members(row["_id"]["run_id"], tuple(row["_id"]["group_ids"]), row["learners"])
            for row in rows
        )

    def _found(self, query: Document) -> list[Session]:
        rows = self["sessions"].find(query, session=self.session).sort("start_time")
        return [from_document(row, Session) for row in rows]


def during(start: datetime, end: datetime) -> Document:
    """Return a query for what overlaps a time.

    No session is longer than LONGEST, so the index reads the sessions of two days, not all.
    """
    return {"start_time": {"$gt": start - LONGEST, "$lt": end}, "end_time": {"$gt": start}}


def _by_run(members: Iterable[Members]) -> Counted:
    found: dict[str, list[Members]] = defaultdict(list)
    for each in members:
        found[each.run_id].append(each)
    return found


def _chunks(learners: Iterator[str]) -> Iterator[list[str]]:
    while chunk := list(islice(learners, _LEARNERS)):
        yield chunk
