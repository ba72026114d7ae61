"""What the use cases of polls need of the store."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from services.sessions.domain.polls import Poll
from services.sessions.domain.votes import Tally, Vote


class PollStore(Protocol):
    """The data of polls as one unit of work sees them."""

    def poll_by_id(self, poll_id: str) -> Poll | None:
        """Return a poll; None if there is none."""

    def poll_for_update(self, poll_id: str) -> Poll | None:
        """Return a poll, locked against other units of work that change it; votes don't."""

    def polls_to_vote_in(self, poll_ids: Collection[str]) -> Mapping[str, Poll]:
        """Return those of some polls that exist, by id; nobody closes them here meanwhile."""

    def polls_opened(self, session_id: str) -> int:
        """Return how many polls a session has had."""

    def open_polls(self, session_ids: Collection[str]) -> list[Poll]:
        """Return the OPEN polls of some sessions, as they were opened."""

    def add_poll(self, poll: Poll) -> None:
        """Store a new poll, and prepare the counting of its votes."""

    def put_poll(self, poll: Poll) -> None:
        """Store a changed poll."""

    def votes(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Vote]:
        """Return those of some votes (poll and voter) that exist."""

    def put_poll_votes(
        self,
        votes: Collection[Vote],
        before: Mapping[tuple[str, str], Vote],
        until: Mapping[str, datetime | None],
    ) -> None:
        """Store votes in place of those before, and count them. `until`: how long those of each
        poll are kept; None: for good.
        """

    def poll_tallies(self, poll_ids: Collection[str]) -> Mapping[str, Tally]:
        """Return the votes of those of some polls that are OPEN, as they stand."""

    def end_tally(self, poll_id: str) -> Tally:
        """End the counting of an OPEN poll's votes, and return them all. A vote that is not among
        them finds the poll CLOSED.
        """
