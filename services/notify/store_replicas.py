"""Stores replicas, sessions, reminders and broadcasts as MongoDB documents."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import pymongo

from chassis import jobs
from chassis.contracts.mapping import from_document, to_document
from chassis.data import store
from chassis.replicas import Replica
from services.notify.domain.enums import BULK, URGENT, AttendanceMode, EnrolmentState, Kind
from services.notify.domain.fall_news import Fall, FallDigest
from services.notify.domain.path_news import DueDigest
from services.notify.domain.people import (
    CatchUp,
    Due,
    Enrolment,
    Item,
    Path,
    Person,
    Question,
    Run,
    SeatOffer,
    Series,
)
from services.notify.domain.question_news import QuestionDigest
from services.notify.domain.sessions import Broadcast, Chunk, Reminder, Session

T = TypeVar("T")
C = TypeVar("C", bound=Replica)
Document = dict[str, Any]

_COLLECTIONS: Mapping[type, str] = {
    Person: "people",
    Run: "runs",
    Path: "paths",
    Item: "items",
    CatchUp: "catch_ups",
    Due: "dues",
    Series: "series",
    SeatOffer: "seat_offers",
    DueDigest: "due_digests",
    Question: "questions",
    QuestionDigest: "question_digests",
    Fall: "falls",
    FallDigest: "fall_digests",
}

ALL = 0  # as the limit of a query: no limit


def not_after(instant: datetime) -> Document:
    """Return a query for documents whose field is absent, or not after an instant."""
    return {"$not": {"$gt": instant}}


def both_forms(row: Document) -> Document:
    """Return the document of a notice or delivery with what it is about in both forms.

    The version before calls it `reminds_of`, and has it of reminders only.
    """
    if row.get("about") is None and row.get("reminds_of"):
        return row | {"about": row["reminds_of"]}
    if row.get("about") and row["about"]["kind"] == Kind.REMINDER:
        return row | {"reminds_of": row["about"]}
    return row


class ReplicasStore(store.Store):
    """The part of notify's store for replicas, sessions, reminders and broadcasts."""

    # Replicas of other services' data

    def replicas(self, cls: type[C], ids: Iterable[str]) -> dict[str, C]:
        """Return the known replicas of one class, by id."""
        return self._by_id(_COLLECTIONS[cls], ids, cls)

    def put_replicas(self, replicas: Sequence[Replica]) -> None:
        """Store replicas of one class, new or changed."""
        if replicas:
            self._put(_COLLECTIONS[type(replicas[0])], replicas)

    def people(self, person_ids: Iterable[str]) -> dict[str, Person]:
        """Return those that are known, by id."""
        return self.replicas(Person, person_ids)

    def enrolments(self, enrolment_ids: Iterable[str]) -> dict[str, Enrolment]:
        """Return those that are known, by id."""
        return self._by_id("enrolments", enrolment_ids, Enrolment)

    def put_enrolments(self, enrolments: Iterable[Enrolment]) -> None:
        """Store enrolments, new or changed."""
        self._put("enrolments", enrolments)

    def learners(self, broadcast: Broadcast, most: int) -> list[str]:
        """Return the ids of the next up to `most` learners whom a broadcast is for, in order."""
        return self._learners(broadcast, {"$gt": broadcast.after}, most)

    def learners_between(self, broadcast: Broadcast, after: str, upto: str) -> list[str]:
        """Return the ids of learners whom a broadcast is for, after `after` up to `upto`."""
        return self._learners(broadcast, {"$gt": after, "$lte": upto}, ALL)

    def _learners(self, broadcast: Broadcast, learner_id: Document, most: int) -> list[str]:
        query: Document = {
            "run_id": broadcast.run_id,
            "state": EnrolmentState.ENROLLED.value,
            "learner_id": learner_id,
            "mode": {"$in": list(broadcast.modes)},
        }
        if broadcast.group_ids:
            query["group_ids"] = {"$in": list(broadcast.group_ids)}
        rows = self["enrolments"].find(query, {"learner_id": 1}, session=self.session)
        return [row["learner_id"] for row in rows.sort("learner_id", 1).limit(most)]

    def enrolments_of(
        self, places: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], list[Enrolment]]:
        """Return the known enrolments by (run, learner)."""
        states = [
            None,
            *(state.value for state in EnrolmentState),
        ]  # all: the index begins with them
        wanted = [
            {"run_id": run_id, "state": {"$in": states}, "learner_id": learner_id}
            for run_id, learner_id in places
            if run_id
        ]
        found: dict[tuple[str, str], list[Enrolment]] = {}
        rows = self["enrolments"].find({"$or": wanted}, session=self.session) if wanted else ()
        for row in rows:
            enrolment = from_document(row, Enrolment)
            found.setdefault((enrolment.run_id, enrolment.learner_id), []).append(enrolment)
        return found

    def modes_of(self, run_id: str, learner_ids: Iterable[str]) -> dict[str, set[AttendanceMode]]:
        """Return the modes in which learners are enrolled in a run; others are left out."""
        query = {
            "run_id": run_id,
            "state": EnrolmentState.ENROLLED.value,
            "learner_id": {"$in": list(learner_ids)},
            "mode": {"$ne": None},
        }
        shown = {"learner_id": 1, "mode": 1}
        found: dict[str, set[AttendanceMode]] = {}
        for row in self["enrolments"].find(query, shown, session=self.session):
            found.setdefault(row["learner_id"], set()).add(AttendanceMode(row["mode"]))
        return found

    def lock_rosters(self, run_ids: Iterable[str]) -> None:
        """Lock the rosters of these runs against other units of work."""
        self["rosters"].bulk_write(
            [
                pymongo.UpdateOne({"_id": run_id}, {"$inc": {"changes": 1}}, upsert=True)
                for run_id in sorted(run_ids)
            ],
            session=self.session,
        )

    # Sessions, reminders and broadcasts

    def session_by_id(self, session_id: str) -> Session | None:
        """Return a session."""
        return self._one("sessions", session_id, Session)

    def sessions(self, session_ids: Iterable[str]) -> dict[str, Session]:
        """Return those that are known, by id."""
        return self._by_id("sessions", session_ids, Session)

    def cancelled(self, session_ids: Iterable[str]) -> set[str]:
        """Return the ids of those that are known to be cancelled."""
        rows = self.find_by_ids("sessions", session_ids, projection={"cancelled": 1})
        return {row["_id"] for row in rows if row.get("cancelled")}

    def put_session(self, session: Session) -> None:
        """Store a session, new or changed."""
        self._put("sessions", [session])

    def reminder(self, reminder_id: str) -> Reminder | None:
        """Return a reminder."""
        return self._one("reminders", reminder_id, Reminder)

    def due_reminders(self) -> list[str]:
        """Return the ids of due reminders, the earliest due first."""
        query = {"fire_at": {"$lte": self.now}}
        rows = self["reminders"].find(query, {"_id": 1}, session=self.session)
        return [row["_id"] for row in rows.sort("fire_at", 1)]

    def reminders(self, session_id: str) -> list[Reminder]:
        """Return the reminders of a session that are not sent yet."""
        rows = self["reminders"].find({"session_id": session_id}, session=self.session)
        return [from_document(row, Reminder) for row in rows]

    def put_reminders(self, session_id: str, reminders: Sequence[Reminder]) -> None:
        """Store these reminders of a session, and delete its others."""
        self["reminders"].delete_many({"session_id": session_id}, session=self.session)
        if reminders:
            rows = [to_document(reminder) for reminder in reminders]
            self["reminders"].insert_many(rows, session=self.session)

    def remove_reminder(self, reminder_id: str) -> None:
        """Delete a reminder."""
        self["reminders"].delete_one({"_id": reminder_id}, session=self.session)

    def due_digests(self) -> list[str]:
        """Return the ids of digests of dues to tell now, the longest waiting first."""
        return self._to_tell("due_digests")

    def due_question_digests(self) -> list[str]:
        """Return the ids of digests of questions to tell now, the longest waiting first."""
        return self._to_tell("question_digests")

    def due_falls(self) -> list[str]:
        """Return the ids of falls to tell their learners now, the longest waiting first."""
        return self._to_tell("falls")

    def due_fall_digests(self) -> list[str]:
        """Return the ids of digests of falls to tell now, the longest waiting first."""
        return self._to_tell("fall_digests")

    def _to_tell(self, collection: str) -> list[str]:
        query = {"tell_at": {"$lte": self.now}}
        rows = self[collection].find(query, {"_id": 1}, session=self.session)
        return [row["_id"] for row in rows.sort("tell_at", 1)]

    def remove_fall_digest(self, digest_id: str) -> None:
        """Delete a digest of falls."""
        self["fall_digests"].delete_one({"_id": digest_id}, session=self.session)

    def remove_question_digest(self, digest_id: str) -> None:
        """Delete a digest of questions."""
        self["question_digests"].delete_one({"_id": digest_id}, session=self.session)

    def broadcast(self, broadcast_id: str) -> Broadcast | None:
        """Return a broadcast."""
        row = self["broadcasts"].find_one({"_id": broadcast_id}, session=self.session)
        return None if row is None else _broadcast(row)

    def put_broadcast(self, broadcast: Broadcast) -> None:
        """Store a broadcast, new or changed."""
        row = to_document(broadcast)
        row["notice"] = both_forms(row["notice"])
        self["broadcasts"].replace_one({"_id": row["_id"]}, row, upsert=True, session=self.session)

    def broadcasts_since(self, run_ids: Iterable[str], since: datetime) -> list[Broadcast]:
        """Return the broadcasts of these runs since an instant."""
        query = {"run_id": {"$in": list(run_ids)}, "at": {"$gte": since}}
        rows = self["broadcasts"].find(query, session=self.session)
        return [_broadcast(row) for row in rows]

    def open_broadcasts(self, system_now: datetime) -> list[str]:
        """Return the ids of broadcasts to expand now: urgent ones first, then the oldest."""
        query = {"done": False, "retry_at": not_after(system_now)}
        shown = {"urgent": 1, "at": 1}
        rows = self["broadcasts"].find(query, shown, session=self.session)
        return [row["_id"] for row in rows.sort([("urgent", -1), ("at", 1)])]

    def add_chunk(self, chunk: Chunk) -> None:
        """Add a chunk as a job, which the next free worker claims."""
        lane = URGENT if chunk.urgent else BULK
        job = jobs.waiting(lane, datetime.now(UTC), owner=chunk.run_id)
        row = to_document(chunk) | {"job": job}
        self.insert("broadcast_parts", [row])

    def chunk(self, chunk_id: str) -> Chunk | None:
        """Return a chunk that is to be notified."""
        return self._one("broadcast_parts", chunk_id, Chunk)

    def remove_chunk(self, chunk_id: str) -> None:
        """Delete a chunk."""
        self["broadcast_parts"].delete_one({"_id": chunk_id}, session=self.session)

    def _one(self, name: str, key: str, cls: type[T]) -> T | None:
        row = self[name].find_one({"_id": key}, session=self.session)
        return None if row is None else from_document(row, cls)

    def _by_id(self, name: str, keys: Iterable[str], cls: type[T]) -> dict[str, T]:
        rows = self.find_by_ids(name, keys)
        return {row["_id"]: from_document(row, cls) for row in rows}

    def _put(self, name: str, values: Iterable[Any]) -> None:
        rows = [to_document(value) for value in values]
        if rows:
            self[name].bulk_write(
                [pymongo.ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in rows],
                ordered=False,
                session=self.session,
            )


def _broadcast(row: Document) -> Broadcast:
    return from_document(row | {"notice": both_forms(row["notice"])}, Broadcast)
