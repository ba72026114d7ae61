"""Rotation of cohorts in MongoDB: who belongs to a cohort, and which seats are to be given.

A note names a session whose seats are to be given to its cohort. Who changes what they follow from
writes one, in the same unit of work; each is a document of its own, so nobody waits for another.
"""

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

from chassis.contracts.mapping import from_document
from services.sessions.domain.enums import AttendanceMode, EnrolmentState, SessionState
from services.sessions.domain.seats import Seat
from services.sessions.domain.session import Session
from services.sessions.store_attendance import key
from services.sessions.store_offers import OfferStore

Document = dict[str, Any]


class RotationStore(OfferStore):
    """The part of the store for the rotation of cohorts."""

    def cohort_sizes(self, run_id: str, cohort_ids: Collection[str]) -> Mapping[str, int]:
        """Return how many learners of each cohort usually come to the room."""
        return {
            each: self["enrolments"].count_documents(_cohort(run_id, each), session=self.session)
            for each in cohort_ids
        }

    def note_rotations(self, session_ids: Collection[str]) -> None:
        """Note sessions whose seats are to be given to their cohorts."""
        rows = [{"_id": self.new_id(), "session_id": each} for each in session_ids]
        self.insert("rotation_notes", rows)

    def drop_rotation_notes(self, session_id: str) -> None:
        """Delete the notes of a session that this unit of work sees."""
        query = {"session_id": session_id}
        self["rotation_notes"].delete_many(query, session=self.session)

    def noted_rotations(self, most: int) -> list[str]:
        """Return up to `most` sessions with notes, the oldest note first."""
        rows = self["rotation_notes"].find({}, {"session_id": 1}, session=self.session)
        found = (row["session_id"] for row in rows.sort("_id"))
        return [*islice(dict.fromkeys(found), most)]

    def rotated_sessions(self, run_ids: Collection[str]) -> list[str]:
        """Return the coming sessions of some runs in which a cohort has the room."""
        query: Document = {
            "run_id": {"$in": [*run_ids]},
            "cohort_id": {"$gt": ""},
            "state": SessionState.SCHEDULED,
            "start_time": {"$gt": self.now},
        }
        rows = self["sessions"].find(query, {"_id": 1}, session=self.session)
        return [row["_id"] for row in rows]

    def cohort_without_seats(self, session: Session, most: int) -> list[str]:
        """Return up to `most` learners of a session's cohort, by id, who have no place in it."""
        if not session.cohort_id:
            return []
        query = _cohort(session.run_id, session.cohort_id)
        rows = self["enrolments"].find(query, {"learner_id": 1}, session=self.session)
        learners = sorted(row["learner_id"] for row in rows)
        seats = self.find_by_ids("seats", [key(session.id, each) for each in learners])
        seated = {row["learner_id"] for row in seats}
        return [each for each in learners if each not in seated][:most]

    def seats_of_other_cohorts(self, session: Session, most: int) -> list[Seat]:
        """Return up to `most` seats that a rotation gave to learners who are not in the session's
        cohort.
        """
        rows = self["seats"].find(
            {"session_id": session.id, "by_rotation": True}, session=self.session
        )
        seats = [from_document(row, Seat) for row in rows]
        learners = [each.learner_id for each in seats]
        query = {**_cohort(session.run_id, session.cohort_id), "learner_id": {"$in": learners}}
        found = self["enrolments"].distinct("learner_id", query, session=self.session)
        return [each for each in seats if each.learner_id not in found][:most]


def _cohort(run_id: str, cohort_id: str) -> Document:
    return {
        "run_id": run_id,
        "group_ids": cohort_id,
        "state": EnrolmentState.ENROLLED,
        "mode": AttendanceMode.CLASSROOM,
    }
