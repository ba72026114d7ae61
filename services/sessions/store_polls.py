"""Polls and their votes in MongoDB.

A vote is a document of its own. A process stores the votes that come at once together, and counts
them in one of 16 counts of their poll, which it draws by lot: so two processes rarely write to the
same one. No vote writes to the poll. Whoever closes the poll writes to all its counts, so that
votes that are not counted conflict with it, start again, and find the poll closed.
"""

import random
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import reduce
from itertools import groupby
from operator import itemgetter
from typing import Any

from pymongo import UpdateOne

from chassis.clock import by_system_clock
from chassis.contracts.mapping import from_document, to_document
from services.sessions.domain.enums import SessionState
from services.sessions.domain.polls import Poll, PollState
from services.sessions.domain.votes import Tally, Vote, added
from services.sessions.store_attendance import key
from services.sessions.store_series import SeriesStore

Document = dict[str, Any]

COUNTS = 16
_POLL = itemgetter("poll_id")


class PollStore(SeriesStore):
    """The part of the store for polls."""

    def poll_by_id(self, poll_id: str) -> Poll | None:
        """Return a poll; None if there is none."""
        return self._one("polls", {"_id": poll_id}, Poll)

    def poll_for_update(self, poll_id: str) -> Poll | None:
        """Return a poll, and write to it at once, so that of two units of work one starts again."""
        return self._for_update("polls", poll_id, Poll)

    def polls_to_vote_in(self, poll_ids: Collection[str]) -> Mapping[str, Poll]:
        """Return those of some polls that exist, by id; nobody closes them here meanwhile."""
        for each in poll_ids:
            self.contends_for("poll", each)
        rows = self.find_by_ids("polls", poll_ids)
        return {row["_id"]: from_document(row, Poll) for row in rows}

    def polls_opened(self, session_id: str) -> int:
        """Return how many polls a session has had."""
        return self["polls"].count_documents({"session_id": session_id}, session=self.session)

    def polls_in(self, session_id: str) -> list[Poll]:
        """Return the polls of a session, as they were opened."""
        rows = self["polls"].find({"session_id": session_id}, session=self.session).sort("_id")
        return [from_document(row, Poll) for row in rows]

    def open_polls(self, session_ids: Collection[str]) -> list[Poll]:
        """Return the OPEN polls of some sessions, as they were opened."""
        query = {"state": PollState.OPEN, "session_id": {"$in": [*session_ids]}}
        rows = self["polls"].find(query, session=self.session).sort("_id")
        return [from_document(row, Poll) for row in rows]

    def polls_to_close(self) -> list[str]:
        """Return the OPEN polls of sessions that are not LIVE."""
        query = {"state": PollState.OPEN}
        rows = [*self["polls"].find(query, {"session_id": 1}, session=self.session)]
        sessions = self.find_by_ids("sessions", {row["session_id"] for row in rows})
        live = {row["_id"] for row in sessions if row["state"] == SessionState.LIVE}
        return [row["_id"] for row in rows if row["session_id"] not in live]

    def add_poll(self, poll: Poll) -> None:
        """Store a new poll, and its counts, so that votes only change what is there."""
        self.insert("polls", [to_document(poll)])
        empty = {"poll_id": poll.id, "voters": 0, "counts": [0] * len(poll.options)}
        self.insert("poll_counts", [{"_id": each, **empty} for each in _count_ids(poll.id)])

    def put_poll(self, poll: Poll) -> None:
        """Store a changed poll."""
        self._put("polls", to_document(poll))

    def votes(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Vote]:
        """Return those of some votes (poll and voter) that exist."""
        rows = self.find_by_ids("votes", [key(*each) for each in keys])
        return {each.key: each for each in (from_document(row, Vote) for row in rows)}

    def put_poll_votes(
        self,
        votes: Collection[Vote],
        before: Mapping[tuple[str, str], Vote],
        until: Mapping[str, datetime | None],
    ) -> None:
        """Store votes in place of those before, and count them. `until`: how long those of each
        poll are kept; None: for good.
        """
        changes: dict[str, Counter[str]] = {}
        for each in votes:
            change = changes.setdefault(each.poll_id, Counter(touched=1))
            change.update(_change(each, before.get(each.key)))
        counts = [UpdateOne({"_id": _any_count(each)}, {"$inc": changes[each]}) for each in changes]
        if counts:
            self["poll_counts"].bulk_write(counts, ordered=False, session=self.session)
        self._put("votes", *(self._vote(each, until[each.poll_id]) for each in votes))

    def _vote(self, vote: Vote, until: datetime | None) -> Document:
        named = {"_id": key(*vote.key)}
        if until is None:
            return to_document(vote) | named
        return to_document(vote) | named | {"removed_at": by_system_clock(until, self.now)}

    def poll_tallies(self, poll_ids: Collection[str]) -> Mapping[str, Tally]:
        """Return the votes of those of some polls that are OPEN, as they stand."""
        wanted = {"poll_id": {"$in": [*poll_ids]}}
        rows = self["poll_counts"].find(wanted, session=self.session).sort("poll_id")
        return {
            poll_id: reduce(added, (from_document(row, Tally) for row in group))
            for poll_id, group in groupby(rows, _POLL)
        }

    def end_tally(self, poll_id: str) -> Tally:
        """End the counting of an OPEN poll's votes, and return them all. A vote that is not among
        them finds the poll CLOSED.
        """
        query = {"poll_id": poll_id}
        self["poll_counts"].update_many(query, {"$inc": {"touched": 1}}, session=self.session)
        tally = self.poll_tallies([poll_id])[poll_id]
        self["poll_counts"].delete_many(query, session=self.session)
        return tally


def _count_ids(poll_id: str) -> list[str]:
    return [key(poll_id, f"{number:03d}") for number in range(COUNTS)]


def _any_count(poll_id: str) -> str:
    return random.choice(_count_ids(poll_id))


def _change(vote: Vote, before: Vote | None) -> Mapping[str, int]:
    """Return by how much a vote changes its count."""
    earlier = set(before.choices) if before else set()
    change = {f"counts.{each - 1}": 1 for each in {*vote.choices} - earlier}
    change |= {f"counts.{each - 1}": -1 for each in earlier - {*vote.choices}}
    return change if before else change | {"voters": 1}
