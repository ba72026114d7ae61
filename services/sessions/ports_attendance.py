"""What the use cases of presence and attendance need of the store."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from services.sessions.domain.attendance import Attendance
from services.sessions.domain.finalising import Candidates, Finalisation
from services.sessions.domain.presence import PresenceEvent
from services.sessions.domain.roster import Enrolment
from services.sessions.domain.session import Session


class AttendanceStore(Protocol):
    """Who was there, and how far finalising is."""

    # Presence and attendance

    def presence_events(
        self, session_id: str, learner_ids: Iterable[str]
    ) -> Mapping[str, list[PresenceEvent]]:
        """Return the presence events of some learners in a session, by learner."""

    def presence_event_counts(
        self, session_id: str, learner_ids: Iterable[str]
    ) -> Mapping[str, int]:
        """Return how many presence events each of some learners has in a session."""

    def add_presence_events(
        self, session_id: str, presence_events: Iterable[PresenceEvent]
    ) -> set[PresenceEvent]:
        """Store presence events; return those that were new."""

    def has_presence_events(self, session_id: str) -> bool:
        """Return whether anybody has joined or left a session."""

    def wrong_codes(self, session_id: str, learner_id: str) -> int:
        """Return how many wrong check-in codes a learner has entered in a session."""

    def count_wrong_code(self, session_id: str, learner_id: str) -> None:
        """Count one more wrong code."""

    def attendance(self, session_id: str, learner_ids: Iterable[str]) -> Mapping[str, Attendance]:
        """Return the attendance of some learners in a session, by learner; some may have none."""

    def final_attendance(
        self, attendance_ids: Collection[str]
    ) -> Mapping[tuple[str, str], Attendance | None]:
        """Return the attendance with these ids, by session and learner; None: the learner has none.
        Left out is who waits for a seat, or whose finalisation has something to see, and has none.
        """

    def waited_only(self, seat_ids: Collection[str]) -> list[tuple[str, str]]:
        """Return the sessions and learners of those of some seats whose learners only wait for a
        seat.
        """

    def put_attendance(self, rows: Sequence[Attendance]) -> None:
        """Store attendance, new or changed, and delete the notes for it."""

    def count_finalised(self, rows: Sequence[Attendance]) -> None:
        """Count attendance in the metrics, after the unit of work is committed."""

    def drop_attendance(self, session_id: str, learner_ids: Collection[str]) -> None:
        """Delete attendance of some learners in a session, and the notes for it."""

    def touch_attendance(
        self, session_id: str, learner_ids: Iterable[str], unfinalised: bool
    ) -> None:
        """Lock learners' attendance; `unfinalised`: note that finalisation must see this."""

    # Finalising the attendance of an ended session

    def finalisation(self, session_id: str) -> Finalisation | None:
        """Return the finalisation of a session; None if there is none, or if it is over."""

    def finalisations(self, run_ids: Collection[str]) -> list[Finalisation]:
        """Return the finalisations of some runs whose first pass is not over."""

    def claimed_finalisation(self, session_id: str, claim: str) -> Finalisation | None:
        """Return a finalisation, locked; None if another process has claimed it by now."""

    def put_finalisation(self, finalisation: Finalisation, pause: timedelta = timedelta()) -> None:
        """Store how far a finalisation is; it goes on after `pause`."""

    def end_finalisation(self, session_id: str) -> None:
        """Delete the finalisation of a session: it is over."""

    def to_finalise(self, session: Session, after: str, most: int) -> Candidates:
        """Return the next `most` learners of a session to finalise.

        Those who are expected by their enrolments or seats, and those with notes.
        """

    def unfinalised(self, session_id: str, most: int) -> list[str]:
        """Return learners with notes that their finalisation did not see."""

    def note_enrolments(self, session_id: str, enrolments: Sequence[Enrolment]) -> None:
        """Store enrolments as they were when a session ended, unless they are stored already."""
