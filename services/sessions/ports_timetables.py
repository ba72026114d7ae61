"""What the use cases of timetables need of the store."""

from typing import Protocol

from services.sessions.domain.timetables import Timetable


class TimetableStore(Protocol):
    """Timetables, and who works on them."""

    def timetable(self, timetable_id: str) -> Timetable | None:
        """Return a timetable; None if there is none."""

    def claimed_timetable(self, timetable_id: str, claim: str) -> Timetable | None:
        """Return a timetable on which a claim works; None if it was taken over or cancelled."""

    def add_timetable(self, timetable: Timetable) -> None:
        """Store a new timetable, and give it to the solvers."""

    def put_timetable(self, timetable: Timetable) -> None:
        """Store a changed timetable."""

    def give_timetable(self, timetable: Timetable) -> None:
        """Store a timetable, and give it to those who apply one."""

    def end_timetable(self, timetable: Timetable) -> None:
        """Store a timetable on which no solver works any more."""
