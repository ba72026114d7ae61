"""Clashes of learners in MongoDB, and what is to be checked for them.

A clash is stored from the side of each of its two sessions, so that the staff of each run find it
by an index. A check is a document of its own: who notes one never waits for another.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any

from chassis.clock import by_system_clock
from chassis.contracts.mapping import from_document, to_document
from services.sessions.domain.clashes import Clash
from services.sessions.domain.enums import EnrolmentState, SeatKind
from services.sessions.domain.roster import Enrolment
from services.sessions.domain.session import Session
from services.sessions.store_calendar import TO_COME, CalendarStore

Document = dict[str, Any]
# Who waits for a seat in the room may have one online meanwhile.
HAS_PLACE: Document = {
    "$or": [{"kind": {"$in": [SeatKind.IN_ROOM, SeatKind.ONLINE]}}, {"holds": SeatKind.ONLINE}]
}
KEPT = timedelta(days=1)
"""How long a clash is kept after it is over."""


class ClashStore(CalendarStore):
    """The part of the store for clashes of learners."""

    def note_clash_checks(
        self, learners: Collection[str] = (), sessions: Collection[str] = ()
    ) -> None:
        """Note learners and sessions whose clashes are to be checked."""
        named = [*(("learner_id", each) for each in learners)]
        named += [("session_id", each) for each in sessions]
        self.insert("clash_checks", [{"_id": self.new_id(), name: id_} for name, id_ in named])

    def take_clash_checks(self, most: int) -> tuple[set[str], set[str]]:
        """Return the learners and sessions of the oldest checks, and delete these checks."""
        rows = list(self["clash_checks"].find(session=self.session).sort("_id").limit(most))
        taken = {"_id": {"$in": [row["_id"] for row in rows]}}
        self["clash_checks"].delete_many(taken, session=self.session)
        learners = {row["learner_id"] for row in rows if "learner_id" in row}
        return learners, {row["session_id"] for row in rows if "session_id" in row}

    def enrolments_of(self, learner_ids: Collection[str]) -> list[Enrolment]:
        """Return the enrolments by which some learners have places."""
        query = {"learner_id": {"$in": [*learner_ids]}, "state": EnrolmentState.ENROLLED}
        rows = self["enrolments"].find(query, session=self.session)
        return [from_document(row, Enrolment) for row in rows]

    def coming_sessions(self, run_ids: Collection[str]) -> list[Session]:
        """Return SCHEDULED and LIVE sessions of some runs that have not ended."""
        among = {"run_id": {"$in": [*run_ids]}, "state": TO_COME, "end_time": {"$gt": self.now}}
        return self._found(among)

    def help_places(
        self, sessions: Iterable[Session], learner_ids: Collection[str] | None = None
    ) -> set[tuple[str, str]]:
        """Return who has places in those of some sessions that are help sessions: the ids of the
        session and of the learner; `learner_ids`: only of these.
        """
        helping = [each for each in sessions if each.is_help]
        if not helping:
            return set()
        query: Document = {"session_id": {"$in": [each.id for each in helping]}, **HAS_PLACE}
        if learner_ids is not None:
            runs = {each.run_id for each in helping}
            query |= {"run_id": {"$in": [*runs]}, "learner_id": {"$in": [*learner_ids]}}
        shown = {"session_id": 1, "learner_id": 1}
        rows = self["seats"].find(query, shown, session=self.session)
        return {(row["session_id"], row["learner_id"]) for row in rows}

    def clashes_of(self, learner_ids: Collection[str]) -> list[Clash]:
        """Return the clashes of some learners that are not over."""
        query = {"learner_id": {"$in": [*learner_ids]}, "until": {"$gt": self.now}}
        rows = self["clashes"].find(query, session=self.session)
        return [from_document(row, Clash) for row in rows]

    def learners_with_clashes(self, session_id: str) -> set[str]:
        """Return the learners who have clashes with a session."""
        query = {"session_id": session_id}
        return {*self["clashes"].distinct("learner_id", query, session=self.session)}

    def put_clashes(self, clashes: Sequence[Clash]) -> None:
        """Store clashes, new or changed."""
        self._put("clashes", *map(self._document, clashes))

    def drop_clashes(self, clashes: Sequence[Clash]) -> None:
        """Delete clashes."""
        if clashes:
            query = {"_id": {"$in": [_id(each) for each in clashes]}}
            self["clashes"].delete_many(query, session=self.session)

    def _document(self, clash: Clash) -> Document:
        removed_at = by_system_clock(clash.until + KEPT, self.now)
        return to_document(clash) | {"_id": _id(clash), "removed_at": removed_at}


def _id(clash: Clash) -> str:
    return ":".join(clash.key)
