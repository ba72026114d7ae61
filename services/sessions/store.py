"""Sessions' documents in MongoDB.

| collection | one document is | its id |
|---|---|---|
| rooms, sessions | a room; a session with its seat counters | made by the server |
| series | a series: the rule by which some sessions were planned | made by the server |
| feeds | a calendar feed of a reader or a room (store_feeds.py) | made by the server |
| calendars | how often what calendars show of a run, a room or a person has changed | kind:id |
| seats | a learner's place in a session | session:learner |
| swaps | a request to swap the seat in a session (store_swaps.py) | session:learner |
| online_counts | how many of some learners have online seats without limit | session:shard |
| attendance | a learner's attendance, or notes for it (store_attendance.py) | session:learner |
| settlements | the state of finalising an ended session's attendance | the session's |
| marks | one presence event (join or leave) | the event itself, so that a repeat has the same id |
| wrong_codes | how many wrong codes a learner entered in a session | session:learner |
| people, runs, staff, groups, items | replicas of other services' data | theirs |
| enrolments | replicas too | run:learner |
| clashes | a learner's clash, from one session's side | learner:session:other session |
| clash_checks | a learner or a session whose clashes are to be checked | made by the server |
| rotation_notes | a session whose seats are to be given to its cohort | made by the server |
| falls | a learner who falls behind, and what is done about it (store_help.py) | run:learner |
| help_invitations | an invitation to a help session | session:learner |
| help_notes | a run in which learners may be invited | made by the server |
| help_turns | how far a run's learners who wait were looked at | the run's |
| availability | when a person can teach (store_availability.py) | the person's |
| questions, question_replies | a question; a reply (store_questions.py) | made by the server |
| question_votes | that a learner wants a question answered | question:learner |
| vote_notes | a question whose votes are to be counted | made by the server |
| agenda_notes | a run, or one question of it, to put on agendas | made by the server |
| class_log | what happened in a class's live channel (store_class_log.py) | session:number |
| meetings, meeting_links, meeting_events | online meetings; see store_meetings.py | see there |
| recorder_marks, provider_recordings | what servers recorded (store_meetings.py) | see there |
| recording_copies | its copy in the library (store_recording_copies.py) | the recording's |
| moderation | an act of moderation in a class (store_moderation.py) | session:number of its entry |
| polls | a poll in a class (store_polls.py) | made by the server |
| poll_counts | how many of some voters chose each option of an OPEN poll | poll:shard |
| votes | a vote in a poll | poll:learner, or poll:a keyed hash of the learner's id |
| feedback_windows | until when feedback on a session is taken, and what is shown | the session's |
| feedback | an answer of a learner (store_feedback.py) | session:a keyed hash of the learner's id |
| timetables | a timetable, perhaps with a job (store_timetables.py) | made by the server |
| recordings | a session's recorded parts (store_recordings.py), chapters, hands | the session's |
| guards | an object that units of work lock | its name |
"""

import secrets
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pymongo import UpdateOne

from chassis.contracts.mapping import from_document, to_document
from chassis.replicas import Replica
from chassis.texts import identity
from services.sessions.domain.enums import SeatKind, SessionState
from services.sessions.domain.planning import LONGEST
from services.sessions.domain.roster import Enrolment, Group, Item, Person, Run
from services.sessions.domain.seats import Seat, is_kept
from services.sessions.domain.session import Room, Session
from services.sessions.migrations import MIGRATIONS
from services.sessions.store_attendance import key
from services.sessions.store_availability import AvailabilityStore
from services.sessions.store_calendar import TO_COME
from services.sessions.store_counts import CountingStore
from services.sessions.store_feedback import FeedbackStore
from services.sessions.store_feeds import HAS_OR_AWAITS_PLACE
from services.sessions.store_help import HelpStore
from services.sessions.store_moderation import ModerationStore
from services.sessions.store_polls import PollStore
from services.sessions.store_questions import QuestionsStore
from services.sessions.store_recording_copies import RecordingCopyStore
from services.sessions.store_recordings import RecordingStore, end_of_recordings
from services.sessions.store_rotation import RotationStore
from services.sessions.store_swaps import SwapStore
from services.sessions.store_timetables import TimetableStore

Document = dict[str, Any]
C = TypeVar("C", bound=Replica)

# A session has this many counts of online seats, so that concurrent choices rarely conflict.
COUNTS = 32
REPLICAS: Mapping[type, str] = {
    Person: "people",
    Run: "runs",
    Group: "groups",
    Item: "items",
}


class SessionsStore(
    CountingStore,
    AvailabilityStore,
    TimetableStore,
    RotationStore,
    SwapStore,
    ModerationStore,
    PollStore,
    FeedbackStore,
    QuestionsStore,
    RecordingStore,
    RecordingCopyStore,
    HelpStore,
):
    """Sessions' database as one unit of work sees it."""

    service = "sessions"
    migrations = MIGRATIONS

    def new_secret(self) -> str:
        """Return 32 random bytes in hex."""
        return secrets.token_hex(32)

    def lock(self, *names: str) -> None:
        """Write a document for each name (kind:id): of two concurrent writers, one starts again."""
        for name in names:
            self.contends_for(*name.split(":", 1))
        self["guards"].bulk_write(
            [
                UpdateOne(
                    {"_id": name},
                    # the server's time, because the TTL index uses it
                    {"$inc": {"touched": 1}, "$currentDate": {"at": True}},
                    upsert=True,
                )
                for name in sorted(names)
            ],
            session=self.session,
        )

    # Rooms

    def room(self, room_id: str) -> Room | None:
        """Return a room; None if there is none."""
        return self._one("rooms", {"_id": room_id}, Room)

    def rooms(self, room_ids: Collection[str]) -> list[Room]:
        """Return those of some rooms that exist, also those out of use."""
        return [from_document(row, Room) for row in self.find_by_ids("rooms", room_ids)]

    def room_named(self, name: str) -> Room | None:
        """Return the room with a name, in any case or form; None if there is none.

        A room that the version before migration 5 created has no `name_key`.
        """
        return self._one("rooms", {"$or": [{"name_key": identity(name)}, {"name": name}]}, Room)

    def put_room(self, room: Room) -> None:
        """Store a room, new or changed."""
        self._put("rooms", to_document(room) | {"name_key": identity(room.name)})

    def coming_in(self, room_id: str) -> list[str]:
        """Return the ids of SCHEDULED sessions in a room that have not ended."""
        query = {
            "room_id": room_id,
            "state": SessionState.SCHEDULED,
            "start_time": {"$gt": self.now - LONGEST},
            "end_time": {"$gt": self.now},
        }
        rows = self["sessions"].find(query, {"_id": 1}, session=self.session).sort("start_time")
        return [row["_id"] for row in rows]

    # Sessions

    def session_by_id(self, session_id: str) -> Session | None:
        """Return a session; None if there is none."""
        return self._one("sessions", {"_id": session_id}, Session)

    def session_for_update(self, session_id: str) -> Session | None:
        """Return a session, and write to it at once, so that of two units of work one starts
        again.
        """
        return self._for_update("sessions", session_id, Session)

    def put_session(self, session: Session) -> None:
        """Store a session, new or changed."""
        self._put("sessions", to_document(session))

    def put_sessions(self, sessions: Iterable[Session]) -> None:
        """Store sessions, new or changed."""
        self._put("sessions", *map(to_document, sessions))

    def sessions_for_update(self, session_ids: Collection[str]) -> list[Session]:
        """Return those of some sessions that exist, and write to them at once, so that of two units
        of work one starts again.
        """
        wanted = {"_id": {"$in": list(session_ids)}}
        self["sessions"].update_many(wanted, {"$inc": {"touched": 1}}, session=self.session)
        return [from_document(row, Session) for row in self.find_by_ids("sessions", session_ids)]

    def overdue_sessions(self, planned_before: datetime) -> Iterator[str]:
        """Yield the sessions that should have ended before an instant, are neither ENDED nor
        CANCELLED, and were not found to be not held.
        """
        query = {"state": TO_COME, "end_time": {"$lte": planned_before}, "not_held_at": None}
        rows = self["sessions"].find(query, {"_id": 1}, session=self.session)
        return (row["_id"] for row in rows.sort("end_time"))

    # Replicas of other services' data

    def replicas(self, cls: type[C], ids: Iterable[str]) -> Mapping[str, C]:
        """Return the known replicas of one class (Person, Run, Group, Item), by id."""
        rows = self.find_by_ids(REPLICAS[cls], ids)
        return {row["_id"]: from_document(row, cls) for row in rows}

    def put_replicas(self, replicas: Sequence[Replica]) -> None:
        """Store replicas of one class."""
        if replicas:
            documents = (to_document(each) | end_of_recordings(each) for each in replicas)
            self._put(REPLICAS[type(replicas[0])], *documents)

    def enrolments(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Enrolment]:
        """Return the known enrolments, by run and learner."""
        named = [key(*each) for each in keys]
        rows = self.find_by_ids("enrolments", named)
        return {each.key: each for each in (from_document(row, Enrolment) for row in rows)}

    def runs_of(self, learner_id: str, among: Collection[str] | None = None) -> set[str]:
        """Return the runs in which a learner has or waits for a place; `among`: only of these."""
        query: Document = {
            "learner_id": learner_id,
            "state": HAS_OR_AWAITS_PLACE,
        }
        if among is not None:
            query["run_id"] = {"$in": list(among)}
        # The fields of the index.
        rows = self["enrolments"].find(query, {"_id": 0, "run_id": 1}, session=self.session)
        return {row["run_id"] for row in rows}

    def put_enrolments(self, enrolments: Sequence[Enrolment]) -> None:
        """Store enrolments."""
        self._put("enrolments", *(to_document(e) | {"_id": key(*e.key)} for e in enrolments))

    def enrolment_for_update(self, run_id: str, learner_id: str) -> Enrolment | None:
        """Return a learner's enrolment, and write to it at once: a withdrawal then conflicts."""
        document = self["enrolments"].find_one_and_update(
            {"_id": key(run_id, learner_id)}, {"$inc": {"touched": 1}}, session=self.session
        )
        return from_document(document, Enrolment) if document else None

    # Seats

    def seat(self, session_id: str, learner_id: str) -> Seat | None:
        """Return a learner's seat in a session; None if there is none."""
        return self._one("seats", {"_id": key(session_id, learner_id)}, Seat)

    def put_seat(self, seat: Seat) -> None:
        """Store a seat; delete it if it tells nothing."""
        seat_id = key(seat.session_id, seat.learner_id)
        if not is_kept(seat):
            self["seats"].delete_one({"_id": seat_id}, session=self.session)
        else:
            self._put("seats", to_document(seat) | {"_id": seat_id})

    def first_waiting(self, session: Session, count: int, can_answer: bool) -> list[Seat]:
        """Return the first `count` (at least 1) seats of the waiting list, in order, of learners
        for whom no seat is held, and who have not passed up what is free; if they can't answer
        offers any more, not those who want to be asked.
        """
        query: Document = {
            "session_id": session.id,
            "kind": SeatKind.WAITLISTED,
            "offer_expires_at": None,
            "passed": {"$not": {"$gt": session.freed}},
        }
        if not can_answer:
            query["ask_first"] = {"$ne": True}
        rows = self["seats"].find(query, session=self.session).sort("turn").limit(count)
        return [from_document(row, Seat) for row in rows]

    def seats_to_come(self, keys: Collection[tuple[str, str]]) -> list[Seat]:
        """Return the seats of learners (run and learner) in SCHEDULED sessions."""
        if not keys:
            return []
        wanted = [{"run_id": run_id, "learner_id": learner_id} for run_id, learner_id in keys]
        rows = list(self["seats"].find({"$or": wanted}, session=self.session))
        query = {
            "_id": {"$in": [row["session_id"] for row in rows]},
            "state": SessionState.SCHEDULED,
        }
        found = self["sessions"].find(query, {"_id": 1}, session=self.session)
        to_come = {row["_id"] for row in found}
        return [from_document(row, Seat) for row in rows if row["session_id"] in to_come]

    def count_online(self, session_id: str, learner_id: str, change: int) -> None:
        """Count an online seat without limit: one more, or one less."""
        if change:
            shard = zlib.crc32(learner_id.encode()) % COUNTS
            self["online_counts"].update_one(
                {"_id": key(session_id, f"{shard:02d}")},
                {"$inc": {"count": change}, "$setOnInsert": {"session_id": session_id}},
                upsert=True,
                session=self.session,
            )

    def wrong_codes(self, session_id: str, learner_id: str) -> int:
        """Return how many wrong check-in codes a learner has entered in a session."""
        row = self["wrong_codes"].find_one(
            {"_id": key(session_id, learner_id)}, session=self.session
        )
        return int(row["count"]) if row else 0

    def count_wrong_code(self, session_id: str, learner_id: str) -> None:
        """Count one more wrong code."""
        self["wrong_codes"].update_one(
            {"_id": key(session_id, learner_id)},
            {"$inc": {"count": 1}, "$currentDate": {"at": True}},
            upsert=True,
            session=self.session,
        )
