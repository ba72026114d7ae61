"""Presence and attendance in MongoDB.

A document of `attendance` is a learner's attendance in a session, or, without `session_id`, only
notes for it. Every unit of work that concerns one learner's attendance writes to that document, so
that of two concurrent ones one starts again; those of other learners never conflict.

| note | meaning |
|---|---|
| `unsettled` | the session's id, while the learner's finalisation has something new to see |
| `was` | the enrolment as it was when the session ended, if it changed since |
| `touched` | nothing: writing it locks the document |
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument, UpdateOne

from chassis.contracts.mapping import from_document, to_document
from chassis.data import store as chassis_store
from services.sessions import metrics
from services.sessions.domain.attendance import Attendance
from services.sessions.domain.enums import EnrolmentState, SeatKind
from services.sessions.domain.finalising import Candidates, Finalisation
from services.sessions.domain.presence import PresenceEvent, by_learner
from services.sessions.domain.roster import EXPECTED_MODES, Enrolment
from services.sessions.domain.session import Session

Document = dict[str, Any]

_NOTES = {"unsettled": "", "was": ""}
_RESULT = dict.fromkeys(
    (
        "session_id",
        "learner_id",
        "verdict",
        "minutes",
        "intervals",
        "expected",
        "by_presence",
        "caught_up",
        "catch_up_sequence",
        "correction",
    ),
    "",
)


class AttendanceStore(chassis_store.Store):
    """The part of sessions' store for presence and attendance."""

    # Presence events

    def presence_events(
        self, session_id: str, learner_ids: Iterable[str]
    ) -> Mapping[str, list[PresenceEvent]]:
        """Return the presence events of some learners in a session, by learner."""
        rows = self["marks"].find(_of(session_id, learner_ids), session=self.session)
        return by_learner(from_document(row["_id"], PresenceEvent) for row in rows)

    def presence_event_counts(
        self, session_id: str, learner_ids: Iterable[str]
    ) -> Mapping[str, int]:
        """Return how many presence events each of some learners has in a session."""
        stages: list[Document] = [
            {"$match": _of(session_id, learner_ids)},
            {"$group": {"_id": "$_id.learner_id", "count": {"$sum": 1}}},
        ]
        rows = self["marks"].aggregate(stages, session=self.session)
        return {row["_id"]: row["count"] for row in rows}

    def add_presence_events(
        self, session_id: str, presence_events: Iterable[PresenceEvent]
    ) -> set[PresenceEvent]:
        """Store presence events; return those that were new."""
        ids = {
            presence_event: {"session_id": session_id, **to_document(presence_event)}
            for presence_event in presence_events
        }
        known = self.find_by_ids("marks", ids.values())
        new = ids.keys() - {from_document(row["_id"], PresenceEvent) for row in known}
        if new:
            now = datetime.now(UTC)  # MongoDB removes old ones by the system's clock
            self["marks"].insert_many(
                [{"_id": ids[presence_event], "at": now} for presence_event in new],
                session=self.session,
            )
        return set(new)

    def has_presence_events(self, session_id: str) -> bool:
        """Return whether anybody has joined or left a session."""
        query = {"_id.session_id": session_id}
        return self["marks"].find_one(query, {"_id": 1}, session=self.session) is not None

    # Attendance

    def attendance(self, session_id: str, learner_ids: Iterable[str]) -> Mapping[str, Attendance]:
        """Return the attendance of some learners in a session, by learner; some may have none."""
        query = {"_id": {"$in": _keys(session_id, learner_ids)}, "session_id": session_id}
        rows = self["attendance"].find(query, session=self.session)
        return {row["learner_id"]: from_document(row, Attendance) for row in rows}

    def final_attendance(
        self, attendance_ids: Collection[str]
    ) -> Mapping[tuple[str, str], Attendance | None]:
        """Return the attendance with these ids, by session and learner; None: the learner has none.
        Left out is who waits for a seat, or whose finalisation has something to see, and has none.
        """
        found = list(self.find_by_ids("attendance", attendance_ids))
        rows = {_parts(row): from_document(row, Attendance) for row in found if "session_id" in row}
        none = {_parts(row) for row in found if "session_id" not in row and "unsettled" not in row}
        waiting = self.waited_only([key(*each) for each in none])
        return {**rows, **dict.fromkeys(none - set(waiting))}

    def waited_only(self, seat_ids: Collection[str]) -> list[tuple[str, str]]:
        """Return the sessions and learners of those of some seats whose learners only wait for a
        seat.
        """
        return [_parts(row) for row in self.find_by_ids("seats", seat_ids) if _only_waits(row)]

    def put_attendance(self, rows: Sequence[Attendance]) -> None:
        """Store attendance, new or changed, and delete the notes for it."""
        self._write(
            UpdateOne(
                {"_id": key(row.session_id, row.learner_id)},
                {"$set": to_document(row), "$unset": _NOTES},
                upsert=True,
            )
            for row in rows
        )

    def count_finalised(self, rows: Sequence[Attendance]) -> None:
        """Count attendance in the metrics, after the unit of work is committed."""
        for row in rows:
            self.on_commit(metrics.ATTENDANCE.labels(row.verdict.lower()).inc)

    def drop_attendance(self, session_id: str, learner_ids: Collection[str]) -> None:
        """Delete attendance of some learners in a session, and the notes for it."""
        if not learner_ids:
            return
        query = {"_id": {"$in": _keys(session_id, learner_ids)}}
        self["attendance"].update_many(
            query, {"$unset": {**_RESULT, **_NOTES}}, session=self.session
        )

    def touch_attendance(
        self, session_id: str, learner_ids: Iterable[str], unfinalised: bool
    ) -> None:
        """Lock learners' attendance; `unfinalised`: note that finalisation must see this."""
        change: Document = {"$inc": {"touched": 1}}
        if unfinalised:
            change["$set"] = {"unsettled": session_id}
        self._write(
            UpdateOne({"_id": each}, change, upsert=True) for each in _keys(session_id, learner_ids)
        )

    # Finalisation

    def finalisation(self, session_id: str) -> Finalisation | None:
        """Return the finalisation of a session; None if there is none, or if it is over."""
        found = self["settlements"].find_one({"_id": session_id}, session=self.session)
        return from_document(found, Finalisation) if found else None

    def finalisations(self, run_ids: Collection[str]) -> list[Finalisation]:
        """Return the finalisations of some runs whose first pass is not over."""
        query = {"run_id": {"$in": list(run_ids)}, "passed": False}
        rows = self["settlements"].find(query, session=self.session)
        return [from_document(row, Finalisation) for row in rows]

    def claim_finalisation(self, claim: str, lasting: timedelta) -> str:
        """Claim the finalisation that has been due for longest, and return its session; "" for
        none.

        It is due again after `lasting`, in case the claim's holder dies. The time is MongoDB's.
        """
        found = self["settlements"].find_one_and_update(
            {"$expr": {"$lte": ["$due", "$$NOW"]}},
            [{"$set": {"claim": claim, "due": _after(lasting)}}],
            sort=[("due", 1)],
        )
        return str(found["_id"]) if found else ""

    def claimed_finalisation(self, session_id: str, claim: str) -> Finalisation | None:
        """Return a finalisation, locked; None if another process has claimed it by now."""
        found = self["settlements"].find_one_and_update(
            {"_id": session_id, "claim": claim},
            {"$inc": {"touched": 1}},
            return_document=ReturnDocument.AFTER,
            session=self.session,
        )
        return from_document(found, Finalisation) if found else None

    def put_finalisation(self, finalisation: Finalisation, pause: timedelta = timedelta()) -> None:
        """Store how far a finalisation is; it goes on after `pause`."""
        document = to_document(finalisation)
        # As literals: a learner's id may begin with "$", which would name a field here.
        fields = {name: {"$literal": value} for name, value in document.items() if name != "_id"}
        self["settlements"].update_one(
            {"_id": finalisation.id},
            [{"$set": {**fields, "due": _after(pause)}}],
            upsert=True,
            session=self.session,
        )

    def end_finalisation(self, session_id: str) -> None:
        """Delete the finalisation of a session: it is over."""
        self["settlements"].delete_one({"_id": session_id}, session=self.session)

    def to_finalise(self, session: Session, after: str, most: int) -> Candidates:
        """Return the next `most` learners of a session to finalise.

        Those who are expected by their enrolments or seats, and those with notes; of a help
        session, at which nobody is expected, those with notes alone.
        """
        if session.is_help:
            return self._noted(session, after, most)
        following = {"$gt": key(session.id, after), "$lt": f"{session.id};"}  # ";" follows ":"
        enrolled = {
            "run_id": session.run_id,
            "state": EnrolmentState.ENROLLED,
            "mode": {"$in": list(EXPECTED_MODES)},
            "learner_id": {"$gt": after},
        }
        if session.group_ids:
            enrolled["group_ids"] = {"$in": list(session.group_ids)}
        seated = {"_id": following, "kind": {"$ne": None}}
        noted = {"unsettled": session.id, "_id": following}
        usual = {row["learner_id"] for row in self._first("enrolments", enrolled, most)}
        seats = {_learner(row): row for row in self._first("seats", seated, most)}
        waiting = {one for one, row in seats.items() if _only_waits(row)}
        notes = {_learner(row): row for row in self._first("attendance", noted, most)}
        was = {one: row["was"] for one, row in notes.items() if row.get("was")}
        chosen = sorted(usual | seats.keys() | notes.keys())[:most]
        return Candidates(
            chosen,
            usual,
            (seats.keys() - waiting).intersection(chosen),
            frozenset(waiting.intersection(chosen)),
            {one: from_document(row, Enrolment) for one, row in was.items()},
            session.group_ids,
        )

    def _noted(self, session: Session, after: str, most: int) -> Candidates:
        following = {"$gt": key(session.id, after), "$lt": f"{session.id};"}
        noted = {"unsettled": session.id, "_id": following}
        learners = [_learner(row) for row in self._first("attendance", noted, most)]
        return Candidates(learners, frozenset(), frozenset(), frozenset(), {})

    def unfinalised(self, session_id: str, most: int) -> list[str]:
        """Return learners with notes that their finalisation did not see."""
        return list(map(_learner, self._first("attendance", {"unsettled": session_id}, most)))

    def note_enrolments(self, session_id: str, enrolments: Sequence[Enrolment]) -> None:
        """Store enrolments as they were when a session ended, unless they are stored already."""
        self._write(
            UpdateOne(
                {"_id": key(session_id, each.learner_id)},
                [{"$set": {"was": _unless_there("$was", each), "unsettled": session_id}}],
                upsert=True,
            )
            for each in enrolments
        )

    def _first(self, collection: str, query: Document, most: int) -> list[Document]:
        """Return the first `most` documents, in order of their learners."""
        order = "learner_id" if collection == "enrolments" else "_id"
        fields = {order: 1, "was": 1, "kind": 1, "holds": 1}
        rows = self[collection].find(query, fields, session=self.session)
        return list(rows.sort(order).limit(most))

    def _write(self, writes: Iterable[UpdateOne]) -> None:
        some = list(writes)
        if some:
            self["attendance"].bulk_write(some, ordered=False, session=self.session)


def key(first: str, learner_id: str) -> str:
    """Return an id of two parts: the first is a server's id without colon, so pairs don't
    collide.
    """
    return f"{first}:{learner_id}"


def _keys(session_id: str, learner_ids: Iterable[str]) -> list[str]:
    return [key(session_id, learner_id) for learner_id in learner_ids]


def _learner(document: Document) -> str:
    """Return the learner of a document whose id was made by `key`."""
    return _parts(document)[1]


def _parts(document: Document) -> tuple[str, str]:
    """Return the session and the learner of a document whose id was made by `key`."""
    session_id, _, learner_id = str(document["_id"]).partition(":")
    return session_id, learner_id


def _only_waits(seat: Document) -> bool:
    """Return whether a learner waits for a seat in the room and keeps none online meanwhile."""
    return bool(seat["kind"] == SeatKind.WAITLISTED and not seat.get("holds"))


def _of(session_id: str, learner_ids: Iterable[str]) -> Document:
    return {"_id.session_id": session_id, "_id.learner_id": {"$in": list(learner_ids)}}


def _unless_there(field: str, value: object) -> Document:
    """Return a pipeline expression for a field's value, or a literal value if it is absent."""
    return {"$ifNull": [field, {"$literal": to_document(value)}]}


def _after(pause: timedelta) -> Document:
    """Return a pipeline expression for the server's time after a pause."""
    return {"$add": ["$$NOW", int(pause.total_seconds() * 1000)]}
