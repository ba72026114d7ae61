"""Catalog's documents in MongoDB.

| collection | one document is | its id |
|---|---|---|
| people | a person | from the student records system |
| courses, runs | a course; a run, with counters if its places are limited | made by the server |
| groups | a group of a run | made by the server |
| paths | a version of a run's path | run:version |
| enrolments | a learner in a run | made by the server |
| extensions | an extension as it was granted | made by the server |

Those of imports are in store_imports.py, those of advice on delivery in store_advice.py.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from pymongo import ReturnDocument, UpdateOne

from chassis.contracts.mapping import from_document, to_document
from chassis.data.transactions import inserting
from chassis.texts import identity
from services.catalog.domain.enrolments import Enrolment
from services.catalog.domain.enums import ActivityKind, EnrolmentState, RunState
from services.catalog.domain.extensions import Extension
from services.catalog.domain.groups import Group
from services.catalog.domain.path import Path
from services.catalog.domain.people import Person
from services.catalog.domain.runs import Course, Run
from services.catalog.migrations import MIGRATIONS
from services.catalog.store_advice import AdviceStore

T = TypeVar("T")
Document = dict[str, Any]


class CatalogStore(AdviceStore):
    """One unit of work's view of catalog's database."""

    service = "catalog"
    migrations = MIGRATIONS

    def people(self, ids: Iterable[str]) -> dict[str, Person]:
        """Return people by id; unknown ones are left out."""
        rows = self.find_by_ids("people", ids)
        return {row["_id"]: from_document(row, Person) for row in rows}

    def present_people(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids that the roster has, without people who left."""
        rows = self.find_by_ids("people", ids, projection={"retired_at": True})
        return {row["_id"] for row in rows if row.get("retired_at") is None}

    def put_people(self, people: Collection[Person]) -> None:
        """Store people, new or changed."""
        self._put("people", people)

    def course(self, course_id: str) -> Course | None:
        """Return a course; None if there is none."""
        return self._one("courses", {"_id": course_id}, Course)

    def course_of_code(self, code: str) -> Course | None:
        """Return the course with a code, in any case or form; None if there is none.

        A course that the version before migration 4 created has no `code_key`.
        """
        known = [{"code_key": identity(code)}, {"code": code}]
        return self._one("courses", {"$or": known}, Course)

    def add_course(self, course: Course) -> None:
        """Store a new course."""
        document = {**to_document(course), "code_key": identity(course.code)}
        self["courses"].insert_one(document, session=self.session)

    def put_course(self, course: Course) -> None:
        """Store a changed course."""
        self._put_with_key("courses", course, {"code_key": identity(course.code)})

    def run(self, run_id: str) -> Run | None:
        """Return a run; None if there is none."""
        return self._one("runs", {"_id": run_id}, Run)

    def run_for_update(self, run_id: str) -> Run | None:
        """Return a run, locked.

        The lock is a write, so that the loser of a race starts again before its other work.
        """
        self.contends_for("run", run_id)
        found = self["runs"].find_one_and_update(
            {"_id": run_id},
            {"$inc": {"touched": 1}},
            return_document=ReturnDocument.AFTER,
            session=self.session,
        )
        return from_document(found, Run) if found else None

    def runs(self, run_ids: Iterable[str]) -> dict[str, Run]:
        """Return runs by id; unknown ones are left out."""
        return {row["_id"]: from_document(row, Run) for row in self.find_by_ids("runs", run_ids)}

    def open_runs_of(self, course_id: str) -> list[Run]:
        """Return the runs of a course that are not closed."""
        wanted = {"course_id": course_id, "state": {"$ne": RunState.CLOSED}}
        rows = self["runs"].find(wanted, session=self.session)
        return [from_document(row, Run) for row in rows]

    def put_run(self, run: Run) -> None:
        """Store a run, new or changed."""
        self._put("runs", [run])

    def runs_staffed_by(self, person_id: str) -> list[Run]:
        """Return the runs where a person is staff."""
        rows = self["runs"].find({"staff.person_id": person_id}, session=self.session)
        return [from_document(row, Run) for row in rows]

    def runs_of_learner(self, learner_id: str) -> list[str]:
        """Return the runs where a learner has a place or waits for one, in order."""
        wanted = {"learner_id": learner_id, "state": {"$ne": EnrolmentState.WITHDRAWN}}
        return sorted(self["enrolments"].distinct("run_id", wanted, session=self.session))

    def groups_with(self, person_id: str, run_ids: Collection[str]) -> dict[str, list[str]]:
        """Return those of some runs that have a person, as staff or as a learner who is in it or
        waits, each with the learner's groups there.
        """
        among = list(run_ids)
        staffed = {"_id": {"$in": among}, "staff.person_id": person_id}
        enrolled = {
            "run_id": {"$in": among},
            "learner_id": person_id,
            "state": {"$ne": EnrolmentState.WITHDRAWN},
        }
        runs = self["runs"].distinct("_id", staffed, session=self.session)
        learning = self["enrolments"].find(
            enrolled, {"run_id": 1, "group_ids": 1}, session=self.session
        )
        groups: dict[str, list[str]] = {run_id: [] for run_id in runs}
        return groups | {row["run_id"]: row.get("group_ids", []) for row in learning}

    # Groups

    def group(self, group_id: str) -> Group | None:
        """Return a group; None if there is none."""
        return self._one("groups", {"_id": group_id}, Group)

    def groups(self, group_ids: Iterable[str]) -> dict[str, Group]:
        """Return groups by id; unknown ones are left out."""
        return {
            row["_id"]: from_document(row, Group) for row in self.find_by_ids("groups", group_ids)
        }

    def group_named(self, run_id: str, name: str) -> Group | None:
        """Return the run's group with a name, in any case or form; None if there is none."""
        return self._one("groups", {"run_id": run_id, "name_key": identity(name)}, Group)

    def put_group(self, group: Group) -> None:
        """Store a group, new or changed."""
        self._put_with_key("groups", group, {"name_key": identity(group.name)})

    # Paths, enrolments, extensions

    def path(self, run_id: str, version: int) -> Path | None:
        """Return a version of a run's path; None if there is none."""
        return self._one("paths", {"_id": f"{run_id}:{version}"}, Path)

    def activity_kinds(self, run_id: str, ids: Collection[str]) -> dict[str, ActivityKind]:
        """Return the kinds of those activities that a version of a run's path had, by id."""
        named = {"activities.id": {"$in": list(ids)}}
        stages: list[dict[str, Any]] = [
            {"$match": {"run_id": run_id} | named},
            {"$sort": {"version": 1}},
            {"$project": {"activities.id": 1, "activities.kind": 1}},
            {"$unwind": "$activities"},
            {"$match": named},
            {"$group": {"_id": "$activities.id", "kind": {"$last": "$activities.kind"}}},
        ]
        rows = self["paths"].aggregate(stages, session=self.session)
        return {row["_id"]: ActivityKind(row["kind"]) for row in rows}

    def add_path(self, path: Path) -> None:
        """Store a new version of a path."""
        document = {**to_document(path), "_id": f"{path.run_id}:{path.version}"}
        self["paths"].insert_one(document, session=self.session)

    def enrolments(self, run_id: str, learner_ids: Iterable[str]) -> dict[str, Enrolment]:
        """Return enrolments in a run by learner, withdrawn ones included."""
        rows = self["enrolments"].find(
            {"run_id": run_id, "learner_id": {"$in": list(learner_ids)}}, session=self.session
        )
        return {row["learner_id"]: from_document(row, Enrolment) for row in rows}

    def enrolments_in(
        self, wanted: Mapping[str, Collection[str]]
    ) -> dict[tuple[str, str], Enrolment]:
        """Return enrolments by run and learner, for some learners of each run, withdrawn ones
        included.
        """
        if not wanted:
            return {}
        parts = [
            {"run_id": run_id, "learner_id": {"$in": list(learners)}}
            for run_id, learners in wanted.items()
        ]
        rows = self["enrolments"].find({"$or": parts}, session=self.session)
        return {(row["run_id"], row["learner_id"]): from_document(row, Enrolment) for row in rows}

    def enrolments_of(self, enrolment_ids: Iterable[str]) -> dict[str, Enrolment]:
        """Return enrolments by id; unknown ones are left out."""
        rows = self.find_by_ids("enrolments", enrolment_ids)
        return {row["_id"]: from_document(row, Enrolment) for row in rows}

    def first_waiting(self, run_id: str, count: int) -> list[Enrolment]:
        """Return the first enrolments on a run's waiting list, in order."""
        rows = self["enrolments"].find(
            {"run_id": run_id, "state": EnrolmentState.WAITLISTED}, session=self.session
        )
        return [from_document(row, Enrolment) for row in rows.sort("ticket").limit(count)]

    def add_enrolments(self, enrolments: Collection[Enrolment]) -> None:
        """Store new enrolments; if one was made meanwhile, the unit of work starts again."""
        self.insert("enrolments", [to_document(each) for each in enrolments])

    def put_enrolments(self, enrolments: Collection[Enrolment]) -> None:
        """Store changed enrolments."""
        self._put("enrolments", enrolments)

    def count_enrolled(self, run_ids: Collection[str]) -> dict[str, int]:
        """Return how many learners have a place, by run; from an index only, a million in 0.7 s."""
        wanted = {"run_id": {"$in": list(run_ids)}, "state": EnrolmentState.ENROLLED}
        group = {"_id": "$run_id", "count": {"$sum": 1}}
        stages: list[Document] = [{"$match": wanted}, {"$group": group}]
        rows = self["enrolments"].aggregate(stages, session=self.session)
        return {row["_id"]: row["count"] for row in rows}

    def count_learners(self, run_id: str) -> tuple[int, int]:
        """Return how many learners of a run have a place, and how many wait for one."""
        group = {"_id": "$state", "count": {"$sum": 1}}
        stages: list[Document] = [{"$match": {"run_id": run_id}}, {"$group": group}]
        rows = self["enrolments"].aggregate(stages, session=self.session)
        counts = {row["_id"]: row["count"] for row in rows}
        return counts.get(EnrolmentState.ENROLLED, 0), counts.get(EnrolmentState.WAITLISTED, 0)

    def extended(self, enrolment_id: str) -> dict[str, datetime]:
        """Return the latest extension of each activity for an enrolment: extensions only grow."""
        rows = self["extensions"].find({"enrolment_id": enrolment_id}, session=self.session)
        return {row["activity_id"]: row["until"] for row in rows.sort("until", 1)}

    def extensions_of(self, enrolment_ids: Collection[str]) -> list[Extension]:
        """Return all extensions of these enrolments, the latest of each activity last."""
        query = {"enrolment_id": {"$in": list(enrolment_ids)}}
        rows = self["extensions"].find(query, session=self.session)
        return [from_document(row, Extension) for row in rows.sort("until", 1)]

    def add_extension(self, extension: Extension) -> None:
        """Store an extension; earlier ones stay."""
        document = {**to_document(extension), "_id": self.new_id()}
        self["extensions"].insert_one(document, session=self.session)

    def _one(self, collection: str, query: Mapping[str, Any], cls: type[T]) -> T | None:
        found = self[collection].find_one(query, session=self.session)
        return from_document(found, cls) if found else None

    def _put_with_key(self, collection: str, row: object, key: Document) -> None:
        """Store a document with the unique key of its name, new or changed."""
        document = to_document(row) | key
        query = {"_id": document.pop("_id")}
        with inserting():  # another unit of work may have taken the name
            self[collection].update_one(
                query, {"$set": document}, upsert=True, session=self.session
            )

    def _put(self, collection: str, rows: Collection[object]) -> None:
        documents = [to_document(row) for row in rows]
        if documents:
            self[collection].bulk_write(
                [
                    UpdateOne({"_id": each.pop("_id")}, {"$set": each}, upsert=True)
                    for each in documents
                ],
                ordered=False,
                session=self.session,
            )
