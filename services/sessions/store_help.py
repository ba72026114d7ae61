"""Help in MongoDB: learners who fall behind, and their invitations to help sessions.

A note names a run in which learners who wait may be invited; each is a document of its own, so that
nobody waits for another. A turn is the state of the timer that looks at them, by run.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from chassis.contracts.mapping import from_document, to_document
from services.sessions.domain.enums import SeatKind, SessionPurpose, SessionState
from services.sessions.domain.falls import Fall, FallState, Turn
from services.sessions.domain.help import Invitation, InvitationState
from services.sessions.domain.session import Session
from services.sessions.store_attendance import key
from services.sessions.store_calendar import TO_COME, during
from services.sessions.store_series import SeriesStore

Document = dict[str, Any]


class HelpStore(SeriesStore):
    """The part of the store for help."""

    def falls(self, keys: Collection[tuple[str, str]]) -> list[Fall]:
        """Return the known falls of some learners (run and learner)."""
        rows = self.find_by_ids("falls", [key(*each) for each in keys])
        return [from_document(row, Fall) for row in rows]

    def put_falls(self, falls: Iterable[Fall]) -> None:
        """Store falls, new or changed."""
        self._put("falls", *(to_document(each) | {"_id": key(*each.key)} for each in falls))

    def waiting_falls(self, run_id: str, turn: Turn | None, most: int) -> list[Fall]:
        """Return up to `most` learners of a run who wait and may be invited now, in the order in
        which they fell behind; after those whom `turn` names.
        """
        query = {**_waiting(run_id), "not_before": {"$not": {"$gt": self.now}}}
        if turn is not None and turn.after_since is not None:
            since, learner = turn.after_since, turn.after_learner
            later = {"since": since, "learner_id": {"$gt": learner}}
            query["$or"] = [{"since": {"$gt": since}}, later]
        rows = self["falls"].find(query, session=self.session)
        order = [("since", 1), ("learner_id", 1)]
        return [from_document(row, Fall) for row in rows.sort(order).limit(most)]

    def first_waiting_fall(self, run_id: str) -> Fall | None:
        """Return the learner of a run who waits and may be invited first; None if nobody waits."""
        row = self["falls"].find_one(
            _waiting(run_id), sort=[("not_before", 1)], session=self.session
        )
        return from_document(row, Fall) if row else None

    def invitations(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Invitation]:
        """Return those of some invitations that exist, by session and learner."""
        rows = self.find_by_ids("help_invitations", [key(*each) for each in keys])
        return {each.key: each for each in (from_document(row, Invitation) for row in rows)}

    def taken_invitations(self, session_id: str) -> list[Invitation]:
        """Return the invitations to a session that were taken."""
        query = {"session_id": session_id, "state": InvitationState.TAKEN}
        rows = self["help_invitations"].find(query, session=self.session)
        return [from_document(row, Invitation) for row in rows]

    def put_invitations(self, invitations: Iterable[Invitation]) -> None:
        """Store invitations, new or changed."""
        rows = (to_document(each) | {"_id": key(*each.key)} for each in invitations)
        self._put("help_invitations", *rows)

    def regroup_invitations(self, run_id: str, learner_id: str, group_ids: Sequence[str]) -> None:
        """Store the groups in which a learner is now with the learner's invitations in a run."""
        query = {"run_id": run_id, "learner_id": learner_id}
        change = {"$set": {"group_ids": [*group_ids]}}
        self["help_invitations"].update_many(query, change, session=self.session)

    def coming_help_sessions(self, run_id: str, most: int) -> list[Session]:
        """Return up to `most` SCHEDULED help sessions of a run that have yet to start, the next
        first.
        """
        query = {
            "run_id": run_id,
            "purpose": SessionPurpose.HELP,
            "state": SessionState.SCHEDULED,
            "start_time": {"$gt": self.now},
        }
        rows = self["sessions"].find(query, session=self.session)
        return [from_document(row, Session) for row in rows.sort("start_time").limit(most)]

    def classes_during(
        self, run_ids: Collection[str], sessions: Collection[Session]
    ) -> list[Session]:
        """Return the SCHEDULED and LIVE sessions of some runs that overlap others, without them."""
        times = [during(each.start_time, each.end_time) for each in sessions]
        query = {"run_id": {"$in": [*run_ids]}, "state": TO_COME, "$or": times}
        found = self["sessions"].find(query, session=self.session)
        own = {each.id for each in sessions}
        return [from_document(row, Session) for row in found if row["_id"] not in own]

    def help_seats(self, learner_id: str, run_ids: Collection[str]) -> tuple[str, ...]:
        """Return the coming help sessions of some runs in which a learner has a seat, by id."""
        place = {"$in": [SeatKind.IN_ROOM, SeatKind.ONLINE]}
        own = {"run_id": {"$in": [*run_ids]}, "learner_id": learner_id, "kind": place}
        rows = self["seats"].find(own, {"session_id": 1}, session=self.session)
        seated = [row["session_id"] for row in rows]
        query = {"_id": {"$in": seated}, "purpose": SessionPurpose.HELP, "state": TO_COME}
        found = self["sessions"].distinct("_id", query, session=self.session) if seated else []
        return tuple(sorted(found))

    def note_help(self, run_ids: Collection[str]) -> None:
        """Note runs in which learners who wait may be invited now."""
        rows = [{"_id": self.new_id(), "run_id": each} for each in run_ids]
        self.insert("help_notes", rows)

    def drop_help_notes(self, run_id: str) -> None:
        """Delete the notes of a run that this unit of work sees."""
        self["help_notes"].delete_many({"run_id": run_id}, session=self.session)

    def runs_to_help(self, most: int) -> list[str]:
        """Return up to `most` runs with notes, or whose turn has come; the oldest note first."""
        noted = self["help_notes"].find({}, {"run_id": 1}, session=self.session).sort("_id")
        due = {"due": {"$lte": self.now}}
        turns = self["help_turns"].find(due, {"_id": 1}, session=self.session).sort("due")
        found = [*islice(dict.fromkeys(row["run_id"] for row in noted), most)]
        found += [row["_id"] for row in turns.limit(most)]
        return [*dict.fromkeys(found)][:most]

    def help_turn(self, run_id: str) -> Turn | None:
        """Return how far a run's learners were looked at; None: nobody is known to wait."""
        return self._one("help_turns", {"_id": run_id}, Turn)

    def put_help_turn(self, turn: Turn) -> None:
        """Store how far a run's learners were looked at."""
        self._put("help_turns", to_document(turn))

    def drop_help_turn(self, run_id: str) -> None:
        """Delete how far a run's learners were looked at: nobody waits."""
        self["help_turns"].delete_one({"_id": run_id}, session=self.session)


def _waiting(run_id: str) -> Document:
    return {"run_id": run_id, "state": FallState.WAITING}
