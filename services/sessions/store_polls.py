"""Polls and their votes in MongoDB.

A vote is a document of its own. Votes are counted in 128 counts for each poll, by voter, so that
votes at once rarely write to the same document; none writes to the poll. Whoever closes the poll
writes to all counts, so that a vote that is not counted conflicts with it, starts again, and finds
the poll closed.
"""

import zlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import reduce
from itertools import groupby
from operator import itemgetter
from typing import Any

from chassis.contracts.mapping import from_document, to_document
from services.sessions.domain.enums import SessionState
from services.sessions.domain.polls import Poll, PollState, Tally, Vote, added
from services.sessions.store_attendance import key
from services.sessions.store_series import SeriesStore

Document = dict[str, Any]

COUNTS = 128
_POLL = itemgetter("poll_id")


class PollStore(SeriesStore):
    """The part of the store for polls."""

    def poll_by_id(self, poll_id: str) -> Poll | None:
        """Return a poll; None if there is none."""
        return self._one("polls", {"_id": poll_id}, Poll)

    def poll_for_update(self, poll_id: str) -> Poll | None:
        """Return a poll, and write to it at once, so that of two units of work one starts again."""
        return self._for_update("polls", poll_id, Poll)

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

    def votes(self, keys: Collection[tuple[str, str]]) -> Mapping[str, Vote]:
        """Return those of some votes (poll and voter) that exist, by poll."""
        rows = self.find_by_ids("votes", [key(*each) for each in keys])
        return {row["poll_id"]: from_document(row, Vote) for row in rows}

    def put_poll_vote(self, vote: Vote, before: Vote | None, until: datetime | None) -> None:
        """Store a vote in place of the voter's vote before, and count it. It is kept until an
        instant; None: for good.
        """
        count_id = _count_id(vote)
        self.contends_for("poll_count", count_id)
        self["poll_counts"].update_one(
            {"_id": count_id}, {"$inc": _change(vote, before)}, session=self.session
        )
        named: Document = {"_id": key(vote.poll_id, vote.voter)}
        if until is not None:
            # by this computer's clock, because MongoDB removes rows by its own
            named["removed_at"] = datetime.now(UTC) + (until - self.now)
        self._put("votes", to_document(vote) | named)

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
        for each in _count_ids(poll_id):
            self.contends_for("poll_count", each)
        query = {"poll_id": poll_id}
        self["poll_counts"].update_many(query, {"$inc": {"touched": 1}}, session=self.session)
        tally = self.poll_tallies([poll_id])[poll_id]
        self["poll_counts"].delete_many(query, session=self.session)
        return tally


def _count_ids(poll_id: str) -> list[str]:
    return [key(poll_id, f"{number:03d}") for number in range(COUNTS)]


def _count_id(vote: Vote) -> str:
    return key(vote.poll_id, f"{zlib.crc32(vote.voter.encode()) % COUNTS:03d}")


def _change(vote: Vote, before: Vote | None) -> Mapping[str, int]:
    """Return by how much a vote changes its count."""
    earlier = set(before.choices) if before else set()
    change = {f"counts.{each - 1}": 1 for each in {*vote.choices} - earlier}
    change |= {f"counts.{each - 1}": -1 for each in earlier - {*vote.choices}}
    return change if before else change | {"voters": 1}
