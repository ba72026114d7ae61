"""What the use cases need of a store."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from services.sessions.domain.attendance import Attendance
from services.sessions.domain.finalising import Candidates, Finalisation
from services.sessions.domain.presence import PresenceEvent
from services.sessions.domain.roster import Enrolment, Replica
from services.sessions.domain.seats import Seat
from services.sessions.domain.session import Room, Session

C = TypeVar("C", bound=Replica)


class Store(Protocol):
    """One unit of work's view of sessions' data."""

    now: datetime

    def new_id(self) -> str:
        """A fresh UUIDv7."""

    def new_secret(self) -> str:
        """32 random bytes in hex."""

    def record_event(self, *happened: object) -> None:
        """Let others know once the unit of work is committed."""

    # What two units of work that read the same must both touch, so that one of them starts again

    def lock(self, *names: str) -> None:
        """Be alone, among all units of work, with what has these names."""

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

    def replicas(self, cls: type[C], ids: Iterable[str]) -> Mapping[str, C]:
        """The copies of one class (Person, Run, Item) that are known, by id."""

    def put_replicas(self, replicas: Sequence[Replica]) -> None:
        """Keep copies of one class."""

    def enrolments(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Enrolment]:
        """The enrolments that are known, by run and learner."""

    def put_enrolments(self, enrolments: Sequence[Enrolment]) -> None:
        """Keep enrolments."""

    def enrolment_for_update(self, run_id: str, learner_id: str) -> Enrolment | None:
        """A learner's enrolment in a run, and be alone with it."""

    # Seats

    def seat(self, session_id: str, learner_id: str) -> Seat | None:
        """A learner's seat in a session."""

    def put_seat(self, seat: Seat) -> None:
        """Keep a seat; without `kind`, forget it."""

    def first_waiting(self, session_id: str, count: int) -> list[Seat]:
        """The seats of the first `count` who wait, in their order."""

    def seats_to_come(self, keys: Collection[tuple[str, str]]) -> list[Seat]:
        """The seats of learners (run and learner) in sessions that are SCHEDULED."""

    def count_online(self, session_id: str, learner_id: str, change: int) -> None:
        """Count an online seat that is without limit: one more, or one less."""

    # Presence and attendance

    def presence_events(
        self, session_id: str, learner_ids: Iterable[str]
    ) -> Mapping[str, list[PresenceEvent]]:
        """The marks of some learners in a session, by learner."""

    def presence_event_counts(
        self, session_id: str, learner_ids: Iterable[str]
    ) -> Mapping[str, int]:
        """How many marks each of some learners has in a session."""

    def add_presence_events(
        self, session_id: str, presence_events: Iterable[PresenceEvent]
    ) -> set[PresenceEvent]:
        """Keep marks; answers those that were new."""

    def wrong_codes(self, session_id: str, learner_id: str) -> int:
        """How many wrong check-in codes a learner has said in a session."""

    def count_wrong_code(self, session_id: str, learner_id: str) -> None:
        """One more of them."""

    def attendance(self, session_id: str, learner_ids: Iterable[str]) -> Mapping[str, Attendance]:
        """The attendance of those of some learners in a session who have one, by learner."""

    def put_attendance(self, rows: Sequence[Attendance]) -> None:
        """Keep attendance, new or changed; what was noted for it is done with."""

    def count_finalised(self, rows: Sequence[Attendance]) -> None:
        """Tell the metrics, once this is committed."""

    def drop_attendance(self, session_id: str, learner_ids: Collection[str]) -> None:
        """Some learners have no attendance in a session; what was noted for it is done with."""

    def touch_attendance(
        self, session_id: str, learner_ids: Iterable[str], unfinalised: bool
    ) -> None:
        """Be alone with learners' attendance; `unsettled`: their settling is still to see this."""

    # Settling the attendance of a session that has ended

    def finalisation(self, session_id: str) -> Finalisation | None:
        """How far the settling of a session is; None where there is none, or no more."""

    def finalisations(self, run_ids: Collection[str]) -> list[Finalisation]:
        """The sessions of some runs whose first pass is under way."""

    def claimed_finalisation(self, session_id: str, claim: str) -> Finalisation | None:
        """A settlement, and be alone with it; None where the claim is another's by now."""

    def put_finalisation(self, finalisation: Finalisation, pause: timedelta = timedelta()) -> None:
        """Keep how far a settling is; it goes on after `pause`."""

    def end_finalisation(self, session_id: str) -> None:
        """The settling of a session is over."""

    def to_finalise(self, session: Session, after: str, most: int) -> Candidates:
        """The next learners of a session whom settling has to look at, `most` of them.

        Those who are expected by their enrolments or seats, and those of whom something is noted.
        """

    def unfinalised(self, session_id: str, most: int) -> list[str]:
        """Learners of whom something is noted that their settling did not see."""

    def note_enrolments(self, session_id: str, enrolments: Sequence[Enrolment]) -> None:
        """Keep enrolments as they were when a session ended, unless they are kept already."""
