"""Votes as the live channel tells them: in open polls, and for the questions of agendas."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from services.sessions.domain.poll_results import shown_tally
from services.sessions.domain.votes import Tally
from services.sessions.ports import Store
from services.sessions.usecases import polls

MOST_QUESTIONS = 100
"""Of so many questions of an agenda, the most wanted, votes are told."""


@dataclass(frozen=True, slots=True)
class LiveTally:
    """Votes as they stand, as a class and as its staff may see them."""

    session_id: str
    subject_id: str
    """The question or poll."""
    at: datetime
    """When they were counted."""
    for_class: Tally
    for_staff: Tally

    def tells_as(self, other: "LiveTally") -> bool:
        """Return whether another tally tells the same votes."""
        return (self.for_class, self.for_staff) == (other.for_class, other.for_staff)


def live_tallies(store: Store, session_ids: Collection[str]) -> list[LiveTally]:
    """Return the votes of the OPEN polls, and for the questions on the agendas, of some classes."""
    return [*_of_polls(store, session_ids), *_of_questions(store, session_ids)]


def _of_polls(store: Store, session_ids: Collection[str]) -> list[LiveTally]:
    found = store.open_polls(session_ids)
    counted = polls.tallies(store, found) if found else {}
    return [
        LiveTally(
            poll.session_id,
            poll.id,
            store.now,
            shown_tally(poll, counted[poll.id], is_staff=False),
            shown_tally(poll, counted[poll.id], is_staff=True),
        )
        for poll in found
    ]


def _of_questions(store: Store, session_ids: Collection[str]) -> list[LiveTally]:
    """The worker counts votes every few seconds; those that came since are counted here."""
    known = store.agenda_votes(session_ids, MOST_QUESTIONS)
    voted = store.voted_since([each.question_id for each in known]) if known else []
    fresh = store.question_tallies(voted) if voted else {}
    found = []
    for each in known:
        votes = fresh.get(each.question_id, each.votes)
        tally = Tally(votes, (votes,))
        found.append(LiveTally(each.session_id, each.question_id, store.now, tally, tally))
    return found
