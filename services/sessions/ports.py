"""The interfaces that the use cases need."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from chassis.replicas import Replica
from services.sessions.domain.attendance import Attendance
from services.sessions.domain.audiences import Counted
from services.sessions.domain.availability import Availability
from services.sessions.domain.clashes import Clash
from services.sessions.domain.enums import Interval
from services.sessions.domain.feeds import Feed, Reader
from services.sessions.domain.finalising import Candidates, Finalisation
from services.sessions.domain.presence import PresenceEvent
from services.sessions.domain.roster import Enrolment
from services.sessions.domain.seats import Seat
from services.sessions.domain.series import Series
from services.sessions.domain.session import Room, Session
from services.sessions.domain.swaps import Swap
from services.sessions.domain.timetables import Timetable
from services.sessions.ports_feedback import FeedbackStore
from services.sessions.ports_live import LiveStore
from services.sessions.ports_meetings import Meetings
from services.sessions.ports_moderation import ModerationStore
from services.sessions.ports_polls import PollStore
from services.sessions.ports_questions import QuestionStore
from services.sessions.ports_recording_copies import RecordingCopies
from services.sessions.ports_recordings import RecordingsPort

C = TypeVar("C", bound=Replica)


class Instances(Protocol):
    """Finds the instances of a recurrence rule."""

    def __call__(self, rule: str, start: datetime) -> Iterator[datetime]:
        """Yield the local times that a rule gives from a start on, in order.

        `rule`: the text of a valid `recurrence.Rule`.
        """


class Store(
    Meetings,
    RecordingCopies,
    RecordingsPort,
    LiveStore,
    QuestionStore,
    ModerationStore,
    PollStore,
    FeedbackStore,
    Protocol,
):
    """The data of sessions as one unit of work sees them."""

    now: datetime

    def new_id(self) -> str:
        """Return a new UUIDv7."""

    def new_secret(self) -> str:
        """Return 32 random bytes in hex."""

    def contends_for(self, kind: str, id_: str) -> None:
        """Lock a thing, before it is read or written, that other units of work may change too."""

    def record_event(self, *happened: object) -> None:
        """Record events, which are published after the unit of work is committed."""

    # Locks: of two units of work that lock the same object, one starts again

    def lock(self, *names: str) -> None:
        """Lock the objects with these names (kind:id) against other units of work."""

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

    # Clashes of learners

    def note_clash_checks(
        self, learners: Collection[str] = (), sessions: Collection[str] = ()
    ) -> None:
        """Note learners and sessions whose clashes are to be checked."""

    def take_clash_checks(self, most: int) -> tuple[set[str], set[str]]:
        """Return the learners and sessions of the oldest checks, and delete these checks."""

    def enrolments_of(self, learner_ids: Collection[str]) -> list[Enrolment]:
        """Return the enrolments by which some learners have places."""

    def coming_sessions(self, run_ids: Collection[str]) -> list[Session]:
        """Return SCHEDULED and LIVE sessions of some runs that have not ended."""

    def learners_in_both(
        self, run_id: str, group_ids: Collection[str], among: Collection[str]
    ) -> set[str]:
        """Return the learners that are expected in a run, or in some groups of it, and in one of
        some runs.
        """

    def clashes_of(self, learner_ids: Collection[str]) -> list[Clash]:
        """Return the clashes of some learners that are not over."""

    def learners_with_clashes(self, session_id: str) -> set[str]:
        """Return the learners who have clashes with a session."""

    def put_clashes(self, clashes: Sequence[Clash]) -> None:
        """Store clashes, new or changed."""

    def drop_clashes(self, clashes: Sequence[Clash]) -> None:
        """Delete clashes."""

    # Timetables

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

    # Series

    def series_by_id(self, series_id: str) -> Series | None:
        """Return a series; None if there is none."""

    def series_for_update(self, series_id: str) -> Series | None:
        """Return a series, locked against other units of work."""

    def put_series(self, *series: Series) -> None:
        """Store series, new or changed."""

    def sessions_of_series(self, series_id: str) -> list[Session]:
        """Return the sessions of a series, in the order of their recurrence ids."""

    # Calendars and their feeds

    def touch_calendars(self, names: Collection[str]) -> None:
        """Give calendars (kind:id) their next version, so that clients read them again."""

    def feed_by_id(self, feed_id: str) -> Feed | None:
        """Return a feed, also one that is revoked; None if there is none."""

    def open_feeds(self, like: Feed) -> int:
        """Return how many feeds that are not revoked the owner of a feed has."""

    def put_feed(self, feed: Feed) -> None:
        """Store a feed, new or changed."""

    def reader(self, person_id: str) -> Reader:
        """Return what a person is in runs; one who is unknown is nothing."""

    # Replicas of other services' data

    def replicas(self, cls: type[C], ids: Iterable[str]) -> Mapping[str, C]:
        """Return the known replicas of one class (Person, Run, Group, Item), by id."""

    def put_replicas(self, replicas: Sequence[Replica]) -> None:
        """Store replicas of one class."""

    def enrolments(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Enrolment]:
        """Return the known enrolments, by run and learner."""

    def put_enrolments(self, enrolments: Sequence[Enrolment]) -> None:
        """Store enrolments."""

    def enrolment_for_update(self, run_id: str, learner_id: str) -> Enrolment | None:
        """Return a learner's enrolment in a run, locked against other units of work."""

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

    # When people can teach

    def availability(self, person_id: str) -> Availability | None:
        """Return when a person can teach; None if nobody has told it."""

    def availabilities(self, person_ids: Collection[str]) -> list[Availability]:
        """Return when some people can teach; of whom nobody has told it, nothing."""

    def put_availability(self, availability: Availability) -> None:
        """Store when a person can teach, in place of what was told before."""
