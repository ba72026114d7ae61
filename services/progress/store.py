"""Progress's documents in MongoDB: statements, learners, what is to be done.

| collection | one document is | its id |
|---|---|---|
| statements | a statement as it was taken in | the statement's |
| standings | a learner in a run | run and learner |
| evidence | what a learner's statements come to, for one target | run, learner, target |
| catch_ups | a catch-up | made of session and learner |
| summaries | a run's counts; also the guard of all that is kept of its learners | run |
| revisits | a run whose learners are to be reviewed | run |
| people, runs, paths, sessions, items | copies of others' things (store_copies.py) | theirs |

Ids of several parts are documents: texts joined by a sign could be made to collide.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, ReplaceOne, UpdateOne

from chassis.mapping import from_document, to_document
from chassis.pages import Page, find_page
from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.evidence import Evidence
from services.progress.domain.revisits import Revisit
from services.progress.domain.standing import Standing
from services.progress.domain.statements import Recorded, Statement
from services.progress.domain.views import RunSummary
from services.progress.domain.words import CatchUpState, EnrolmentState, Key
from services.progress.migrations import MIGRATIONS
from services.progress.ports import Deltas
from services.progress.store_copies import CopiesStore, Document

OPEN = {"state": CatchUpState.ASSIGNED.value, "dropped": False}


class ProgressStore(CopiesStore):
    """One unit of work's view of progress's database."""

    service = "progress"
    migrations = MIGRATIONS

    # Statements

    def statements(self, ids: Iterable[str]) -> dict[str, Statement]:
        """Those that are stored, by id."""
        rows = self["statements"].find({"_id": {"$in": list(ids)}}, session=self.session)
        return {row["_id"]: from_document(row, Statement) for row in rows}

    def add_statements(self, statements: Sequence[Statement]) -> None:
        """Store new statements, with the time at which they were taken in."""
        rows = [to_document(each) | {"stored_at": self.now} for each in statements]
        if rows:
            self["statements"].insert_many(rows, ordered=False, session=self.session)

    def taken_in(
        self, run_id: str, learner_ids: Collection[str], targets: Collection[str], until: datetime
    ) -> dict[str, Recorded]:
        """By learner, the statements about some targets in a run that were taken in by then."""
        query = {
            "learner_id": {"$in": list(learner_ids)},
            "run_id": run_id,
            "stored_at": {"$lte": until},
            "$or": [dict([_named(target)]) for target in targets],
        }
        rows = defaultdict(list)
        for row in self["statements"].find(query, session=self.session):
            rows[row["learner_id"]].append(row)
        return {learner_id: _recorded(own) for learner_id, own in rows.items()}

    # Summaries

    def guard_runs(self, run_ids: Iterable[str]) -> None:
        """Be alone, among all units of work, with these runs and what is kept of their learners."""
        self._increase({run_id: {"touched": 1} for run_id in run_ids})

    def add_to_summaries(self, deltas: Deltas) -> None:
        """Bring the runs' summaries up to date."""
        self._increase(
            {
                run_id: {name: count for name, count in counts.items() if count}
                for run_id, counts in deltas.items()
            }
        )

    def summary(self, run_id: str) -> RunSummary:
        """A run's summary; all zeros while nothing was counted."""
        row = self["summaries"].find_one({"_id": run_id}, session=self.session) or {}
        return from_document({**row, "run_id": run_id}, RunSummary)

    # Learners

    def standings(self, keys: Iterable[Key]) -> dict[Key, Standing]:
        """Those that are known."""
        query = {"_id": {"$in": [_id(*key) for key in keys]}}
        rows = self["standings"].find(query, session=self.session)
        return {each.key: each for each in (from_document(row, Standing) for row in rows)}

    def catch_ups(self, keys: Iterable[Key]) -> dict[Key, list[CatchUp]]:
        """All catch-ups of these learners in these runs."""
        found = defaultdict(list)
        for query in _by_run(keys):
            for row in self["catch_ups"].find(query, session=self.session):
                found[row["run_id"], row["learner_id"]].append(from_document(row, CatchUp))
        return found

    def evidence(self, wanted: Mapping[Key, Collection[str] | None]) -> dict[Key, list[Evidence]]:
        """The evidence for the targets named of each learner; None: all of it."""
        named = [_id(*key, target) for key, all_ in wanted.items() for target in all_ or ()]
        queries = [{"_id": {"$in": named}}] if named else []
        queries += _by_run(key for key, targets in wanted.items() if targets is None)
        found = defaultdict(list)
        for query in queries:
            for row in self["evidence"].find(query, session=self.session):
                found[row["run_id"], row["learner_id"]].append(from_document(row, Evidence))
        return found

    def save(
        self,
        standings: Sequence[Standing],
        evidence: Sequence[Evidence],
        catch_ups: Sequence[CatchUp],
    ) -> None:
        """Keep what is new or changed."""
        self._replace("standings", [to_document(one) | {"_id": _id(*one.key)} for one in standings])
        self._replace(
            "evidence",
            [
                to_document(one) | {"_id": _id(one.run_id, one.learner_id, one.target)}
                for one in evidence
            ],
        )
        self._replace("catch_ups", [to_document(one) for one in catch_ups])

    # What is to be done

    def revisit(self, run_id: str) -> Revisit | None:
        """The revisit that a run waits for."""
        row = self["revisits"].find_one({"_id": run_id}, session=self.session)
        return from_document(row, Revisit) if row else None

    def next_revisit(self) -> Revisit | None:
        """The one whose turn was the longest ago."""
        order = [("served_at", ASCENDING)]
        row = self["revisits"].find_one({}, sort=order, session=self.session)
        return from_document(row, Revisit) if row else None

    def put_revisit(self, revisit: Revisit) -> None:
        """Keep it."""
        self._replace("revisits", [to_document(revisit)])

    def remove_revisit(self, run_id: str) -> None:
        """It is done."""
        self["revisits"].delete_one({"_id": run_id}, session=self.session)

    def learners_after(self, run_id: str, learner_id: str, most: int) -> list[Key]:
        """The run's next learners in order, after one."""
        query = {"run_id": run_id, "learner_id": {"$gt": learner_id}}
        rows = self["standings"].find(query, {"learner_id": 1}, session=self.session)
        return [(run_id, row["learner_id"]) for row in rows.sort("learner_id").limit(most)]

    def overdue_catch_ups(self, most: int) -> list[Key]:
        """Whose open catch-ups have passed their due, the longest ago first."""
        query = {**OPEN, "due": {"$lt": self.now}}
        rows = self["catch_ups"].find(query, session=self.session).sort("due", ASCENDING)
        return [(row["run_id"], row["learner_id"]) for row in rows.limit(most)]

    # What is told

    def standings_page(self, run_id: str, page: Page) -> tuple[list[Standing], str]:
        """The run's enrolled learners, and the token of the next page."""
        query = {"run_id": run_id, "state": EnrolmentState.ENROLLED.value}
        rows, token = find_page(self["standings"], query, [("learner_id", 1)], page, self.session)
        return [from_document(row, Standing) for row in rows], token

    def enrolments(self, learner_id: str) -> list[Standing]:
        """A learner's standings in the runs in which the learner holds a place."""
        query = {"learner_id": learner_id, "state": EnrolmentState.ENROLLED.value}
        rows = self["standings"].find(query, session=self.session)
        return [from_document(row, Standing) for row in rows]

    def catch_ups_page(self, run_id: str, learner_id: str, page: Page) -> tuple[list[CatchUp], str]:
        """Catch-ups of a run, a learner, or both, by due, and the token of the next page."""
        named = {"run_id": run_id, "learner_id": learner_id}
        query = {"dropped": False, **{name: value for name, value in named.items() if value}}
        order = [("due", 1), ("_id", 1)]
        rows, token = find_page(self["catch_ups"], query, order, page, self.session)
        return [from_document(row, CatchUp) for row in rows], token

    def catch_ups_due(
        self, learner_id: str, from_time: datetime, until_time: datetime
    ) -> list[CatchUp]:
        """A learner's catch-ups that are due in a stretch of time."""
        due = {"$gte": from_time, "$lt": until_time}
        query = {"learner_id": learner_id, "due": due, "dropped": False}
        rows = self["catch_ups"].find(query, session=self.session)
        return [from_document(row, CatchUp) for row in rows]

    def _increase(self, deltas: Deltas) -> None:
        """Add to documents in one order, so that units of work meet at the first, not across."""
        writes = [
            UpdateOne({"_id": run_id}, {"$inc": dict(deltas[run_id])}, upsert=True)
            for run_id in sorted(deltas)
            if deltas[run_id]
        ]
        if writes:
            self["summaries"].bulk_write(writes, session=self.session)

    def _replace(self, collection: str, documents: Sequence[Document]) -> None:
        writes = [ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in documents]
        if writes:
            self[collection].bulk_write(writes, ordered=False, session=self.session)


def _id(run_id: str, learner_id: str, target: str = "") -> Document:
    key: dict[str, Any] = {"run_id": run_id, "learner_id": learner_id}
    return {**key, "target": target} if target else key


def _named(target: str) -> tuple[str, str]:
    """The field of a statement by which it names a target, and the value."""
    kind, _, name = target.partition(":")
    return f"{kind}_id", name


def _recorded(rows: Sequence[Document]) -> Recorded:
    at = max(row["stored_at"] for row in rows)
    return Recorded(tuple(from_document(row, Statement) for row in rows), at)


def _by_run(keys: Iterable[Key]) -> list[Document]:
    """A query for each run's learners."""
    learners = defaultdict(list)
    for run_id, learner_id in keys:
        learners[run_id].append(learner_id)
    return [{"run_id": run_id, "learner_id": {"$in": own}} for run_id, own in learners.items()]
