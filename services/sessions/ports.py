"""What the use cases need of a store."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from services.sessions.domain.attendance import Attendance
from services.sessions.domain.presence import Mark
from services.sessions.domain.roster import Copy, Enrolment
from services.sessions.domain.seats import Seat
from services.sessions.domain.session import Room, Session

C = TypeVar("C", bound=Copy)


class Store(Protocol):
    """One unit of work's view of sessions' data."""

    now: datetime

    def new_id(self) -> str:
        """A fresh UUIDv7."""

    def new_secret(self) -> str:
        """32 random bytes in hex."""

    def publish(self, *happened: object) -> None:
        """Let others know once the unit of work is committed."""

    # What two units of work that read the same must both touch, so that one of them starts again

    def guard(self, *names: str) -> None:
        """Be alone, among all units of work, with what has these names."""

    def guard_presence(self, session_id: str, learner_ids: Iterable[str] | None = None) -> None:
        """Be alone with the marks of some learners (None: of all) in a session."""

    # Rooms

    def room(self, room_id: str) -> Room | None:
        """A room by its id."""

    def room_named(self, name: str) -> Room | None:
        """A room by its name."""

    def add_room(self, room: Room) -> None:
        """Keep a new room."""

    # Sessions

    def session_by_id(self, session_id: str) -> Session | None:
        """A session by its id."""

    def session_for_update(self, session_id: str) -> Session | None:
        """A session, and be alone with it."""

    def put_session(self, session: Session) -> None:
        """Keep a session, new or changed."""

    def bookings(
        self, room_id: str, instructor_id: str, start: datetime, end: datetime
    ) -> list[Session]:
        """SCHEDULED and LIVE sessions in that room or with that instructor that overlap a time."""

    # Copies of others' things

    def copies(self, cls: type[C], ids: Iterable[str]) -> Mapping[str, C]:
        """The copies of one class (Person, Run, Item) that are known, by id."""

    def put_copies(self, copies: Sequence[Copy]) -> None:
        """Keep copies of one class."""

    def enrolments(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Enrolment]:
        """The enrolments that are known, by run and learner."""

    def put_enrolments(self, enrolments: Sequence[Enrolment]) -> None:
        """Keep enrolments."""

    def enrolment_for_update(self, run_id: str, learner_id: str) -> Enrolment | None:
        """A learner's enrolment in a run, and be alone with it."""

    def expected_learners(self, session: Session) -> set[str]:
        """Who is enrolled in its run, and comes or joins or has or waits for one of its seats."""

    # Seats

    def seat(self, session_id: str, learner_id: str) -> Seat | None:
        """A learner's seat in a session."""

    def put_seat(self, seat: Seat) -> None:
        """Keep a seat; without `kind`, forget it."""

    def first_waiting(self, session_id: str, count: int) -> list[Seat]:
        """The seats of the first `count` who wait, in their order."""

    def seats_in_run(self, run_id: str, learner_id: str) -> list[Seat]:
        """A learner's seats in all of a run's sessions."""

    # Presence and attendance

    def marks(self, session_id: str, learner_id: str = "") -> list[Mark]:
        """A session's marks; only one learner's where one is named."""

    def add_marks(self, session_id: str, marks: Iterable[Mark]) -> set[Mark]:
        """Keep marks; answers those that were new."""

    def wrong_codes(self, session_id: str, learner_id: str) -> int:
        """How many wrong check-in codes a learner has said in a session."""

    def count_wrong_code(self, session_id: str, learner_id: str) -> None:
        """One more of them."""

    def add_attendance(self, rows: Sequence[Attendance]) -> None:
        """Keep a session's settled attendance."""

    def attendance(self, session_id: str, learner_id: str) -> Attendance | None:
        """A learner's attendance in a session."""

    def put_attendance(self, attendance: Attendance) -> None:
        """Keep a changed attendance."""
