"""What the use cases that plan sessions need of the store."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from services.sessions.domain.audiences import Counted
from services.sessions.domain.availability import Availability
from services.sessions.domain.enums import Interval
from services.sessions.domain.series import Series
from services.sessions.domain.session import Room, Session


class PlanningStore(Protocol):
    """What is planned, and when people can teach."""

    # Rooms

    def room(self, room_id: str) -> Room | None:
        """Return a room; None if there is none."""

    def rooms(self, room_ids: Collection[str]) -> list[Room]:
        """Return those of some rooms that exist, also those out of use."""

    def room_named(self, name: str) -> Room | None:
        """Return the room with a name, in any case or form; None if there is none."""

    def put_room(self, room: Room) -> None:
        """Store a room, new or changed."""

    def coming_in(self, room_id: str) -> list[str]:
        """Return the ids of SCHEDULED sessions in a room that have not ended."""

    # Sessions

    def session_by_id(self, session_id: str) -> Session | None:
        """Return a session; None if there is none."""

    def session_for_update(self, session_id: str) -> Session | None:
        """Return a session, locked against other units of work."""

    def put_session(self, session: Session) -> None:
        """Store a session, new or changed."""

    def put_sessions(self, sessions: Iterable[Session]) -> None:
        """Store sessions, new or changed."""

    def sessions_for_update(self, session_ids: Collection[str]) -> list[Session]:
        """Return those of some sessions that exist, locked against other units of work."""

    @property
    def zone_data(self) -> str:
        """Return the version of the zone data of this process; empty if it is unknown."""

    def bookings(
        self, room_id: str, instructor_id: str, start: datetime, end: datetime
    ) -> list[Session]:
        """Return SCHEDULED and LIVE sessions of a room or an instructor that overlap a time."""

    # The calendar

    def overlapping(self, times: Sequence[Interval]) -> list[Session]:
        """Return SCHEDULED and LIVE sessions of all runs that overlap one of some times."""

    def sessions_of(
        self, run_ids: Collection[str], start: datetime, end: datetime
    ) -> list[Session]:
        """Return SCHEDULED and LIVE sessions of some runs that overlap a time."""

    def rooms_with(self, seats: int) -> list[Room]:
        """Return the rooms in use that have some seats or more, the smallest first."""

    def audiences(self, run_ids: Collection[str]) -> Counted:
        """Return how many learners are expected in some runs."""

    def shared_learners(
        self, run_id: str, group_ids: Collection[str], among: Collection[str] | None = None
    ) -> Counted:
        """Return how many of the learners that are expected in a run, or in some groups of it, are
        expected in each run; `among`: only in these.
        """

    # Series

    def series_by_id(self, series_id: str) -> Series | None:
        """Return a series; None if there is none."""

    def series_for_update(self, series_id: str) -> Series | None:
        """Return a series, locked against other units of work."""

    def put_series(self, *series: Series) -> None:
        """Store series, new or changed."""

    def sessions_of_series(self, series_id: str) -> list[Session]:
        """Return the sessions of a series, in the order of their recurrence ids."""

    # When people can teach

    def availability(self, person_id: str) -> Availability | None:
        """Return when a person can teach; None if nobody has told it."""

    def availabilities(self, person_ids: Collection[str]) -> list[Availability]:
        """Return when some people can teach; of whom nobody has told it, nothing."""

    def put_availability(self, availability: Availability) -> None:
        """Store when a person can teach, in place of what was told before."""
