"""What the use cases of seats need of the store."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from services.sessions.domain.seats import Seat
from services.sessions.domain.session import Session
from services.sessions.domain.swaps import Swap


class SeatStore(Protocol):
    """Seats, their swaps, and the rotation of cohorts."""

    # Seats

    def seat(self, session_id: str, learner_id: str) -> Seat | None:
        """Return a learner's seat in a session; None if there is none."""

    def put_seat(self, seat: Seat) -> None:
        """Store a seat; delete it if it tells nothing."""

    def first_waiting(self, session: Session, count: int, can_answer: bool) -> list[Seat]:
        """Return the first `count` (at least 1) seats of the waiting list, in order, of learners
        for whom no seat is held, and who have not passed up what is free; if they can't answer
        offers any more, not those who want to be asked.
        """

    def offered_seats(self, session_ids: Collection[str]) -> list[Seat]:
        """Return the seats of learners who have offers in some sessions, first come first."""

    def expired_offers(self, session_id: str, most: int) -> list[Seat]:
        """Return the seats of up to `most` learners whose offers in a session have expired, first
        come first.
        """

    def count_offer(self, outcome: str) -> None:
        """Count an offer, made or ended, in the metrics, after the unit of work is committed."""

    def seats_to_come(self, keys: Collection[tuple[str, str]]) -> list[Seat]:
        """Return the seats of learners (run and learner) in SCHEDULED sessions."""

    def count_online(self, session_id: str, learner_id: str, change: int) -> None:
        """Count an online seat without limit: one more, or one less."""

    # Swaps

    def sessions_with(self, session_ids: Collection[str]) -> Mapping[str, Session]:
        """Return those of some sessions that exist, by id."""

    def seats_with(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Seat]:
        """Return the seats of some learners (session and learner)."""

    def swap(self, session_id: str, learner_id: str) -> Swap | None:
        """Return a learner's newest request to give the seat in a session; None if there is
        none.
        """

    def opposite_swaps(self, swap: Swap, most: int) -> list[Swap]:
        """Return up to `most` open requests that give what a request wants and want what it gives,
        for the sessions at their times, first come first.
        """

    def put_swap(self, swap: Swap) -> None:
        """Store a request, new or changed."""

    def lapse_swaps(self, swaps: Sequence[Swap]) -> None:
        """Store of requests that they have lapsed."""

    # Rotation of cohorts

    def cohort_sizes(self, run_id: str, cohort_ids: Collection[str]) -> Mapping[str, int]:
        """Return how many learners of each cohort usually come to the room."""

    def note_rotations(self, session_ids: Collection[str]) -> None:
        """Note sessions whose seats are to be given to their cohorts."""

    def drop_rotation_notes(self, session_id: str) -> None:
        """Delete the notes of a session that this unit of work sees."""

    def rotated_sessions(self, run_ids: Collection[str]) -> list[str]:
        """Return the coming sessions of some runs in which a cohort has the room."""

    def cohort_without_seats(self, session: Session, most: int) -> list[str]:
        """Return up to `most` learners of a session's cohort, by id, who have no place in it."""

    def seats_of_other_cohorts(self, session: Session, most: int) -> list[Seat]:
        """Return up to `most` seats that a rotation gave to learners who are not in the session's
        cohort.
        """
